//! Parses plain dtype strings: names (`float32`), letters (`d`) and codes (`<f8`, `S10`, `M8[ns]`).
//! Names and letters are translated to codes first. Follows `_convert_from_str` in NumPy's
//! `descriptor.c`. Comma strings and structured dtypes are left to `structured`.

use super::integer::leading_integer;
use super::{ByteOrder, DType, Kind, MAX_ITEMSIZE, NarrowFloat, Refusal, TimeUnit};

/// Parses a plain dtype string.
pub(super) fn parse(text: &str) -> Result<DType, Refusal> {
    if let Some(code) = code_of_name(text) {
        return parse_code(code, ByteOrder::NATIVE);
    }
    let (byte_order, name) = split_mark(text);
    if let Some(float) = NarrowFloat::of_name(name) {
        let kind = Kind::NarrowFloat(float);
        return Ok(DType::new(kind, float.itemsize(), byte_order));
    }
    if let Some(code) = code_of_name(name) {
        // Names without a length, such as `str`, map to codes that end in 0.
        if let Some(letter) = code.strip_suffix('0') {
            let mark = &text[..text.len() - name.len()];
            return Err(Refusal::MarkedName {
                code: format!("'{mark}{letter}' and the length"),
            });
        }
        let suggested = parse_code(code, byte_order)?;
        return Err(Refusal::MarkedName {
            code: format!("'{}'", suggested.numpy_str()),
        });
    }
    parse_code(name, byte_order)
}

/// Splits off a byte-order mark. Returns the byte order and the rest. As in NumPy, `|` means the
/// native order, like `=`.
fn split_mark(text: &str) -> (ByteOrder, &str) {
    if let Some(code) = text.strip_prefix('<') {
        (ByteOrder::Little, code)
    } else if let Some(code) = text.strip_prefix('>') {
        (ByteOrder::Big, code)
    } else {
        let code = text.strip_prefix(['=', '|']).unwrap_or(text);
        (ByteOrder::NATIVE, code)
    }
}

/// The names of dtypes and their codes, as in NumPy's `sctypeDict`. `datetime64` and `timedelta64`
/// are handled in [`parse_code`], because they can have a unit and a byte-order mark.
const NAMES: [(&str, &str); 49] = [
    ("bool", "b1"),
    ("bool_", "b1"),
    ("int8", "i1"),
    ("byte", "i1"),
    ("int16", "i2"),
    ("short", "i2"),
    ("int32", "i4"),
    ("intc", "i4"),
    ("int64", "i8"),
    ("int", "i8"),
    ("int_", "i8"),
    ("intp", "i8"),
    ("long", "i8"),
    ("longlong", "i8"),
    ("uint8", "u1"),
    ("ubyte", "u1"),
    ("uint16", "u2"),
    ("ushort", "u2"),
    ("uint32", "u4"),
    ("uintc", "u4"),
    ("uint64", "u8"),
    ("uint", "u8"),
    ("uintp", "u8"),
    ("ulong", "u8"),
    ("ulonglong", "u8"),
    ("float16", "f2"),
    ("half", "f2"),
    ("float32", "f4"),
    ("single", "f4"),
    ("float64", "f8"),
    ("float", "f8"),
    ("double", "f8"),
    ("float128", "f16"),
    ("longdouble", "f16"),
    ("complex64", "c8"),
    ("csingle", "c8"),
    ("complex128", "c16"),
    ("complex", "c16"),
    ("cdouble", "c16"),
    ("complex256", "c32"),
    ("clongdouble", "c32"),
    ("bytes", "S0"),
    ("bytes_", "S0"),
    ("str", "U0"),
    ("str_", "U0"),
    ("unicode", "U0"),
    ("void", "V0"),
    ("object", "O8"),
    ("object_", "O8"),
];

/// The dtype names of NumPy and `ml_dtypes`, without `object`. The usual name of a dtype precedes its aliases.
pub fn names() -> impl Iterator<Item = &'static str> {
    let names = NAMES.iter().filter(|(_, code)| *code != "O8");
    let times = ["datetime64", "timedelta64"];
    let narrow = NarrowFloat::ALL.map(NarrowFloat::name);
    names.map(|&(name, _)| name).chain(times).chain(narrow)
}

/// The code of a dtype name. `None` if there is no such name.
fn code_of_name(name: &str) -> Option<&'static str> {
    let (_, code) = NAMES.iter().find(|(known, _)| *known == name)?;
    Some(code)
}

/// The code of a single letter: NumPy's `dtype.char` and its aliases. `None` for other texts.
fn code_of_letter(letter: &str) -> Option<&'static str> {
    Some(match letter {
        "?" => "b1",
        "b" => "i1",
        "h" => "i2",
        "i" => "i4",
        "l" | "q" | "p" | "n" => "i8",
        "B" => "u1",
        "H" => "u2",
        "I" => "u4",
        "L" | "Q" | "P" | "N" => "u8",
        "e" => "f2",
        "f" => "f4",
        "d" => "f8",
        "g" => "f16",
        "F" => "c8",
        "D" => "c16",
        "G" => "c32",
        "c" => "S1",
        "S" | "a" => "S0",
        "U" => "U0",
        "V" => "V0",
        "M" => "M8",
        "m" => "m8",
        "O" => "O8",
        "T" => "T16",
        _ => return None,
    })
}

/// Parses a code without its byte-order mark.
fn parse_code(code: &str, byte_order: ByteOrder) -> Result<DType, Refusal> {
    let after = |prefixes: [&str; 2]| prefixes.iter().find_map(|prefix| code.strip_prefix(prefix));
    if let Some(unit) = after(["M8", "datetime64"]) {
        let kind = Kind::DateTime(TimeUnit::parse(unit)?);
        return Ok(DType::new(kind, 8, byte_order));
    }
    if let Some(unit) = after(["m8", "timedelta64"]) {
        let kind = Kind::TimeDelta(TimeUnit::parse(unit)?);
        return Ok(DType::new(kind, 8, byte_order));
    }

    let mut rest = code_of_letter(code).unwrap_or(code).chars();
    let letter = rest.next().ok_or(Refusal::Unknown)?;
    let Some((number, "")) = leading_integer(rest.as_str()) else {
        return Err(Refusal::Unknown);
    };
    let one_of = |sizes| size(letter, number, sizes);
    let (kind, itemsize) = match letter {
        'b' => (Kind::Bool, one_of(&[1])?),
        'i' => (Kind::Int, one_of(&[1, 2, 4, 8])?),
        'u' => (Kind::UInt, one_of(&[1, 2, 4, 8])?),
        'f' => (Kind::Float, one_of(&[2, 4, 8, 16])?),
        'c' => (Kind::Complex, one_of(&[8, 16, 32])?),
        // Reached with blanks, a sign or zeros before the 8, as in `M08`.
        'M' => (Kind::DateTime(TimeUnit::GENERIC), one_of(&[8])?),
        'm' => (Kind::TimeDelta(TimeUnit::GENERIC), one_of(&[8])?),
        'S' | 'a' => (Kind::Bytes, length('S', number, 1)?),
        'U' => (Kind::Str, length('U', number, 4)?),
        'V' => (Kind::Void, length('V', number, 1)?),
        'O' => return Err(Refusal::Object),
        'T' => return Err(Refusal::VariableString),
        _ => return Err(Refusal::Unknown),
    };
    Ok(DType::new(kind, itemsize, byte_order))
}

/// The number as an item size in bytes.
///
/// # Errors
///
/// When it is not one of `sizes`.
fn size(letter: char, number: i64, sizes: &'static [u32]) -> Result<u32, Refusal> {
    u32::try_from(number)
        .ok()
        .filter(|size| sizes.contains(size))
        .ok_or(Refusal::Size { letter, sizes })
}

/// The item size in bytes of `number` characters of `width` bytes each.
///
/// # Errors
///
/// When the length is 0 or too large.
fn length(letter: char, number: i64, width: u32) -> Result<u32, Refusal> {
    let limit = MAX_ITEMSIZE / width;
    match u32::try_from(number) {
        Ok(0) => Err(Refusal::EmptyItem { letter }),
        Ok(characters) if characters <= limit => Ok(characters * width),
        _ => Err(Refusal::Length { letter, limit }),
    }
}

#[cfg(test)]
mod tests {
    use super::{DType, Refusal};

    #[test]
    fn all_spellings_of_a_dtype_are_equal() {
        for spellings in [
            &["bool", "bool_", "?", "b1", "|b1", ">b1", "=?", "b01", "b 1"][..],
            &["int8", "byte", "b", "i1", "<i1", ">b", "|i1"],
            &[
                "int64", "int", "long", "l", "q", "p", "n", "i8", "<i8", "=i8", "|i8", "i+8",
            ],
            &[
                "float32", "single", "f", "f4", "<f4", "|f4", "f 4", "f\t4", "f\x0b4", "f04",
            ],
            &["complex256", "clongdouble", "G", "c32"],
            &["S1", "c", "a1", ">c", "S 1", "S+1", "S001"],
            &[
                "datetime64",
                "M",
                "M8",
                "M08",
                "M8[generic]",
                "<datetime64",
                "|M8",
            ],
            &["timedelta64[2D]", "m8[2D]", "<timedelta64[2D]"],
            &["bfloat16", "<bfloat16", "=bfloat16", "|bfloat16"],
            &["float8_e5m2", ">float8_e5m2"],
        ] {
            let first = DType::parse(spellings[0]).unwrap();
            for spelling in spellings {
                assert_eq!(DType::parse(spelling), Ok(first.clone()), "{spelling:?}");
            }
        }
    }

    #[test]
    fn invalid_texts_are_refused_with_the_reason() {
        for (refusal, texts) in [
            (
                Refusal::Unknown,
                &[
                    "",
                    "<",
                    "|",
                    "<<f4",
                    " f4",
                    "f4 ",
                    "f4\0",
                    "i4\n",
                    "Float32",
                    "float31",
                    "float_",
                    "float8",
                    "float8_e5m3",
                    "bfloat16 ",
                    "Bfloat16",
                    "string",
                    "int0",
                    "F8",
                    "d8",
                    "?1",
                    "B1",
                    "S１０",
                    "é",
                    "é4",
                    "\n",
                    "<\x07",
                    "f\u{a0}4",
                ][..],
            ),
            (
                Refusal::Object,
                &["O", "|O", "O8", "object", "object_", ">object"],
            ),
            (Refusal::VariableString, &["T", "<T"]),
            (
                Refusal::EmptyItem { letter: 'S' },
                &["S", "S0", "S-0", "a", "a0", "bytes", "bytes_", "|S0"],
            ),
            (
                Refusal::EmptyItem { letter: 'U' },
                &["U", "U0", "str", "str_", "unicode", ">U"],
            ),
            (Refusal::EmptyItem { letter: 'V' }, &["V", "V0", "void"]),
        ] {
            for text in texts {
                let error = DType::parse(text).unwrap_err();
                assert_eq!(*error.refusal(), refusal, "{text:?}");
            }
        }
    }

    #[test]
    fn sizes_and_lengths_have_the_limits_of_numpy() {
        for text in [
            "i0", "i3", "i16", "u-1", "f1", "f10", "f12", "c4", "c20", "b2", "M4", "m9",
        ] {
            let error = DType::parse(text).unwrap_err();
            assert!(matches!(error.refusal(), Refusal::Size { .. }), "{error}");
        }
        for text in [
            "S-1",
            "S2147483648",
            "V4294967297",
            "U536870912",
            "U99999999999999999999",
        ] {
            let error = DType::parse(text).unwrap_err();
            assert!(matches!(error.refusal(), Refusal::Length { .. }), "{error}");
        }
        for (text, itemsize) in [
            ("S2147483647", 2_147_483_647),
            ("U536870911", 2_147_483_644),
        ] {
            assert_eq!(DType::parse(text).unwrap().itemsize(), itemsize);
        }
    }
}
