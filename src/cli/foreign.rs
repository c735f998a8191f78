//! The names that other languages, libraries and formats have for types, and the NumPy dtypes that
//! they stand for. A name that stands for several sizes has several dtypes: the user knows which.

use crate::dtype::{self, DType};

/// Names in lower case with single blanks between words, and the dtypes that they can stand for.
/// `kind*bytes` of Fortran and codes with bits are parsed in [`sized`].
const NAMES: [(&[&str], &[&str]); 45] = [
    // C and C++.
    (&["char", "c char"], &["int8", "uint8", "S1"]),
    (
        &["unsigned char", "uchar", "c ubyte", "cv 8u", "8u", "int8u"],
        &["uint8"],
    ),
    (&["byte"], &["uint8", "int8"]),
    (
        &["signed char", "schar", "sbyte", "c byte", "cv 8s", "8s"],
        &["int8"],
    ),
    (
        &[
            "short int",
            "signed short",
            "signed short int",
            "c short",
            "cv 16s",
            "16s",
            "smallint",
        ],
        &["int16"],
    ),
    (
        &[
            "unsigned short",
            "unsigned short int",
            "c ushort",
            "cv 16u",
            "16u",
            "word",
            "int16u",
        ],
        &["uint16"],
    ),
    (
        &["signed int", "signed", "c int", "cv 32s", "32s"],
        &["int32"],
    ),
    (
        &[
            "unsigned int",
            "unsigned",
            "c uint",
            "32u",
            "dword",
            "int32u",
        ],
        &["uint32"],
    ),
    (&["int"], &["int32", "int64"]),
    (&["uint"], &["uint32", "uint64"]),
    (
        &["long", "long int", "signed long", "c long"],
        &["int64", "int32"],
    ),
    (
        &["ulong", "unsigned long", "unsigned long int", "c ulong"],
        &["uint64", "uint32"],
    ),
    (
        &[
            "long long",
            "long long int",
            "long64",
            "bigint",
            "ssize",
            "isize",
            "ptrdiff",
            "c longlong",
        ],
        &["int64"],
    ),
    (
        &[
            "unsigned long long",
            "unsigned long long int",
            "ulong64",
            "size",
            "usize",
            "qword",
            "c size",
        ],
        &["uint64"],
    ),
    (&["float"], &["float32", "float64"]),
    (
        &[
            "double precision",
            "c double",
            "real double",
            "cv 64f",
            "64f",
        ],
        &["float64"],
    ),
    (
        &["c float", "torch.float", "cv 32f", "32f", "float single"],
        &["float32"],
    ),
    (&["half float", "binary16", "fp16"], &["float16"]),
    (&["single float", "binary32", "fp32"], &["float32"]),
    (&["double float", "binary64", "fp64"], &["float64"]),
    (&["brain float", "bfloat", "bf16"], &["bfloat16"]),
    (&["long double", "c longdouble"], &["longdouble"]),
    (&["bool8", "boolean", "c bool"], &["bool"]),
    (&["torch.int"], &["int32"]),
    // Fortran, and SQL.
    (&["real"], &["float32", "float64"]),
    (&["integer"], &["int32", "int64"]),
    (&["logical"], &["int32", "bool"]),
    (
        &["double complex", "complexf64", "complex{float64}"],
        &["complex128"],
    ),
    (
        &["float complex", "complexf32", "complex{float32}"],
        &["complex64"],
    ),
    (
        &["complex", "cfloat", "complexfloat"],
        &["complex64", "complex128"],
    ),
    (&["tinyint"], &["int8", "uint8"]),
    // R, MATLAB, and others.
    (&["numeric", "double64"], &["float64"]),
    (&["raw"], &["uint8"]),
    (
        &["string", "text", "char*", "varchar", "ascii", "character"],
        &["S10", "U10"],
    ),
    (&["utf8", "utf 8"], &["S10"]),
    (&["ucs4", "utf32", "utf 32"], &["U10"]),
    (
        &["datetime", "timestamp", "posixct", "epoch", "time"],
        &["M8[s]", "M8[ms]", "M8[us]", "M8[ns]"],
    ),
    (&["date"], &["M8[D]"]),
    (
        &["timedelta", "duration", "difftime"],
        &["m8[s]", "m8[ms]", "m8[us]", "m8[ns]"],
    ),
    (&["ubit8"], &["uint8"]),
    (&["bit8"], &["int8"]),
    (&["fp8"], &["float8_e4m3fn", "float8_e5m2"]),
    (&["real32"], &["float32"]),
    (&["real64"], &["float64"]),
    (&["blob", "binary", "opaque"], &["V10", "S10"]),
];

/// Modules that dtypes are attributes of.
const MODULES: [&str; 12] = [
    "numpy.",
    "np.",
    "torch.",
    "tf.",
    "jnp.",
    "jax.numpy.",
    "ml_dtypes.",
    "pl.",
    "pa.",
    "cp.",
    "ctypes.",
    "std::",
];

/// What NumPy means by a name that is another size in other languages. `None` for other names.
pub(super) fn note(name: &str) -> Option<&'static str> {
    Some(match name {
        "float" => "float is float64 in NumPy, float32 in C",
        "int" => "int is int64 in NumPy, int32 in C",
        "uint" => "uint is uint64 in NumPy, uint32 in C",
        "long" => "long is int64 here, int32 in C on Windows",
        "ulong" => "ulong is uint64 here, uint32 in C on Windows",
        "byte" => "byte is int8 in NumPy, uint8 in other programs",
        "complex" => "complex is complex128 in NumPy, complex64 in Fortran",
        "f16" => "f16 has 16 bytes in NumPy; f2 is half precision",
        _ => return None,
    })
}

/// The dtypes that a name of another language can stand for. Empty if none is known.
pub(super) fn dtypes(text: &str) -> Vec<String> {
    let bare = unwrapped(text);
    let is_numpy = text.contains("np.") || text.contains("numpy.");
    if bare != text && DType::parse(bare).is_ok() && (is_numpy || note(bare).is_none()) {
        return vec![bare.to_owned()];
    }
    let name = normal(bare);
    let plain = meanings(&name);
    if !plain.is_empty() {
        return plain;
    }
    let Some((mark, rest)) = split_byte_order(&name) else {
        return Vec::new();
    };
    let known = match DType::parse(rest) {
        Ok(dtype) if dtype.itemsize() > 1 && note(rest).is_none() => vec![rest.to_owned()],
        _ => meanings(rest),
    };
    known.iter().filter_map(|name| marked(mark, name)).collect()
}

/// The text without the module, quotes and calls around a dtype in a program.
pub(super) fn unwrapped(text: &str) -> &str {
    let mut bare = text.trim();
    loop {
        let before = bare;
        let module = MODULES.iter().find(|module| bare.starts_with(**module));
        // `torch.float` and the like differ from NumPy's names.
        if let Some(module) = module.filter(|module| !has_names_of_its_own(module, bare)) {
            bare = &bare[module.len()..];
        }
        for (open, close) in [("dtype(", ")"), ("'", "'"), ("\"", "\"")] {
            let inner = bare.strip_prefix(open);
            bare = inner
                .and_then(|inner| inner.strip_suffix(close))
                .unwrap_or(bare)
                .trim();
        }
        bare = bare.strip_suffix("()").unwrap_or(bare);
        if bare == before {
            return bare;
        }
    }
}

fn has_names_of_its_own(module: &str, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.starts_with(module)
        && NAMES
            .iter()
            .any(|(names, _)| names.contains(&text.as_str()))
}

/// In lower case, with single blanks for `_` and `-`, and without the `_t` of C.
fn normal(text: &str) -> String {
    let words = text
        .split([' ', '_', '-', '\t'])
        .filter(|word| !word.is_empty());
    let mut words: Vec<String> = words.map(str::to_ascii_lowercase).collect();
    if words.len() > 1 && words.last().is_some_and(|last| last == "t") {
        words.pop();
    }
    words.join(" ")
}

/// The dtypes for a normal name without a byte order.
fn meanings(name: &str) -> Vec<String> {
    if let Some((_, dtypes)) = NAMES.iter().find(|(names, _)| names.contains(&name)) {
        return dtypes.iter().map(|&dtype| dtype.to_owned()).collect();
    }
    let joined = name.replace(' ', "");
    let has_digits = joined.contains(|c: char| c.is_ascii_digit());
    let known = dtype::names().find(|known| *known == joined && has_digits);
    let found = known.map(str::to_owned).or_else(|| sized(&joined));
    found.into_iter().collect()
}

/// The dtype of a kind with its size: `real*8`, `integer(kind=4)`, `s16`, `F32`.
fn sized(name: &str) -> Option<String> {
    let at = name.find(|c: char| !c.is_ascii_alphabetic())?;
    let (kind, rest) = name.split_at(at);
    let rest = rest.trim_matches(['*', '(', ')']);
    let rest = rest.trim_start_matches("kind=").trim_start_matches("len=");
    if !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size: u32 = rest.parse().ok()?;
    let bits =
        |letter: &str| Some(format!("{letter}{}", size / 8)).filter(|_| size.is_multiple_of(8));
    let code = match (kind, size) {
        ("real", 2 | 4 | 8) => format!("f{size}"),
        ("integer", _) => format!("i{size}"),
        ("complex", 8 | 16) if name.contains('*') => format!("c{size}"),
        ("complex", 4 | 8) if name.contains('(') => format!("c{}", 2 * size),
        ("logical", 1) => "bool".into(),
        ("logical", _) => format!("i{size}"),
        ("character", _) => format!("S{size}"),
        ("i" | "s", 8..) => bits("i")?,
        ("u", 8..) => bits("u")?,
        ("f", 16..) => bits("f")?,
        ("c", 64 | 128) => bits("c")?,
        ("bf", 16) => "bfloat16".into(),
        _ => return None,
    };
    let dtype = DType::parse(&code).ok()?;
    Some(match code.starts_with('S') {
        true => code,
        false => dtype.numpy_name(),
    })
}

/// The byte order of a normal name, and the rest of it.
fn split_byte_order(name: &str) -> Option<(char, &str)> {
    for mark in ['<', '>'] {
        if let Some(rest) = name.strip_prefix(mark) {
            return Some((mark, rest));
        }
    }
    let orders = [
        ('<', ["little endian", "le", "lsb"]),
        ('>', ["big endian", "be", "msb"]),
    ];
    orders.into_iter().find_map(|(mark, words)| {
        words.into_iter().find_map(|word| {
            let rest = name.strip_suffix(word);
            let rest =
                rest.or_else(|| name.strip_prefix(word).filter(|rest| rest.starts_with(' ')));
            Some((mark, rest?.trim())).filter(|(_, rest)| !rest.is_empty())
        })
    })
}

/// The code of a dtype in another byte order.
fn marked(mark: char, name: &str) -> Option<String> {
    let code = DType::parse(name).ok()?.numpy_str();
    let rest = code.strip_prefix(['<', '>'])?;
    Some(format!("{mark}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_a_dtype_and_no_name_has_two() {
        let mut all: Vec<&str> = Vec::new();
        for (names, dtypes) in NAMES {
            for name in names {
                assert_eq!(normal(name), *name);
                all.push(name);
            }
            for dtype in dtypes {
                assert!(DType::parse(dtype).is_ok(), "{dtype}");
            }
        }
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
