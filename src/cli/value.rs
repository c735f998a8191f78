//! The value of one option: found among the long options and those of `-o`, and
//! read, or refused in words that say what was expected.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

use super::UsageError;
use super::mount_options::MountOptions;

/// The value of an option that was given as a long one, under `-o`, or both
/// ways alike.
pub(super) fn either<T: PartialEq>(
    name: &'static str,
    long: &Option<OsString>,
    items: &MountOptions,
    parse: impl Fn(&OsStr) -> Result<T, UsageError>,
) -> Result<Option<T>, UsageError> {
    either_read(name, long, items, &parse, &parse)
}

/// As [`either`], of an option that is written differently under `-o`.
pub(super) fn either_read<T: PartialEq>(
    name: &'static str,
    long: &Option<OsString>,
    items: &MountOptions,
    parse_long: impl Fn(&OsStr) -> Result<T, UsageError>,
    parse_item: impl Fn(&OsStr) -> Result<T, UsageError>,
) -> Result<Option<T>, UsageError> {
    let item = items.value(name);
    let parsed = (
        long.as_deref().map(parse_long).transpose()?,
        item.map(parse_item).transpose()?,
    );
    match (parsed, long, item) {
        ((Some(first), Some(second)), Some(long), Some(item)) if first != second => {
            Err(UsageError::GivenTwice {
                name,
                long: long.to_string_lossy().into_owned(),
                item: item.to_string_lossy().into_owned(),
            })
        }
        ((long, item), ..) => Ok(long.or(item)),
    }
}

/// The value that a text stands for, or an error that says what was expected.
pub(super) fn choice<T>(
    name: &'static str,
    value: &OsStr,
    expected: impl Into<Cow<'static, str>>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, UsageError> {
    value
        .to_str()
        .and_then(parse)
        .ok_or_else(|| UsageError::Value {
            name,
            text: value.to_string_lossy().into_owned(),
            expected: expected.into(),
        })
}

/// Words as an error says that one of them was expected: `a, b or c`.
pub(super) fn any_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.collect();
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

pub(super) fn text<'a>(name: &'static str, value: &'a OsStr) -> Result<&'a str, UsageError> {
    value.to_str().ok_or_else(|| UsageError::Value {
        name,
        text: value.to_string_lossy().into_owned(),
        expected: "text in UTF-8".into(),
    })
}
