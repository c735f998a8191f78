//! One field of a structured type: its name, its place in the item and what it holds.

use super::DType;

/// A field of a structured type, as an entry of `dtype.fields`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) offset: u32,
    pub(super) dtype: DType,
    pub(super) shape: Vec<u64>,
}

impl Field {
    /// The name, unique within the type.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A second name that NumPy allows for, such as a caption.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Where the field begins, in bytes from the start of the item.
    pub fn offset(&self) -> u64 {
        u64::from(self.offset)
    }

    /// The type of one element; never one with a shape of its own.
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// The lengths of the field's own axes, in C order within the item; none for a single element.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Bytes that the field takes in the item.
    pub(super) fn size(&self) -> u64 {
        match self.shape.contains(&0) {
            true => 0,
            false => self.shape.iter().product::<u64>() * self.dtype.itemsize(),
        }
    }
}
