//! A field of a structured dtype: name, offset, dtype and shape.

use super::DType;

/// A field of a structured dtype, as an entry of `dtype.fields`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) offset: u32,
    pub(super) dtype: DType,
    pub(super) shape: Vec<u64>,
}

impl Field {
    /// The name, unique within the dtype.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The title, NumPy's optional second name of a field.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Offset of the field in the item, in bytes.
    pub fn offset(&self) -> u64 {
        u64::from(self.offset)
    }

    /// The dtype of one element, without the shape of a sub-array.
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// The shape of a sub-array field, in C order. Empty for a single element.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Size of the field in bytes.
    pub(super) fn size(&self) -> u64 {
        match self.shape.contains(&0) {
            true => 0,
            false => self.shape.iter().product::<u64>() * self.dtype.itemsize(),
        }
    }
}
