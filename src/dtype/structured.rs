//! Parses dtypes from Python literals: lists of fields, the two forms of dicts, and tuples of a
//! dtype and a shape. Follows `_convert_from_any` in NumPy's `descriptor.c`. The offsets of fields
//! are left to `layout`.

use super::comma::CommaString;
use super::element::Subdtype;
use super::error::{Reason, show};
use super::layout::{StructLayout, default_name, size_of_literal};
use super::literal::Literal;
use super::{Refusal, comma, parse};

/// The keys of the dict form with `names` and `formats`.
const KEYS: [&str; 7] = [
    "names", "formats", "offsets", "itemsize", "titles", "aligned", "metadata",
];

/// Parses any literal that `numpy.dtype` accepts. `aligned` applies to nested structures too.
pub(super) fn element(literal: &Literal, aligned: bool) -> Result<Subdtype, Reason> {
    match literal {
        // NumPy's default dtype.
        Literal::None => text("f8", aligned),
        Literal::Str(format) => text(format, aligned).map_err(|reason| reason.in_text(format)),
        Literal::Tuple(parts) => match parts.as_slice() {
            [format, shape] => sub_array(format, shape, aligned),
            _ => Err(not_a_type(literal)),
        },
        Literal::List(fields) => list(fields, aligned),
        Literal::Dict(entries) => {
            if lookup(entries, "names").is_some() && lookup(entries, "formats").is_some() {
                columns(entries, aligned)
            } else {
                by_name(entries, aligned)
            }
        }
        Literal::Bool(_) | Literal::Int(_) => Err(not_a_type(literal)),
    }
}

/// Parses a dtype string: a plain dtype or a comma string.
pub(super) fn text(text: &str, aligned: bool) -> Result<Subdtype, Reason> {
    if !comma::is_comma_string(text) {
        return Ok(Subdtype::plain(parse::parse(text)?));
    }
    let items = match comma::parse(text)? {
        CommaString::Single(item) => return shaped(&item.format, item.shape.as_ref(), aligned),
        CommaString::Fields(items) => items,
    };
    let mut layout = StructLayout::new(aligned);
    for (index, item) in items.iter().enumerate() {
        let name = default_name(index);
        let element = shaped(&item.format, item.shape.as_ref(), aligned);
        let element = element.map_err(|reason| reason.in_field(&name))?;
        layout.append(&name, None, element)?;
    }
    layout.finish()
}

/// Parses a dtype with an optional sub-array shape.
fn shaped(format: &Literal, shape: Option<&Literal>, aligned: bool) -> Result<Subdtype, Reason> {
    match shape {
        Some(shape) => sub_array(format, shape, aligned),
        None => element(format, aligned),
    }
}

/// Parses a dtype and a sub-array shape. For `S`, `U` and `V` an integer is the length instead.
pub(super) fn sub_array(
    format: &Literal,
    shape: &Literal,
    aligned: bool,
) -> Result<Subdtype, Reason> {
    if let (Literal::Str(code), Literal::Int(length)) = (format, shape)
        && let Err(Refusal::EmptyItem { letter }) = parse::parse(code)
    {
        let mark = if code.starts_with('>') { ">" } else { "" };
        let sized = format!("{mark}{letter}{length}");
        return text(&sized, aligned).map_err(|reason| reason.in_text(&sized));
    }
    let element = element(format, aligned)?;
    Ok(element.repeated(&lengths(shape)?)?)
}

/// Parses the shape of a sub-array: an integer, or a tuple or list of integers.
pub(super) fn lengths(shape: &Literal) -> Result<Vec<u64>, Refusal> {
    let refused = || Refusal::SubArrayShape { got: show(shape) };
    let parts = match shape {
        Literal::Int(_) => std::slice::from_ref(shape),
        Literal::Tuple(parts) => parts,
        Literal::List(parts) if !parts.is_empty() => parts,
        _ => return Err(refused()),
    };
    let length = |part: &Literal| size_of_literal(part).map(u64::from);
    let lengths: Option<Vec<u64>> = parts.iter().map(length).collect();
    lengths.ok_or_else(refused)
}

/// Parses `[(name, type), (name, type, shape), ((title, name), type), ...]`.
fn list(fields: &[Literal], aligned: bool) -> Result<Subdtype, Reason> {
    let mut layout = StructLayout::new(aligned);
    for (index, field) in fields.iter().enumerate() {
        let (name, format, shape) = match field {
            Literal::Tuple(parts) => match parts.as_slice() {
                [name, format] => (name, format, None),
                [name, format, shape] => (name, format, Some(shape)),
                _ => return Err(Refusal::FieldTuple { got: show(field) }.into()),
            },
            _ => return Err(Refusal::FieldTuple { got: show(field) }.into()),
        };
        let (title, name) = title_and_name(name)?;
        let default;
        let name = match (name, title) {
            // NumPy uses the title as the name and then refuses it as repeated.
            ("", Some(title)) => title,
            ("", None) => {
                default = default_name(index);
                &default
            }
            (name, _) => name,
        };
        let element = shaped(format, shape, aligned);
        let element = element.map_err(|reason| reason.in_field(name))?;
        layout.append(name, title, element)?;
    }
    layout.finish()
}

/// Parses `(title, name)`, or a name alone.
pub(super) fn title_and_name(literal: &Literal) -> Result<(Option<&str>, &str), Reason> {
    let (title, name) = match literal {
        Literal::Tuple(parts) => match parts.as_slice() {
            [literal, name] => (title(literal)?, name.as_str()),
            _ => (None, None),
        },
        _ => (None, literal.as_str()),
    };
    match name {
        Some(name) => Ok((title, name)),
        None => Err(Refusal::FieldName { got: show(literal) }.into()),
    }
}

fn title(literal: &Literal) -> Result<Option<&str>, Refusal> {
    match literal {
        Literal::None => Ok(None),
        Literal::Str(title) => Ok(Some(title)),
        _ => Err(Refusal::Title { got: show(literal) }),
    }
}

/// Parses `{'names': [...], 'formats': [...], ...}`.
fn columns(entries: &[(Literal, Literal)], aligned: bool) -> Result<Subdtype, Reason> {
    for (key, _) in entries {
        if !key.as_str().is_some_and(|key| KEYS.contains(&key)) {
            return Err(Refusal::Key {
                key: show(key),
                expected: KEYS.join(", "),
            }
            .into());
        }
    }
    let names = column(entries, "names", 0)?.unwrap_or_default();
    let formats = column(entries, "formats", names.len())?.unwrap_or_default();
    let offsets = column(entries, "offsets", names.len())?;
    let titles = column(entries, "titles", names.len())?;
    let aligned = aligned
        || match lookup(entries, "aligned") {
            None => false,
            Some(Literal::Bool(aligned)) => *aligned,
            Some(other) => return Err(Refusal::Aligned { got: show(other) }.into()),
        };

    let mut layout = StructLayout::new(aligned);
    for (index, (name, format)) in names.iter().zip(formats).enumerate() {
        let name = name
            .as_str()
            .ok_or_else(|| Refusal::FieldName { got: show(name) })?;
        let in_field = |reason: Reason| reason.in_field(name);
        let element = element(format, aligned).map_err(in_field)?;
        let title = match titles {
            Some(titles) => title(&titles[index])?,
            None => None,
        };
        match offsets {
            Some(offsets) => {
                let offset = offset(&offsets[index]).map_err(|refusal| in_field(refusal.into()))?;
                layout.place(name, title, element, offset)?;
            }
            None => layout.append(name, title, element)?,
        }
    }
    match lookup(entries, "itemsize") {
        Some(itemsize) => layout.finish_with_size(itemsize),
        None => layout.finish(),
    }
}

/// Parses `{name: (type, offset), name: (type, offset, title), ...}`. The fields are sorted by
/// offset.
fn by_name(entries: &[(Literal, Literal)], aligned: bool) -> Result<Subdtype, Reason> {
    let mut fields = Vec::new();
    for (key, entry) in entries {
        let Some(name) = key.as_str() else {
            return Err(Refusal::FieldName { got: show(key) }.into());
        };
        let in_field = |reason: Reason| reason.in_field(name);
        let refused = || in_field(Refusal::FieldEntry { got: show(entry) }.into());
        let parts = match entry {
            Literal::Tuple(parts) => parts.as_slice(),
            _ => return Err(refused()),
        };
        let (format, at, field_title) = match parts {
            [format, at] => (format, at, None),
            [format, at, literal] => (format, at, title(literal)?),
            _ => return Err(refused()),
        };
        // `dtype.fields` has a second entry for each title; it is not another field.
        if field_title == Some(name) {
            continue;
        }
        let at = offset(at).map_err(|refusal| in_field(refusal.into()))?;
        let element = element(format, aligned).map_err(in_field)?;
        fields.push((at, name, field_title, element));
    }
    fields.sort_by_key(|(at, ..)| *at);

    let mut layout = StructLayout::new(aligned);
    for (at, name, field_title, element) in fields {
        layout.place(name, field_title, element, at)?;
    }
    layout.finish()
}

fn lookup<'a>(entries: &'a [(Literal, Literal)], key: &str) -> Option<&'a Literal> {
    let mut found = entries.iter().filter(|(k, _)| k.as_str() == Some(key));
    found.next().map(|(_, value)| value)
}

/// The list or tuple under `key`. `None` if the key is missing.
///
/// # Errors
///
/// When the value is not a list or tuple, or has fewer than `length` entries.
fn column<'a>(
    entries: &'a [(Literal, Literal)],
    key: &'static str,
    length: usize,
) -> Result<Option<&'a [Literal]>, Refusal> {
    match lookup(entries, key) {
        None => Ok(None),
        Some(Literal::List(column) | Literal::Tuple(column)) if column.len() >= length => {
            Ok(Some(column))
        }
        Some(other) => Err(Refusal::Entries {
            key,
            got: show(other),
        }),
    }
}

fn offset(literal: &Literal) -> Result<u32, Refusal> {
    size_of_literal(literal).ok_or_else(|| Refusal::Offset { got: show(literal) })
}

/// The error for a literal that is not a dtype.
fn not_a_type(literal: &Literal) -> Reason {
    Refusal::NotAType { got: show(literal) }.into()
}

#[cfg(test)]
mod tests {
    use super::super::error::quote;
    use super::super::{DType, MAX_LEVELS, Refusal};

    /// Name, offset, shape and dtype of every field, and the item size.
    fn layout(text: &str) -> String {
        let dtype = DType::parse(text).unwrap();
        let fields = dtype.fields().iter().map(|field| {
            let (name, offset, shape) = (field.name(), field.offset(), field.shape());
            format!("{name}@{offset}{shape:?}{} ", field.dtype().numpy_str())
        });
        fields.collect::<String>() + &dtype.itemsize().to_string()
    }

    #[test]
    fn fields_have_the_offsets_of_numpy() {
        for (text, expected) in [
            ("[('x','<f4'),('id','<i8')]", "x@0[]<f4 id@4[]<i8 12"),
            ("[('m','<f4',(3,3))]", "m@0[3, 3]<f4 36"),
            ("[('m','<f4',3),('n','3<f4')]", "m@0[3]<f4 n@12[3]<f4 24"),
            ("[('m',('2<f4',(3,)))]", "m@0[3, 2]<f4 24"),
            ("[('m','<f4',())]", "m@0[]<f4 4"),
            ("[('m','<f4',0),('n','u1')]", "m@0[0]<f4 n@0[]|u1 1"),
            ("[('s','S',3),('u',('>U',2))]", "s@0[]|S3 u@3[]>U2 11"),
            ("[('','u1'),('',None)]", "f0@0[]|u1 f1@1[]<f8 9"),
            ("[('a',[('b','u1'),('c','<i2')],2)]", "a@0[2]|V3 6"),
            (
                "{'names':['a','b'],'formats':['u1','<f8'],'aligned':True}",
                "a@0[]|u1 b@8[]<f8 16",
            ),
            (
                "{'names':['a','b'],'formats':['<i4','<i2'],'offsets':[2,2],'itemsize':9}",
                "a@2[]<i4 b@2[]<i2 9",
            ),
            ("{'a':('u1',4),'b':('<f4',0)}", "b@0[]<f4 a@4[]|u1 5"),
            ("{'a':('u1',0,'A'),'A':('u1',0,'A')}", "a@0[]|u1 1"),
        ] {
            assert_eq!(layout(text), expected, "{text}");
        }
    }

    #[test]
    fn titles_are_kept() {
        for text in [
            "[(('Height','h'),'<f4')]",
            "{'names':['h'],'formats':['<f4'],'titles':['Height']}",
            "{'h':('<f4',0,'Height')}",
        ] {
            let dtype = DType::parse(text).unwrap();
            let field = dtype.field("h").unwrap();
            assert_eq!(field.title(), Some("Height"), "{text}");
            assert_eq!(dtype.field("Height"), None, "{text}");
        }
    }

    #[test]
    fn invalid_structures_are_refused_with_the_reason() {
        for (text, message) in [
            (
                "[('x','f4')",
                "not a Python literal: byte 11, the end: expected ',' or ']'",
            ),
            (
                "['f4']",
                "expected a field as (name, type) or (name, type, shape), got 'f4'",
            ),
            (
                "[(1,'f4')]",
                "expected a field name as a string or as (title, name), got 1",
            ),
            (
                "[('x',4)]",
                "field 'x': expected a type as a string, a list of fields or a dict, got 4",
            ),
            ("[('x','O')]", "field 'x': 'O': object items hold pointers"),
            (
                "[('x',[('y','f3')])]",
                "field 'x': field 'y': 'f3': no such item size",
            ),
            ("[('x','S0')]", "field 'x': 'S0': items of 0 bytes"),
            (
                "[('x','f4'),('x','i4')]",
                "two fields have the name or title 'x'",
            ),
            (
                "[(('x','x'),'f4')]",
                "two fields have the name or title 'x'",
            ),
            (
                "[('x','f4','i4')]",
                "field 'x': expected the lengths of a sub-array, such as 3 or",
            ),
            (
                "[('x','f4',-1)]",
                "field 'x': expected the lengths of a sub-array, such as 3 or",
            ),
            (
                "[('x','V4',(65536,65536))]",
                "field 'x': an item takes at most 2147483647 bytes",
            ),
            (
                "[('x','V2147483647'),('y','u1')]",
                "field 'y': an item takes at most 2147483647",
            ),
            (
                "[]",
                "items of 0 bytes are not supported; at least one field must have data",
            ),
            (
                "[('x','f4',0)]",
                "items of 0 bytes are not supported; at least one field",
            ),
            (
                "('<f4',(2,3))",
                "a sub-array is not an item of its own; give '<f4', and put the \
                 lengths (2, 3) at the end of --shape",
            ),
            (
                "(2,3)f4",
                "a sub-array is not an item of its own; give '<f4', and put the lengths (2, 3)",
            ),
            (
                "{'names':['x'],'formats':['f4'],'offset':[0]}",
                "unknown key 'offset'; expected names, formats",
            ),
            (
                "{'names':['x'],'formats':[]}",
                "'formats' must be a list with an entry for every name",
            ),
            (
                "{'names':'x','formats':['f4']}",
                "'names' must be a list with an entry for every name",
            ),
            (
                "{'names':['x'],'formats':['f4'],'offsets':[-1]}",
                "field 'x': expected an offset from 0",
            ),
            (
                "{'names':['x'],'formats':['f4'],'itemsize':3}",
                "expected an item size from 4 to 2147483647, got 3",
            ),
            (
                "{'names':['x'],'formats':['f4'],'aligned':1}",
                "'aligned' must be True or False, got 1",
            ),
            (
                "{'names':['x'],'formats':['f4'],'offsets':[2],'aligned':True}",
                "field 'x': 2 bytes are not a multiple of the alignment, 4",
            ),
            (
                "{'names':['x'],'formats':['f4'],'titles':[5]}",
                "expected a title as a string or None, got 5",
            ),
            (
                "{'x':'f4'}",
                "field 'x': expected a field as (type, offset) or (type, offset, title), got 'f4'",
            ),
        ] {
            let error = DType::parse(text).unwrap_err().to_string();
            let start = format!("dtype {}: {message}", quote(text));
            assert!(error.starts_with(&start), "{error}");
        }
    }

    #[test]
    fn structures_nest_up_to_the_limit() {
        let nested = |levels: usize| "[('a',".repeat(levels) + "'u1'" + &")]".repeat(levels);
        assert!(DType::parse(&nested(MAX_LEVELS)).is_ok());
        let error = DType::parse(&nested(MAX_LEVELS + 1)).unwrap_err();
        assert_eq!(*error.refusal(), Refusal::TooDeep);
        assert!(DType::parse(&nested(1 << 16)).is_err());
    }
}
