//! `README.txt`: what the mounted array is, which files there are, and for
//! each language the lines that read it from this very mount. A language is a
//! file of its own and a line in [`LANGUAGES`].

mod awk;
mod c;
mod fortran;
mod julia;
mod node;
mod octave;
mod overview;
mod python;
mod r;
mod reading;
mod shell;

use std::path::Path;

use crate::source::Meta;
use crate::vfile::CsvForm;
use reading::{Language, Reading};

/// The languages that are told how to read the array, in the order of the text.
const LANGUAGES: [Language; 9] = [
    shell::LANGUAGE,
    python::LANGUAGE,
    r::LANGUAGE,
    julia::LANGUAGE,
    octave::LANGUAGE,
    c::LANGUAGE,
    fortran::LANGUAGE,
    node::LANGUAGE,
    awk::LANGUAGE,
];

/// The text for the array that `meta` describes, mounted on `mountpoint`, index
/// names listed padded if `pad` is set, text in the form `csv`.
///
/// Below a heading, which is underlined, the lines of code are indented by four
/// blanks, and nothing else is.
pub(super) fn text(meta: &Meta, mountpoint: &Path, pad: bool, csv: CsvForm) -> String {
    let whole = Reading::new(meta, mountpoint, csv);
    let element = whole.of_a_field();
    let mut text = overview::text(meta, &whole, pad);
    text += &overview::reading(&whole, element.as_ref());
    for language in &LANGUAGES {
        let reading = if language.records {
            Some(&whole)
        } else {
            element.as_ref()
        };
        let section = reading.and_then(|reading| language.section(reading));
        if let Some(section) = section {
            text += &underlined(language.name, '-');
            text += &section.to_string();
        }
    }
    text
}

/// A heading.
fn underlined(heading: &str, line: char) -> String {
    let width = heading.chars().count();
    let line: String = std::iter::repeat_n(line, width).collect();
    format!("\n{heading}\n{line}\n\n")
}
