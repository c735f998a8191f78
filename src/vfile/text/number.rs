//! Columns of booleans, numbers and times: values whose text has a maximum width of a
//! few bytes. Formatting of floats and times is left to `float` and `datetime`.

use super::CsvForm;
use super::datetime::{self, NAT};
use super::float::{self, DOUBLE_WIDTH, HALF_WIDTH, SINGLE_WIDTH};
use super::short::ShortText;
use crate::dtype::{ByteOrder, DType, Kind, NarrowFloat, TimeUnit};

/// The rendering of values of one dtype.
#[derive(Debug, Clone)]
pub(super) struct Number {
    format: NumberFormat,
    /// Item size in bytes.
    size: usize,
    big_endian: bool,
}

#[derive(Debug, Clone, Copy)]
enum NumberFormat {
    Bool,
    Int,
    UInt,
    Narrow(NarrowFloat),
    Half,
    Single,
    Double,
    SingleComplex,
    DoubleComplex,
    DateTime(TimeUnit),
    TimeDelta,
}

impl Number {
    /// The column of this dtype. `None` if it is not a number, or has no exact text,
    /// as `longdouble`.
    pub(super) fn of(dtype: &DType) -> Option<Number> {
        let format = match (dtype.kind(), dtype.itemsize()) {
            (Kind::Bool, _) => NumberFormat::Bool,
            (Kind::Int, _) => NumberFormat::Int,
            (Kind::UInt, _) => NumberFormat::UInt,
            (Kind::NarrowFloat(float), _) => NumberFormat::Narrow(*float),
            (Kind::Float, 2) => NumberFormat::Half,
            (Kind::Float, 4) => NumberFormat::Single,
            (Kind::Float, 8) => NumberFormat::Double,
            (Kind::Complex, 8) => NumberFormat::SingleComplex,
            (Kind::Complex, 16) => NumberFormat::DoubleComplex,
            (Kind::DateTime(step), _) => NumberFormat::DateTime(*step),
            (Kind::TimeDelta(_), _) => NumberFormat::TimeDelta,
            _ => return None,
        };
        Some(Number {
            format,
            size: dtype.itemsize() as usize,
            big_endian: dtype.byte_order() == ByteOrder::Big,
        })
    }

    /// Item size in bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The maximum width of a value in bytes of text.
    pub(super) fn width(&self) -> u64 {
        match (self.format, self.size) {
            (NumberFormat::Bool, _) => 1,
            (NumberFormat::Int, 1) => 4,
            (NumberFormat::Int, 2) => 6,
            (NumberFormat::Int, 4) => 11,
            (NumberFormat::UInt, 1) => 3,
            (NumberFormat::UInt, 2) => 5,
            (NumberFormat::UInt, 4) => 10,
            (NumberFormat::Int | NumberFormat::UInt | NumberFormat::TimeDelta, _) => 20,
            (NumberFormat::Narrow(float), _) => float::narrow_width(float),
            (NumberFormat::Half, _) => HALF_WIDTH,
            (NumberFormat::Single, _) => SINGLE_WIDTH,
            (NumberFormat::Double, _) => DOUBLE_WIDTH,
            // Two brackets and a `j`. The parts include their signs.
            (NumberFormat::SingleComplex, _) => 2 * SINGLE_WIDTH + 3,
            (NumberFormat::DoubleComplex, _) => 2 * DOUBLE_WIDTH + 3,
            (NumberFormat::DateTime(step), _) => datetime::width(step.unit),
        }
    }

    /// The text of the value in these [`size`](Number::size) bytes.
    pub(super) fn text(&self, bytes: &[u8], form: CsvForm) -> ShortText {
        let mut text = ShortText::new();
        // Readers recognise `NaN` in a column of floats and an empty value in a column
        // of times.
        let (nan, nat) = match form {
            CsvForm::Unpadded => ("NaN", ""),
            CsvForm::Padded => ("nan", "NaT"),
        };
        let (re, im) = bytes.split_at(bytes.len() / 2);
        match self.format {
            NumberFormat::Bool => text.push(if bytes == [0] { "0" } else { "1" }),
            NumberFormat::Int => text.push_integer(self.signed(bytes), 0),
            NumberFormat::UInt => text.push(itoa::Buffer::new().format(self.word(bytes))),
            NumberFormat::Narrow(float) => {
                float::real(float.value(self.word(bytes) as u16), nan, &mut text)
            }
            NumberFormat::Half => float::real(float::half(self.word(bytes) as u16), nan, &mut text),
            NumberFormat::Single => float::real(self.single(bytes), nan, &mut text),
            NumberFormat::Double => float::real(self.double(bytes), nan, &mut text),
            NumberFormat::SingleComplex => {
                float::complex(self.single(re), self.single(im), &mut text)
            }
            NumberFormat::DoubleComplex => {
                float::complex(self.double(re), self.double(im), &mut text)
            }
            NumberFormat::DateTime(_) | NumberFormat::TimeDelta if self.signed(bytes) == NAT => {
                text.push(nat)
            }
            NumberFormat::DateTime(step) => datetime::write(self.signed(bytes), step, &mut text),
            NumberFormat::TimeDelta => text.push_integer(self.signed(bytes), 0),
        }
        text
    }

    /// Up to 8 bytes as an unsigned integer.
    fn word(&self, bytes: &[u8]) -> u64 {
        let mut word = [0; 8];
        if self.big_endian {
            word[8 - bytes.len()..].copy_from_slice(bytes);
            u64::from_be_bytes(word)
        } else {
            word[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(word)
        }
    }

    /// Up to 8 bytes as a signed integer.
    fn signed(&self, bytes: &[u8]) -> i64 {
        let unused_bits = 64 - 8 * bytes.len() as u32;
        (self.word(bytes) << unused_bits) as i64 >> unused_bits
    }

    fn single(&self, bytes: &[u8]) -> f32 {
        f32::from_bits(self.word(bytes) as u32)
    }

    fn double(&self, bytes: &[u8]) -> f64 {
        f64::from_bits(self.word(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(dtype: &str, bytes: &[u8]) -> (String, u64) {
        let number = Number::of(&DType::parse(dtype).unwrap()).unwrap();
        let text = number.text(bytes, CsvForm::Padded);
        (text.as_str().to_owned(), number.width())
    }

    #[test]
    fn numbers_are_read_in_their_byte_order() {
        for (dtype, bytes, expected) in [
            ("?", &[0][..], "0"),
            ("?", &[1], "1"),
            ("?", &[0x80], "1"),
            ("<i2", &[0xfe, 0xff], "-2"),
            (">i2", &[0xff, 0xfe], "-2"),
            (">u4", &[0, 0, 1, 2], "258"),
            ("<f2", &[0, 0x3c], "1.0"),
            ("bfloat16", &[0xc0, 0x3f], "1.5"),
            (">bfloat16", &[0x3f, 0xc0], "1.5"),
            ("float8_e5m2", &[0xfc], "-inf"),
            (">f4", &[0x3f, 0xc0, 0, 0], "1.5"),
            (">f8", &[0xbf, 0xf0, 0, 0, 0, 0, 0, 0], "-1.0"),
            (">c8", &[0x3f, 0x80, 0, 0, 0x80, 0, 0, 0], "(1-0j)"),
            (">M8[D]", &[0, 0, 0, 0, 0, 0, 0, 1], "1970-01-02"),
            (">m8[D]", &[0x80, 0, 0, 0, 0, 0, 0, 0], "NaT"),
            ("<m8[5D]", &[3, 0, 0, 0, 0, 0, 0, 0], "3"),
        ] {
            assert_eq!(text(dtype, bytes).0, expected, "{dtype}");
        }
    }

    #[test]
    fn the_longest_integer_has_the_width() {
        for (dtype, bytes) in [
            ("i1", &[0x80][..]),
            ("<i2", &[0, 0x80]),
            ("<i4", &[0, 0, 0, 0x80]),
            ("<i8", &[0, 0, 0, 0, 0, 0, 0, 0x80]),
            ("u1", &[0xff]),
            ("<u2", &[0xff; 2]),
            ("<u4", &[0xff; 4]),
            ("<u8", &[0xff; 8]),
            ("<m8", &[1, 0, 0, 0, 0, 0, 0, 0x80]),
        ] {
            let (text, width) = text(dtype, bytes);
            assert_eq!(text.len() as u64, width, "{dtype}");
        }
    }

    #[test]
    fn dtypes_without_an_exact_text_are_refused() {
        for dtype in ["f16", "c32", "S3", "U3", "V3"] {
            assert!(Number::of(&DType::parse(dtype).unwrap()).is_none());
        }
    }
}
