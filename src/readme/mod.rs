//! `README.txt`: what the mounted array is, which files there are, and for each
//! language the lines that read and write it in this very mount. The text is in
//! `templates/`: a file for each language, and a row of `LANGUAGES` with it.

mod example;
mod template;
mod words;

use std::path::Path;

use crate::source::Meta;
use crate::vfile::CsvForm;
use example::Example;
use words::Words;

/// A language that the text has lines for.
struct Language {
    heading: &'static str,
    template: &'static str,
    /// Whether it reads records. The others are shown one field of them.
    records: bool,
    /// Whether it has lines for an array without elements.
    empty: bool,
    /// A path as it is written between the quotes of a string.
    escape: fn(&str) -> String,
}

/// The languages, in the order of the text.
const LANGUAGES: [Language; 9] = [
    Language {
        records: true,
        ..language("Shell", include_str!("templates/shell.txt"), in_shell)
    },
    Language {
        records: true,
        empty: true,
        ..language(
            "Python",
            include_str!("templates/python.txt"),
            in_single_quotes,
        )
    },
    language("R", include_str!("templates/r.txt"), in_double_quotes),
    language("Julia", include_str!("templates/julia.txt"), in_julia),
    language(
        "MATLAB and Octave",
        include_str!("templates/octave.txt"),
        in_matlab,
    ),
    language("C", include_str!("templates/c.txt"), in_double_quotes),
    language("Fortran", include_str!("templates/fortran.txt"), in_fortran),
    language("Node", include_str!("templates/node.txt"), in_single_quotes),
    language("awk", include_str!("templates/awk.txt"), in_shell),
];

/// A language that does not read records.
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
        escape,
    }
}

const OVERVIEW: &str = include_str!("templates/overview.txt");
const FILES: &str = include_str!("templates/files.txt");

/// The text for the array that `meta` describes, mounted on `mountpoint`, index
/// names listed padded if `pad` is set, text in the form `csv`.
///
/// Lines of code are indented by four blanks or more, and nothing else is.
pub fn text(meta: &Meta, mountpoint: &Path, pad: bool, csv: CsvForm) -> String {
    let whole = Example::new(meta, mountpoint, csv);
    let field = whole.of_a_field();
    let mut words = Words::of_mount(meta, &whole, field.as_ref(), pad);
    words.set("files", columns(&template::render(FILES, &words)));
    let mut text = template::render(OVERVIEW, &words);
    let languages = LANGUAGES.iter();
    for language in languages.filter(|language| language.empty || !whole.is_empty()) {
        let example = if language.records {
            Some(&whole)
        } else {
            field.as_ref()
        };
        if let Some(example) = example {
            text += &section(language, example);
        }
    }
    text
}

/// The heading of a language, underlined, and its lines for an array.
fn section(language: &Language, example: &Example) -> String {
    let heading = language.heading;
    let rule = "-".repeat(heading.len());
    let words = Words::of_example(example, language.escape);
    let body = template::render(language.template, &words);
    format!("\n{heading}\n{rule}\n\n{body}")
}

/// Puts the cells of each line, which are separated by tabs, under each other.
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

/// `text` with a backslash before each of the characters `special`, and before
/// each backslash.
fn backslashed(text: &str, special: &str) -> String {
    let escaped = text.chars().flat_map(|c| {
        let mark = (c == '\\' || special.contains(c)).then_some('\\');
        mark.into_iter().chain([c])
    });
    escaped.collect()
}

/// Within the single quotes of Python and Node.
fn in_single_quotes(path: &str) -> String {
    backslashed(path, "'")
}

/// Within the double quotes of C and R.
fn in_double_quotes(path: &str) -> String {
    backslashed(path, "\"")
}

/// Within the double quotes of Julia, where `$` names a variable.
fn in_julia(path: &str) -> String {
    backslashed(path, "\"$")
}

/// Within the single quotes of MATLAB.
fn in_matlab(path: &str) -> String {
    path.replace('\'', "''")
}

/// Within the single quotes of a POSIX shell.
fn in_shell(path: &str) -> String {
    path.replace('\'', r"'\''")
}

/// Within the single quotes of Fortran. A line has at most 132 bytes, so a long
/// path is joined from pieces of 96.
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
    fn templates_use_only_words_that_there_are() {
        let templates = LANGUAGES.iter().map(|language| language.template);
        let (words, overview) = words::tests::all();
        for template in templates {
            assert_eq!(template::tests::unknown(template, &words), [""; 0]);
        }
        for template in [OVERVIEW, FILES] {
            assert_eq!(template::tests::unknown(template, &overview), [""; 0]);
        }
    }
}
