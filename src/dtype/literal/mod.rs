//! Python literals, as in structured dtypes and `.npy` headers. Parses a subset of
//! `ast.literal_eval` and prints it as `repr` does. The meaning of a literal is left to the caller.
//!
//! The subset consists of strings, integers, `True`, `False`, `None`, lists, tuples and dicts, with
//! blanks and line breaks between tokens. Refused, although Python accepts them:
//!
//! - other kinds of values, and comments;
//! - raw, triple-quoted and concatenated strings, and `\N{...}` and surrogates in strings;
//! - integers beyond 128 bits, and a sign before brackets;
//! - dict keys that are not strings;
//! - more than [`MAX_DEPTH`] levels of brackets.

mod error;
mod parse;
mod text;

use std::fmt;

pub(super) use error::quote_up_to;
pub use error::{LiteralError, Problem};

/// The maximum nesting depth of brackets.
pub const MAX_DEPTH: usize = 64;

/// A Python literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A string.
    Str(String),
    /// `[...]`
    List(Vec<Literal>),
    /// `(...)`
    Tuple(Vec<Literal>),
    /// `{...}`, in source order. [`Literal::parse`] returns distinct string keys. The last value of
    /// a repeated key counts, as in Python.
    Dict(Vec<(Literal, Literal)>),
}

impl Literal {
    /// Parses `text`, as `ast.literal_eval` does.
    ///
    /// # Errors
    ///
    /// When `text` is not one literal of the subset of [`literal`](self).
    pub fn parse(text: &str) -> Result<Self, LiteralError> {
        parse::parse(text, false)
    }

    /// As [`Literal::parse`], with the suffix `L` allowed on integers, as in Python 2.
    ///
    /// # Errors
    ///
    /// As [`Literal::parse`].
    pub fn parse_python2(text: &str) -> Result<Self, LiteralError> {
        parse::parse(text, true)
    }

    /// The string. `None` for other literals.
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

/// Python's `repr`. Which non-ASCII characters are printable depends on the Unicode version of the
/// Rust standard library, which can be newer than Python's.
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
