//! Look-up and parsing of the value of one option, given as a long option, under `-o`, or as
//! both. Errors say what was expected.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

use super::UsageError;
use super::mount_options::MountOptions;

/// The value of the option `name`, given as a long option, under `-o`, or as both with equal
/// values. `None` if it was not given.
///
/// # Errors
///
/// When a value is invalid, or the two differ.
pub(super) fn option_value<T: PartialEq>(
    name: &'static str,
    long: &Option<OsString>,
    items: &MountOptions,
    parse: impl Fn(&OsStr) -> Result<T, UsageError>,
) -> Result<Option<T>, UsageError> {
    option_value_with(name, long, items, &parse, &parse)
}

/// As [`option_value`], for an option whose syntax under `-o` differs.
///
/// # Errors
///
/// As [`option_value`].
pub(super) fn option_value_with<T: PartialEq>(
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

/// Parses a value of the option `name`.
///
/// # Errors
///
/// When the value is not UTF-8, or `parse` returns `None`. The error quotes `expected`.
pub(super) fn parse_value<T>(
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

/// Joins words for an error that expected one of them: `a, b or c`.
pub(super) fn join_with_or<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.collect();
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

/// The value of the option `name` as text.
///
/// # Errors
///
/// When it is not UTF-8.
pub(super) fn text<'a>(name: &'static str, value: &'a OsStr) -> Result<&'a str, UsageError> {
    value.to_str().ok_or_else(|| UsageError::Value {
        name,
        text: value.to_string_lossy().into_owned(),
        expected: "text in UTF-8".into(),
    })
}
