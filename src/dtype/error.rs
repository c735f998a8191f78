//! Errors of parsing a dtype, with the messages shown to the user. The messages are the same for
//! the command line and for a file header.

use thiserror::Error;

use super::literal::{Literal, LiteralError, quote_up_to};
use super::{MAX_AXES, MAX_ITEMSIZE, MAX_LEVELS, units};

/// The maximum length of a quotation in an error, in characters.
const QUOTED_CHARACTERS: usize = 60;

/// A refused dtype and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("dtype {quoted}: {}{}", reason.path, reason.refusal)]
pub struct DTypeError {
    quoted: String,
    reason: Reason,
}

impl DTypeError {
    pub(super) fn new(text: &str, reason: Reason) -> Self {
        Self {
            quoted: quote(text),
            reason,
        }
    }

    /// The reason, without the dtype.
    pub fn refusal(&self) -> &Refusal {
        &self.reason.refusal
    }
}

/// A refusal and the part of the dtype that it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    /// The path to the part, outermost first, with `: ` after each component.
    path: String,
    refusal: Refusal,
}

impl Reason {
    /// The reason, prefixed with a field name.
    pub(super) fn in_field(mut self, name: &str) -> Self {
        let field = quote(name);
        self.path.insert_str(0, &format!("field {field}: "));
        self
    }

    /// The reason, prefixed with a string inside the dtype.
    pub(super) fn in_text(mut self, text: &str) -> Self {
        let text = quote(text);
        self.path.insert_str(0, &format!("{text}: "));
        self
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        Self {
            path: String::new(),
            refusal,
        }
    }
}

/// Why a dtype is refused. Each variant quotes an example.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// `float33`.
    #[error(
        "not a NumPy type; expected a name such as float32 or a code such as f4, >i2, S10, M8[ns]"
    )]
    Unknown,

    /// `>float32`.
    #[error("a byte-order mark goes before a code, not before a name; write {code}")]
    MarkedName {
        /// The code to write instead, in quotes.
        code: String,
    },

    /// `i3`.
    #[error("no such item size; expected {}", sized_codes(*letter, sizes))]
    Size {
        /// The code's letter.
        letter: char,
        /// The valid item sizes, in bytes.
        sizes: &'static [u32],
    },

    /// `S2147483648`.
    #[error("the length is out of range; '{letter}' takes 1 to {limit}")]
    Length {
        /// The code's letter.
        letter: char,
        /// The maximum length, in bytes or, for `U`, in characters.
        limit: u32,
    },

    /// `S`, `U0`, `void`.
    #[error("items of 0 bytes are not supported; give a length, such as {letter}10")]
    EmptyItem {
        /// The code's letter.
        letter: char,
    },

    /// `O`, `object`.
    #[error(
        "object items hold pointers into a Python process, not data; expected a type of fixed size"
    )]
    Object,

    /// `T`, NumPy's `StringDType`.
    #[error(
        "StringDType items hold pointers, not data; expected strings of a fixed length, such as U10"
    )]
    VariableString,

    /// `M8[min]`, `M8[ns`.
    #[error(
        "expected nothing or one unit in brackets, such as [ns] or [10ms]; units are {}",
        units::names()
    )]
    Unit,

    /// `M8[-1s]`.
    #[error(
        "the number before the unit is out of range; expected 0 to {}",
        i32::MAX
    )]
    Multiple,

    /// `M8[s/3]`.
    #[error(
        "the divisor must give an integer number, up to {}, of a smaller unit, as [s/25] is [40ms]",
        i32::MAX
    )]
    Divisor,

    /// `[('x','f4')`
    #[error(transparent)]
    Literal(#[from] LiteralError),

    /// `[5]`, `[('x', 4)]`
    #[error("expected a type as a string, a list of fields or a dict, got {got}")]
    NotAType {
        /// The value found, truncated.
        got: String,
    },

    /// `[('x',)]`
    #[error("expected a field as (name, type) or (name, type, shape), got {got}")]
    FieldTuple {
        /// The value found, truncated.
        got: String,
    },

    /// `[(5, 'f4')]`
    #[error("expected a field name as a string or as (title, name), got {got}")]
    FieldName {
        /// The value found, truncated.
        got: String,
    },

    /// `x:f4,x:i8`
    #[error("two fields have the name or title {name}")]
    RepeatedName {
        /// The name or title, quoted.
        name: String,
    },

    /// `[('x', 'f4', 'i4')]`
    #[error("expected the lengths of a sub-array, such as 3 or (3, 3), got {got}")]
    SubArrayShape {
        /// The value found, truncated.
        got: String,
    },

    /// A shape of more than 64 axes.
    #[error("a sub-array has at most {MAX_AXES} axes")]
    SubArrayAxes,

    /// `(2,3)f4`
    #[error(
        "a sub-array is not an item of its own; give '{dtype}', \
         and put the lengths {shape} at the end of --shape"
    )]
    WholeSubArray {
        /// The dtype of the elements.
        dtype: String,
        /// The shape, as a Python tuple.
        shape: String,
    },

    /// `V2147483647,u1`
    #[error("an item takes at most {MAX_ITEMSIZE} bytes")]
    TooLarge,

    /// `[]`, `[('x', 'f4', 0)]`
    #[error("items of 0 bytes are not supported; at least one field must have data")]
    NoBytes,

    /// `[('a', [('b', ...)])]`, and so on.
    #[error("more than {MAX_LEVELS} nested structures")]
    TooDeep,

    /// `{'names': ..., 'formats': ..., 'offset': ...}`
    #[error("unknown key {key}; expected {expected}")]
    Key {
        /// The key, quoted.
        key: String,
        /// The valid keys.
        expected: String,
    },

    /// `{'names': 'x', ...}`, `{'names': ['x'], 'formats': []}`
    #[error("'{key}' must be a list with an entry for every name, got {got}")]
    Entries {
        /// The key in the dict.
        key: &'static str,
        /// The value found, truncated.
        got: String,
    },

    /// `{'x': 'f4'}`
    #[error("expected a field as (type, offset) or (type, offset, title), got {got}")]
    FieldEntry {
        /// The value found, truncated.
        got: String,
    },

    /// `{..., 'titles': [5]}`
    #[error("expected a title as a string or None, got {got}")]
    Title {
        /// The value found, truncated.
        got: String,
    },

    /// `{..., 'offsets': [-1]}`
    #[error("expected an offset from 0 to {MAX_ITEMSIZE}, got {got}")]
    Offset {
        /// The value found, truncated.
        got: String,
    },

    /// `{..., 'aligned': 1}`
    #[error("'aligned' must be True or False, got {got}")]
    Aligned {
        /// The value found, truncated.
        got: String,
    },

    /// `{..., 'offsets': [2], 'aligned': True}`
    #[error("{bytes} bytes are not a multiple of the alignment, {alignment}")]
    Misaligned {
        /// The offset or item size.
        bytes: u32,
        /// The required alignment, in bytes.
        alignment: u32,
    },

    /// `{..., 'itemsize': 3}`
    #[error("expected an item size from {need} to {MAX_ITEMSIZE}, got {got}")]
    ItemSize {
        /// The minimum size in bytes.
        need: u32,
        /// The value found, truncated.
        got: String,
    },

    /// `f4,(2i8`
    #[error("expected types separated by commas, such as f4,3i8,(2,3)i2; stopped at {rest}")]
    CommaString {
        /// The rest of the text, quoted and truncated.
        rest: String,
    },

    /// `<3>f4`
    #[error("two different byte-order marks")]
    ByteOrders,

    /// `x:f4,i8`
    #[error("expected every field as name:type, got {got}")]
    ShortField {
        /// The field, quoted and truncated.
        got: String,
    },
}

/// The codes of one letter: `i1, i2, i4, i8`.
fn sized_codes(letter: char, sizes: &[u32]) -> String {
    let codes: Vec<String> = sizes.iter().map(|size| format!("{letter}{size}")).collect();
    codes.join(", ")
}

/// The literal as Python prints it, truncated.
pub(super) fn show(literal: &Literal) -> String {
    let written = literal.to_string();
    match written.char_indices().nth(QUOTED_CHARACTERS) {
        Some((end, _)) => format!("{}...", &written[..end]),
        None => written,
    }
}

/// The text in quotes, on one line, truncated.
pub(super) fn quote(text: &str) -> String {
    quote_up_to(text, QUOTED_CHARACTERS)
}

#[cfg(test)]
mod tests {
    use super::super::DType;

    fn message(text: &str) -> String {
        DType::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_refused_text_is_quoted_on_one_line() {
        assert!(
            message("f9").starts_with("dtype 'f9': no such item size; expected f2, f4, f8, f16")
        );
        assert!(message("").starts_with("dtype '': not a NumPy type"));
        assert!(message("a\nb\u{1b}[0m").starts_with(r"dtype 'a\nb\u{1b}[0m': not a NumPy type"));
        assert!(message("[('x','f9')]").starts_with("dtype '[('x','f9')]': field 'x': 'f9': no"));
    }

    #[test]
    fn a_long_text_is_truncated_in_the_message() {
        let message = message(&"x\u{7}é".repeat(1 << 20));
        assert!(message.contains("é...': not a NumPy type"), "{message}");
        assert!(message.len() < 500, "{message}");
    }

    #[test]
    fn errors_suggest_what_to_write_instead() {
        for (text, remedy) in [
            ("float31", "float32"),
            (">float32", "write '>f4'"),
            ("|int8", "write '|i1'"),
            (">str", "write '>U' and the length"),
            ("S", "such as S10"),
            ("str", "such as U10"),
            ("void", "such as V10"),
            ("S2147483648", "'S' takes 1 to 2147483647"),
            ("U536870912", "'U' takes 1 to 536870911"),
            (
                "M8[min]",
                "Y, M, W, D, h, m, s, ms, us, ns, ps, fs, as, generic",
            ),
        ] {
            assert!(message(text).contains(remedy), "{text}: {}", message(text));
        }
    }
}
