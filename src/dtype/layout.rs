//! Where the fields of a structure lie: one after the other, each at a multiple of its alignment
//! where that is asked for, or at given offsets. Whatever the fields are written in comes here.

use std::collections::HashSet;

use super::element::Subdtype;
use super::error::{Reason, quote, show};
use super::literal::Literal;
use super::{ByteOrder, DType, Field, Kind, MAX_ITEMSIZE, MAX_LEVELS, Refusal};

/// A structure whose fields are being placed.
#[derive(Default)]
pub(super) struct StructLayout {
    fields: Vec<Field>,
    /// Names and titles.
    taken: HashSet<String>,
    aligned: bool,
    /// Where the last byte of any field is, plus one.
    end: u32,
    /// The largest alignment of a field, where that matters.
    alignment: u32,
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

    /// Adds a field behind all others.
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

    /// Adds a field at an offset, in bytes.
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

    /// Leaves so many bytes free behind all fields.
    pub fn skip(&mut self, bytes: u32) -> Result<(), Refusal> {
        self.end = checked_size(self.end.checked_add(bytes))?;
        Ok(())
    }

    /// The structure, as large as its fields need.
    pub fn finish(self) -> Result<Subdtype, Reason> {
        let end = next_multiple(self.end, self.alignment)?;
        self.with_size(end)
    }

    /// The structure, of a size that is given as a literal.
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

    /// The structure, of a size that its fields fit in.
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

/// The name of a field that has none: `f0`, `f1` and so on.
pub(super) fn default_name(index: usize) -> String {
    format!("f{index}")
}

/// A literal as a number of bytes, within NumPy's limit.
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
