//! Generates `README.txt`: a description of an array, a table of its files, and code for each
//! language that reads and writes it in this mount; for a group, a list of its arrays; for `csv/`
//! of an array that is no table, the files that are. The text is in `templates/`, a file for each language, listed in `LANGUAGES`. Variables and conditions are
//! in `variables`.

mod example;
mod scales;
mod tables;
mod template;
mod variables;

use std::path::{Path, PathBuf};

use crate::array::Shape;
use crate::dtype::DType;
use crate::source::{Contents, Meta, Origin};
use crate::tree;
use crate::vfile::CsvForm;
use example::Example;
use variables::Variables;

/// A language with a section in the text.
struct Language {
    heading: &'static str,
    template: &'static str,
    /// Whether its code reads records. If not, it reads one field of them.
    records: bool,
    /// Whether it has code for an array without elements.
    empty: bool,
    /// Whether it reads either byte order as easily. If not, its code reads `native/`.
    either_order: bool,
    /// Escapes a path for a string literal, without the quotes.
    escape: fn(&str) -> String,
}

/// The languages, in the order of the text.
const LANGUAGES: [Language; 9] = [
    Language {
        records: true,
        either_order: true,
        ..language("Shell", include_str!("templates/shell.txt"), in_shell)
    },
    Language {
        records: true,
        empty: true,
        either_order: true,
        ..language(
            "Python",
            include_str!("templates/python.txt"),
            in_single_quotes,
        )
    },
    Language {
        either_order: true,
        ..language("R", include_str!("templates/r.txt"), in_double_quotes)
    },
    language("Julia", include_str!("templates/julia.txt"), in_julia),
    Language {
        either_order: true,
        ..language(
            "MATLAB and Octave",
            include_str!("templates/octave.txt"),
            in_matlab,
        )
    },
    language("C", include_str!("templates/c.txt"), in_double_quotes),
    language("Fortran", include_str!("templates/fortran.txt"), in_fortran),
    language("Node", include_str!("templates/node.txt"), in_single_quotes),
    Language {
        either_order: true,
        ..language("awk", include_str!("templates/awk.txt"), in_shell)
    },
];

/// A language that reads neither records, nor empty arrays, nor the other byte order.
const fn language(
    heading: &'static str,
    template: &'static str,
    escape: fn(&str) -> String,
) -> Language {
    Language {
        heading,
        template,
        records: false,
        empty: false,
        either_order: false,
        escape,
    }
}

const OVERVIEW: &str = include_str!("templates/overview.txt");
const FILES: &str = include_str!("templates/files.txt");

const GROUP: &str = include_str!("templates/group.txt");

/// The most arrays that the text for a group lists.
const LISTED: usize = 50;

/// The texts of `README.txt` of a mount.
#[derive(Debug)]
pub struct Readme {
    /// The mount point.
    pub mountpoint: PathBuf,
    /// Whether directories list padded indices.
    pub pad: bool,
    /// The form of files in `csv/`.
    pub csv: CsvForm,
}

impl tree::Readme for Readme {
    fn of_array(&self, meta: &Meta, path: &str) -> String {
        let is_root = path.is_empty();
        let directory = self.mountpoint.join(path);
        text(meta, &directory, is_root, self.pad, self.csv)
    }

    fn of_group(&self, origin: &Origin, contents: &Contents, paths: &[String]) -> String {
        let mut variables = Variables::of_group(origin, contents, paths, &self.mountpoint);
        let lines = contents.members.iter().zip(paths).take(LISTED);
        let lines = lines.map(|(member, path)| {
            let view = &member.view;
            let path = example::escape_control_characters(path);
            let dtype = example::escape_control_characters(&view.dtype().to_string());
            format!("{path}/\t{dtype}\t{}", view.shape())
        });
        let lines: Vec<String> = lines.collect();
        variables.set("arrays", columns(&lines.join("\n")));
        let rest = contents.members.len().saturating_sub(LISTED);
        variables.set_condition("more", rest > 0);
        variables.set("rest", rest.to_string());
        template::render(GROUP, &variables)
    }

    fn of_tables(&self, dtype: &DType, shape: &Shape) -> String {
        tables::text(dtype, shape, self.csv)
    }
}

/// The `README.txt` for the array that `meta` describes, whose directory is `directory`. `is_root`
/// says whether that is the root of the mount, `pad` whether directories list padded indices,
/// `csv` gives the form of files in `csv/`.
///
/// Lines of code are indented by at least four spaces, all other lines not at all.
fn text(meta: &Meta, directory: &Path, is_root: bool, pad: bool, csv: CsvForm) -> String {
    let whole = Example::new(meta, directory, csv);
    let field = whole.of_a_field();
    let mut variables = Variables::of_mount(meta, &whole, field.as_ref(), pad);
    variables.set_condition("root", is_root);
    variables.set("files", columns(&template::render(FILES, &variables)));
    let mut text = template::render(OVERVIEW, &variables);
    let languages = LANGUAGES.iter();
    for language in languages.filter(|language| language.empty || !whole.is_empty()) {
        let example = if language.records {
            Some(&whole)
        } else {
            field.as_ref()
        };
        let native = example.filter(|_| !language.either_order);
        let native = native.and_then(Example::in_native_order);
        if let Some(example) = native.as_ref().or(example) {
            text += &section(language, example);
        }
    }
    text
}

/// The section of a language: its heading, underlined, and its rendered template.
fn section(language: &Language, example: &Example) -> String {
    let heading = language.heading;
    let rule = "-".repeat(heading.len());
    let variables = Variables::of_example(example, language.escape);
    let body = template::render(language.template, &variables);
    format!("\n{heading}\n{rule}\n\n{body}")
}

/// Aligns three columns of cells that are separated by tabs.
fn columns(lines: &str) -> String {
    let rows = lines.lines().map(|line| {
        let mut cells = line.split('\t');
        [(); 3].map(|()| cells.next().unwrap_or(""))
    });
    let rows: Vec<[&str; 3]> = rows.collect();
    let width = |k: usize| rows.iter().map(|row| row[k].chars().count()).max();
    let widths = [0, 1].map(|k| width(k).unwrap_or(0));
    let lines = rows.iter().map(|[path, what, numpy]| {
        let line = format!("{path:0$}   {what:1$}   {numpy}", widths[0], widths[1]);
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Puts a backslash before each of the characters `special` and before each backslash.
fn backslashed(text: &str, special: &str) -> String {
    let escaped = text.chars().flat_map(|c| {
        let mark = (c == '\\' || special.contains(c)).then_some('\\');
        mark.into_iter().chain([c])
    });
    escaped.collect()
}

/// Escapes a path for single quotes in Python and Node.
fn in_single_quotes(path: &str) -> String {
    backslashed(path, "'")
}

/// Escapes a path for double quotes in C and R.
fn in_double_quotes(path: &str) -> String {
    backslashed(path, "\"")
}

/// Escapes a path for double quotes in Julia, where `$` begins a variable.
fn in_julia(path: &str) -> String {
    backslashed(path, "\"$")
}

/// Escapes a path for single quotes in MATLAB.
fn in_matlab(path: &str) -> String {
    path.replace('\'', "''")
}

/// Escapes a path for single quotes in a POSIX shell.
fn in_shell(path: &str) -> String {
    path.replace('\'', r"'\''")
}

/// Escapes a path for single quotes in Fortran. A line has at most 132 characters, so a long path
/// is a concatenation of strings of 96 bytes.
fn in_fortran(path: &str) -> String {
    let mut pieces = vec![String::new()];
    for c in path.chars() {
        let doubled = c.to_string().replace('\'', "''");
        match pieces.last_mut() {
            Some(piece) if piece.len() < 96 => piece.push_str(&doubled),
            _ => pieces.push(doubled),
        }
    }
    pieces.join("' // &\n            '")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_use_only_known_names() {
        let templates = LANGUAGES.iter().map(|language| language.template);
        let (variables, overview) = variables::tests::all();
        for template in templates {
            assert_eq!(template::tests::unknown(template, &variables), [""; 0]);
        }
        for template in [OVERVIEW, FILES] {
            assert_eq!(template::tests::unknown(template, &overview), [""; 0]);
        }
        let group = variables::tests::group();
        assert_eq!(template::tests::unknown(GROUP, &group), [""; 0]);
        let shape = Shape::new(vec![2, 3, 4]);
        let tables = tables::variables(&DType::BYTE, &shape, CsvForm::default());
        assert_eq!(template::tests::unknown(tables::TABLES, &tables), [""; 0]);
    }
}
