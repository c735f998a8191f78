//! Errors of parsing a literal, with the position in the text.

use thiserror::Error;

use super::MAX_DEPTH;

/// The maximum length of a quotation in an error, in characters.
const QUOTED_CHARACTERS: usize = 24;

/// An error of parsing a literal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a Python literal: byte {position}, {near}: {problem}")]
pub struct LiteralError {
    position: usize,
    near: String,
    problem: Problem,
}

impl LiteralError {
    /// `position` is a character boundary in `text`, in bytes.
    pub(super) fn new(text: &str, position: usize, problem: Problem) -> Self {
        let near = match text.get(position..) {
            Some("") | None => "the end".to_owned(),
            Some(rest) => quote_up_to(rest, QUOTED_CHARACTERS),
        };
        Self {
            position,
            near,
            problem,
        }
    }

    /// The position of the problem, in bytes from the start of the text.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The problem.
    pub fn problem(&self) -> Problem {
        self.problem
    }
}

/// Why a text is not a literal of the supported subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// Another token is expected here.
    #[error("expected {0}")]
    Expected(&'static str),

    /// `[[[[...`
    #[error("more than {MAX_DEPTH} levels of brackets")]
    TooDeep,

    /// `1.5`, `2j`, `0x`, `1__0`
    #[error("not an integer")]
    Number,

    /// `007`
    #[error("an integer cannot start with 0; write 0o for octal")]
    LeadingZeros,

    /// `99999999999999999999999999999999999999999`
    #[error("the number does not fit 128 bits")]
    Range,

    /// `b'x'`, `r'x'`
    #[error("a string can only have the prefix u")]
    Prefix,

    /// `'''x'''`
    #[error("triple-quoted strings are not supported")]
    TripleQuotes,

    /// `'x`
    #[error("the string that starts here has no closing quote on its line")]
    Unclosed,

    /// A null character, code 0.
    #[error("a null character")]
    Null,

    /// `\xg0`
    #[error("expected {0} hexadecimal digits after the backslash and the letter")]
    Hexadecimal(usize),

    /// `\ud800`, `\U00110000`
    #[error("no such character, or one half of a surrogate pair")]
    Character,

    /// `\N{BULLET}`
    #[error("named characters are not supported; write \\u and the code")]
    Named,
}

/// The text in quotes, on one line, truncated to `characters` characters.
pub(in crate::dtype) fn quote_up_to(text: &str, characters: usize) -> String {
    let mut quoted = String::from("'");
    for character in text.chars().take(characters) {
        match character {
            '\'' | '"' | '\\' => quoted.push(character),
            other => quoted.extend(other.escape_debug()),
        }
    }
    if text.chars().nth(characters).is_some() {
        quoted.push_str("...");
    }
    quoted.push('\'');
    quoted
}
