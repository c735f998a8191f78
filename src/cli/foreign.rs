//! The names that other languages, libraries and formats have for types, and the NumPy dtypes that
//! they stand for. A name that stands for several sizes has several dtypes: the user knows which.

mod names;

use crate::dtype::{self, DType, Kind};
use crate::source::DTypeNote;
use names::{MODULES, Module, NAMES, NOTES};

/// What NumPy means by a name that is another size in other languages. `None` for other names.
pub(super) fn note(name: &str) -> Option<DTypeNote> {
    let found = NOTES.iter().find(|(known, _)| *known == name);
    found.map(|&(_, note)| note)
}

/// The note on a dtype, or on the first of its fields that has one.
pub(super) fn note_within(text: &str) -> Option<DTypeNote> {
    note(text.trim()).or_else(|| {
        let mut fields = text.split([',', '+']);
        let note = fields.find_map(|field| note(field.rsplit(':').next()?.trim()))?;
        Some(DTypeNote {
            other: None,
            ..note
        })
    })
}

/// The note on a name behind a byte-order mark, and how the dtype that is meant elsewhere is
/// written. `None` if the name has no note.
pub(super) fn note_on_marked(text: &str) -> Option<String> {
    let mark = text
        .chars()
        .next()
        .filter(|mark| ['<', '>'].contains(mark))?;
    let note = note(&text[1..])?;
    let code = marked(mark, note.other?)?;
    Some(format!("{}: '{code}' there", note.text))
}

/// The dtypes that a name of another language can stand for. Empty if none is known.
pub(super) fn dtypes(text: &str) -> Vec<String> {
    let (module, bare) = peeled(text);
    if let Some(module) = module
        && let Some((_, dtypes)) = module.names.iter().find(|(name, _)| *name == bare)
    {
        return dtypes.iter().map(|&dtype| dtype.to_owned()).collect();
    }
    let is_numpy = module.is_some_and(|module| module.is_numpy);
    if bare != text && DType::parse(bare).is_ok() && (is_numpy || note(bare).is_none()) {
        return vec![bare.to_owned()];
    }
    if module.is_some_and(|module| module.is_complete) {
        return Vec::new();
    }
    let codes = capital(bare);
    if !codes.is_empty() {
        return codes;
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
    peeled(text).1
}

/// The innermost module of a dtype in a program, and its name without modules, quotes and calls.
fn peeled(text: &str) -> (Option<&'static Module>, &str) {
    let mut bare = text.trim();
    let mut module = None;
    loop {
        let before = bare;
        for known in MODULES {
            let mut prefixes = known.prefixes.iter();
            if let Some(rest) = prefixes.find_map(|prefix| bare.strip_prefix(prefix)) {
                (module, bare) = (Some(known), rest);
            }
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
            return (module, bare);
        }
    }
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
pub(super) fn meanings(name: &str) -> Vec<String> {
    if let Some((_, dtypes)) = NAMES.iter().find(|(names, _)| names.contains(&name)) {
        return dtypes.iter().map(|&dtype| dtype.to_owned()).collect();
    }
    if let Some(numbers) = hdf5(name) {
        return vec![numbers];
    }
    let joined = name.replace(' ', "");
    let has_digits = joined.contains(|c: char| c.is_ascii_digit());
    let known = dtype::names().find(|known| *known == joined && has_digits);
    let found = known.map(str::to_owned).or_else(|| sized(&joined));
    found.into_iter().collect()
}

/// The dtype of a type of HDF5 with its byte order, such as `H5T_IEEE_F32LE`: sizes are in bits.
fn hdf5(name: &str) -> Option<String> {
    let prefixes = ["h5t ieee ", "h5t std ", "h5t native "];
    let rest = prefixes
        .into_iter()
        .find_map(|prefix| name.strip_prefix(prefix))?;
    let (mark, rest) = match split_byte_order(rest) {
        Some((mark, rest)) => (Some(mark), rest),
        None => (None, rest),
    };
    let known = dtype::names()
        .find(|known| *known == rest)
        .map(str::to_owned);
    let dtype = known.or_else(|| sized(rest))?;
    // A dtype of one byte has no byte order.
    Some(mark.and_then(|mark| marked(mark, &dtype)).unwrap_or(dtype))
}

/// The dtypes of a code in capitals. Its number can be that of bits or of bytes. Empty for other
/// texts.
fn capital(text: &str) -> Vec<String> {
    let mark = text.chars().next().filter(|mark| ['<', '>'].contains(mark));
    let code = text.trim_start_matches(['<', '>']);
    let is_code = code.starts_with(['I', 'F', 'C'])
        && code.len() > 1
        && code[1..].bytes().all(|byte| byte.is_ascii_digit());
    if !is_code {
        return Vec::new();
    }
    let lower = code.to_ascii_lowercase();
    let bits = match code {
        "F8" => meanings("fp8"),
        _ => sized(&lower).into_iter().collect(),
    };
    let bytes = DType::parse(&lower).ok().map(|dtype| dtype.numpy_name());
    let mut readings: Vec<String> = bits.into_iter().chain(bytes).collect();
    readings.dedup();
    match mark {
        Some(mark) => readings
            .iter()
            .filter_map(|name| marked(mark, name))
            .collect(),
        None => readings,
    }
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
    let bits = |letter: &str| {
        let is_whole = size.is_multiple_of(8);
        is_whole.then(|| format!("{letter}{}", size / 8))
    };
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
    let dtype = DType::parse(name).ok()?;
    let is_narrow = matches!(dtype.kind(), Kind::NarrowFloat(_));
    if is_narrow && dtype.itemsize() > 1 {
        // NumPy's code of it is that of opaque bytes.
        return Some(format!("{mark}{name}"));
    }
    let code = dtype.numpy_str();
    let rest = code.strip_prefix(['<', '>'])?;
    Some(format!("{mark}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_a_dtype_and_no_name_has_two() {
        let mut all: Vec<&str> = Vec::new();
        for &(names, dtypes) in NAMES {
            for name in names {
                assert_eq!(normal(name), *name);
                all.push(name);
            }
            for dtype in dtypes {
                assert!(DType::parse(dtype).is_ok(), "{dtype}");
            }
        }
        for module in MODULES {
            for dtype in module.names.iter().flat_map(|(_, dtypes)| *dtypes) {
                assert!(DType::parse(dtype).is_ok(), "{dtype}");
            }
        }
        for (name, note) in NOTES {
            let meant = note.other.map(DType::parse).unwrap();
            assert!(meant.is_ok() && meant != DType::parse(name), "{name}");
        }
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
