//! What each language is told about the array: where its files are, what an
//! element is, how long the axes are. How that is said is the business of the
//! language.

use std::fmt;
use std::path::Path;

use crate::array::{Order, Shape, View};
use crate::dtype::{ByteOrder, DType, Kind};
use crate::source::Meta;
use crate::tree::name;
use crate::vfile::{CsvForm, encodings};

/// A language that the text has lines for.
pub(super) struct Language {
    /// The heading.
    pub name: &'static str,
    /// Whether it reads records; the others are shown one field of them.
    pub records: bool,
    /// Whether it has anything to do with an array without elements.
    pub empty: bool,
    /// What it says of an array.
    pub write: fn(&Reading) -> Section,
}

impl Language {
    /// What the text says below the heading; `None` where there is nothing to read.
    pub(super) fn section(&self, reading: &Reading) -> Option<Section> {
        let something = reading.size() > 0 || self.empty;
        something.then(|| (self.write)(reading))
    }
}

/// What stands below the heading of a language: lines of prose, then lines of
/// code. Either can be missing.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub note: String,
    pub code: String,
}

impl Section {
    /// Nothing but the reason why there are no lines.
    pub(super) fn without_code(note: impl Into<String>) -> Section {
        let note = note.into();
        let code = String::new();
        Section { note, code }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Section { note, code } = self;
        if !note.is_empty() {
            writeln!(f, "{}", note.trim_end())?;
        }
        if !note.is_empty() && !code.is_empty() {
            writeln!(f)?;
        }
        for line in code.trim_end().lines() {
            let indent = if line.is_empty() { "" } else { "    " };
            writeln!(f, "{indent}{line}")?;
        }
        Ok(())
    }
}

/// What an element is to a language that has numbers and bytes. Sizes are in
/// bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Bool,
    Int(u64),
    UInt(u64),
    Float(u64),
    /// Two numbers of this size, the real part first.
    Complex(u64),
    /// So many bytes of text, zeros at the end.
    Bytes(u64),
    /// So many code points of 4 bytes, zeros at the end.
    Text(u64),
    /// So many bytes without a meaning.
    Opaque(u64),
}

/// An array of the mount, for whoever wants to read it.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// What goes before the path of a file of the array.
    directory: String,
    /// Whether `directory` begins at the root of the file system.
    pub absolute: bool,
    /// The names of the fields that lead to the array, if it is not the whole.
    pub fields: Vec<String>,
    pub writable: bool,
    csv: CsvForm,
    view: View,
}

impl Reading {
    /// The array that `meta` describes, mounted on `mountpoint` with text in the
    /// form `csv`.
    ///
    /// A path that cannot be shown as text is left out: relative to the mount,
    /// everything can be.
    pub(super) fn new(meta: &Meta, mountpoint: &Path, csv: CsvForm) -> Reading {
        let shown = mountpoint.to_str().filter(|path| is_plain(path));
        Reading {
            directory: shown.map_or(String::new(), |path| {
                format!("{}/", path.trim_end_matches('/'))
            }),
            absolute: shown.is_some(),
            fields: Vec::new(),
            writable: meta.writable,
            csv,
            view: meta.view.clone(),
        }
    }

    /// The array itself or, where its elements are records, the first field
    /// that has elements; of records in records, likewise. `None` where there
    /// is no such field.
    pub(super) fn of_a_field(&self) -> Option<Reading> {
        if !matches!(self.dtype().kind(), Kind::Structured(_)) {
            return Some(self.clone());
        }
        let mut fields = self.dtype().fields().iter().enumerate();
        fields.find_map(|(position, field)| {
            let listed = name::field(position, field.name());
            let view = self.view.field(field)?;
            let shown = is_plain(&listed) && !field.shape().contains(&0);
            let reading = shown.then(|| Reading {
                directory: format!("{}fields/{listed}/", self.directory),
                fields: [self.fields.as_slice(), &[field.name().to_owned()]].concat(),
                view,
                ..self.clone()
            });
            reading?.of_a_field()
        })
    }

    pub(super) fn dtype(&self) -> &DType {
        self.view.dtype()
    }

    pub(super) fn shape(&self) -> &[u64] {
        self.view.shape().lengths()
    }

    /// What an element is. Times are counts.
    pub(super) fn element(&self) -> Element {
        let size = self.dtype().itemsize();
        match self.dtype().kind() {
            Kind::Bool => Element::Bool,
            Kind::Int | Kind::DateTime(_) | Kind::TimeDelta(_) => Element::Int(size),
            Kind::UInt => Element::UInt(size),
            Kind::Float => Element::Float(size),
            Kind::Complex => Element::Complex(size / 2),
            Kind::Bytes => Element::Bytes(size),
            Kind::Str => Element::Text(size / 4),
            Kind::Void | Kind::Structured(_) => Element::Opaque(size),
        }
    }

    /// The shape as Python and Julia write a tuple.
    pub(super) fn tuple(&self) -> String {
        self.view.shape().to_string()
    }

    /// Whether elements of this type can be had in the encoding of this folder.
    pub(super) fn has(&self, folder: &str) -> bool {
        self.has_of_shape(folder, &[])
    }

    /// Whether what has such a shape and elements of this type can be had in the
    /// encoding of this folder.
    pub(super) fn has_of_shape(&self, folder: &str, shape: &[u64]) -> bool {
        let shape = Shape::new(shape.to_vec());
        let view = View::contiguous(self.dtype().clone(), 0, shape, Order::C);
        let mut encodings = encodings(self.csv).iter();
        let encoding = encodings.find(|encoding| encoding.folder == Some(folder));
        let len = encoding
            .zip(view.ok())
            .map(|(encoding, view)| (encoding.len)(&view));
        len.flatten().is_some()
    }

    /// Whether the last column of all text is one of blanks.
    pub(super) fn has_blanks(&self) -> bool {
        self.csv == CsvForm::Unpadded
    }

    /// A file of the array, by its name in the array's directory.
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}{name}", self.directory)
    }

    /// The file with all elements, the first axis the fastest.
    pub(super) fn column_major(&self) -> String {
        self.path(if self.ndim() >= 2 { "T/data" } else { "data" })
    }

    pub(super) fn ndim(&self) -> usize {
        self.view.ndim()
    }

    /// The number of elements.
    pub(super) fn size(&self) -> u64 {
        self.view.size()
    }

    pub(super) fn nbytes(&self) -> u64 {
        self.view.nbytes()
    }

    /// The index of the last element, counted from 0.
    pub(super) fn last(&self) -> Vec<u64> {
        self.shape().iter().map(|n| n.saturating_sub(1)).collect()
    }

    pub(super) fn big_endian(&self) -> bool {
        self.dtype().byte_order() == ByteOrder::Big
    }

    /// Whether this machine has to reverse the bytes of each number.
    pub(super) fn swapped(&self) -> bool {
        let native = if cfg!(target_endian = "big") {
            ByteOrder::Big
        } else {
            ByteOrder::Little
        };
        let order = self.dtype().byte_order();
        order != ByteOrder::NotApplicable && order != native
    }
}

/// Whether the text can stand in a line.
fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Numbers with something between them.
pub(super) fn joined(numbers: &[u64], between: &str) -> String {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    numbers.join(between)
}

/// `text` with a backslash before each of the characters `special`, and before
/// each backslash.
pub(super) fn backslashed(text: &str, special: &str) -> String {
    let is_special = |c| c == '\\' || special.contains(c);
    let escaped = text.chars().flat_map(|c| {
        let mark = is_special(c).then_some('\\');
        mark.into_iter().chain([c])
    });
    escaped.collect()
}
