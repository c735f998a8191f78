//! NumPy's comma strings, such as `f4,3i8,(2,3)i2`: formats, each with an optional shape before it.
//! This module splits the string, following `_commastring` in NumPy's `_internal.py`. Parsing of
//! the formats is left to `structured`.

use super::error::quote;
use super::literal::Literal;
use super::{ByteOrder, Refusal};

/// A parsed comma string.
pub(super) enum CommaString {
    /// One item without a comma: a sub-array.
    Single(Item),
    /// The items of the fields `f0`, `f1` and so on.
    Fields(Vec<Item>),
}

/// A format with its shape.
pub(super) struct Item {
    /// The format, with its byte-order mark.
    pub(super) format: Literal,
    /// The shape of the sub-array, if given.
    pub(super) shape: Option<Literal>,
}

/// Whether NumPy parses the text as a comma string: it starts with a digit or an empty tuple, or
/// has a comma outside square brackets.
pub(super) fn is_comma_string(text: &str) -> bool {
    let unmarked = text.strip_prefix(is_mark).unwrap_or(text);
    let mut depth = 0_i64;
    let is_separator = |c| {
        depth += i64::from(c == '[') - i64::from(c == ']');
        c == ',' && depth == 0
    };
    unmarked.starts_with(|c: char| c.is_ascii_digit())
        || text.starts_with("()")
        || unmarked.starts_with("()") && unmarked.len() > 2
        || text.chars().any(is_separator)
}

/// Splits a comma string.
pub(super) fn parse(text: &str) -> Result<CommaString, Refusal> {
    let (mut items, is_list) = split(text)?;
    if !is_list && items.len() == 1 {
        return Ok(CommaString::Single(items.remove(0)));
    }
    // A trailing comma is allowed, also with a byte-order mark after it.
    items.pop_if(|last| last.format.as_str() == Some("") && last.shape.is_none());
    Ok(CommaString::Fields(items))
}

/// The items, and whether the string contains a separating or trailing comma.
fn split(text: &str) -> Result<(Vec<Item>, bool), Refusal> {
    let mut items = Vec::new();
    let mut is_list = false;
    let mut rest = text;
    while !rest.is_empty() {
        let (item, after) = split_item(rest)?;
        items.push(item);
        let separator = after.trim_start_matches(is_blank);
        rest = match separator.strip_prefix(',') {
            Some(next) => {
                is_list = true;
                next.trim_start_matches(is_blank)
            }
            None if separator.is_empty() => separator,
            None => return Err(Refusal::CommaString { rest: quote(after) }),
        };
    }
    Ok((items, is_list))
}

/// Splits off the first item: a mark, a shape, another mark and a format, each optional. Returns
/// the item and the rest.
fn split_item(text: &str) -> Result<(Item, &str), Refusal> {
    let (outer_mark, rest) = take_mark(text);
    let (repeats, rest) = take_repeats(rest);
    let (inner_mark, rest) = take_mark(rest);
    let (format, rest) = take_format(rest);
    if let (Some(outer), Some(inner)) = (outer_mark, inner_mark)
        && canonical(outer) != canonical(inner)
    {
        return Err(Refusal::ByteOrders);
    }
    let mark = outer_mark.or(inner_mark).map(canonical);
    let mark = mark.filter(|mark| !matches!(mark, '|') && *mark != NATIVE);

    let shape = match repeats {
        "" => None,
        _ => Some(read_shape(repeats).ok_or_else(|| Refusal::CommaString { rest: quote(text) })?),
    };
    let format: String = mark.into_iter().chain(format.chars()).collect();
    let item = Item {
        format: Literal::Str(format),
        shape,
    };
    Ok((item, rest))
}

/// Parses a shape: `3` or `(2,3)`, or as NumPy also allows, `2,3` or `3,` without parentheses.
fn read_shape(repeats: &str) -> Option<Literal> {
    if repeats.trim().is_empty() {
        return None;
    }
    Literal::parse(&format!("({repeats})")).ok()
}

const NATIVE: char = match ByteOrder::NATIVE {
    ByteOrder::Big => '>',
    ByteOrder::Little | ByteOrder::NotApplicable => '<',
};

fn is_mark(c: char) -> bool {
    matches!(c, '<' | '>' | '|' | '=')
}

/// The mark with `=` replaced by that of the native byte order.
fn canonical(mark: char) -> char {
    if mark == '=' { NATIVE } else { mark }
}

fn take_mark(text: &str) -> (Option<char>, &str) {
    let mut rest = text.chars();
    match rest.next() {
        Some(mark) if is_mark(mark) => (Some(mark), rest.as_str()),
        _ => (None, text),
    }
}

/// Splits off a prefix that matches ` *[(]?[ ,0-9]*[)]? *`.
fn take_repeats(text: &str) -> (&str, &str) {
    let rest = text.trim_start_matches(' ');
    let rest = rest.strip_prefix('(').unwrap_or(rest);
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | ','));
    let rest = rest.strip_prefix(')').unwrap_or(rest);
    let rest = rest.trim_start_matches(' ');
    text.split_at(text.len() - rest.len())
}

/// Splits off a prefix that matches `[A-Za-z0-9.?]*(?:\[[a-zA-Z0-9,.]+\])?`. An underscore belongs
/// to names such as `float8_e5m2`, which NumPy does not know here.
fn take_format(text: &str) -> (&str, &str) {
    let has_underscore = text.starts_with("float8_");
    let rest = text.trim_start_matches(|c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '?') || has_underscore && c == '_'
    });
    let rest = after_brackets(rest).unwrap_or(rest);
    text.split_at(text.len() - rest.len())
}

/// The text after a leading `[...]`. `None` if there is none.
fn after_brackets(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('[')?;
    let end =
        inside.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, ',' | '.'));
    if end.len() == inside.len() {
        return None;
    }
    end.strip_prefix(']')
}

/// Whether `\s` matches the character in Python.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

#[cfg(test)]
mod tests {
    use super::super::DType;

    #[test]
    fn comma_strings_equal_the_lists_they_stand_for() {
        for (text, list) in [
            ("f4,>i8", "[('f0','<f4'),('f1','>i8')]"),
            ("3f4,(2,3)i2", "[('f0','<f4',(3,)),('f1','<i2',(2,3))]"),
            ("f4 ,\ti8, ", "[('f0','<f4'),('f1','<i8')]"),
            (
                ">3f4,3>f4,>3>f4",
                "[('f0','>f4',3),('f1','>f4',3),('f2','>f4',3)]",
            ),
            ("2,3f4,(2)3f4", "[('f0','<f4',(2,3)),('f1','<f4',(2,3))]"),
            ("f4,", "[('f0','<f4')]"),
            ("f4,<", "[('f0','<f4')]"),
            (
                "()f4,3S,M8[ns]",
                "[('f0','<f4'),('f1','S3'),('f2','<M8[ns]')]",
            ),
            ("()f4", "<f4"),
            ("3V", "V3"),
            (
                "bfloat16,>bfloat16,(2,3)float8_e5m2",
                "[('f0','bfloat16'),('f1','>bfloat16'),('f2','float8_e5m2',(2,3))]",
            ),
        ] {
            let dtype = DType::parse(list).unwrap();
            assert_eq!(DType::parse(text), Ok(dtype), "{text}");
        }
    }

    #[test]
    fn errors_of_comma_strings_quote_the_position() {
        for (text, reason) in [
            (
                ",f4",
                "expected types separated by commas, such as f4,3i8,(2,3)i2; stopped at ',f4'",
            ),
            (
                "f4,(2i8",
                "expected types separated by commas, such as f4,3i8,(2,3)i2; stopped at '(2i8'",
            ),
            (
                "f4;i8,i2",
                "expected types separated by commas, such as f4,3i8,(2,3)i2; stopped at ';i8,i2'",
            ),
            (
                "03f4,i8",
                "expected types separated by commas, such as f4,3i8,(2,3)i2; stopped at '03f4,i8'",
            ),
            ("<3>f4", "two different byte-order marks"),
            (
                "f4,i3",
                "field 'f1': 'i3': no such item size; expected i1, i2, i4, i8",
            ),
            ("f4,O", "field 'f1': 'O': object items hold pointers"),
            ("3x", "'x': not a NumPy type"),
        ] {
            let error = DType::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("dtype '{text}': {reason}")),
                "{error}"
            );
        }
    }
}
