//! The metadata of an Arrow IPC file: the schema and the record batch before the columns, the
//! footer after them. Which type a column has is left to `encoding::arrow`.
//!
//! ```text
//! signature | schema | record batch | columns | end of stream | footer, its length, signature
//! ```
//!
//! Schema, record batch and footer are tables of FlatBuffers. The numbers of their members are
//! those in `Schema.fbs`, `Message.fbs` and `File.fbs` of the Arrow format.

use flatbuffers::{FlatBufferBuilder, ForwardsUOffset, TableFinishedWIPOffset, Vector, WIPOffset};

/// The position of each column in the file is a multiple of this.
pub(super) const ALIGNMENT: u64 = 64;

/// The signature, with which the file ends too.
const SIGNATURE: &[u8; 6] = b"ARROW1";

/// What precedes each message.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// `MetadataVersion.V5`.
const VERSION: i16 = 4;

/// The type of a column, or of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Int { bits: i32, is_signed: bool },
    Float(Precision),
    Timestamp(TimeUnit),
    Duration(TimeUnit),
    FixedSizeBinary(i32),
    FixedSizeList(i32),
    Struct,
}

/// The precision of a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    Half = 0,
    Single = 1,
    Double = 2,
}

/// The unit of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeUnit {
    Second = 0,
    Millisecond = 1,
    Microsecond = 2,
    Nanosecond = 3,
}

/// A column, or a part of one.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Type,
    /// The items of a list, or the fields of a struct.
    pub(super) children: Vec<Field>,
    /// The extension type, if it is one, and its parameters.
    pub(super) extension: Option<(&'static str, String)>,
}

/// Where the columns are. Nodes and buffers are in the order of the fields, each before its
/// children.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) rows: u64,
    /// The number of elements of each field.
    pub(super) nodes: Vec<u64>,
    /// The position of each buffer after the first column's, and its size, in bytes.
    pub(super) buffers: Vec<[u64; 2]>,
    /// The size of all columns in bytes.
    pub(super) body: u64,
}

/// What surrounds the columns of a file.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) header: Vec<u8>,
    pub(super) footer: Vec<u8>,
}

impl Frame {
    /// The frame of one batch of columns. `None` if a part of it exceeds 2^31 - 1 bytes.
    pub(super) fn new(fields: &[Field], batch: &Batch) -> Option<Frame> {
        let mut header = SIGNATURE.to_vec();
        header.resize(8, 0);
        push_message(&mut header, &schema_message(fields))?;
        let block = header.len();
        push_message(&mut header, &batch_message(batch))?;
        let block = [block as u64, (header.len() - block) as u64, batch.body];
        let mut footer = CONTINUATION.to_vec();
        footer.extend([0; 4]);
        let table = footer_table(fields, block);
        let table_len = i32::try_from(table.len()).ok()?;
        footer.extend(table);
        footer.extend(table_len.to_le_bytes());
        footer.extend(SIGNATURE);
        Some(Frame { header, footer })
    }
}

/// Appends a message to the bytes of the file, which then end at a multiple of [`ALIGNMENT`].
/// `None` if it exceeds 2^31 - 1 bytes.
fn push_message(file: &mut Vec<u8>, message: &[u8]) -> Option<()> {
    let start = file.len() + 8;
    let end = (start + message.len()).next_multiple_of(ALIGNMENT as usize);
    file.extend(CONTINUATION);
    file.extend(i32::try_from(end - start).ok()?.to_le_bytes());
    file.extend(message);
    file.resize(end, 0);
    Some(())
}

type Builder = FlatBufferBuilder<'static>;
type Table = WIPOffset<TableFinishedWIPOffset>;
type Tables = WIPOffset<Vector<'static, ForwardsUOffset<TableFinishedWIPOffset>>>;

/// The position of member `number` in a table of FlatBuffers.
const fn slot(number: u16) -> u16 {
    4 + 2 * number
}

fn schema_message(fields: &[Field]) -> Vec<u8> {
    let mut builder = Builder::new();
    let schema = schema(&mut builder, fields);
    message(builder, 1, schema, 0)
}

fn batch_message(batch: &Batch) -> Vec<u8> {
    let mut builder = Builder::new();
    let buffers = structs(&mut builder, &batch.buffers);
    // Each with the number of nulls, of which there are none.
    let nodes: Vec<[u64; 2]> = batch.nodes.iter().map(|&length| [length, 0]).collect();
    let nodes = structs(&mut builder, &nodes);
    let table = builder.start_table();
    builder.push_slot_always(slot(0), batch.rows as i64);
    builder.push_slot_always(slot(1), nodes);
    builder.push_slot_always(slot(2), buffers);
    let table = builder.end_table(table);
    message(builder, 3, table, batch.body)
}

/// The message with the table `header`, which is of type number `kind`.
fn message(mut builder: Builder, kind: u8, header: Table, body: u64) -> Vec<u8> {
    let table = builder.start_table();
    builder.push_slot_always(slot(0), VERSION);
    builder.push_slot_always(slot(1), kind);
    builder.push_slot_always(slot(2), header);
    builder.push_slot_always(slot(3), body as i64);
    let table = builder.end_table(table);
    finished(builder, table)
}

/// The footer of a file with one record batch: the position of its message, the size of that, and
/// the size of what follows it.
fn footer_table(fields: &[Field], block: [u64; 3]) -> Vec<u8> {
    let mut builder = Builder::new();
    let schema = schema(&mut builder, fields);
    let dictionaries = structs::<3>(&mut builder, &[]);
    // The second member has 4 bytes, and 4 bytes of padding follow it.
    let blocks = structs(&mut builder, &[block]);
    let table = builder.start_table();
    builder.push_slot_always(slot(0), VERSION);
    builder.push_slot_always(slot(1), schema);
    builder.push_slot_always(slot(2), dictionaries);
    builder.push_slot_always(slot(3), blocks);
    let table = builder.end_table(table);
    finished(builder, table)
}

fn finished(mut builder: Builder, root: Table) -> Vec<u8> {
    builder.finish_minimal(root);
    builder.finished_data().to_vec()
}

/// A vector of structs, each of `N` words of 8 bytes.
fn structs<const N: usize>(
    builder: &mut Builder,
    structs: &[[u64; N]],
) -> WIPOffset<Vector<'static, u64>> {
    builder.start_vector::<u64>(N * structs.len());
    for words in structs.iter().rev() {
        for &word in words.iter().rev() {
            builder.push(word);
        }
    }
    builder.end_vector(structs.len())
}

/// The schema, which is little-endian.
fn schema(builder: &mut Builder, fields: &[Field]) -> Table {
    let fields = field_tables(builder, fields);
    let table = builder.start_table();
    builder.push_slot_always(slot(1), fields);
    builder.end_table(table)
}

fn field_tables(builder: &mut Builder, fields: &[Field]) -> Tables {
    let tables = fields.iter().map(|field| field_table(builder, field));
    let tables: Vec<Table> = tables.collect();
    builder.create_vector(&tables)
}

fn field_table(builder: &mut Builder, field: &Field) -> Table {
    let children = field_tables(builder, &field.children);
    let extension = field.extension.as_ref();
    let metadata = extension.map(|(name, parameters)| {
        let pairs = [
            ("ARROW:extension:name", *name),
            ("ARROW:extension:metadata", parameters),
        ];
        let pairs = pairs.map(|(key, value)| key_value(builder, key, value));
        builder.create_vector(&pairs)
    });
    let name = builder.create_string(&field.name);
    let (number, kind) = type_table(builder, field.kind);
    let table = builder.start_table();
    builder.push_slot_always(slot(0), name);
    // Not nullable, which is the default.
    builder.push_slot_always(slot(2), number);
    builder.push_slot_always(slot(3), kind);
    builder.push_slot_always(slot(5), children);
    if let Some(metadata) = metadata {
        builder.push_slot_always(slot(6), metadata);
    }
    builder.end_table(table)
}

fn key_value(builder: &mut Builder, key: &str, value: &str) -> Table {
    let key = builder.create_string(key);
    let value = builder.create_string(value);
    let table = builder.start_table();
    builder.push_slot_always(slot(0), key);
    builder.push_slot_always(slot(1), value);
    builder.end_table(table)
}

/// The number of a type, and the table of its parameters.
fn type_table(builder: &mut Builder, kind: Type) -> (u8, Table) {
    let table = builder.start_table();
    let number = match kind {
        Type::Int { bits, is_signed } => {
            builder.push_slot_always(slot(0), bits);
            builder.push_slot_always(slot(1), is_signed);
            2
        }
        Type::Float(precision) => {
            builder.push_slot_always(slot(0), precision as i16);
            3
        }
        Type::Timestamp(unit) => {
            builder.push_slot_always(slot(0), unit as i16);
            10
        }
        Type::Duration(unit) => {
            builder.push_slot_always(slot(0), unit as i16);
            18
        }
        Type::FixedSizeBinary(size) => {
            builder.push_slot_always(slot(0), size);
            15
        }
        Type::FixedSizeList(size) => {
            builder.push_slot_always(slot(0), size);
            16
        }
        Type::Struct => 13,
    };
    (number, builder.end_table(table))
}
