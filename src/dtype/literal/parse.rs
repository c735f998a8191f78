//! A recursive-descent parser of Python literals. [`MAX_DEPTH`] bounds the nesting of brackets and
//! with it the recursion. Strings are left to `text`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Literal, LiteralError, MAX_DEPTH, Problem, text};

/// Parses `text`. With `long_integers`, integers may end in `L`.
pub(super) fn parse(text: &str, long_integers: bool) -> Result<Literal, LiteralError> {
    let mut parser = Parser {
        text,
        position: 0,
        depth: 0,
        long_integers,
    };
    let literal = parser.value()?;
    parser.skip_blanks();
    if parser.position < text.len() {
        return Err(parser.expected("nothing more"));
    }
    Ok(literal)
}

struct Parser<'a> {
    text: &'a str,
    /// Position in bytes, at a character boundary.
    position: usize,
    /// Number of open brackets.
    depth: usize,
    long_integers: bool,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Consumes the next character if it equals `ascii`. Returns whether it does.
    fn take(&mut self, ascii: char) -> bool {
        let is_next = self.peek() == Some(ascii);
        self.position += usize::from(is_next);
        is_next
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        let after = rest.trim_start_matches([' ', '\t', '\x0c', '\n', '\r']);
        self.position += rest.len() - after.len();
    }

    /// Consumes and returns the letters, digits, underscores and dots that follow.
    fn take_word(&mut self) -> &'a str {
        let rest = self.rest();
        let after =
            rest.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.'));
        let length = rest.len() - after.len();
        self.position += length;
        &rest[..length]
    }

    fn error(&self, position: usize, problem: Problem) -> LiteralError {
        LiteralError::new(self.text, position, problem)
    }

    fn expected(&self, what: &'static str) -> LiteralError {
        self.error(self.position, Problem::Expected(what))
    }

    /// Parses a value and the blanks before it.
    fn value(&mut self) -> Result<Literal, LiteralError> {
        self.skip_blanks();
        match self.peek() {
            Some('\'' | '"') => self.string(),
            Some('0'..='9' | '+' | '-') => self.integer(),
            Some('[') => self.nested(Self::list),
            Some('(') => self.nested(Self::tuple),
            Some('{') => self.nested(Self::dict),
            Some(c) if c.is_alphabetic() => self.word(),
            Some('\0') => Err(self.error(self.position, Problem::Null)),
            _ => Err(self.expected("a value")),
        }
    }

    fn string(&mut self) -> Result<Literal, LiteralError> {
        let (value, end) = text::read(self.text, self.position)
            .map_err(|(position, problem)| self.error(position, problem))?;
        self.position = end;
        Ok(Literal::Str(value))
    }

    /// Parses a constant, or a string with its prefix.
    fn word(&mut self) -> Result<Literal, LiteralError> {
        let start = self.position;
        let word = self.take_word();
        let is_prefix = matches!(self.peek(), Some('\'' | '"'));
        match word {
            "u" | "U" if is_prefix => self.string(),
            _ if is_prefix => Err(self.error(start, Problem::Prefix)),
            "None" => Ok(Literal::None),
            "True" => Ok(Literal::Bool(true)),
            "False" => Ok(Literal::Bool(false)),
            _ => Err(self.error(start, Problem::Expected("a value"))),
        }
    }

    fn integer(&mut self) -> Result<Literal, LiteralError> {
        let negative = self.take('-');
        if negative || self.take('+') {
            self.skip_blanks();
            if !matches!(self.peek(), Some('0'..='9')) {
                return Err(self.expected("an integer after the sign"));
            }
        }
        let start = self.position;
        let word = self.take_word();
        let word = match word.strip_suffix('L') {
            Some(short) if self.long_integers => short,
            _ => word,
        };
        integer(word, negative)
            .map(Literal::Int)
            .map_err(|problem| self.error(start, problem))
    }

    /// Consumes an opening bracket and parses the contents with `read`.
    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Literal, LiteralError>,
    ) -> Result<Literal, LiteralError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(self.position, Problem::TooDeep));
        }
        self.depth += 1;
        self.position += 1;
        let literal = read(self)?;
        self.depth -= 1;
        Ok(literal)
    }

    fn list(&mut self) -> Result<Literal, LiteralError> {
        Ok(Literal::List(self.items(']', "',' or ']'")?.0))
    }

    /// Parses a tuple, or a value in parentheses.
    fn tuple(&mut self) -> Result<Literal, LiteralError> {
        let (mut items, comma) = self.items(')', "',' or ')'")?;
        match items.pop() {
            Some(only) if items.is_empty() && !comma => Ok(only),
            last => {
                items.extend(last);
                Ok(Literal::Tuple(items))
            }
        }
    }

    /// Parses values up to the closing bracket. Also returns whether a comma precedes it.
    fn items(
        &mut self,
        closing: char,
        separator: &'static str,
    ) -> Result<(Vec<Literal>, bool), LiteralError> {
        let mut items = Vec::new();
        let mut comma = false;
        loop {
            self.skip_blanks();
            if (items.is_empty() || comma) && self.take(closing) {
                return Ok((items, comma));
            }
            items.push(self.value()?);
            self.skip_blanks();
            comma = self.take(',');
            if !comma {
                return match self.take(closing) {
                    true => Ok((items, false)),
                    false => Err(self.expected(separator)),
                };
            }
        }
    }

    fn dict(&mut self) -> Result<Literal, LiteralError> {
        let mut entries = Vec::new();
        let mut indices = HashMap::new();
        loop {
            self.skip_blanks();
            if self.take('}') {
                return Ok(Literal::Dict(entries));
            }
            let (key, value) = self.entry()?;
            match indices.entry(key.clone()) {
                Entry::Occupied(index) => {
                    let index: usize = *index.get();
                    entries[index] = (Literal::Str(key), value);
                }
                Entry::Vacant(index) => {
                    index.insert(entries.len());
                    entries.push((Literal::Str(key), value));
                }
            }
            self.skip_blanks();
            if !self.take(',') {
                return match self.take('}') {
                    true => Ok(Literal::Dict(entries)),
                    false => Err(self.expected("',' or '}'")),
                };
            }
        }
    }

    fn entry(&mut self) -> Result<(String, Literal), LiteralError> {
        let start = self.position;
        let Literal::Str(key) = self.value()? else {
            return Err(self.error(start, Problem::Expected("a string as a key")));
        };
        self.skip_blanks();
        if !self.take(':') {
            return Err(self.expected("':'"));
        }
        Ok((key, self.value()?))
    }
}

/// Parses the digits of an integer, with an optional radix prefix and underscores.
fn integer(word: &str, negative: bool) -> Result<i128, Problem> {
    let (radix, digits) = match word.get(..2) {
        Some("0x" | "0X") => (16, &word[2..]),
        Some("0o" | "0O") => (8, &word[2..]),
        Some("0b" | "0B") => (2, &word[2..]),
        _ => (10, word),
    };
    let digits = match radix {
        10 => digits,
        _ => digits.strip_prefix('_').unwrap_or(digits),
    };
    let is_group = |group: &str| !group.is_empty() && group.chars().all(|c| c.is_digit(radix));
    if !digits.split('_').all(is_group) {
        return Err(Problem::Number);
    }
    let digits = digits.replace('_', "");
    if radix == 10 && digits.starts_with('0') && digits.contains(|c| c != '0') {
        return Err(Problem::LeadingZeros);
    }
    let sign = if negative { "-" } else { "" };
    i128::from_str_radix(&format!("{sign}{digits}"), radix).map_err(|_| Problem::Range)
}

#[cfg(test)]
mod tests {
    use super::super::{Literal, MAX_DEPTH, Problem};

    #[test]
    fn values_are_read() {
        let int = Literal::Int;
        for (text, value) in [
            (" \n None\t", Literal::None),
            ("u'x'", Literal::from("x")),
            ("U\"x\"", Literal::from("x")),
            ("- 1_0", int(-10)),
            ("+0b_11", int(3)),
            ("0O17", int(15)),
            ("0_00", int(0)),
            ("-170141183460469231731687303715884105728", int(i128::MIN)),
            ("((1))", int(1)),
            ("((1),)", Literal::Tuple(vec![int(1)])),
            ("[\n1\x0c,\r\n]", Literal::List(vec![int(1)])),
            ("{('a') : 1,}", Literal::Dict(vec![("a".into(), int(1))])),
            (
                "{'a':1,'b':2,'a':3}",
                Literal::Dict(vec![("a".into(), int(3)), ("b".into(), int(2))]),
            ),
        ] {
            assert_eq!(Literal::parse(text), Ok(value), "{text:?}");
        }
        assert_eq!(
            Literal::parse_python2("(3L,-0xaL)"),
            Literal::parse("(3,-10)")
        );
    }

    #[test]
    fn errors_have_the_position_of_the_problem() {
        let expected = Problem::Expected;
        for (text, position, problem) in [
            ("", 0, expected("a value")),
            ("[1", 2, expected("',' or ']'")),
            ("(1]", 2, expected("',' or ')'")),
            ("[,]", 1, expected("a value")),
            ("(1,,)", 3, expected("a value")),
            ("[1] 2", 4, expected("nothing more")),
            ("1, 2", 1, expected("nothing more")),
            ("'a' 'b'", 4, expected("nothing more")),
            ("[nan]", 1, expected("a value")),
            ("[True1]", 1, expected("a value")),
            ("{1: 2}", 1, expected("a string as a key")),
            ("{'a', 'b'}", 4, expected("':'")),
            ("{'a': 1 'b': 2}", 8, expected("',' or '}'")),
            ("-True", 1, expected("an integer after the sign")),
            ("--1", 1, expected("an integer after the sign")),
            ("1.0", 0, Problem::Number),
            ("[1e5]", 1, Problem::Number),
            ("1__0", 0, Problem::Number),
            ("1_", 0, Problem::Number),
            ("0x", 0, Problem::Number),
            ("0x__1", 0, Problem::Number),
            ("0b2", 0, Problem::Number),
            ("3L", 0, Problem::Number),
            ("-08", 1, Problem::LeadingZeros),
            ("0_7", 0, Problem::LeadingZeros),
            ("170141183460469231731687303715884105728", 0, Problem::Range),
            ("[b'x']", 1, Problem::Prefix),
            ("['x", 1, Problem::Unclosed),
            ("[\0]", 1, Problem::Null),
        ] {
            let error = Literal::parse(text).unwrap_err();
            assert_eq!(
                (error.position(), error.problem()),
                (position, problem),
                "{text:?}"
            );
        }
    }

    #[test]
    fn errors_quote_the_text_at_the_position_truncated() {
        for (text, message) in [
            (
                "[1",
                "not a Python literal: byte 2, the end: expected ',' or ']'",
            ),
            (
                "['é', x\n]",
                r"not a Python literal: byte 7, 'x\n]': expected a value",
            ),
        ] {
            assert_eq!(Literal::parse(text).unwrap_err().to_string(), message);
        }
        let long = Literal::parse(&format!("[{}", "x".repeat(1 << 20))).unwrap_err();
        assert!(long.to_string().len() < 100, "{long}");
    }

    #[test]
    fn brackets_nest_up_to_the_limit() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Literal::parse(&nested(MAX_DEPTH)).is_ok());
        for text in [
            nested(MAX_DEPTH + 1),
            "({[".repeat(1 << 20),
            "(".repeat(1 << 20),
        ] {
            let error = Literal::parse(&text).unwrap_err();
            assert!(matches!(
                error.problem(),
                Problem::TooDeep | Problem::Expected(_)
            ));
        }
        // Adjacent brackets do not nest.
        assert!(Literal::parse(&format!("[{}]", "[[]],".repeat(100))).is_ok());
    }
}
