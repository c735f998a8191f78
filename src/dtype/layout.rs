//! The layout of structured dtypes: offsets of fields, alignment and item size. Fields are placed
//! one after another, aligned on request, or at given offsets. All parsers of structured dtypes use
//! this module; parsing is left to them.

use std::collections::HashSet;

use super::element::Subdtype;
use super::error::{Reason, quote, show};
use super::literal::Literal;
use super::{ByteOrder, DType, Field, Kind, MAX_ITEMSIZE, MAX_LEVELS, Refusal};

/// A builder of a structured dtype.
#[derive(Default)]
pub(super) struct StructLayout {
    fields: Vec<Field>,
    /// Names and titles in use.
    taken: HashSet<String>,
    /// Whether fields are aligned, as with `align=True` in NumPy.
    aligned: bool,
    /// The highest end of a field, in bytes.
    end: u32,
    /// The maximum alignment of the fields in bytes; 1 unless `aligned`.
    alignment: u32,
    /// The maximum nesting depth of the fields.
    levels: usize,
}

impl StructLayout {
    pub fn new(aligned: bool) -> Self {
        Self {
            aligned,
            alignment: 1,
            ..Self::default()
        }
    }

    /// Adds a field after all others.
    ///
    /// # Errors
    ///
    /// When the name or the title is in use, or the structure becomes too large.
    pub fn append(
        &mut self,
        name: &str,
        title: Option<&str>,
        element: Subdtype,
    ) -> Result<(), Reason> {
        let offset = match self.aligned {
            true => next_multiple(self.end, element.alignment)?,
            false => self.end,
        };
        self.place(name, title, element, offset)
    }

    /// Adds a field at a given offset, in bytes.
    ///
    /// # Errors
    ///
    /// As [`append`](StructLayout::append), and when the offset is misaligned under `aligned`.
    pub fn place(
        &mut self,
        name: &str,
        title: Option<&str>,
        element: Subdtype,
        offset: u32,
    ) -> Result<(), Reason> {
        for key in [Some(name), title].into_iter().flatten() {
            if !self.taken.insert(key.to_owned()) {
                return Err(Refusal::RepeatedName { name: quote(key) }.into());
            }
        }
        let in_field = |refusal| Reason::from(refusal).in_field(name);
        if self.aligned {
            check_alignment(offset, element.alignment).map_err(in_field)?;
            self.alignment = self.alignment.max(element.alignment);
        }
        let end = checked_size(offset.checked_add(element.size)).map_err(in_field)?;
        self.end = self.end.max(end);
        self.levels = self.levels.max(element.levels);
        self.fields.push(Field {
            name: name.to_owned(),
            title: title.map(str::to_owned),
            offset,
            dtype: element.dtype,
            shape: element.shape,
        });
        Ok(())
    }

    /// Adds `bytes` bytes of padding after all fields.
    ///
    /// # Errors
    ///
    /// When the structure becomes too large.
    pub fn skip(&mut self, bytes: u32) -> Result<(), Refusal> {
        self.end = checked_size(self.end.checked_add(bytes))?;
        Ok(())
    }

    /// The structured dtype, with the smallest item size that holds its fields.
    pub fn finish(self) -> Result<Subdtype, Reason> {
        let end = next_multiple(self.end, self.alignment)?;
        self.with_size(end)
    }

    /// The structured dtype with the given item size.
    ///
    /// # Errors
    ///
    /// When the size is not an integer, too small or misaligned.
    pub fn finish_with_size(self, itemsize: &Literal) -> Result<Subdtype, Reason> {
        let need = next_multiple(self.end, self.alignment)?;
        let size = size_of_literal(itemsize).filter(|&size| size >= need);
        let size = size.ok_or_else(|| Refusal::ItemSize {
            need,
            got: show(itemsize),
        })?;
        check_alignment(size, self.alignment)?;
        self.with_size(size)
    }

    /// The structured dtype with an item size that holds its fields.
    fn with_size(self, size: u32) -> Result<Subdtype, Reason> {
        let levels = self.levels + 1;
        if levels > MAX_LEVELS {
            return Err(Refusal::TooDeep.into());
        }
        if size == 0 {
            return Err(Refusal::NoBytes.into());
        }
        let kind = Kind::Structured(self.fields.into());
        Ok(Subdtype {
            dtype: DType::new(kind, size, ByteOrder::NotApplicable),
            shape: Vec::new(),
            size,
            alignment: self.alignment,
            levels,
        })
    }
}

/// The default name of a field: `f0`, `f1` and so on.
pub(super) fn default_name(index: usize) -> String {
    format!("f{index}")
}

/// The literal as a number of bytes. `None` if it is not an integer from 0 to [`MAX_ITEMSIZE`].
pub(super) fn size_of_literal(literal: &Literal) -> Option<u32> {
    match literal {
        Literal::Int(number) => checked_size(u32::try_from(*number).ok()).ok(),
        _ => None,
    }
}

fn checked_size(size: Option<u32>) -> Result<u32, Refusal> {
    size.filter(|&size| size <= MAX_ITEMSIZE)
        .ok_or(Refusal::TooLarge)
}

fn next_multiple(size: u32, alignment: u32) -> Result<u32, Refusal> {
    checked_size(size.checked_next_multiple_of(alignment))
}

fn check_alignment(bytes: u32, alignment: u32) -> Result<(), Refusal> {
    match bytes % alignment {
        0 => Ok(()),
        _ => Err(Refusal::Misaligned { bytes, alignment }),
    }
}
