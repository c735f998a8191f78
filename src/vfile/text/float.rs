//! Real and complex floating-point numbers as the shortest decimal that reads back to
//! the same bits. Single and double precision are left to `zmij`. Half precision is
//! implemented here: with so few bits, a simple search suffices.

use super::short::ShortText;
use crate::dtype::NarrowFloat;

/// Maximum width in bytes of the text of a half, single and double.
pub(super) const HALF_WIDTH: u64 = 11;
pub(super) const SINGLE_WIDTH: u64 = 16;
pub(super) const DOUBLE_WIDTH: u64 = 24;

/// Maximum width in bytes of the text of a value of this type, which is that of a single.
pub(super) fn narrow_width(float: NarrowFloat) -> u64 {
    match float {
        NarrowFloat::Float8E3M4 => 9,
        NarrowFloat::Float8E4M3Fn | NarrowFloat::Float8E4M3 => 12,
        NarrowFloat::Float8E4M3Fnuz => 13,
        NarrowFloat::Float8E4M3B11Fnuz => 14,
        NarrowFloat::Float8E5M2 | NarrowFloat::Float8E8M0Fnu => 15,
        NarrowFloat::BFloat16 | NarrowFloat::Float8E5M2Fnuz => SINGLE_WIDTH,
    }
}

/// Writes a number in the syntax of Python and C: `1.0`, `-0.0`, `1e-7`, `1e16`,
/// `-inf`. NaN is written as `nan`. The decimal point distinguishes it from an integer.
pub(super) fn real<F: zmij::Float>(value: F, nan: &str, text: &mut ShortText) {
    push(zmij::Buffer::new().format(value), nan, text);
}

/// Writes a complex number in the syntax of Python: `(1-0j)`, `(nan+infj)`,
/// `(1.5e-7+2j)`.
pub(super) fn complex<F: zmij::Float>(re: F, im: F, text: &mut ShortText) {
    let part = |number: &str, text: &mut ShortText| {
        push(number.strip_suffix(".0").unwrap_or(number), "nan", text);
    };
    text.push("(");
    part(zmij::Buffer::new().format(re), text);
    let mut buffer = zmij::Buffer::new();
    let im = buffer.format(im);
    if !im.starts_with('-') {
        text.push("+");
    }
    part(im, text);
    text.push("j)");
}

/// Appends the output of `zmij`, with `nan` in place of `NaN` and `1e16` in place of
/// `1e+16`.
fn push(number: &str, nan: &str, text: &mut ShortText) {
    match number.split_once('+') {
        Some((digits, exponent)) => {
            text.push(digits);
            text.push(exponent);
        }
        None if number == "NaN" => text.push(nan),
        None => text.push(number),
    }
}

/// The double whose shortest decimal is also the shortest decimal of the half with
/// these bits.
pub(super) fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let exponent = u64::from(bits >> 10 & 31);
    let fraction = u64::from(bits & 1023);
    let magnitude = match (exponent, fraction) {
        (31, 0) => f64::INFINITY,
        (31, _) => f64::NAN,
        (0, 0) => 0.0,
        (0, _) => shortest_half(fraction, 0, false),
        _ => shortest_half(fraction + 1024, exponent - 1, fraction == 0 && exponent > 1),
    };
    sign * magnitude
}

/// The decimal with the fewest digits that rounds to `significand` * 2 ** (`shift` -
/// 24). `narrow`: the value is a power of two, so the next lower half is at half the
/// distance of the next higher one.
fn shortest_half(significand: u64, shift: u64, narrow: bool) -> f64 {
    // In units of 2 ** -26. The rounding bounds are integers in this unit.
    const UNIT: u64 = 1 << 26;
    let value = significand << (shift + 2);
    let low = value - if narrow { 1 << shift } else { 2 << shift };
    let high = value + (2 << shift);
    // A decimal at the midpoint of two halves rounds to the even one.
    let even = significand.is_multiple_of(2);
    let within = |x: u64, scale: u64| {
        let (low, high) = (low * scale, high * scale);
        low < x && x < high || even && (x == low || x == high)
    };
    for exponent in (-8..=4).rev() {
        let power = 10_u64.pow(i32::unsigned_abs(exponent));
        let (scale, step) = if exponent < 0 {
            (power, UNIT)
        } else {
            (1, power * UNIT)
        };
        // No overflow: larger values have wider bounds, so the search ends at a larger
        // exponent.
        let value = value * scale;
        let below = value / step;
        let candidates = [below, below + 1];
        let nearest = candidates
            .into_iter()
            .filter(|digits| within(digits * step, scale))
            .min_by_key(|digits| (digits * step).abs_diff(value));
        if let Some(digits) = nearest {
            // Both operands are exact, so the result is the nearest double.
            let (digits, power) = (digits as f64, power as f64);
            return if exponent < 0 {
                digits / power
            } else {
                digits * power
            };
        }
    }
    // Unreachable: the bounds of any half are more than 1e-8 apart.
    significand as f64 * 2_f64.powi(shift as i32 - 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_python_reads_them() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (1e-7, "1e-7"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e16"),
            (123456789.125, "123456789.125"),
            (f64::MAX, "1.7976931348623157e308"),
            (-f64::MIN_POSITIVE, "-2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (f64::NAN, "nan"),
            (-f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            let mut text = ShortText::new();
            real(value, "nan", &mut text);
            assert_eq!(text.as_str(), expected);
        }
    }

    #[test]
    fn complex_numbers_are_written_as_numpy_writes_them() {
        for (re, im, expected) in [
            (1.0, 2.0, "(1+2j)"),
            (1.0, -0.0, "(1-0j)"),
            (-0.0, 0.5, "(-0+0.5j)"),
            (f64::NAN, f64::INFINITY, "(nan+infj)"),
            (f64::NEG_INFINITY, -f64::NAN, "(-inf+nanj)"),
            (1e-7, -1e300, "(1e-7-1e300j)"),
        ] {
            let mut text = ShortText::new();
            complex(re, im, &mut text);
            assert_eq!(text.as_str(), expected);
        }
    }

    #[test]
    fn the_longest_narrow_float_has_the_maximum_width() {
        let widths = |float: NarrowFloat| {
            let width = move |bits| {
                let mut text = ShortText::new();
                real(float.value(bits), "nan", &mut text);
                text.as_str().len() as u64
            };
            (0..=u16::MAX).map(width).max()
        };
        let longest = NarrowFloat::ALL.map(|float| (float, widths(float)));
        let expected = NarrowFloat::ALL.map(|float| (float, Some(narrow_width(float))));
        assert_eq!(longest, expected);
    }

    #[test]
    fn every_half_reads_back_and_the_longest_has_the_maximum_width() {
        let mut longest = 0;
        for bits in 0..=u16::MAX {
            let mut text = ShortText::new();
            real(half(bits), "nan", &mut text);
            longest = longest.max(text.as_str().len());
            let back: f64 = text.as_str().parse().unwrap();
            let exact = half::f16::from_bits(bits);
            if exact.is_nan() {
                assert!(back.is_nan());
            } else {
                let back = half::f16::from_f64(back);
                assert_eq!(back.to_bits(), bits, "{}", text.as_str());
            }
        }
        assert_eq!(longest as u64, HALF_WIDTH);
    }
}
