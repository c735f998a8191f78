//! Words of a command line that are not where they belong: a type or a shape among the paths,
//! several files, and an array behind the name of its file. No word that is the name of a file is
//! taken for another.

use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory;

use super::raw::RawOptions;
use super::{UsageError, mount_options, similar};
use crate::array::ShapeSpec;
use crate::dtype::DType;
use crate::mapping::Mode;
use crate::platform::quoted;
use crate::source::Format;

/// The error for a third path, and what to do about it.
pub(super) fn third_path(word: String, arguments: &[OsString]) -> UsageError {
    let run = lengths(arguments);
    let shape = (run.len() > 1).then(|| similar::shape(&run.join(" ")));
    let advice = match shape.flatten() {
        Some(shape) => Some(format!("a shape is one word: --shape {shape}")),
        None if erases(arguments) => None,
        None => options_among(arguments).or_else(|| several_files(arguments)),
    };
    UsageError::ThirdPath { word, advice }
}

/// The error for a path that is a part of a shape: `--shape 150, 4` has a mount point `4`. `None`
/// if the paths are others. A mount point can have the name of a number, or of a shape beside
/// another one.
pub(super) fn split_shape(raw: &RawOptions, arguments: &[OsString]) -> Option<UsageError> {
    let run = lengths(arguments);
    let is_in_run = |path: &Path| path.to_str().is_some_and(|word| run.contains(&word));
    let is_behind_shape = |path: &&Path| run.len() > 1 && is_in_run(path);
    let is_only_shape = |path: &&Path| {
        let is_alone = raw.shape.is_none() && run.len() == 1 && is_in_run(path);
        is_alone && path.to_str().is_some_and(is_shape)
    };
    let is_misplaced = |path: &&Path| is_behind_shape(path) || is_only_shape(path);
    let mountpoint = raw.mountpoint.as_deref().filter(is_misplaced);
    let file = raw.file.as_deref().filter(is_behind_shape);
    let path = mountpoint.or(file)?;
    Some(UsageError::SplitShape {
        path: path.to_path_buf(),
        what: if mountpoint.is_some() {
            "mount point"
        } else {
            "file"
        },
        shape: similar::shape(&run.join(" ")),
    })
}

/// The words of a shape that blanks have made several, one behind the other. Empty if there are
/// none, and if words elsewhere could be lengths too.
fn lengths(arguments: &[OsString]) -> Vec<&str> {
    let mut runs: Vec<Vec<&str>> = Vec::new();
    let mut is_open = false;
    for (before, word) in with_words_before(arguments) {
        let is_item = before == "-o" || word.starts_with("-o");
        let item = word.rsplit_once("shape=").filter(|_| is_item);
        let value = word
            .strip_prefix("--shape=")
            .or(item.map(|(_, value)| value));
        if let Some(value) = value.or((before == "--shape").then_some(word)) {
            runs.push(vec![value]);
            is_open = true;
            continue;
        }
        let is_length = is_of_shape(word) && is_no_file(word) && !takes_value(before);
        match runs.last_mut().filter(|_| is_open) {
            Some(run) if is_length => run.push(word),
            None if is_length => runs.push(vec![word]),
            _ => {}
        }
        is_open = is_length;
    }
    match runs.len() {
        1 => runs.remove(0),
        _ => Vec::new(),
    }
}

/// Whether a word has only marks that a shape can have.
fn is_of_shape(word: &str) -> bool {
    let is_mark = |c: char| c.is_ascii_digit() || ",()[]xX\u{d7} ".contains(c);
    !word.is_empty() && word.chars().all(is_mark)
}

/// Whether a word is a shape with several lengths.
fn is_shape(word: &str) -> bool {
    word.contains([',', 'x']) && word.parse::<ShapeSpec>().is_ok()
}

fn is_no_file(word: &str) -> bool {
    Path::new(word).symlink_metadata().is_err()
}

/// Whether a word is an option whose value is the next word.
fn takes_value(word: &str) -> bool {
    if !word.starts_with('-') {
        return false;
    }
    let command = RawOptions::command();
    let mut options = command.get_arguments();
    options.any(|option| {
        let is_long = || {
            word.strip_prefix("--")
                .is_some_and(|name| option.get_long() == Some(name))
        };
        let is_short = || {
            option
                .get_short()
                .is_some_and(|letter| word == format!("-{letter}"))
        };
        option.get_action().takes_values() && (is_long() || is_short())
    })
}

/// The words behind the name of the program, each with the one before it. Those that are no text
/// are empty.
fn with_words_before(arguments: &[OsString]) -> impl Iterator<Item = (&str, &str)> {
    let words = arguments.windows(2);
    words.map(|pair| {
        let [before, word] = [0, 1].map(|at| pair[at].to_str().unwrap_or_default());
        (before, word)
    })
}

/// The words that are no options and no values of options.
fn free_words(arguments: &[OsString]) -> impl Iterator<Item = &str> {
    let mut is_past_options = false;
    with_words_before(arguments).filter_map(move |(before, word)| {
        is_past_options |= before == "--";
        let is_free = !word.starts_with('-') && !takes_value(before);
        (is_past_options || is_free).then_some(word)
    })
}

/// Whether a word says mode `w+`, with dashes or without. No advice leads there.
fn erases(arguments: &[OsString]) -> bool {
    with_words_before(arguments).any(|(before, word)| {
        word.split(',').any(|item| {
            let value = item.rsplit_once("mode=").map(|(_, value)| value);
            let value = value.or((before == "--mode").then_some(item));
            value.is_some_and(|value| {
                value.parse() == Ok(Mode::Write)
                    || similar::mode(value).and_then(|mode| mode.parse().ok()) == Some(Mode::Write)
            })
        })
    })
}

/// What to write for types and shapes among the paths; `None` if there are none.
fn options_among(arguments: &[OsString]) -> Option<String> {
    let command = RawOptions::command();
    let options = free_words(arguments).filter(|word| is_no_file(word));
    let options = options.filter_map(|word| {
        if let Some((name, value)) = word.split_once('=') {
            let mut known = command.get_arguments();
            let is_option = known.any(|option| option.get_long() == Some(name));
            return match is_option {
                true => Some(format!("--{name} {}", quoted(value.as_ref()))),
                false => mount_options::names()
                    .any(|item| item == name)
                    .then(|| format!("-o {word}")),
            };
        }
        if is_shape(word) {
            return Some(format!("--shape {}", quoted(word.as_ref())));
        }
        let is_dtype = word.len() > 1 && DType::parse(word).is_ok();
        is_dtype.then(|| format!("--dtype {}", quoted(word.as_ref())))
    });
    let options: Vec<String> = options.collect();
    (!options.is_empty()).then(|| format!("if options are meant: {}", options.join(" ")))
}

/// How to mount two files of one suffix; `None` if the words are others.
fn several_files(arguments: &[OsString]) -> Option<String> {
    let mut files = free_words(arguments).map(Path::new);
    let (one, other) = (files.next()?, files.next()?);
    let is_alike = one.extension().is_some() && one.extension() == other.extension();
    (is_alike && one.is_file() && other.is_file()).then(|| each_alone(one, other))
}

/// How to mount two files, by their paths as they were typed.
pub fn each_alone(one: &Path, other: &Path) -> String {
    if one.file_stem() == other.file_stem() {
        return "mount each alone, and say where".into();
    }
    let command = |file: &Path| match file.as_os_str().as_encoded_bytes() {
        [b'-', ..] => format!("arrayfs {}", quoted(&Path::new(".").join(file))),
        _ => format!("arrayfs {}", quoted(file)),
    };
    let (one, other) = (command(one), command(other));
    format!("mount each alone, with your options: {one}; {other}")
}

/// The command for an array in a file that exists, as other programs write it: `v.h5:x`,
/// `v.h5[x]`. `None` for other words.
pub(super) fn member(word: &Path) -> Option<String> {
    let word = word.to_str()?;
    let (file, name) = match word.strip_suffix(']') {
        Some(inner) => inner.rsplit_once('[')?,
        None => word.rsplit_once(':')?,
    };
    let (file, name) = (
        file.trim_end_matches(':'),
        name.trim_matches(['/', '\'', '"']),
    );
    let holds_names = Format::suffix_of(file).is_some_and(|suffix| suffix != ".npy");
    (holds_names && !name.is_empty() && Path::new(file).is_file()).then(|| {
        let (file, name) = (quoted(file.as_ref()), quoted(name.as_ref()));
        format!("for an array in the file: arrayfs {file} --array {name}")
    })
}
