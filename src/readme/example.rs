//! The array that the lines of a language read: the mounted one, or one field of it
//! where a language does not read records.

use std::path::Path;

use crate::array::View;
use crate::dtype::Kind;
use crate::source::Meta;
use crate::tree::name;
use crate::vfile::CsvForm;

/// An array of the mount, and where its files are.
#[derive(Debug, Clone)]
pub(super) struct Example {
    /// What goes before the path of a file of the array.
    pub directory: String,
    /// Whether `directory` begins at the root of the file system.
    pub absolute: bool,
    /// The names of the fields that lead to the array, if it is not the whole.
    pub fields: Vec<String>,
    pub writable: bool,
    /// The form of the text in `csv/`.
    pub csv: CsvForm,
    pub view: View,
}

impl Example {
    /// The array that `meta` describes, mounted on `mountpoint` with text in the form
    /// `csv`.
    ///
    /// A path that cannot be shown as text is left out: relative to the mount,
    /// everything can be.
    pub(super) fn new(meta: &Meta, mountpoint: &Path, csv: CsvForm) -> Example {
        let shown = mountpoint.to_str().filter(|path| is_plain(path));
        let directory = shown.map(|path| format!("{}/", path.trim_end_matches('/')));
        Example {
            absolute: directory.is_some(),
            directory: directory.unwrap_or_default(),
            fields: Vec::new(),
            writable: meta.writable,
            csv,
            view: meta.view.clone(),
        }
    }

    /// The array itself or, where its elements are records, the first field
    /// that has elements; of records in records, likewise. `None` where there
    /// is no such field.
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
                    ..self.clone()
                };
                example.of_a_field()
            })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.view.size() == 0
    }
}

/// Whether the text can stand in a line.
fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}
