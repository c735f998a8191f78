//! The short form `x:f4,m:(3,3)f8`, an extension of NumPy's syntax, and the form of mount options,
//! with `+` between fields instead of commas.

use super::element::Subdtype;
use super::error::{Reason, quote};
use super::layout::{StructLayout, default_name};
use super::{Refusal, structured};

/// Whether the text has a colon outside brackets. NumPy accepts no such text.
pub(super) fn is_short_form(text: &str) -> bool {
    split_once(text, ':').is_some()
}

/// Parses `name:type,name:type`. Blanks around names and types are ignored.
pub(super) fn parse(text: &str) -> Result<Subdtype, Reason> {
    let mut layout = StructLayout::new(false);
    let mut rest = Some(text);
    for index in 0.. {
        let Some(fields) = rest else {
            break;
        };
        let (field, after) = match split_once(fields, ',') {
            Some((field, after)) => (field, Some(after)),
            None => (fields, None),
        };
        rest = after;
        let Some((name, format)) = split_once(field, ':') else {
            return Err(Refusal::ShortField { got: quote(field) }.into());
        };
        let default = default_name(index);
        let name = match name.trim() {
            "" => &default,
            name => name,
        };
        let format = format.trim();
        let element = structured::text(format, false);
        let element = element.map_err(|reason| reason.in_text(format).in_field(name))?;
        layout.append(name, None, element)?;
    }
    layout.finish()
}

/// The text with every `+` outside brackets replaced by a comma.
pub(super) fn commas_for_plus(text: &str) -> String {
    let commas = chars(text).map(|(_, c, outside)| if outside && c == '+' { ',' } else { c });
    commas.collect()
}

/// Splits at the first `separator` outside brackets. `separator` must be ASCII.
fn split_once(text: &str, separator: char) -> Option<(&str, &str)> {
    let (position, ..) = chars(text).find(|&(_, c, outside)| outside && c == separator)?;
    Some((&text[..position], &text[position + 1..]))
}

/// The characters of the text. Each comes with its position in bytes and whether it is outside all
/// brackets. Inside brackets, brackets in quotes do not count.
fn chars(text: &str) -> impl Iterator<Item = (usize, char, bool)> {
    let mut depth = 0_usize;
    let mut quote = None;
    text.char_indices().map(move |(position, c)| {
        match (c, quote) {
            (_, Some(open)) => quote = quote.filter(|_| c != open),
            ('\'' | '"', None) if depth > 0 => quote = Some(c),
            ('[' | '(' | '{', None) => depth += 1,
            (']' | ')' | '}', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
        (position, c, depth == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::super::DType;

    #[test]
    fn the_short_form_equals_the_list_it_stands_for() {
        for (short, list) in [
            ("x:f4", "[('x','<f4')]"),
            ("x:f4,id:i8", "[('x','<f4'),('id','<i8')]"),
            (" x : f4 , id : >i8 ", "[('x','<f4'),('id','>i8')]"),
            ("m:(3,3)f4,v:3f4", "[('m','<f4',(3,3)),('v','<f4',(3,))]"),
            ("t:M8[ns],s:S10", "[('t','<M8[ns]'),('s','S10')]"),
            (
                "x:bfloat16,m:(2,2)float8_e4m3fn",
                "[('x','bfloat16'),('m','float8_e4m3fn',(2,2))]",
            ),
            (":f4,:f8", "[('f0','<f4'),('f1','<f8')]"),
            ("a[:]:f4,it's:u1", "[('a[:]','<f4'),(\"it's\",'u1')]"),
        ] {
            let plus = short
                .replace("f4,", "f4+")
                .replace("],", "]+")
                .replace(" ,", "+");
            assert_eq!(DType::parse(short), DType::parse(list), "{short}");
            assert!(DType::parse(list).is_ok(), "{list}");
            assert_eq!(
                DType::parse_mount_option(&plus),
                DType::parse(list),
                "{plus}"
            );
        }
    }

    #[test]
    fn mount_options_join_fields_by_plus() {
        for (option, text) in [
            ("f4", "f4"),
            ("f4+i8", "f4,i8"),
            ("(2,3)f4+i8", "(2,3)f4,i8"),
            ("[('a+b','f4'),(']+','f4')]", "[('a+b','f4'),(']+','f4')]"),
        ] {
            let dtype = DType::parse(text).unwrap();
            assert_eq!(DType::parse_mount_option(option), Ok(dtype), "{option}");
        }
    }

    #[test]
    fn errors_name_the_invalid_field() {
        for (text, message) in [
            (
                "x:f4,i8",
                "dtype 'x:f4,i8': expected every field as name:type, got 'i8'",
            ),
            (
                "x:f4,",
                "dtype 'x:f4,': expected every field as name:type, got ''",
            ),
            (
                "x:f4,x:i8",
                "dtype 'x:f4,x:i8': two fields have the name or title 'x'",
            ),
            ("x:f9", "dtype 'x:f9': field 'x': 'f9': no such item size"),
            ("x:", "dtype 'x:': field 'x': '': not a NumPy type"),
            (
                "x:y:f4",
                "dtype 'x:y:f4': field 'x': 'y:f4': not a NumPy type",
            ),
        ] {
            let error = DType::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        let error = DType::parse_mount_option("x:f4+i8")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("dtype 'x:f4+i8': expected every field"),
            "{error}"
        );
    }
}
