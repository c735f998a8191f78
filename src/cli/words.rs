//! Words of a command line that are not where they belong: a type or a shape among the paths, and
//! several files. Nothing is said of a word that is the name of a file.

use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory;

use super::raw::RawOptions;
use super::{UsageError, mount_options};
use crate::array::ShapeSpec;
use crate::dtype::DType;
use crate::platform::quoted;

/// The error for a third path, and what to do about it.
pub(super) fn third_path(word: String, arguments: &[OsString]) -> UsageError {
    let advice = split_shape(arguments)
        .map(|shape| format!("a shape is one word: --shape {shape}"))
        .or_else(|| options_among(arguments))
        .or_else(|| several_files(arguments));
    UsageError::ThirdPath { word, advice }
}

/// The lengths of a shape that blanks have made several words, the last of which would be a path:
/// `--shape 150 4`.
pub(super) fn split_shape(arguments: &[OsString]) -> Option<String> {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let at = words.iter().position(|word| word.starts_with("--shape"))?;
    let (first, rest) = match words[at].strip_prefix("--shape=") {
        Some(length) => (length, &words[at + 1..]),
        None => (*words.get(at + 1)?, words.get(at + 2..)?),
    };
    let lengths = rest
        .iter()
        .take_while(|word| is_length(word) && is_no_file(word));
    let lengths: Vec<&str> = std::iter::once(first).chain(lengths.copied()).collect();
    (lengths.len() > 1 && is_length(first)).then(|| lengths.join(","))
}

fn is_length(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_no_file(word: &str) -> bool {
    Path::new(word).symlink_metadata().is_err()
}

/// The words that are no values of options, as far as this can be known here.
fn free_words(arguments: &[OsString]) -> impl Iterator<Item = &str> {
    arguments.windows(2).filter_map(|pair| {
        let (before, word) = (pair[0].to_str()?, pair[1].to_str()?);
        (!word.starts_with('-') && !before.starts_with('-')).then_some(word)
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
        let is_shape = word.contains([',', 'x']) && word.parse::<ShapeSpec>().is_ok();
        if is_shape {
            return Some(format!("--shape {}", quoted(word.as_ref())));
        }
        let is_dtype = word.len() > 1 && DType::parse(word).is_ok();
        is_dtype.then(|| format!("--dtype {}", quoted(word.as_ref())))
    });
    let options: Vec<String> = options.collect();
    (!options.is_empty()).then(|| format!("if options are meant: {}", options.join(" ")))
}

/// How to mount several files of one suffix; `None` if the words are others.
fn several_files(arguments: &[OsString]) -> Option<String> {
    let files: Vec<&Path> = free_words(arguments).map(Path::new).collect();
    let suffix = files.first()?.extension()?.to_str()?;
    let is_alike = |file: &&Path| file.is_file() && file.extension() == files[0].extension();
    (files.len() > 1 && files[..2].iter().all(is_alike)).then(|| loop_over(suffix))
}

/// The command that mounts all files of this suffix.
pub fn loop_over(suffix: &str) -> String {
    format!(
        "to mount each under its own name, add your options to: \
         for file in *.{suffix}; do arrayfs \"$file\"; done"
    )
}
