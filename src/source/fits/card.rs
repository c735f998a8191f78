//! The cards of a FITS header: 80 bytes with a keyword, and a value or a comment.

use serde_json::{Number, Value, json};

/// The bytes of a card.
pub(super) const CARD: usize = 80;

/// The most characters of a text in a message.
const QUOTED: usize = 60;

/// What a card says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Card {
    /// A keyword and its value; null if it is undefined.
    Value(String, Value),
    /// The rest of a text that the card before begins.
    Continue(String),
    /// A keyword such as `COMMENT` or `HISTORY`, and a line of text.
    Comment(String, String),
    /// The end of the header.
    End,
}

/// The beginning of `text`, for a message.
pub(super) fn short(text: &str) -> String {
    text.chars().take(QUOTED).collect()
}

impl Card {
    /// The card with these bytes. Bytes that are not ASCII are replaced.
    pub fn parse(bytes: &[u8]) -> Card {
        let text: String = bytes
            .iter()
            .map(|&byte| match byte {
                b' '..=b'~' => char::from(byte),
                0 => ' ',
                _ => '\u{fffd}',
            })
            .collect();
        let (keyword, rest) = match text.char_indices().nth(8) {
            Some((end, _)) => text.split_at(end),
            None => (&text[..], ""),
        };
        let keyword = keyword.trim_end();
        match (keyword, rest.strip_prefix('=')) {
            ("END", None) if rest.trim_end().is_empty() => Card::End,
            ("CONTINUE", None) if rest.trim_start().starts_with('\'') => {
                Card::Continue(quoted(rest.trim_start()))
            }
            ("HIERARCH", None) => match rest.split_once('=') {
                Some((keyword, text)) => Card::Value(keyword.trim().to_owned(), value(text)),
                None => Card::Comment(keyword.to_owned(), rest.trim_end().to_owned()),
            },
            ("COMMENT" | "HISTORY" | "", _) | (_, None) => {
                Card::Comment(keyword.to_owned(), rest.trim_end().to_owned())
            }
            (_, Some(text)) => Card::Value(keyword.to_owned(), value(text)),
        }
    }
}

/// The value in `text`, which is followed by a comment. What is no valid value is a text.
fn value(text: &str) -> Value {
    let text = text.trim_start();
    if text.starts_with('\'') {
        return json!(quoted(text));
    }
    let text = text.split('/').next().unwrap_or_default().trim_end();
    match text {
        "" => return Value::Null,
        "T" => return json!(true),
        "F" => return json!(false),
        _ => {}
    }
    let parts = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')')?.split_once(','));
    let complex = parts.and_then(|(real, imaginary)| Some([number(real)?, number(imaginary)?]));
    match complex {
        Some(complex) => json!(complex),
        None => number(text).map_or_else(|| json!(text), Value::Number),
    }
}

/// The text in quotes at the start of `text`. Two quotes are one; blanks at the end do not count.
fn quoted(text: &str) -> String {
    let mut found = String::new();
    let mut characters = text.chars().skip(1).peekable();
    while let Some(character) = characters.next() {
        if character == '\'' && characters.next_if_eq(&'\'').is_none() {
            break;
        }
        found.push(character);
    }
    found.truncate(found.trim_end().len());
    found
}

/// A number, also with the exponent letter D. `None` if `text` is none, or too large.
fn number(text: &str) -> Option<Number> {
    let text: String = text.chars().filter(|&character| character != ' ').collect();
    let is_valid = |character: char| {
        matches!(character, '0'..='9' | '+' | '-' | '.')
            || matches!(character, 'd' | 'D' | 'e' | 'E')
    };
    if !text.chars().all(is_valid) {
        return None;
    }
    if let Ok(number) = text.parse::<i64>() {
        return Some(number.into());
    }
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    let number: f64 = text.replace(['d', 'D'], "e").parse().ok()?;
    Number::from_f64(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_have_values_of_all_types() {
        for (text, keyword, value) in [
            (
                "SIMPLE  =                    T / yes",
                "SIMPLE",
                json!(true),
            ),
            ("A       = 'it''s  ' / a quote", "A", json!("it's")),
            ("A       = ''", "A", json!("")),
            ("A       = 'a / b'", "A", json!("a / b")),
            ("A       = -12", "A", json!(-12)),
            ("A       = 18446744073709551615", "A", json!(u64::MAX)),
            ("A       = 1.5D3 / comment", "A", json!(1500.0)),
            ("A       = 1E400", "A", json!("1E400")),
            ("A       = (1, -2.5)", "A", json!([1, -2.5])),
            ("A       =", "A", Value::Null),
            ("A       = infinity", "A", json!("infinity")),
            ("HIERARCH ESO DET ID = 'x' / y", "ESO DET ID", json!("x")),
        ] {
            let expected = Card::Value(keyword.into(), value);
            assert_eq!(Card::parse(text.as_bytes()), expected, "{text}");
        }
        for (text, expected) in [
            (
                "COMMENT = 1  ",
                Card::Comment("COMMENT".into(), "= 1".into()),
            ),
            ("CONTINUE  'more&' / x", Card::Continue("more&".into())),
            ("END", Card::End),
            ("END     \0\0", Card::End),
        ] {
            assert_eq!(Card::parse(text.as_bytes()), expected, "{text}");
        }
    }
}
