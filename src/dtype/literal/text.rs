//! Quoted strings of Python: parsing of escapes, and printing as `repr` does.

use std::fmt::{self, Write};

use super::Problem;

/// Parses the string whose opening quote is at byte `start`. Returns its value and the position
/// after the closing quote, in bytes.
///
/// # Errors
///
/// The position in bytes and the problem.
pub(super) fn read(text: &str, start: usize) -> Result<(String, usize), (usize, Problem)> {
    let rest = text.get(start..).unwrap_or_default();
    let Some(quote) = rest.chars().next() else {
        return Err((start, Problem::Expected("a string")));
    };
    if rest[1..].starts_with([quote; 2].iter().collect::<String>().as_str()) {
        return Err((start, Problem::TripleQuotes));
    }

    let mut value = String::new();
    let mut position = start + 1;
    loop {
        let rest = &text[position..];
        let special = |c| c == quote || matches!(c, '\\' | '\n' | '\r' | '\0');
        let length = rest.find(special).ok_or((start, Problem::Unclosed))?;
        value.push_str(&rest[..length]);
        position += length;
        match rest[length..].chars().next() {
            Some('\\') => {
                position += read_escape(&rest[length..], &mut value)
                    .map_err(|problem| (position, problem))?
            }
            Some('\0') => return Err((position, Problem::Null)),
            Some(c) if c == quote => return Ok((value, position + 1)),
            _ => return Err((start, Problem::Unclosed)),
        }
    }
}

/// Parses the escape at the start of `escape` and returns its length in bytes. A backslash before
/// an unknown character stands for itself, as in Python.
fn read_escape(escape: &str, value: &mut String) -> Result<usize, Problem> {
    let after = &escape[1..];
    let Some(letter) = after.chars().next() else {
        return Ok(1);
    };
    let character = match letter {
        '\n' => return Ok(2),
        '\r' => return Ok(if after.starts_with("\r\n") { 3 } else { 2 }),
        '\\' | '\'' | '"' => letter,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '0'..='7' => return read_octal(after, value),
        'x' => return read_hexadecimal(after, 2, value),
        'u' => return read_hexadecimal(after, 4, value),
        'U' => return read_hexadecimal(after, 8, value),
        'N' => return Err(Problem::Named),
        _ => {
            value.push('\\');
            return Ok(1);
        }
    };
    value.push(character);
    Ok(2)
}

/// Parses one to three octal digits. Returns the length of the escape in bytes.
fn read_octal(digits: &str, value: &mut String) -> Result<usize, Problem> {
    let mut code = 0;
    let mut length = 0;
    for digit in digits.chars().map_while(|c| c.to_digit(8)).take(3) {
        code = code * 8 + digit;
        length += 1;
    }
    value.push(char::from_u32(code).ok_or(Problem::Character)?);
    Ok(1 + length)
}

/// Parses a letter and `count` hexadecimal digits. Returns the length of the escape in bytes.
fn read_hexadecimal(after: &str, count: usize, value: &mut String) -> Result<usize, Problem> {
    let digits = after
        .get(1..1 + count)
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .ok_or(Problem::Hexadecimal(count))?;
    let code = u32::from_str_radix(digits, 16).map_err(|_| Problem::Hexadecimal(count))?;
    value.push(char::from_u32(code).ok_or(Problem::Character)?);
    Ok(2 + count)
}

/// Writes a string as `repr` does: in single quotes, or in double quotes if only these need no
/// escape.
pub(super) fn write_repr(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    f.write_char(quote)?;
    for character in text.chars() {
        let code = u32::from(character);
        match character {
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            _ if character == quote => write!(f, "\\{quote}")?,
            _ if is_printable(character) => f.write_char(character)?,
            _ if code <= 0xff => write!(f, "\\x{code:02x}")?,
            _ if code <= 0xffff => write!(f, "\\u{code:04x}")?,
            _ => write!(f, "\\U{code:08x}")?,
        }
    }
    f.write_char(quote)
}

/// Python's `str.isprintable`. Rust's debug escapes use the same Unicode categories, but also
/// escape a combining character without a base. The `a` is that base.
fn is_printable(character: char) -> bool {
    match character {
        ' '..='~' => true,
        '\0'..='\x7f' => false,
        _ => format!("a{character}").escape_debug().count() == 2,
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, read};

    #[test]
    fn escapes_are_parsed_as_in_python() {
        for (text, value) in [
            (r"''", ""),
            (r#""it's""#, "it's"),
            (r"'\\\'\x22'", "\\'\""),
            (r"'\a\b\f\n\r\t\v'", "\x07\x08\x0c\n\r\t\x0b"),
            (r"'\0\18\101\1011\777'", "\0\u{1}8AA1\u{1ff}"),
            (r"'\xe9\u00e9\U0001F600'", "éé😀"),
            ("'a\\\nb\\\r\nc\\\rd'", "abcd"),
            (r"'\d\é\8'", r"\d\é\8"),
            ("'\t\u{0c}é'", "\t\u{0c}é"),
        ] {
            assert_eq!(read(text, 0), Ok((value.to_owned(), text.len())), "{text}");
        }
    }

    #[test]
    fn errors_of_strings_have_their_position() {
        for (text, position, problem) in [
            ("'", 0, Problem::Unclosed),
            ("'a\"", 0, Problem::Unclosed),
            ("'a\n'", 0, Problem::Unclosed),
            ("'a\r'", 0, Problem::Unclosed),
            (r"'\'", 0, Problem::Unclosed),
            ("'a\\", 0, Problem::Unclosed),
            ("'''a'''", 0, Problem::TripleQuotes),
            ("'a\0'", 2, Problem::Null),
            ("'\\\0'", 2, Problem::Null),
            (r"'é\x'", 3, Problem::Hexadecimal(2)),
            (r"'\x4'", 1, Problem::Hexadecimal(2)),
            (r"'\u+041'", 1, Problem::Hexadecimal(4)),
            (r"'\u00é'", 1, Problem::Hexadecimal(4)),
            (r"'\U0001f60'", 1, Problem::Hexadecimal(8)),
            (r"'\ud83d\ude00'", 1, Problem::Character),
            (r"'\U00110000'", 1, Problem::Character),
            (r"'\N{BULLET}'", 1, Problem::Named),
        ] {
            assert_eq!(read(text, 0), Err((position, problem)), "{text:?}");
        }
    }
}
