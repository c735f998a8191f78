//! Numbers as they are written on the command line: digits only, where Rust's
//! own parser would take a plus sign.

use std::str::FromStr;
use std::time::Duration;

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A decimal number.
pub(super) fn decimal<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| all_digits(text))
}

/// An octal number, as permission bits are written.
pub(super) fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|_| all_digits(text))
}

/// A number of bytes, or of units of 1024, 1024² or 1024³ bytes if K, M or G
/// follows, in either case.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let units = [('k', 10), ('m', 20), ('g', 30)];
    let unit = units.into_iter().find_map(|(letter, bits)| {
        let digits = text.strip_suffix([letter, letter.to_ascii_uppercase()])?;
        Some((digits, 1u64 << bits))
    });
    let (digits, unit) = unit.unwrap_or((text, 1));
    decimal::<u64>(digits)?.checked_mul(unit)
}

/// A time of a second or more: seconds, or minutes, hours or days if m, h or d
/// follows; s may follow too.
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
    fn only_digits_are_numbers() {
        assert_eq!((decimal("12"), octal("12")), (Some(12u32), Some(0o12)));
        for text in ["", "+1", "-1", " 1", "1_000", "9x"] {
            assert_eq!((decimal::<u32>(text), octal(text)), (None, None), "{text}");
        }
    }
}
