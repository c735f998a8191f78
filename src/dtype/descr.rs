//! Dtypes as Python literals: the `descr` of a `.npy` header, in which `''` names padding, and a
//! form that `numpy.dtype` parses back. Follows NumPy's `_array_descr`, `dtype_to_descr` and
//! `descr_to_dtype`.

use super::element::{Subdtype, lengths_literal};
use super::error::{Reason, show};
use super::layout::StructLayout;
use super::literal::Literal;
use super::{ByteOrder, DType, Field, Kind, NarrowFloat, Refusal, structured};

/// What NumPy writes as [`is_float8`].
pub(super) const FLOAT8: DType = DType {
    kind: Kind::NarrowFloat(NarrowFloat::Float8E5M2),
    byte_order: ByteOrder::NotApplicable,
    itemsize: 1,
};

/// Whether this is `dtype.str` of `float8_e5m2`. NumPy writes it in headers, but does not read it.
pub(super) fn is_float8(text: &str) -> bool {
    matches!(text, "<f1" | ">f1")
}

/// The result of `numpy.lib.format.dtype_to_descr`. `None` if fields overlap or are not in the
/// order of their offsets.
pub(super) fn descr(dtype: &DType) -> Option<Literal> {
    let Kind::Structured(fields) = &dtype.kind else {
        return Some(Literal::Str(dtype.numpy_str()));
    };
    let padding = |bytes: u64| Literal::Tuple(vec!["".into(), Literal::Str(format!("|V{bytes}"))]);
    let mut list = Vec::new();
    let mut end = 0;
    for field in fields.iter() {
        match field.offset().checked_sub(end)? {
            0 => {}
            gap => list.push(padding(gap)),
        }
        list.push(list_entry(field, descr(&field.dtype)?));
        end = field.offset() + field.size();
    }
    match dtype.itemsize().checked_sub(end)? {
        0 => {}
        rest => list.push(padding(rest)),
    }
    Some(Literal::List(list))
}

/// The entry of a field in a list.
fn list_entry(field: &Field, format: Literal) -> Literal {
    let name = Literal::from(field.name());
    let name = match field.title() {
        Some(title) => Literal::Tuple(vec![title.into(), name]),
        None => name,
    };
    let mut parts = vec![name, format];
    if !field.shape.is_empty() {
        parts.push(lengths_literal(&field.shape));
    }
    Literal::Tuple(parts)
}

/// Parses the `descr` of a header, as `numpy.lib.format.descr_to_dtype` does.
pub(super) fn from_descr(descr: &Literal) -> Result<Subdtype, Reason> {
    match descr {
        Literal::Str(text) if is_float8(text) => Ok(Subdtype::plain(FLOAT8)),
        Literal::Str(_) => structured::element(descr, false),
        Literal::Tuple(parts) => match parts.as_slice() {
            [Literal::Str(text), shape] if !is_float8(text) => {
                structured::sub_array(&parts[0], shape, false)
            }
            [format, shape] => Ok(from_descr(format)?.repeated(&structured::lengths(shape)?)?),
            _ => Err(Refusal::NotAType { got: show(descr) }.into()),
        },
        Literal::List(fields) => from_list(fields),
        _ => Err(Refusal::NotAType { got: show(descr) }.into()),
    }
}

fn from_list(fields: &[Literal]) -> Result<Subdtype, Reason> {
    let mut layout = StructLayout::new(false);
    for field in fields {
        let parts = match field {
            Literal::Tuple(parts) | Literal::List(parts) => parts.as_slice(),
            _ => &[],
        };
        let (name, element) = match parts {
            [name, format] => (name, from_descr(format)),
            [name, format, shape] => {
                let pair = Literal::Tuple(vec![format.clone(), shape.clone()]);
                (name, from_descr(&pair))
            }
            _ => return Err(Refusal::FieldTuple { got: show(field) }.into()),
        };
        let is_named = name.as_str() != Some("");
        let (title, name) = structured::title_and_name(name)?;
        let element = element.map_err(|reason| reason.in_field(name))?;
        // In NumPy a sub-array has kind V, whatever its elements are.
        let is_void = element.dtype.kind == Kind::Void || !element.shape.is_empty();
        if is_named || !is_void {
            layout.append(name, title, element)?;
        } else {
            layout.skip(element.size)?;
        }
    }
    layout.finish()
}

/// A literal that `numpy.dtype` parses back:
///
/// - a string for a plain dtype;
/// - a list for fields in order without gaps;
/// - a dict otherwise, and for an empty field name, which a list replaces by a default.
pub(super) fn literal(dtype: &DType) -> Literal {
    match &dtype.kind {
        Kind::Structured(fields) if is_packed(dtype, fields) => {
            let entry = |field: &Field| list_entry(field, literal(&field.dtype));
            Literal::List(fields.iter().map(entry).collect())
        }
        Kind::Structured(fields) => columns(dtype, fields),
        _ => Literal::Str(plain(dtype)),
    }
}

/// A text that `DType::parse` reads back, of a dtype that is not structured.
pub(super) fn plain(dtype: &DType) -> String {
    match dtype.kind {
        Kind::NarrowFloat(float) => {
            let mark = match dtype.byte_order {
                order if order == ByteOrder::NATIVE => "",
                ByteOrder::NotApplicable => "",
                ByteOrder::Little => "<",
                ByteOrder::Big => ">",
            };
            format!("{mark}{}", float.name())
        }
        _ => dtype.numpy_str(),
    }
}

/// See [`DType::is_stored_as`].
pub(super) fn is_stored_as(a: &DType, b: &DType) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::NarrowFloat(_), Kind::Void) | (Kind::Void, Kind::NarrowFloat(_)) => {
            a.itemsize == b.itemsize
        }
        (Kind::Structured(a_fields), Kind::Structured(b_fields)) => {
            let fields = || a_fields.iter().zip(b_fields.iter());
            let same = |(a, b): (&Field, &Field)| {
                let dtype = b.dtype.clone();
                is_stored_as(&a.dtype, &dtype) && Field { dtype, ..a.clone() } == *b
            };
            a.itemsize == b.itemsize && a_fields.len() == b_fields.len() && fields().all(same)
        }
        _ => a == b,
    }
}

/// Whether the fields are in order, without gaps or padding, and have names.
fn is_packed(dtype: &DType, fields: &[Field]) -> bool {
    let mut end = 0;
    fields.iter().all(|field| {
        let is_next = field.offset() == end && !field.name.is_empty();
        end = field.offset() + field.size();
        is_next
    }) && end == dtype.itemsize()
}

/// The dict form, with the keys in the order of NumPy.
fn columns(dtype: &DType, fields: &[Field]) -> Literal {
    let column = |key: &str, entry: fn(&Field) -> Literal| {
        (
            key.into(),
            Literal::List(fields.iter().map(entry).collect()),
        )
    };
    let mut entries = vec![
        column("names", |field| field.name().into()),
        column("formats", |field| {
            let format = literal(&field.dtype);
            match field.shape() {
                [] => format,
                lengths => Literal::Tuple(vec![format, lengths_literal(lengths)]),
            }
        }),
    ];
    if fields.iter().any(|field| field.title.is_some()) {
        entries.push(column("titles", |field| {
            field.title().map_or(Literal::None, Literal::from)
        }));
    }
    entries.push(column("offsets", |field| field.offset().into()));
    entries.push(("itemsize".into(), dtype.itemsize().into()));
    Literal::Dict(entries)
}

#[cfg(test)]
mod tests {
    use super::super::DType;
    use super::super::literal::Literal;

    #[test]
    fn descr_equals_that_of_numpy_and_the_text_parses_back() {
        for (text, descr, printed) in [
            (">f4", Some("'>f4'"), ">f4"),
            (
                "x:f4,m:(3,3)>i2",
                Some("[('x', '<f4'), ('m', '>i2', (3, 3))]"),
                "[('x', '<f4'), ('m', '>i2', (3, 3))]",
            ),
            (
                "[(('T','x'),'f4'),('y',[('z','u1')],2)]",
                Some("[(('T', 'x'), '<f4'), ('y', [('z', '|u1')], (2,))]"),
                "[(('T', 'x'), '<f4'), ('y', [('z', '|u1')], (2,))]",
            ),
            (
                "{'names':['a','b'],'formats':['u1','2f4'],'aligned':True,'titles':['A',None]}",
                Some("[(('A', 'a'), '|u1'), ('', '|V3'), ('b', '<f4', (2,))]"),
                "{'names': ['a', 'b'], 'formats': ['|u1', ('<f4', (2,))], 'titles': ['A', None], \
                 'offsets': [0, 4], 'itemsize': 12}",
            ),
            (
                "{'names':['a','b'],'formats':['u1','u1'],'offsets':[1,0]}",
                None,
                "{'names': ['a', 'b'], 'formats': ['|u1', '|u1'], 'offsets': [1, 0], 'itemsize': 2}",
            ),
            (
                "[('x',{'names':['a','b'],'formats':['u2','u1'],'offsets':[0,0]})]",
                None,
                "[('x', {'names': ['a', 'b'], 'formats': ['<u2', '|u1'], 'offsets': [0, 0], \
                 'itemsize': 2})]",
            ),
        ] {
            let dtype = DType::parse(text).unwrap();
            let written = dtype.descr().map(|descr| descr.to_string());
            assert_eq!(written.as_deref(), descr, "{text}");
            assert_eq!(dtype.to_string(), printed, "{text}");
            assert_eq!(DType::parse(printed), Ok(dtype.clone()), "{text}");
            if let Some(descr) = dtype.descr() {
                assert_eq!(DType::from_descr(&descr), Ok(dtype), "{text}");
            }
        }
    }

    #[test]
    fn types_of_ml_dtypes_are_bytes_in_headers() {
        for (text, descr) in [
            ("bfloat16", "'<V2'"),
            (">bfloat16", "'>V2'"),
            (
                "x:bfloat16,y:2float8_e8m0fnu",
                "[('x', '<V2'), ('y', '<V1', (2,))]",
            ),
            (
                "[('a',[('x','bfloat16'),('y','f4')])]",
                "[('a', [('x', '<V2'), ('y', '<f4')])]",
            ),
        ] {
            let dtype = DType::parse(text).unwrap();
            assert_eq!(
                dtype.descr().map(|descr| descr.to_string()),
                Some(descr.into())
            );
            assert_eq!(
                DType::parse(&dtype.to_string()),
                Ok(dtype.clone()),
                "{text}"
            );
            let read = DType::from_descr(&Literal::parse(descr).unwrap()).unwrap();
            assert_ne!(read, dtype);
            assert!(
                read.is_stored_as(&dtype) && dtype.is_stored_as(&read),
                "{text}"
            );
        }
        for (a, b) in [
            ("bfloat16", "f2"),
            ("bfloat16", ">bfloat16"),
            ("bfloat16", "V1"),
            ("float8_e5m2", "float8_e4m3"),
            ("float8_e5m2", "u1"),
            ("x:bfloat16", "y:V2"),
            ("x:bfloat16", "x:V2,y:V2"),
        ] {
            let [a, b] = [a, b].map(|text| DType::parse(text).unwrap());
            assert!(!a.is_stored_as(&b) && !b.is_stored_as(&a), "{a} {b}");
        }
    }

    #[test]
    fn the_header_that_numpy_writes_for_float8_e5m2_is_read() {
        for (descr, text) in [
            ("'<f1'", "float8_e5m2"),
            ("[('x', '<f1'), ('y', '<f4')]", "x:float8_e5m2,y:f4"),
            ("[('x', '<f1', (2,))]", "x:2float8_e5m2"),
        ] {
            let read = DType::from_descr(&Literal::parse(descr).unwrap());
            assert_eq!(read, DType::parse(text), "{descr}");
        }
    }

    #[test]
    fn unnamed_void_fields_of_a_descr_are_padding() {
        for (descr, text) in [
            (
                "[('', '|V4'), ('x', '<f4'), ('', '|V2')]",
                "{'names':['x'],'formats':['<f4'],'offsets':[4],'itemsize':10}",
            ),
            (
                "[('', '<f4', (2,)), ('x', 'u1')]",
                "{'names':['x'],'formats':['u1'],'offsets':[8]}",
            ),
            ("[('', '<f4')]", "{'names':[''],'formats':['<f4']}"),
            ("[(('T', 'x'), ('<f4', (2,)))]", "[(('T','x'),'<f4',2)]"),
        ] {
            let dtype = DType::parse(text).unwrap();
            let descr = Literal::parse(descr).unwrap();
            assert_eq!(DType::from_descr(&descr), Ok(dtype), "{descr}");
        }
        for (descr, message) in [
            (
                "5",
                "dtype '5': expected a type as a string, a list of fields or a dict, got 5",
            ),
            ("'f9'", "dtype 'f9': no such item size"),
            (
                "('<f4', (2,))",
                "dtype '('<f4', (2,))': a sub-array is not an item",
            ),
            (
                "[('x', '|O')]",
                "dtype '[('x', '|O')]': field 'x': '|O': object items",
            ),
        ] {
            let error = DType::from_descr(&Literal::parse(descr).unwrap()).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
        }
    }
}
