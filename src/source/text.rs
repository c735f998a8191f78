//! Text in headers: fields of a fixed size, lines, numbers, attributes, and quotations in
//! messages. What the text means is left to the formats.

use serde_json::Value;

use super::{Attributes, FormatError, Input};

/// The largest header of text, in bytes.
const MAX_HEADER: usize = 1 << 20;

/// The most bytes of text that become an attribute.
const MAX_ATTRIBUTE: usize = 64 << 10;

/// The most characters of a file that a message quotes.
const QUOTED: usize = 60;

/// The text of a field of a fixed size, which zeros or blanks fill up.
pub(super) fn fixed(bytes: &[u8]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).trim_end().to_owned()
}

/// `text` in quotes, cut if it is long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
    }
}

/// The start of the file, up to the size of the largest header of text.
///
/// # Errors
///
/// When the file cannot be read.
pub(super) fn header(input: &Input) -> Result<Vec<u8>, FormatError> {
    input.up_to(0, MAX_HEADER)
}

/// The lines of `header`, without what ends them, and the position after each.
pub(super) fn lines(header: &[u8]) -> impl Iterator<Item = (String, u64)> {
    let lines = header.split_inclusive(|&byte| byte == b'\n');
    lines.scan(0, |end, line| {
        *end += line.len() as u64;
        Some((String::from_utf8_lossy(line).trim_end().to_owned(), *end))
    })
}

/// Lengths that are separated by blanks. `None` if one is not a length.
pub(super) fn lengths(text: &str) -> Option<Vec<u64>> {
    let lengths = text.split_whitespace().map(|length| length.parse().ok());
    lengths.collect()
}

/// A number if `text` is one, or else the text.
pub(super) fn value(text: &str) -> Value {
    if let Ok(number) = text.parse::<i64>() {
        return number.into();
    }
    // NaN and infinity are no numbers of JSON.
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => number.into(),
        _ => text.into(),
    }
}

/// Adds `text` to `attributes`, as `parse` reads it. Of a long text only the size is added.
pub(super) fn insert(
    attributes: &mut Attributes,
    name: &str,
    text: &str,
    parse: impl Fn(&str) -> Value,
) {
    let value = match text.len() {
        ..=MAX_ATTRIBUTE => parse(text),
        size => format!("left out: {size} bytes").into(),
    };
    attributes.insert(name.into(), value);
}

/// The plain name of a data file. Some writers put `./` before it.
pub(super) fn data_file(name: &str) -> &str {
    name.strip_prefix("./").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_field_ends_at_a_zero_or_before_blanks() {
        assert_eq!(fixed(b"mm\0junk"), "mm");
        assert_eq!(fixed(b" mm   "), " mm");
        assert_eq!(fixed(b"\0\0"), "");
        assert_eq!(fixed(b"\xff\0"), "\u{fffd}");
    }

    #[test]
    fn a_quotation_is_cut_between_characters() {
        assert_eq!(quoted("a\n"), "\"a\\n\"");
        let long = "é".repeat(QUOTED + 1);
        assert_eq!(quoted(&long), format!("{:?}...", "é".repeat(QUOTED)));
    }

    #[test]
    fn lines_end_as_on_any_system_and_know_where() {
        let found: Vec<_> = lines(b"a: b\r\n\nc").collect();
        let expected = [("a: b".into(), 6), (String::new(), 7), ("c".into(), 8)];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_value_is_a_number_only_if_json_has_it() {
        assert_eq!(value("-3"), -3);
        assert_eq!(value("0.5"), 0.5);
        assert_eq!(value("nan"), "nan");
        assert_eq!(value("1 2"), "1 2");
        assert_eq!(lengths(" 3\t4 "), Some(vec![3, 4]));
        assert_eq!(lengths("3 -4"), None);
    }
}
