//! The `zarr/` encoding: an array as a Zarr store, a directory with a file for each chunk. The
//! store has versions 3 and 2 of the format side by side, with the same chunks. Pyramids of such
//! stores are in `pyramid`. The text of the files of a group of stores is here too; which groups
//! there are is left to `tree`.
//!
//! - The chunks are contiguous parts of the array in memory order, of up to 4 MiB, unless the
//!   options give another shape. In those of an array in order F the first axis varies fastest.
//! - A program that reads the store decides by itself which version it takes.

mod grid;
mod group;
mod metadata;
mod pyramid;
mod types;

use std::sync::Arc;

use serde_json::{Value, json};

use super::{DirectoryEncoding, FileSet, Subject};
use crate::array::{Order, View};
use crate::dtype::{ByteOrder, DType};
use crate::mapping::Mapping;
use crate::vfile::ContentList;
use crate::vfile::padded::Padded;
use grid::Grid;
pub use group::{GROUP_FILES, Member, group_text};
use metadata::Metadata;
pub(super) use pyramid::PYRAMID;

/// The folder of the encoding.
pub const FOLDER: &str = "zarr";

pub(super) const ENCODING: DirectoryEncoding = DirectoryEncoding {
    folder: FOLDER,
    writable: true,
    files: |array| Some(Box::new(Store::new(array.clone())?)),
};

/// Whether version 3 of the format has elements of `dtype`.
pub fn has_type(dtype: &DType) -> bool {
    types::data_type(dtype).is_some()
}

/// The order in which the elements of `view` are in chunks.
fn order_of(view: &View) -> Order {
    match view.is_contiguous(Order::F) && !view.is_contiguous(Order::C) {
        true => Order::F,
        false => Order::C,
    }
}

/// The files of metadata of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    /// `zarr.json`, of version 3.
    V3,
    /// `.zarray`, of version 2.
    V2,
    /// `.zattrs`, of version 2.
    V2Attributes,
}

impl Text {
    fn name(self) -> &'static str {
        match self {
            Text::V3 => "zarr.json",
            Text::V2 => ".zarray",
            Text::V2Attributes => ".zattrs",
        }
    }
}

/// The store of an array.
#[derive(Debug)]
struct Store<'a> {
    array: Subject<'a>,
    /// The order of the elements in a chunk.
    order: Order,
    grid: Grid,
    /// The files before the chunks.
    texts: &'static [Text],
}

impl<'a> Store<'a> {
    /// The store of `array`. `None` if Zarr lacks its type, or the chunks are too many or too
    /// large.
    fn new(array: Subject<'a>) -> Option<Store<'a>> {
        let dtype = array.view.dtype();
        let texts = match (
            types::data_type(dtype).is_some(),
            types::descr(dtype).is_some(),
        ) {
            (true, true) => &[Text::V3, Text::V2, Text::V2Attributes][..],
            (true, false) => &[Text::V3],
            (false, true) => &[Text::V2, Text::V2Attributes],
            (false, false) => return None,
        };
        let order = order_of(array.view.stored());
        Store::with_texts(array, order, texts)
    }

    /// The store of `array` with these files before the chunks, whose elements are in this order.
    /// `None` if the chunks are too many or too large.
    fn with_texts(array: Subject<'a>, order: Order, texts: &'static [Text]) -> Option<Store<'a>> {
        let dtype = array.view.dtype();
        let shape = array.view.shape().lengths();
        let given = array.options.zarr_chunks.as_ref();
        let chunk = match given.filter(|given| given.ndim() == shape.len()) {
            Some(given) => given.lengths().to_vec(),
            None => grid::contiguous(shape, dtype.itemsize(), order),
        };
        Some(Store {
            grid: Grid::new(shape, dtype.itemsize(), chunk)?,
            array,
            order,
            texts,
        })
    }

    fn dtype(&self) -> &'a DType {
        self.array.view.dtype()
    }

    fn v3(&self) -> Option<Value> {
        let dtype = self.dtype();
        let data_type = types::data_type(dtype)?;
        let metadata = Metadata::of(&self.array);
        let bytes = match dtype.byte_order() {
            ByteOrder::NotApplicable => json!({"name": "bytes"}),
            order => json!({"name": "bytes", "configuration": {"endian": order.name()}}),
        };
        let transposed: Vec<usize> = (0..self.grid.chunk.len()).rev().collect();
        let transpose = json!({"name": "transpose", "configuration": {"order": transposed}});
        let codecs = match self.order {
            Order::C => json!([bytes]),
            Order::F => json!([transpose, bytes]),
        };
        Some(json!({
            "zarr_format": 3,
            "node_type": "array",
            "shape": self.array.view.shape().lengths(),
            "data_type": data_type,
            "chunk_grid": {
                "name": "regular",
                "configuration": {"chunk_shape": self.grid.chunk},
            },
            "chunk_key_encoding": {"name": "v2", "configuration": {"separator": "."}},
            "fill_value": types::fill_value(dtype),
            "codecs": codecs,
            "dimension_names": metadata.dims,
            "attributes": metadata.attributes_3(dtype),
        }))
    }

    fn v2(&self) -> Option<Value> {
        let dtype = self.dtype();
        Some(json!({
            "zarr_format": 2,
            "shape": self.array.view.shape().lengths(),
            "chunks": self.grid.chunk,
            "dtype": types::descr(dtype)?,
            "compressor": null,
            "fill_value": Metadata::of(&self.array).fill_value_2(dtype),
            "order": self.order.to_string(),
            "filters": null,
            "dimension_separator": ".",
        }))
    }

    /// The number of a chunk among all; `None` for a file of text.
    fn chunk(&self, number: u64) -> Option<u64> {
        number.checked_sub(self.texts.len() as u64)
    }
}

impl FileSet for Store<'_> {
    fn count(&self) -> u64 {
        self.texts.len() as u64 + self.grid.len
    }

    fn name(&self, number: u64) -> String {
        match self.chunk(number) {
            Some(chunk) => self.grid.name(chunk),
            None => self.texts[number as usize].name().to_owned(),
        }
    }

    fn find(&self, name: &str) -> Option<u64> {
        match self.texts.iter().position(|text| text.name() == name) {
            Some(position) => Some(position as u64),
            None => Some(self.texts.len() as u64 + self.grid.find(name)?),
        }
    }

    fn is_text(&self, number: u64) -> bool {
        self.chunk(number).is_none()
    }

    fn text(&self, number: u64) -> Option<String> {
        let json = match self.texts.get(usize::try_from(number).ok()?)? {
            Text::V3 => self.v3()?,
            Text::V2 => self.v2()?,
            Text::V2Attributes => Value::Object(Metadata::of(&self.array).attributes_2()),
        };
        Some(json.to_string())
    }

    fn len(&self, _number: u64) -> u64 {
        self.grid.chunk_bytes
    }

    fn contents(&self, number: u64, mapping: &Arc<Mapping>) -> ContentList {
        let view = &self.array.view;
        let block = self.chunk(number).and_then(|chunk| {
            let (starts, lengths) = self.grid.block(chunk);
            Some((view.stored().block(&starts, &lengths)?, lengths))
        });
        let Some((mut block, mut lengths)) = block else {
            return ContentList::new();
        };
        let mut padded = self.grid.chunk.clone();
        if self.order == Order::F {
            block = block.transposed();
            lengths.reverse();
            padded.reverse();
        }
        let elements = view.part(&block).bytes(mapping);
        let itemsize = self.dtype().itemsize();
        vec![Padded::around(elements, itemsize, &lengths, &padded)]
    }
}
