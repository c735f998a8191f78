//! Why a text is not a type that can be mounted. The wording is the user's; it is the same wherever
//! the text came from, the command line or a file's header.

use thiserror::Error;

use super::units;

/// The longest part of a refused text that an error repeats, in characters.
const QUOTED_CHARACTERS: usize = 60;

/// A text that is refused as a type, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("dtype {quoted}: {refusal}")]
pub struct DTypeError {
    quoted: String,
    refusal: Refusal,
}

impl DTypeError {
    pub(super) fn new(text: &str, refusal: Refusal) -> Self {
        Self {
            quoted: quote(text),
            refusal,
        }
    }

    /// The reason alone.
    pub fn refusal(&self) -> &Refusal {
        &self.refusal
    }
}

/// The reasons for which a text is refused as a type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No such name or code.
    #[error(
        "not a NumPy type; expected a name such as float32 or a code such as f4, >i2, S10, M8[ns]"
    )]
    Unknown,

    /// `>float32`.
    #[error("a byte-order mark goes before a code, not before a name; write '{code}'")]
    MarkedName {
        /// What means the same.
        code: String,
    },

    /// `i3`.
    #[error("no such item size; expected {}", sized_codes(*letter, sizes))]
    Size {
        /// The code's letter.
        letter: char,
        /// The sizes that it takes, in bytes.
        sizes: &'static [u32],
    },

    /// `S2147483648`.
    #[error("the length is out of range; '{letter}' takes 1 to {limit}")]
    Length {
        /// The code's letter.
        letter: char,
        /// The largest length, in bytes or, for `U`, in characters.
        limit: u32,
    },

    /// `S`, `U0`, `void`.
    #[error("an item of 0 bytes has no place in a file; give a length, such as {letter}10")]
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

    /// `[('x', 'f4')]`, `x:f4`, `f4,i8`, `(2,)f4`.
    #[error(
        "structured and sub-array dtypes are not supported yet; expected one plain type such as f4"
    )]
    Structured,

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
        "the divisor must leave a whole number, up to {}, of a smaller unit, as [s/25] is [40ms]",
        i32::MAX
    )]
    Divisor,
}

/// The codes of one letter: `i1, i2, i4, i8`.
fn sized_codes(letter: char, sizes: &[u32]) -> String {
    let codes: Vec<String> = sizes.iter().map(|size| format!("{letter}{size}")).collect();
    codes.join(", ")
}

/// The text in quotes, on one line and of bounded length whatever it holds.
fn quote(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars().take(QUOTED_CHARACTERS) {
        match character {
            '\'' | '"' | '\\' => quoted.push(character),
            other => quoted.extend(other.escape_debug()),
        }
    }
    if text.chars().nth(QUOTED_CHARACTERS).is_some() {
        quoted.push_str("...");
    }
    quoted.push('\'');
    quoted
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
        assert!(message("[('x','f4')]").starts_with("dtype '[('x','f4')]': structured"));
    }

    #[test]
    fn a_long_text_is_cut_in_the_message() {
        let message = message(&"x\u{7}é".repeat(1 << 20));
        assert!(message.contains("é...': not a NumPy type"), "{message}");
        assert!(message.len() < 500, "{message}");
    }

    #[test]
    fn a_refusal_says_what_to_write_instead() {
        for (text, remedy) in [
            ("float31", "float32"),
            (">float32", "write '>f4'"),
            ("|int8", "write '|i1'"),
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
