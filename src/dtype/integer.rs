//! Integers in dtype strings. As in NumPy, they have the syntax of C's `strtol(3)`: leading blanks,
//! a sign and leading zeros are allowed.

/// Parses the integer at the start of `text`. Returns its value, saturated to `i64`, and the rest
/// of the text. `None` if there are no digits.
pub(super) fn leading_integer(text: &str) -> Option<(i64, &str)> {
    // C's `isspace`. Unlike `char::is_ascii_whitespace` it includes the vertical tab.
    let signed = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let (sign, unsigned) = match signed.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, signed.strip_prefix('+').unwrap_or(signed)),
    };
    let rest = unsigned.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &unsigned[..unsigned.len() - rest.len()];
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits.bytes().fold(0_i64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    Some((sign * magnitude, rest))
}

#[cfg(test)]
mod tests {
    use super::leading_integer;

    #[test]
    fn integers_are_parsed_as_by_strtol() {
        for (text, expected) in [
            ("10", Some((10, ""))),
            ("10ms", Some((10, "ms"))),
            ("+007 ", Some((7, " "))),
            (" \t\n\x0b\x0c\r-3x", Some((-3, "x"))),
            ("0x10", Some((0, "x10"))),
            ("9223372036854775807", Some((i64::MAX, ""))),
            ("9223372036854775808", Some((i64::MAX, ""))),
            ("-99999999999999999999", Some((-i64::MAX, ""))),
            ("", None),
            ("+", None),
            ("+-1", None),
            ("- 1", None),
            ("ms", None),
            ("１", None),
            ("\u{a0}1", None),
        ] {
            assert_eq!(leading_integer(text), expected, "{text:?}");
        }
    }
}
