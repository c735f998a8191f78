//! Parsers for numbers on the command line. They accept digits only; Rust's own would accept a
//! plus sign.

use std::str::FromStr;
use std::time::Duration;

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses a decimal number. `None` if it is malformed or too large for `T`.
pub(super) fn decimal<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| all_digits(text))
}

/// Parses an octal number, such as permission bits. `None` if it is malformed or too large.
pub(super) fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|_| all_digits(text))
}

/// Parses a size and returns it in bytes. The suffixes K, M and G, in either case, stand for
/// 1024, 1024² and 1024³ bytes. `None` if it is malformed or exceeds 64 bits.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let units = [('k', 10), ('m', 20), ('g', 30)];
    let unit = units.into_iter().find_map(|(letter, bits)| {
        let digits = text.strip_suffix([letter, letter.to_ascii_uppercase()])?;
        Some((digits, 1u64 << bits))
    });
    let (digits, unit) = unit.unwrap_or((text, 1));
    decimal::<u64>(digits)?.checked_mul(unit)
}

/// Parses a position in a file, in bytes: as [`bytes`], or hexadecimal after `0x`, as dumps of files
/// print it.
pub(super) fn offset(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None => bytes(text),
    }
}

/// Parses a duration of at least a second. The suffixes s, m, h and d stand for seconds (the
/// default), minutes, hours and days. `None` if it is malformed, zero or too large.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let units = [('s', 1), ('m', 60), ('h', 60 * 60), ('d', 24 * 60 * 60)];
    let unit = units.into_iter().find_map(|(letter, seconds)| {
        let digits = text.strip_suffix(letter)?;
        Some((digits, seconds))
    });
    let (digits, unit) = unit.unwrap_or((text, 1));
    let seconds = decimal::<u32>(digits).filter(|&count| count > 0)?;
    Some(Duration::from_secs(u64::from(seconds) * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_can_have_a_unit() {
        for (text, expected) in [
            ("1", Some(1)),
            ("90s", Some(90)),
            ("10m", Some(600)),
            ("2h", Some(7200)),
            ("1d", Some(86_400)),
            ("0", None),
            ("0m", None),
            ("", None),
            ("m", None),
            ("-1s", None),
            ("1.5h", None),
            ("10 m", None),
            ("10min", None),
            ("4294967296", None),
        ] {
            assert_eq!(duration(text), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn numbers_of_bytes_can_have_a_unit() {
        for (text, expected) in [
            ("0", Some(0)),
            ("32", Some(32)),
            ("4k", Some(4096)),
            ("32M", Some(32 << 20)),
            ("2G", Some(2 << 30)),
            ("", None),
            ("M", None),
            ("+1", None),
            ("-1", None),
            ("1.5M", None),
            ("1 M", None),
            ("1MB", None),
            ("1KK", None),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551615K", None),
            ("18446744073709551616", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn positions_can_be_hexadecimal() {
        for (text, expected) in [
            ("352", Some(352)),
            ("0x160", Some(352)),
            ("0XfF", Some(255)),
            ("1k", Some(1024)),
            ("016", Some(16)),
            ("0x", None),
            ("0x+1", None),
            ("0x1K", None),
            ("0x10000000000000000", None),
            ("x10", None),
            ("-8", None),
        ] {
            assert_eq!(offset(text), expected, "{text}");
        }
    }

    #[test]
    fn only_digits_are_numbers() {
        assert_eq!((decimal("12"), octal("12")), (Some(12u32), Some(0o12)));
        for text in ["", "+1", "-1", " 1", "1_000", "9x"] {
            assert_eq!((decimal::<u32>(text), octal(text)), (None, None), "{text}");
        }
    }
}
