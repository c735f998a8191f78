//! The variable names of the tree: those of indices along an axis and those of fields. Fixed
//! names and suffixes are added by the tree and by the encodings.

/// The most bytes in a file name (`NAME_MAX`).
const MAX_NAME: usize = 255;

/// The listed name of `index` on an axis of `length`. If `pad` is set, it is padded with zeros
/// to the width of the largest index.
pub fn listed(index: u64, length: u64, pad: bool) -> String {
    if pad {
        format!("{index:0width$}", width = index_width(length))
    } else {
        index.to_string()
    }
}

/// Parses the name of an index on an axis of `length`. The forms are:
///
/// - `3`;
/// - `003`, if the largest index has three digits;
/// - `-1`, counted from the end.
///
/// `None` for any other name, such as `03`, `+3`, ` 3`, `-0` or `-01`, and for an index out of
/// range.
pub(super) fn parse_index(name: &str, length: u64) -> Option<u64> {
    let digits = name.strip_prefix('-').unwrap_or(name);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let is_canonical = digits == "0" || !digits.starts_with('0');
    let number: u64 = digits.parse().ok()?;
    if name.len() > digits.len() {
        let from_end = is_canonical && number > 0;
        return from_end.then(|| length.checked_sub(number)).flatten();
    }
    let is_padded = digits.len() == index_width(length);
    ((is_canonical || is_padded) && number < length).then_some(number)
}

/// The directory name of the field called `name`, which is field number `position` of its
/// dtype, counted from 0.
///
/// It is the field's name, with these exceptions:
///
/// - a slash, a NUL and a percent sign become `%2F`, `%00` and `%25`;
/// - the dots of `.` and `..` become `%2E`;
/// - the empty name becomes `%`;
/// - if the result is longer than 255 bytes, it is `%n` and the position.
pub fn field(position: usize, name: &str) -> String {
    let dots = match name {
        "." | ".." => name.len(),
        _ => 0,
    };
    shortened(position, escaped(name.as_bytes(), dots))
}

/// The directory name for a part of the name of member number `position` of a file, by the rule
/// of [`field`]. In addition, a dot at the start becomes `%2E`, and a byte that is not part of
/// UTF-8 becomes `%` and its two hexadecimal digits.
pub(super) fn member(position: usize, name: &[u8]) -> String {
    let dots = match name {
        b".." => 2,
        name => usize::from(name.starts_with(b".")),
    };
    shortened(position, escaped(name, dots))
}

/// `name` unless it is empty or too long for a file name.
pub(super) fn shortened(position: usize, name: String) -> String {
    match name.len() {
        0 => "%".into(),
        1..=MAX_NAME => name,
        _ => format!("%n{position}"),
    }
}

/// Escapes the first `dots` bytes of `name`, and what cannot be in a file name.
fn escaped(name: &[u8], dots: usize) -> String {
    let mut escaped = "%2E".repeat(dots);
    for chunk in name[dots..].utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '/' => escaped.push_str("%2F"),
                '\0' => escaped.push_str("%00"),
                '%' => escaped.push_str("%25"),
                other => escaped.push(other),
            }
        }
        for byte in chunk.invalid() {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// The number of digits of the largest index of an axis of `length`.
fn index_width(length: u64) -> usize {
    length
        .saturating_sub(1)
        .checked_ilog10()
        .map_or(1, |log| log as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_padded_and_negative_index_names_are_the_only_ones() {
        for (name, length, expected) in [
            ("3", 150, Some(3)),
            ("003", 150, Some(3)),
            ("03", 150, None),
            ("0003", 150, None),
            ("149", 150, Some(149)),
            ("150", 150, None),
            ("-1", 150, Some(149)),
            ("-150", 150, Some(0)),
            ("-151", 150, None),
            ("-0", 150, None),
            ("-01", 150, None),
            ("-001", 150, None),
            ("0", 150, Some(0)),
            ("000", 150, Some(0)),
            ("00", 150, None),
            ("0", 1, Some(0)),
            ("00", 1, None),
            ("9", 10, Some(9)),
            ("09", 10, None),
            ("09", 11, Some(9)),
            ("0", 0, None),
            ("-1", 0, None),
            ("", 5, None),
            ("-", 5, None),
            ("--1", 5, None),
            ("+3", 5, None),
            (" 3", 5, None),
            ("3 ", 5, None),
            ("3.0", 5, None),
            ("0x1", 5, None),
            ("٣", 5, None),
            ("18446744073709551616", u64::MAX, None),
        ] {
            assert_eq!(parse_index(name, length), expected, "{name:?} of {length}");
        }
    }

    #[test]
    fn field_names_that_are_no_file_names_are_escaped() {
        let (long, longer) = ("x".repeat(255), "x".repeat(256));
        for (name, expected) in [
            ("x", "x"),
            ("a.b", "a.b"),
            ("...", "..."),
            ("", "%"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            ("a/b", "a%2Fb"),
            ("a%2Fb", "a%252Fb"),
            ("%", "%25"),
            ("\0", "%00"),
            ("température °C", "température °C"),
            (&long, &long),
            (&longer, "%n7"),
            (&"/".repeat(86), "%n7"),
            ("%n7", "%25n7"),
        ] {
            assert_eq!(field(7, name), expected);
        }
    }

    #[test]
    fn every_listed_name_parses_to_its_index() {
        for length in [1, 9, 10, 11, 100, 101, 1000] {
            for i in 0..length {
                for pad in [false, true] {
                    assert_eq!(parse_index(&listed(i, length, pad), length), Some(i));
                }
            }
        }
        assert_eq!(listed(7, 150, true), "007");
        assert_eq!(listed(7, 150, false), "7");
    }
}
