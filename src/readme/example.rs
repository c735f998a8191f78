//! The array that a language's code reads: the mounted array, or one field of it for a language
//! that does not read records.

use std::path::Path;
use std::sync::Arc;

use crate::array::View;
use crate::dtype::Kind;
use crate::source::{Details, Meta, Scale};
use crate::tree::name;
use crate::vfile::{CodedView, Coding, CsvForm};

/// An array of the mount, and the directory of its files.
#[derive(Debug, Clone)]
pub(super) struct Example {
    /// The directory of the array's files, with a slash at the end; empty for the root of the
    /// mount if its path is not shown.
    pub directory: String,
    /// Whether `directory` is an absolute path.
    pub absolute: bool,
    /// The names of the fields, outermost first, that select the array; empty for the whole.
    pub fields: Vec<String>,
    pub writable: bool,
    /// The form of files in `csv/`.
    pub csv: CsvForm,
    pub view: View,
    /// How the file scales the elements, if it does.
    pub scale: Option<Scale>,
    /// What else the file says, as the scales of fields.
    pub details: Arc<Details>,
}

impl Example {
    /// The whole array that `meta` describes, whose directory is `path`, with files in `csv/` of
    /// the form `csv`.
    ///
    /// If the path is not printable text, paths are relative to the directory.
    pub(super) fn new(meta: &Meta, path: &Path, csv: CsvForm) -> Example {
        let shown = path.to_str().filter(|path| is_plain(path));
        let directory = shown.map(|path| format!("{}/", path.trim_end_matches('/')));
        Example {
            absolute: directory.is_some(),
            directory: directory.unwrap_or_default(),
            fields: Vec::new(),
            writable: meta.origin.writable,
            csv,
            view: meta.view.clone(),
            scale: meta.scale,
            details: meta.details.clone(),
        }
    }

    /// The array as `native/` shows it; `None` if there is no such directory.
    pub(super) fn in_native_order(&self) -> Option<Example> {
        let field_scales = &self.details.field_scales;
        let coding = Coding::native(self.view.dtype(), self.scale, field_scales)?;
        Some(Example {
            directory: format!("{}native/", self.directory),
            view: CodedView::new(&self.view, &coding).as_contiguous()?,
            ..self.clone()
        })
    }

    /// Whether `native/` shows integers that the file stores with the other sign.
    pub(super) fn native_has_other_sign(&self) -> bool {
        let native = self.in_native_order();
        native.is_some_and(|native| {
            let words = self.view.dtype().words_of_other_sign(native.view.dtype());
            !words.is_empty()
        })
    }

    /// The array itself or, if its elements are records, the first field that has elements
    /// and is not itself a record; nested records are searched too. `None` if there is none.
    pub(super) fn of_a_field(&self) -> Option<Example> {
        let dtype = self.view.dtype();
        if !matches!(dtype.kind(), Kind::Structured(_)) {
            return Some(self.clone());
        }
        dtype
            .fields()
            .iter()
            .enumerate()
            .find_map(|(position, field)| {
                let listed = name::field(position, field.name());
                let view = self.view.field(field)?;
                if !is_plain(&listed) || field.shape().contains(&0) {
                    return None;
                }
                let example = Example {
                    directory: format!("{}fields/{listed}/", self.directory),
                    fields: [self.fields.as_slice(), &[field.name().to_owned()]].concat(),
                    view,
                    scale: self.details.field_scales.get(field.name()).copied(),
                    ..self.clone()
                };
                example.of_a_field()
            })
    }

    /// Whether the array has no elements.
    pub(super) fn is_empty(&self) -> bool {
        self.view.size() == 0
    }
}

/// Whether the text has no control characters.
pub(super) fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Replaces control characters with escapes.
pub(super) fn escape_control_characters(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    });
    escaped.collect()
}
