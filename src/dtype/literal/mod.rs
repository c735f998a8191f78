//! Python literals: what a structured type and the header of a `.npy` file are written in. Reads
//! the part of the language that `ast.literal_eval` and these texts share, and prints it as `repr`
//! does; what a literal means is left to others.
//!
//! That part is: texts, whole numbers, `True`, `False`, `None`, lists, tuples and dicts. Blanks and
//! line breaks may stand anywhere between them, also around the whole. Refused, although Python
//! takes them: other kinds of values, comments, texts that are raw, in triple quotes or of several
//! pieces, named characters (`\N{...}`) and surrogates in them, numbers that do not fit 128 bits or
//! have a sign before brackets, dict keys that are not texts, and more than [`MAX_DEPTH`] levels of
//! brackets.

mod error;
mod parse;
mod text;

use std::fmt;

pub(super) use error::quote_up_to;
pub use error::{LiteralError, Problem};

/// How many levels of brackets a text may have.
pub const MAX_DEPTH: usize = 64;

/// A value written in Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A text.
    Str(String),
    /// `[...]`
    List(Vec<Literal>),
    /// `(...)`
    Tuple(Vec<Literal>),
    /// `{...}`, in the order written. From [`Literal::parse`], keys are texts and differ: of a key
    /// that is given twice the last value counts, as in Python.
    Dict(Vec<(Literal, Literal)>),
}

impl Literal {
    /// Reads the whole of `text`, as `ast.literal_eval` does.
    ///
    /// # Errors
    ///
    /// When it is not one literal, or not of the part of Python that is described above.
    pub fn parse(text: &str) -> Result<Self, LiteralError> {
        parse::parse(text, false)
    }

    /// As [`Literal::parse`], and accepts the suffix that Python 2 gave long integers: `3L`.
    ///
    /// # Errors
    ///
    /// As [`Literal::parse`].
    pub fn parse_python2(text: &str) -> Result<Self, LiteralError> {
        parse::parse(text, true)
    }

    /// The text, if it is one.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<u64> for Literal {
    fn from(number: u64) -> Self {
        Self::Int(number.into())
    }
}

/// Python's `repr`. Whether a character beyond ASCII is printable is decided by the Unicode version
/// of Rust's standard library, which can know more characters than Python's.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Str(text) => text::write_repr(f, text),
            Self::List(items) => {
                f.write_str("[")?;
                write_items(f, items)?;
                f.write_str("]")
            }
            Self::Tuple(items) => {
                f.write_str("(")?;
                write_items(f, items)?;
                f.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
            Self::Dict(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{key}: {value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_items(f: &mut fmt::Formatter<'_>, items: &[Literal]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Literal;

    #[test]
    fn literals_print_as_repr_prints_them() {
        for (text, repr) in [
            ("None", "None"),
            ("[True,False]", "[True, False]"),
            ("0x_ff", "255"),
            ("(1)", "1"),
            ("(1,)", "(1,)"),
            ("( )", "()"),
            ("(1,[2,],)", "(1, [2])"),
            ("{'a':1,\"b\":{}}", "{'a': 1, 'b': {}}"),
            (r#"'it\'s'"#, r#""it's""#),
            (r#"'\'"'"#, r#"'\'"'"#),
            (
                r"'\a\n\x7f\u00e9\u0301\u200b\U0001f600'",
                "'\\x07\\n\\x7fé\u{301}\\u200b😀'",
            ),
        ] {
            assert_eq!(Literal::parse(text).unwrap().to_string(), repr, "{text}");
        }
    }
}
