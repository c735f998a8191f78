//! Shapes: parsing, inference of a length of -1, and element counts with overflow
//! checks. Offsets and strides are left to `view`.

use std::fmt;
use std::str::FromStr;

use super::{ArrayError, MAX_NDIM};

/// The memory order of an array: whether the last or the first axis varies fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Row-major: the last axis is the fastest.
    C,
    /// Column-major: the first axis is the fastest.
    F,
}

impl Order {
    /// The order of the transposed array.
    pub fn transposed(self) -> Order {
        match self {
            Order::C => Order::F,
            Order::F => Order::C,
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Order::C => "C",
            Order::F => "F",
        })
    }
}

/// The length of each axis, in elements.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(Vec<u64>);

impl Shape {
    /// A shape of these lengths, outermost axis first.
    pub fn new(lengths: Vec<u64>) -> Shape {
        Shape(lengths)
    }

    /// The length of each axis, in elements.
    pub fn lengths(&self) -> &[u64] {
        &self.0
    }

    /// The number of axes.
    pub fn ndim(&self) -> usize {
        self.0.len()
    }

    /// The shape as the command line has it: `3,4`.
    pub fn option(&self) -> String {
        let lengths: Vec<String> = self.0.iter().map(u64::to_string).collect();
        lengths.join(",")
    }

    /// The number of elements. `None` if it exceeds 64 bits.
    pub fn count(&self) -> Option<u64> {
        let mut lengths = self.0.iter();
        lengths.try_fold(1_u64, |count, &length| count.checked_mul(length))
    }

    /// The shape with the length of `axis` that fits into `available` bytes, and the number of bytes
    /// that are left. `None` if not even a length of 1 fits, or another length is 0.
    pub fn fitting_along(
        &self,
        axis: usize,
        itemsize: u64,
        available: u64,
    ) -> Option<(Shape, u64)> {
        let mut shape = self.clone();
        *shape.0.get_mut(axis)? = 1;
        let step = shape.count()?.checked_mul(itemsize)?;
        let length = available.checked_div(step)?;
        *shape.0.get_mut(axis)? = length;
        (length > 0).then_some((shape, available % step))
    }

    /// The size in bytes of an array of this shape with items of `itemsize` bytes.
    /// Empty axes count as length 1. `None` if it exceeds 2^63 - 1. Strides are
    /// products of the same factors, so they cannot overflow if this does not.
    pub(super) fn span(&self, itemsize: u64) -> Option<u64> {
        self.0
            .iter()
            .try_fold(itemsize, |bytes, &length| bytes.checked_mul(length.max(1)))
            .filter(|&bytes| i64::try_from(bytes).is_ok())
    }
}

/// Formats the shape as a Python tuple: `()`, `(3,)`, `(3, 4)`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (axis, length) in self.0.iter().enumerate() {
            if axis > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{length}")?;
        }
        f.write_str(if self.0.len() == 1 { ",)" } else { ")" })
    }
}

/// A shape as given by the user. At most one length is -1, to be inferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeSpec {
    text: String,
    /// `None` for the length to be inferred.
    lengths: Vec<Option<u64>>,
}

/// Formats the shape as it was given.
impl fmt::Display for ShapeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ShapeSpec {
    type Err = ArrayError;

    /// Parses `1000,16`, `1000x16`, `(1000, 16)`, `[1000, 16]` or `()`, with at most one -1.
    fn from_str(text: &str) -> Result<ShapeSpec, ArrayError> {
        let not_a_shape = || ArrayError::NotAShape { text: text.into() };
        let trimmed = text.trim();
        let within = |open, close| Some(trimmed.strip_prefix(open)?.strip_suffix(close));
        let inner = match within('(', ')').or_else(|| within('[', ']')) {
            Some(inner) => inner.ok_or_else(not_a_shape)?.trim(),
            None if trimmed.is_empty() => return Err(not_a_shape()),
            None => trimmed,
        };
        let mut spec = ShapeSpec {
            text: text.into(),
            lengths: Vec::new(),
        };
        if inner.is_empty() {
            return Ok(spec);
        }
        if let Some(digits) = hexadecimal(inner) {
            return Err(ArrayError::HexadecimalLength {
                text: text.into(),
                digits: digits.into(),
            });
        }
        let separator = ['x', 'X'].into_iter().find(|&x| inner.contains(x));
        let separator = separator.unwrap_or(',');
        let parts = match separator {
            ',' => inner.strip_suffix(',').unwrap_or(inner),
            _ => inner,
        };
        let ndim = parts.split(separator).count();
        if ndim > MAX_NDIM {
            let text = text.into();
            return Err(ArrayError::TooManyAxes { text, ndim });
        }
        for part in parts.split(separator) {
            spec.push(part.trim())?;
        }
        Ok(spec)
    }
}

/// The digits of a number such as `0x96`, which is no shape of two lengths to everybody.
fn hexadecimal(text: &str) -> Option<&str> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then_some(digits)
}

impl ShapeSpec {
    /// Parses one length and appends it.
    fn push(&mut self, part: &str) -> Result<(), ArrayError> {
        let text = || self.text.clone();
        let digits = part.strip_prefix('-').unwrap_or(part);
        // As in Python, a length does not begin with 0: 1,000 is no shape of two lengths to everybody.
        let is_padded = digits.len() > 1 && digits.starts_with('0');
        if digits.is_empty() || is_padded || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ArrayError::NotAShape { text: text() });
        }
        let length = match part {
            "-1" if self.lengths.contains(&None) => {
                return Err(ArrayError::TwoInferred { text: text() });
            }
            "-1" => None,
            _ if part.starts_with('-') => {
                return Err(ArrayError::NegativeLength {
                    text: text(),
                    length: part.into(),
                });
            }
            _ => match part.parse::<i64>() {
                Ok(length) => Some(length.unsigned_abs()),
                Err(_) => {
                    return Err(ArrayError::LengthTooLarge {
                        text: text(),
                        length: part.into(),
                    });
                }
            },
        };
        self.lengths.push(length);
        Ok(())
    }

    /// Whether one length is -1, to be inferred.
    pub fn has_inferred_length(&self) -> bool {
        self.lengths.contains(&None)
    }

    /// Whether the inferred length is that of the slowest axis in `order`.
    pub fn infers_slowest(&self, order: Order) -> bool {
        let slowest = match order {
            Order::C => self.lengths.first(),
            Order::F => self.lengths.last(),
        };
        slowest == Some(&None)
    }

    /// Whether `shape` equals this one, where -1 stands for any length.
    pub fn matches(&self, shape: &Shape) -> bool {
        let mut lengths = self.lengths.iter().zip(&shape.0);
        self.lengths.len() == shape.ndim()
            && lengths.all(|(given, length)| given.is_none_or(|given| given == *length))
    }

    /// The shape with -1 replaced by the length that fills the file: `available`
    /// bytes from `offset` to its end, with items of `itemsize` bytes.
    ///
    /// # Errors
    ///
    /// - [`ArrayError::NotAMultiple`] when the bytes are not a whole number of steps
    ///   along the inferred axis.
    /// - [`ArrayError::InferredBesideZero`] when another length is 0.
    /// - [`ArrayError::TooLarge`] when one step exceeds 2^63 - 1 bytes.
    pub fn resolve(&self, itemsize: u64, offset: u64, available: u64) -> Result<Shape, ArrayError> {
        let known = Shape(self.lengths.iter().map(|l| l.unwrap_or(1)).collect());
        if !self.has_inferred_length() {
            return Ok(known);
        }
        if known.0.contains(&0) {
            let text = self.text.clone();
            return Err(ArrayError::InferredBesideZero { text });
        }
        let unit_bytes = known.span(itemsize).ok_or_else(|| ArrayError::TooLarge {
            shape: known.clone(),
            itemsize,
            offset,
        })?;
        let length = available / unit_bytes;
        let lengths = self.lengths.iter().map(|l| l.unwrap_or(length));
        let fitting = Shape(lengths.collect());
        if available.is_multiple_of(unit_bytes) {
            return Ok(fitting);
        }
        Err(ArrayError::NotAMultiple {
            available,
            offset,
            itemsize,
            step: unit_bytes / itemsize,
            fitting,
        })
    }

    /// The default shape: one axis with all items of `itemsize` bytes in the
    /// `available` bytes from `offset` to the end of the file.
    ///
    /// # Errors
    ///
    /// [`ArrayError::NotAMultiple`] when the bytes are not a whole number of items.
    pub fn one_axis(itemsize: u64, offset: u64, available: u64) -> Result<Shape, ArrayError> {
        let only = ShapeSpec {
            text: String::new(),
            lengths: vec![None],
        };
        only.resolve(itemsize, offset, available)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_read_in_every_spelling() {
        for (text, expected) in [
            ("()", vec![]),
            ("( )", vec![]),
            ("5", vec![5]),
            ("(5,)", vec![5]),
            ("5,", vec![5]),
            ("1000,16", vec![1000, 16]),
            ("1000x16", vec![1000, 16]),
            ("1000X16", vec![1000, 16]),
            ("[1000, 16]", vec![1000, 16]),
            ("[]", vec![]),
            ("(1000, 16)", vec![1000, 16]),
            (" 1000 , 16 ", vec![1000, 16]),
            ("0,4", vec![0, 4]),
        ] {
            let spec: ShapeSpec = text.parse().unwrap();
            assert_eq!(spec.resolve(1, 0, 0).unwrap().lengths(), expected, "{text}");
        }
    }

    #[test]
    fn an_invalid_shape_is_quoted_in_the_error() {
        for text in [
            "", "  ", ",", "x", "3,,4", "3x", "x3", "(3", "3)", "3 4", "+3", "3.0", "0x", "a",
            "(3,4", "[3,4)", "3x4X5", "--1", "3;4", "-", "٣", "007", "1,000,16", "00",
        ] {
            let error = text.parse::<ShapeSpec>().unwrap_err();
            assert!(
                matches!(error, ArrayError::NotAShape { .. }),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn invalid_lengths_have_their_own_errors() {
        let error = |text: &str| text.parse::<ShapeSpec>().unwrap_err().to_string();
        assert!(error("-1,-1").contains("only one length can be -1"));
        assert!(error("3,-2").contains("-2 is negative"));
        assert!(error("2,9223372036854775808").contains("9223372036854775808 is past 2^63"));
        assert!(error(&"1,".repeat(65)).contains("65 axes"));
        assert!("1,".repeat(64).parse::<ShapeSpec>().is_ok());
    }

    #[test]
    fn a_length_of_minus_one_is_inferred_from_the_available_bytes() {
        let spec: ShapeSpec = "3,-1,2".parse().unwrap();
        assert_eq!(spec.resolve(4, 8, 240).unwrap().lengths(), [3, 10, 2]);
        assert_eq!(spec.resolve(4, 8, 0).unwrap().lengths(), [3, 0, 2]);
        let error = spec.resolve(4, 8, 241).unwrap_err().to_string();
        assert!(error.contains("241 bytes from offset 8"), "{error}");
        assert!(error.contains("multiple of 4 bytes"), "{error}");
        let error = spec.resolve(4, 8, 244).unwrap_err().to_string();
        assert!(
            error.starts_with("61 numbers are not a multiple of 6:"),
            "{error}"
        );
        let beside_zero: ShapeSpec = "0,-1".parse().unwrap();
        assert!(beside_zero.resolve(4, 0, 8).is_err());
        let huge: ShapeSpec = "9223372036854775807,-1".parse().unwrap();
        assert!(matches!(
            huge.resolve(2, 0, 8),
            Err(ArrayError::TooLarge { .. })
        ));
    }

    #[test]
    fn the_length_that_fits_leaves_less_than_a_step() {
        for (axis, available, expected) in [
            (0, 4800, Some(("150,4", 0))),
            (1, 4800, Some(("200,3", 0))),
            (0, 4831, Some(("150,4", 31))),
            (0, 31, None),
            (2, 4800, None),
        ] {
            let fitting = Shape(vec![200, 4]).fitting_along(axis, 8, available);
            let fitting = fitting.map(|(shape, rest)| (shape.option(), rest));
            let expected = expected.map(|(shape, rest)| (shape.to_owned(), rest));
            assert_eq!(fitting, expected);
        }
        assert_eq!(Shape(vec![9, 0]).fitting_along(0, 8, 80), None);
        assert_eq!(Shape(vec![u64::MAX, 2, 2]).fitting_along(2, 8, 80), None);
    }

    #[test]
    fn shapes_print_as_python_tuples() {
        for (lengths, text) in [(vec![], "()"), (vec![3], "(3,)"), (vec![3, 4], "(3, 4)")] {
            assert_eq!(Shape(lengths).to_string(), text);
        }
    }
}
