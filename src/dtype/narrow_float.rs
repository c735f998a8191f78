//! The floating-point types of the Python package `ml_dtypes`, which NumPy lacks: bfloat16 and
//! eight types of one byte (<https://github.com/jax-ml/ml_dtypes>). Their values are exact in
//! single precision. Their text is left to `vfile`.

/// A type of `ml_dtypes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NarrowFloat {
    /// The upper half of a single.
    BFloat16,
    /// As IEEE, but without infinities: only the largest bits are NaN.
    Float8E4M3Fn,
    /// As IEEE: the upper half of a half.
    Float8E5M2,
    /// Without infinities and -0, whose bits are NaN.
    Float8E4M3Fnuz,
    /// Without infinities and -0, whose bits are NaN.
    Float8E5M2Fnuz,
    /// An exponent alone: a power of two, or NaN.
    Float8E8M0Fnu,
    /// As IEEE.
    Float8E4M3,
    /// As IEEE.
    Float8E3M4,
    /// Without infinities and -0, whose bits are NaN.
    Float8E4M3B11Fnuz,
}

/// Which bits are infinities and NaN.
#[derive(Clone, Copy)]
enum Special {
    /// Those with the largest exponent.
    LargestExponent,
    /// The largest number of either sign is NaN.
    Largest,
    /// -0 is NaN.
    NegativeZero,
}

impl NarrowFloat {
    /// All types.
    pub const ALL: [Self; 9] = [
        Self::BFloat16,
        Self::Float8E4M3Fn,
        Self::Float8E5M2,
        Self::Float8E4M3Fnuz,
        Self::Float8E5M2Fnuz,
        Self::Float8E8M0Fnu,
        Self::Float8E4M3,
        Self::Float8E3M4,
        Self::Float8E4M3B11Fnuz,
    ];

    /// The name in `ml_dtypes`, which is `dtype.name`.
    pub fn name(self) -> &'static str {
        match self {
            Self::BFloat16 => "bfloat16",
            Self::Float8E4M3Fn => "float8_e4m3fn",
            Self::Float8E5M2 => "float8_e5m2",
            Self::Float8E4M3Fnuz => "float8_e4m3fnuz",
            Self::Float8E5M2Fnuz => "float8_e5m2fnuz",
            Self::Float8E8M0Fnu => "float8_e8m0fnu",
            Self::Float8E4M3 => "float8_e4m3",
            Self::Float8E3M4 => "float8_e3m4",
            Self::Float8E4M3B11Fnuz => "float8_e4m3b11fnuz",
        }
    }

    /// The type of this name. `None` if there is none.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|float| float.name() == name)
    }

    /// Item size in bytes.
    pub fn itemsize(self) -> u32 {
        match self {
            Self::BFloat16 => 2,
            _ => 1,
        }
    }

    /// The value of these bits. Of a type of one byte, the upper eight are ignored.
    pub fn value(self, bits: u16) -> f32 {
        use Special::{Largest, LargestExponent, NegativeZero};
        let byte = bits.to_le_bytes()[0];
        match self {
            Self::BFloat16 => f32::from_bits(u32::from(bits) << 16),
            Self::Float8E4M3Fn => float8(byte, 3, 7, Largest),
            Self::Float8E5M2 => float8(byte, 2, 15, LargestExponent),
            Self::Float8E4M3Fnuz => float8(byte, 3, 8, NegativeZero),
            Self::Float8E5M2Fnuz => float8(byte, 2, 16, NegativeZero),
            Self::Float8E8M0Fnu if byte == u8::MAX => f32::NAN,
            Self::Float8E8M0Fnu => power_of_two(i32::from(byte) - 127),
            Self::Float8E4M3 => float8(byte, 3, 7, LargestExponent),
            Self::Float8E3M4 => float8(byte, 4, 3, LargestExponent),
            Self::Float8E4M3B11Fnuz => float8(byte, 3, 11, NegativeZero),
        }
    }
}

/// The value of a byte with a sign bit, then the exponent, then `fraction_bits` bits.
fn float8(byte: u8, fraction_bits: u32, bias: i32, special: Special) -> f32 {
    let sign = if byte < 0x80 { 1.0 } else { -1.0 };
    let magnitude = byte & 0x7f;
    let exponent = i32::from(magnitude >> fraction_bits);
    let one = 1_u8 << fraction_bits;
    let fraction = magnitude % one;
    let is_special = match special {
        Special::LargestExponent => magnitude >> fraction_bits == 0x7f >> fraction_bits,
        Special::Largest => magnitude == 0x7f,
        Special::NegativeZero => byte == 0x80,
    };
    let infinite = matches!(special, Special::LargestExponent) && fraction == 0;
    match (is_special, exponent) {
        (true, _) if infinite => sign * f32::INFINITY,
        (true, _) => f32::NAN,
        (false, 0) => sign * scaled(fraction, 1 - bias, fraction_bits),
        (false, _) => sign * scaled(fraction + one, exponent - bias, fraction_bits),
    }
}

/// `significand` * 2 ** (`exponent` - `fraction_bits`).
fn scaled(significand: u8, exponent: i32, fraction_bits: u32) -> f32 {
    f32::from(significand) * power_of_two(exponent) / f32::from(1_u8 << fraction_bits)
}

/// 2 ** `exponent`, exactly, also where that is subnormal.
fn power_of_two(exponent: i32) -> f32 {
    2_f64.powi(exponent) as f32
}

#[cfg(test)]
mod tests {
    use super::NarrowFloat;

    #[test]
    fn the_limits_are_those_of_ml_dtypes() {
        for (name, smallest, largest) in [
            ("bfloat16", 9.1835e-41, 3.3895314e38),
            ("float8_e4m3fn", 0.001_953_125, 448.0),
            ("float8_e5m2", 1.525_878_9e-5, 57344.0),
            ("float8_e4m3fnuz", 0.000_976_562_5, 240.0),
            ("float8_e5m2fnuz", 7.629_394_5e-6, 57344.0),
            ("float8_e8m0fnu", 5.877_472e-39, 1.701_411_8e38),
            ("float8_e4m3", 0.001_953_125, 240.0),
            ("float8_e3m4", 0.015_625, 15.5),
            ("float8_e4m3b11fnuz", 0.000_122_070_31, 30.0),
        ] {
            let float = NarrowFloat::of_name(name).unwrap();
            let last = if float.itemsize() == 1 {
                0xff
            } else {
                u16::MAX
            };
            let values = || (0..=last).map(|bits| float.value(bits));
            let positive = || values().filter(|value| value.is_finite() && *value > 0.0);
            assert_eq!(positive().reduce(f32::min), Some(smallest), "{name}");
            assert_eq!(positive().reduce(f32::max), Some(largest), "{name}");
        }
    }
}
