//! The schema of a Parquet file: columns, and groups of them. Every value is there (`REQUIRED`), so
//! that pages hold nothing but values.

use super::thrift::{Wire, Writer};

/// How values are stored, by the numbers of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::vfile) enum Physical {
    /// Bits.
    Boolean = 0,
    Int32 = 1,
    Int64 = 2,
    Float = 4,
    Double = 5,
    FixedLenByteArray = 7,
}

/// What values mean, beyond how they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::vfile) enum Meaning {
    Plain,
    /// A `ConvertedType`, by its number.
    Converted(u8),
    /// A time without time zone, by the number of its unit.
    Timestamp(u8),
    Float16,
}

/// A column of values.
#[derive(Debug, Clone, Copy)]
pub(in crate::vfile) struct Leaf {
    pub(in crate::vfile) physical: Physical,
    pub(in crate::vfile) meaning: Meaning,
    /// The size of a value in bytes, if it has whole bytes.
    pub(in crate::vfile) size: u64,
}

impl Leaf {
    /// The size of a value in bits.
    pub(super) fn bits(&self) -> u64 {
        match self.physical {
            Physical::Boolean => 1,
            _ => 8 * self.size,
        }
    }
}

/// A schema. Columns and groups are added in order, each group before what is in it.
#[derive(Debug)]
pub(in crate::vfile) struct Schema {
    /// The descriptions of columns and groups.
    elements: Writer,
    element_count: u64,
    /// The names of the open groups, from the outermost.
    groups: Vec<String>,
    /// The columns, each with its path as a list of Thrift.
    pub(super) leaves: Vec<(Leaf, Vec<u8>)>,
    size: usize,
}

impl Schema {
    /// A schema of `children` columns and groups.
    pub(in crate::vfile) fn new(children: usize) -> Schema {
        let mut schema = Schema {
            elements: Writer::default(),
            element_count: 0,
            groups: Vec::new(),
            leaves: Vec::new(),
            size: 0,
        };
        schema.add_element("schema", |element| element.i32(5, children as u64), None);
        schema
    }

    /// The size of all descriptions and paths so far, in bytes.
    pub(in crate::vfile) fn size(&self) -> usize {
        self.size
    }

    /// Begins a group of `children` columns and groups.
    pub(in crate::vfile) fn begin_group(&mut self, name: &str, children: usize) {
        self.add_element(name, |element| element.i32(5, children as u64), None);
        self.groups.push(name.to_owned());
    }

    /// Ends the innermost group.
    pub(in crate::vfile) fn end_group(&mut self) {
        self.groups.pop();
    }

    /// Adds a column.
    pub(in crate::vfile) fn add(&mut self, name: &str, leaf: Leaf) {
        self.add_element(name, |element| leaf.meaning.write(element), Some(leaf));
        let mut path = Writer::default();
        path.list_header(Wire::Binary, self.groups.len() as u64 + 1);
        for part in self.groups.iter().map(String::as_str).chain([name]) {
            path.item(part.as_bytes());
        }
        self.size += path.bytes.len();
        self.leaves.push((leaf, path.bytes));
    }

    /// Adds the description of a column or group, which ends with what `write` adds.
    fn add_element(&mut self, name: &str, write: impl Fn(&mut Writer), leaf: Option<Leaf>) {
        let element = &mut self.elements;
        let start = element.bytes.len();
        element.begin();
        if let Some(leaf) = leaf {
            element.i32(1, leaf.physical as u64);
            if leaf.physical == Physical::FixedLenByteArray {
                element.i32(2, leaf.size);
            }
        }
        if self.element_count > 0 {
            element.i32(3, 0);
        }
        element.binary(4, name.as_bytes());
        write(element);
        element.end();
        self.size += element.bytes.len() - start;
        self.element_count += 1;
    }

    /// Writes the schema as field `number`.
    pub(super) fn write(&self, number: u8, writer: &mut Writer) {
        writer.list(number, Wire::Struct, self.element_count);
        writer.bytes.extend(&self.elements.bytes);
    }
}

impl Meaning {
    /// Writes the fields of the description of a column that say the meaning.
    fn write(self, element: &mut Writer) {
        match self {
            Meaning::Plain => {}
            Meaning::Converted(number) => element.i32(6, number.into()),
            Meaning::Timestamp(unit) => {
                element.begin_field(10);
                element.begin_field(8);
                // Not adjusted to UTC.
                element.field(1, Wire::False);
                element.begin_field(2);
                element.begin_field(unit);
                (0..4).for_each(|_| element.end());
            }
            Meaning::Float16 => {
                element.begin_field(10);
                element.begin_field(15);
                (0..2).for_each(|_| element.end());
            }
        }
    }
}
