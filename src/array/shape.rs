//! Shapes as people write them, and shapes as they are: parsing, inferring the
//! length that was left open, and counting elements without overflow. Where
//! the elements lie is the business of `view`.

use std::fmt;
use std::str::FromStr;

use super::{ArrayError, MAX_NDIM, Unit};

/// Which axis varies fastest in the file: the last (`C`) or the first (`F`).
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
    /// A shape of these lengths.
    pub fn new(lengths: Vec<u64>) -> Shape {
        Shape(lengths)
    }

    /// The length of each axis.
    pub fn lengths(&self) -> &[u64] {
        &self.0
    }

    /// The number of axes.
    pub fn ndim(&self) -> usize {
        self.0.len()
    }

    /// The bytes that items of `itemsize` bytes take, empty axes counted as if
    /// they had one element; `None` where 63 bits cannot count them. Strides
    /// are products of the same factors, so they fit where this does.
    pub(super) fn span(&self, itemsize: u64) -> Option<u64> {
        self.0
            .iter()
            .try_fold(itemsize, |bytes, &length| bytes.checked_mul(length.max(1)))
            .filter(|&bytes| i64::try_from(bytes).is_ok())
    }
}

/// As Python prints a tuple: `()`, `(3,)`, `(3, 4)`.
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

/// A shape as the user gives it: at most one length is -1 and inferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeSpec {
    text: String,
    lengths: Vec<Option<u64>>,
}

/// As it was given.
impl fmt::Display for ShapeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ShapeSpec {
    type Err = ArrayError;

    /// Reads `1000,16`, `1000x16`, `(1000, 16)`, `()`, with at most one -1.
    fn from_str(text: &str) -> Result<ShapeSpec, ArrayError> {
        let not_a_shape = || ArrayError::NotAShape { text: text.into() };
        let trimmed = text.trim();
        let inner = match trimmed.strip_prefix('(') {
            Some(rest) => rest.strip_suffix(')').ok_or_else(not_a_shape)?.trim(),
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
        let separator = if inner.contains('x') { 'x' } else { ',' };
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

impl ShapeSpec {
    fn push(&mut self, part: &str) -> Result<(), ArrayError> {
        let text = || self.text.clone();
        let digits = part.strip_prefix('-').unwrap_or(part);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
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

    /// Whether a length is left to be inferred.
    pub fn is_open(&self) -> bool {
        self.lengths.contains(&None)
    }

    /// Whether `shape` is one of those meant: the same, or the same but for the
    /// length that is left to be inferred.
    pub fn admits(&self, shape: &Shape) -> bool {
        let mut lengths = self.lengths.iter().zip(&shape.0);
        self.lengths.len() == shape.ndim()
            && lengths.all(|(meant, length)| meant.is_none_or(|meant| meant == *length))
    }

    /// The shape, its -1 inferred so that items of `itemsize` bytes fill the
    /// `available` bytes from `offset` to the end of the file.
    ///
    /// # Errors
    ///
    /// When the bytes are not a whole number of steps along the inferred axis,
    /// or a 0 beside it leaves the length open.
    pub fn resolve(&self, itemsize: u64, offset: u64, available: u64) -> Result<Shape, ArrayError> {
        let known = Shape(self.lengths.iter().map(|l| l.unwrap_or(1)).collect());
        if !self.is_open() {
            return Ok(known);
        }
        if known.0.contains(&0) {
            let text = self.text.clone();
            return Err(ArrayError::InferredBesideZero { text });
        }
        let unit = known.span(itemsize).ok_or_else(|| ArrayError::TooLarge {
            shape: known.clone(),
            itemsize,
            offset,
        })?;
        let length = whole(available, offset, unit, Unit::Step)?;
        let lengths = self.lengths.iter().map(|l| l.unwrap_or(length));
        Ok(Shape(lengths.collect()))
    }

    /// The shape of a file without one: one axis of all the items of
    /// `itemsize` bytes in the `available` bytes from `offset` to its end.
    ///
    /// # Errors
    ///
    /// When the bytes are not a whole number of items.
    pub fn of_rest(itemsize: u64, offset: u64, available: u64) -> Result<Shape, ArrayError> {
        let length = whole(available, offset, itemsize, Unit::Item)?;
        Ok(Shape(vec![length]))
    }
}

fn whole(available: u64, offset: u64, unit: u64, what: Unit) -> Result<u64, ArrayError> {
    if available.is_multiple_of(unit) {
        Ok(available / unit)
    } else {
        Err(ArrayError::NotAMultiple {
            available,
            offset,
            unit,
            what,
        })
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
            ("(1000, 16)", vec![1000, 16]),
            (" 1000 , 16 ", vec![1000, 16]),
            ("0,4", vec![0, 4]),
            ("007", vec![7]),
        ] {
            let spec: ShapeSpec = text.parse().unwrap();
            assert_eq!(spec.resolve(1, 0, 0).unwrap().lengths(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_shape_is_refused_with_its_text() {
        for text in [
            "", "  ", ",", "x", "3,,4", "3x", "x3", "(3", "3)", "3 4", "+3", "3.0", "0x", "a",
            "(3,4", "--1", "3;4", "-", "٣",
        ] {
            let error = text.parse::<ShapeSpec>().unwrap_err();
            assert!(
                matches!(error, ArrayError::NotAShape { .. }),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn lengths_that_cannot_be_have_their_own_errors() {
        let error = |text: &str| text.parse::<ShapeSpec>().unwrap_err().to_string();
        assert!(error("-1,-1").contains("only one length can be -1"));
        assert!(error("3,-2").contains("-2 is negative"));
        assert!(error("2,9223372036854775808").contains("9223372036854775808 is past 2^63"));
        assert!(error(&"1,".repeat(65)).contains("65 axes"));
        assert!("1,".repeat(64).parse::<ShapeSpec>().is_ok());
    }

    #[test]
    fn the_open_length_is_inferred_from_the_bytes_that_are_there() {
        let spec: ShapeSpec = "3,-1,2".parse().unwrap();
        assert_eq!(spec.resolve(4, 8, 240).unwrap().lengths(), [3, 10, 2]);
        assert_eq!(spec.resolve(4, 8, 0).unwrap().lengths(), [3, 0, 2]);
        let error = spec.resolve(4, 8, 241).unwrap_err().to_string();
        assert!(error.contains("241 bytes from offset 8"), "{error}");
        assert!(error.contains("24 bytes"), "{error}");
        let beside_zero: ShapeSpec = "0,-1".parse().unwrap();
        assert!(beside_zero.resolve(4, 0, 8).is_err());
        let huge: ShapeSpec = "9223372036854775807,-1".parse().unwrap();
        assert!(matches!(
            huge.resolve(2, 0, 8),
            Err(ArrayError::TooLarge { .. })
        ));
    }

    #[test]
    fn shapes_print_as_python_tuples() {
        for (lengths, text) in [(vec![], "()"), (vec![3], "(3,)"), (vec![3, 4], "(3, 4)")] {
            assert_eq!(Shape(lengths).to_string(), text);
        }
    }
}
