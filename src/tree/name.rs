//! Names in directories that are not fixed: how the elements of an axis and the
//! fields of a type are called, and which names mean which of them.

/// The most bytes in a name, as everywhere else.
const MAX_NAME: usize = 255;

/// The name under which `index` of an axis of `length` is listed: padded with
/// zeros to the width of the largest index if `pad` is set.
pub fn listed(index: u64, length: u64, pad: bool) -> String {
    if pad {
        format!("{index:0width$}", width = width(length))
    } else {
        index.to_string()
    }
}

/// The index that `name` means on an axis of `length`: `3`, `003` where the
/// largest index has three digits, or `-1` for the last. Nothing else is an
/// index: not `03`, `+3`, ` 3`, `-0` or `-01`.
pub(super) fn index(name: &str, length: u64) -> Option<u64> {
    let digits = name.strip_prefix('-').unwrap_or(name);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let plain = digits == "0" || !digits.starts_with('0');
    let number: u64 = digits.parse().ok()?;
    if name.len() > digits.len() {
        let from_end = plain && number > 0;
        return from_end.then(|| length.checked_sub(number)).flatten();
    }
    let padded = digits.len() == width(length);
    ((plain || padded) && number < length).then_some(number)
}

/// The name of the directory of the field called `name`, the `position`-th of
/// its type, counted from 0.
///
/// It is the field's own name where that can be a file's. A slash, a NUL and a
/// percent sign are written as `%2F`, `%00` and `%25`; a name that is only one
/// or two dots has its dots as `%2E`; the empty name is `%`; one that would
/// still be too long is `%n` and the field's position.
pub fn field(position: usize, name: &str) -> String {
    let only_dots = matches!(name, "." | "..");
    let mut spelled = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '/' => spelled.push_str("%2F"),
            '\0' => spelled.push_str("%00"),
            '%' => spelled.push_str("%25"),
            '.' if only_dots => spelled.push_str("%2E"),
            other => spelled.push(other),
        }
    }
    match spelled.len() {
        0 => "%".into(),
        1..=MAX_NAME => spelled,
        _ => format!("%n{position}"),
    }
}

/// The number of digits of the largest index of an axis of `length`.
fn width(length: u64) -> usize {
    length
        .saturating_sub(1)
        .checked_ilog10()
        .map_or(1, |log| log as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_padded_and_negative_names_mean_their_index_and_no_others_do() {
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
            assert_eq!(index(name, length), expected, "{name:?} of {length}");
        }
    }

    #[test]
    fn fields_that_cannot_be_file_names_are_spelled_reversibly() {
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
    fn every_listed_name_means_its_index() {
        for length in [1, 9, 10, 11, 100, 101, 1000] {
            for i in 0..length {
                for pad in [false, true] {
                    assert_eq!(index(&listed(i, length, pad), length), Some(i));
                }
            }
        }
        assert_eq!(listed(7, 150, true), "007");
        assert_eq!(listed(7, 150, false), "7");
    }
}
