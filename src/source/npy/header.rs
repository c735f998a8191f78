//! The contents of a header: a Python dict with dtype, order and shape. The bytes around
//! the dict are left to `frame`.

use super::HeaderError;
use super::error::quote;
use super::frame::{Frame, Version, wrap};
use crate::array::{MAX_NDIM, Order, Shape};
use crate::dtype::literal::Literal;
use crate::dtype::{DType, Refusal};

/// The keys of the dict. All are required, and no others are allowed.
const KEYS: [&str; 3] = ["descr", "fortran_order", "shape"];

/// The number of digits reserved in a header for the length of the slowest axis, as in NumPy
/// (`GROWTH_AXIS_MAX_DIGITS`). A program that appends to the file can then update the shape in
/// place.
const GROWTH_DIGITS: usize = 21;

/// A parsed header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The dtype of the array.
    pub dtype: DType,
    /// The memory order of the array.
    pub order: Order,
    /// The shape of the array.
    pub shape: Shape,
    /// File offset of the array, equal to the size of the header in bytes.
    pub offset: u64,
}

impl Header {
    /// The size of the header in bytes, at most 40012. `prefix` is the first 12 bytes of the file,
    /// or the whole file if it is shorter.
    ///
    /// # Errors
    ///
    /// When the bytes do not start a header, or the header is longer than NumPy reads.
    pub fn size(prefix: &[u8]) -> Result<usize, HeaderError> {
        Frame::read(prefix).map(|frame| frame.text.end)
    }

    /// Parses the header at the start of `bytes`. Bytes after it are ignored.
    ///
    /// # Errors
    ///
    /// When NumPy refuses the header, or one of the exceptions in the documentation of
    /// [`npy`](super) applies.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let frame = Frame::read(bytes)?;
        let text = frame.decode(bytes)?;
        let mut literal = Literal::parse(&text);
        if frame.version != Version::V3 {
            literal = literal.or_else(|error| Literal::parse_python2(&text).map_err(|_| error));
        }
        let [descr, fortran_order, shape] = values(literal?)?;
        Ok(Self {
            shape: parse_shape(&shape)?,
            order: parse_fortran_order(&fortran_order)?,
            dtype: parse_descr(&descr)?,
            offset: frame.text.end as u64,
        })
    }

    /// The header that `numpy.save` writes for an array with this dtype, shape and order. `None`
    /// for dtypes without `dtype.descr`, such as those with overlapping fields.
    pub fn write(dtype: &DType, shape: &Shape, order: Order) -> Option<Vec<u8>> {
        let descr = dtype.descr()?;
        let lengths = shape.lengths();
        let (fortran_order, growing) = match stored_order(shape, order) {
            Order::C => ("False", lengths.first()),
            Order::F => ("True", lengths.last()),
        };
        let mut text =
            format!("{{'descr': {descr}, 'fortran_order': {fortran_order}, 'shape': {shape}, }}");
        if let Some(length) = growing {
            let room = GROWTH_DIGITS.saturating_sub(length.to_string().len());
            text.extend(std::iter::repeat_n(' ', room));
        }
        wrap(&text)
    }
}

/// Whether `a` and `b` are complete headers of the same length that describe the same array.
/// Headers longer than NumPy reads are never complete.
pub fn same_meaning(a: &[u8], b: &[u8]) -> bool {
    let meaning = |bytes: &[u8]| {
        let header = Header::parse(bytes).ok()?;
        let order = stored_order(&header.shape, header.order);
        (header.offset == bytes.len() as u64).then_some((header.dtype, header.shape, order))
    };
    match (meaning(a), meaning(b)) {
        (Some((dtype, shape, order)), Some((other, other_shape, other_order))) => {
            a.len() == b.len()
                && dtype.is_stored_as(&other)
                && (shape, order) == (other_shape, other_order)
        }
        _ => false,
    }
}

/// The order that NumPy stores. It is C where both orders are the same: an array with at most one
/// axis longer than 1, or without elements.
fn stored_order(shape: &Shape, order: Order) -> Order {
    let lengths = shape.lengths();
    let has_one_order =
        lengths.contains(&0) || lengths.iter().filter(|&&length| length > 1).count() <= 1;
    if has_one_order { Order::C } else { order }
}

/// The values of the dict in the order of [`KEYS`]. The last value of a repeated key counts, as in
/// Python.
fn values(literal: Literal) -> Result<[Literal; 3], HeaderError> {
    let items = match literal {
        Literal::Dict(items) => items,
        other => {
            return Err(HeaderError::NotADict {
                found: quote(&other),
            });
        }
    };
    let mut values = KEYS.map(|_| None);
    let mut extra = Vec::new();
    for (key, value) in items {
        let is_key = |name: &&str| matches!(&key, Literal::Str(key) if key == name);
        match KEYS.iter().position(is_key) {
            Some(index) => values[index] = Some(value),
            None => extra.push(quote(&key)),
        }
    }
    match values {
        [Some(descr), Some(fortran_order), Some(shape)] if extra.is_empty() => {
            Ok([descr, fortran_order, shape])
        }
        values => {
            let found = KEYS.into_iter().zip(values);
            let missing = found.filter(|(_, value)| value.is_none());
            Err(HeaderError::Keys {
                missing: missing.map(|(name, _)| format!("'{name}'")).collect(),
                extra,
            })
        }
    }
}

fn parse_shape(value: &Literal) -> Result<Shape, HeaderError> {
    let shape = || quote(value);
    let Literal::Tuple(items) = value else {
        return Err(HeaderError::Shape { found: shape() });
    };
    if items.len() > MAX_NDIM {
        return Err(HeaderError::TooManyAxes {
            shape: shape(),
            ndim: items.len(),
        });
    }
    let lengths = items.iter().map(|item| {
        let length = match item {
            Literal::Int(length) => i64::try_from(*length).ok(),
            _ => None,
        };
        let length = length.and_then(|length| u64::try_from(length).ok());
        length.ok_or_else(|| HeaderError::Length {
            shape: shape(),
            length: quote(item),
        })
    });
    lengths.collect::<Result<_, _>>().map(Shape::new)
}

fn parse_fortran_order(value: &Literal) -> Result<Order, HeaderError> {
    match value {
        Literal::Bool(false) => Ok(Order::C),
        Literal::Bool(true) => Ok(Order::F),
        other => Err(HeaderError::FortranOrder {
            found: quote(other),
        }),
    }
}

fn parse_descr(value: &Literal) -> Result<DType, HeaderError> {
    DType::from_descr(value).map_err(|error| match error.refusal() {
        Refusal::Object => HeaderError::Pickled {
            found: quote(value),
        },
        _ => HeaderError::DType(error.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of version 1.0 with this text and no padding.
    fn header(text: &str) -> Vec<u8> {
        let length = u16::try_from(text.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes()].concat()
    }

    fn message(bytes: &[u8]) -> String {
        Header::parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn errors_name_the_found_and_the_expected_value() {
        for (text, expected) in [
            ("[1, 2]", "header [1, 2]: expected a dict"),
            (
                "{'descr': '<f4', 'form': 1, 'shape': (), 'x': 3}",
                "header: expected the keys 'descr', 'fortran_order' and 'shape'; \
                 'fortran_order' missing, 'form', 'x' extra",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': [3, 4]}",
                "shape [3, 4]: expected a tuple of lengths, such as (3, 4)",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (3, -1)}",
                "shape (3, -1): the length -1 is not an integer from 0 to 2^63 - 1",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}",
                "shape (9223372036854775808,): the length 9223372036854775808 is not an \
                 integer from 0 to 2^63 - 1",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 3)}",
                "shape (True, 3): the length True is not an integer from 0 to 2^63 - 1",
            ),
            (
                "{'descr': '<f4', 'fortran_order': 'C\\x1b\\n', 'shape': ()}",
                r"fortran_order 'C\x1b\n': expected True or False",
            ),
            (
                "{'descr': '|O', 'fortran_order': False, 'shape': (2,)}",
                "descr '|O': the array holds pickled Python objects, which are not stored as items \
                 of a fixed size; save it with another dtype",
            ),
            (
                "{'descr': [('x', '<f4'), ('y', '|O')], 'fortran_order': False, 'shape': (2,)}",
                "descr [('x', '<f4'), ('y', '|O')]: the array holds pickled Python objects, which \
                 are not stored as items of a fixed size; save it with another dtype",
            ),
        ] {
            assert_eq!(message(&header(text)), expected);
        }
    }

    #[test]
    fn invalid_frames_are_refused_with_the_reason() {
        for (bytes, expected) in [
            (&b""[..], "header: need 10 bytes, there are 0"),
            (
                b"\x93NUMPY\x03\x00\x10",
                "header: need 12 bytes, there are 9",
            ),
            (
                b"\x93NUMPY\x01\x00\x76\x00{",
                "header: need 128 bytes, there are 11",
            ),
            (
                b"PK\x03\x04",
                r"magic bytes 'PK\x03\x04': expected '\x93NUMPY'",
            ),
            (
                b"\x93NUMPY\x01\x02\x76\x00",
                "format version 1.2: expected 1.0, 2.0 or 3.0",
            ),
            (
                b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
                "header: its text has 4294967295 bytes, the maximum is 10000",
            ),
            (
                b"\x93NUMPY\x03\x00\x03\x00\x00\x00{'\xff",
                "header: its text is not UTF-8 after the first 2 bytes",
            ),
        ] {
            assert_eq!(message(bytes), expected);
        }
    }

    #[test]
    fn long_values_are_truncated_in_errors() {
        let axes = "1, ".repeat(65);
        let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({axes})}}");
        let expected = format!("shape ({}...: 65 axes, the maximum is 64", &axes[..59]);
        assert_eq!(message(&header(&text)), expected);
        for text in [
            format!("'{}'", "\u{e9}\u{7}".repeat(2000)),
            format!("{{'{}': 1}}", "x".repeat(5000)),
            format!("{{{}}}", "'x': 1, ".repeat(1000)),
        ] {
            let message = message(&header(&text));
            assert!(message.len() < 300, "{message}");
        }
    }

    #[test]
    fn headers_of_equal_length_for_the_same_array_have_the_same_meaning() {
        let numpy = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }    ";
        for (other, expected) in [
            (numpy, true),
            (
                "{'shape': (3,),'fortran_order': False,'descr': '<f4'}        ",
                true,
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (3L,)}     ",
                true,
            ),
            // With one axis, both orders are the same.
            (
                "{'descr': '<f4', 'fortran_order': True, 'shape': (3,), }     ",
                true,
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }   ",
                false,
            ),
            (
                "{'descr': '>f4', 'fortran_order': False, 'shape': (3,), }    ",
                false,
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1), }  ",
                false,
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }    ",
                false,
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), x}   ",
                false,
            ),
        ] {
            let (a, b) = (header(numpy), header(other));
            assert_eq!(same_meaning(&a, &b), expected, "{other}");
            assert_eq!(same_meaning(&b, &a), expected, "{other}");
        }
        let (c, f) = [("False", " "), ("True", "  ")]
            .map(|(order, end)| {
                header(&format!(
                    "{{'descr': '<f4', 'fortran_order': {order}, 'shape': (3, 4)}}{end}"
                ))
            })
            .into();
        assert!(!same_meaning(&c, &f));
        let incomplete = &c[..c.len() - 1];
        assert!(!same_meaning(incomplete, incomplete));
        let with_data = [&c[..], b"data"].concat();
        assert!(!same_meaning(&with_data, &with_data));
    }
}
