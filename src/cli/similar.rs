//! Guesses the intended value of a mistyped one, for the hint below an error.

use std::path::Path;

use strsim::damerau_levenshtein;

use super::foreign;
use super::number::decimal;
use super::value::join_with_or;
use crate::array::ShapeSpec;
use crate::dtype::{self, DType};
use crate::mapping::Mode;
use crate::platform::quoted;

/// The name with the smallest edit distance to `text`, the first of several. `None` if every
/// distance exceeds a third of the length of `text`.
pub(super) fn nearest<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_within((text.len() / 3).max(1), text, names)
}

/// As [`nearest`], with at most this edit distance.
fn nearest_within<'a>(
    max_changes: usize,
    text: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let text = text.to_ascii_lowercase();
    let near = names.into_iter().filter_map(|name| {
        // The test of lengths bounds the cost of comparing a long text.
        let has_near_length = name.len().abs_diff(text.len()) <= max_changes;
        let changes =
            has_near_length.then(|| damerau_levenshtein(&text, &name.to_ascii_lowercase()))?;
        (changes <= max_changes).then_some((changes, name))
    });
    near.min_by_key(|&(changes, _)| changes)
        .map(|(_, name)| name)
}

/// The hint for a text that is no dtype. `None` without a guess. A guess never has another size,
/// byte order or kind of numbers than the text says.
pub(super) fn dtype(text: &str) -> Option<String> {
    let bare = foreign::unwrapped(text);
    if let Some(sentence) = lengths(bare) {
        return Some(sentence.into());
    }
    let mut meant = foreign::dtypes(text);
    if meant.is_empty() {
        meant.extend(with_known_types(text));
    }
    if meant.is_empty()
        && let Some(sizes) = sizes(bare)
    {
        return Some(sizes.into());
    }
    if meant.is_empty() {
        meant = similar_names(bare);
    }
    // The text can be a known name that lacks a size, such as `str`.
    meant.retain(|dtype| dtype != text);
    // A shell would take `>f8` as a redirection, and overwrite a file.
    let meant: Vec<String> = meant.iter().map(|dtype| quoted(dtype.as_ref())).collect();
    did_you_mean(&meant)
}

/// The dtype whose name is like the text, or all that it can stand for elsewhere.
fn similar_names(text: &str) -> Vec<String> {
    // Other signs can be a byte order, a unit or a pointer, which a name would drop.
    let is_name = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let max_changes = (text.len() / 3).clamp(1, 2);
    let names = dtype::names().filter(|name| is_name && says_the_same(text, name));
    match nearest_within(max_changes, text, names) {
        Some(name) if foreign::note(name).is_some() => foreign::meanings(name),
        name => name.map(str::to_owned).into_iter().collect(),
    }
}

/// What to write for text or bytes without their length.
fn lengths(text: &str) -> Option<&'static str> {
    let names = [
        "string", "text", "char*", "char *", "varchar", "ascii", "utf8", "utf-8", "ucs4", "utf32",
        "utf-32", "blob", "binary", "opaque",
    ];
    names.contains(&text.to_ascii_lowercase().as_str()).then_some(
        "the length is part of the dtype: S and a number of bytes, V the same for bytes that are \
         no text, U and a number of characters of 4 bytes",
    )
}

/// The question whether one of `words` is meant; `None` if there are none.
pub(super) fn did_you_mean(words: &[String]) -> Option<String> {
    let words = join_with_or(words.iter().map(String::as_str));
    (!words.is_empty()).then(|| format!("did you mean {words}?"))
}

/// Whether a name has the digits of the text, and its letters for unsigned, complex and brain
/// floats.
fn says_the_same(text: &str, name: &str) -> bool {
    let telling = |text: &str| {
        let mut letters: Vec<char> = text.to_ascii_lowercase().chars().collect();
        letters.retain(|c| "ucb".contains(*c) || c.is_ascii_digit());
        letters.sort_unstable_by_key(|c| c.is_ascii_alphabetic().then_some(*c));
        letters
    };
    telling(text) == telling(name)
}

/// The sizes that NumPy has, for a name with another one.
fn sizes(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let kind = text.trim_end_matches(|c: char| c.is_ascii_digit());
    Some(match kind {
        "s" | "u" | "s24le" | "s24be" | "u24le" | "u24be" if text[1..].starts_with("24") => {
            "no dtype has 24 bits: read the bytes as uint8, with a last axis of 3"
        }
        _ if kind == text => return None,
        "int" => "names count bits: int8, int16, int32, int64; codes count bytes: i1, i2, i4, i8",
        "uint" => {
            "names count bits: uint8, uint16, uint32, uint64; codes count bytes: u1, u2, u4, u8"
        }
        "float" => "names count bits: float16, float32, float64; codes count bytes: f2, f4, f8",
        "complex" => "names count bits: complex64, complex128; codes count bytes: c8, c16",
        _ => return None,
    })
}

/// The fields `name:type,name:type` with the types of other languages as dtypes, and commas in
/// place of semicolons. `None` if there are others, or a type can be several.
fn with_known_types(text: &str) -> Option<String> {
    if !text.contains(':') || text.contains(['[', '(', '{']) {
        return None;
    }
    let text = text.replace(';', ",");
    let separator = if text.contains('+') { '+' } else { ',' };
    let fields = text.split(separator).map(|field| {
        let (name, kind) = field.rsplit_once(':')?;
        if DType::parse(kind).is_ok() {
            return Some(field.to_owned());
        }
        match &foreign::dtypes(kind)[..] {
            [only] => Some(format!("{name}:{only}")),
            _ => None,
        }
    });
    let fields: Vec<String> = fields.collect::<Option<_>>()?;
    // Only under -o a plus sign separates fields.
    let meant = match separator {
        '+' if fields.join("+") == text => fields.join(","),
        _ => fields.join(&separator.to_string()),
    };
    let is_valid = DType::parse(&meant).is_ok() || DType::parse_mount_option(&meant).is_ok();
    is_valid.then_some(meant)
}

/// The intended mode for a text that is none. Modes of `fopen(3)` and Python's `open` come first.
/// `None` without a guess.
pub(super) fn mode(text: &str) -> Option<&'static str> {
    match text
        .to_ascii_lowercase()
        .replace([' ', '-', '_'], "")
        .as_str()
    {
        "r" | "ro" | "rb" | "rt" | "read" | "rdonly" => Some("r"),
        "r+" | "read+" | "readwrite+" | "rw" | "rw+" | "wr" | "+r" | "+" | "r+b" | "rb+" | "a"
        | "a+" | "append" | "update" | "inplace" | "r++" => Some("r+"),
        "w+" | "write+" | "w" | "wb" | "w+b" | "wb+" | "+w" | "ww+" | "x" | "x+" | "xb" | "new"
        | "create" | "truncate" | "overwrite" => Some("w+"),
        "c" | "cow" | "c+" | "copy" | "private" => Some("c"),
        // One change of a letter makes any short mode of another.
        text if text.len() < 4 => None,
        text => nearest(text, Mode::names()),
    }
}

/// The intended order for a text that is none; `None` without a guess.
pub(super) fn order(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    match text.as_str() {
        text if text.starts_with("row") => Some("C"),
        text if text.starts_with("col") || text.starts_with('f') => Some("F"),
        text if text.starts_with("c_") || text.starts_with("c-") || text.starts_with("c ") => {
            Some("C")
        }
        "corder" | "ccontiguous" => Some("C"),
        _ => None,
    }
}

/// What to write in place of an unknown option, by its name without dashes: options, or a sentence.
/// These are the names of other programs; `None` for others.
pub(super) fn option(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "ro" | "r" | "readonly" | "read-only" | "read_only" | "read" => "--mode r",
        "rw" | "w" | "readwrite" | "read-write" | "writable" => "--mode r+",
        "type" | "typ" | "datatype" | "data-type" | "t" | "d" => "--dtype",
        "dims" | "dim" | "size" | "dimensions" | "s" => "--shape",
        "skip" | "header" | "seek" | "start" | "skip-bytes" | "j" => "--offset",
        "endian" | "byteorder" | "byte-order" | "endianness" | "big-endian" | "little-endian" => {
            "the byte order is part of --dtype: '>f4' is big-endian, '<f4' little-endian"
        }
        "fortran" | "fortran-order" | "fortran_order" | "column-major" => "--order F",
        "row-major" => "--order C",
        "unmount-all" | "umount-all" => "-u --all",
        "umount" | "unmnt" | "eject" => "--unmount",
        "ls" | "mounts" | "status" => "--list",
        "dataset" | "member" | "variable" | "name" => "--array",
        "umask" | "uid" | "gid" | "allow-other" | "allow_other" | "fsname" => {
            "it is a mount option, as in -o umask=022,uid=1000,allow_other"
        }
        "timeout" => "--idle-timeout",
        "debug" => "-f -v",
        _ => return None,
    })
}

/// The mount option for an unknown one that has another name elsewhere; `None` for others.
pub(super) fn item(name: &str) -> Option<&'static str> {
    Some(match name {
        "r" | "read" | "readonly" | "read-only" | "rdonly" => "ro",
        "w" | "write" | "readwrite" => "rw",
        "type" => "dtype",
        _ => return None,
    })
}

/// The intended shape for a text that is none: its lengths, if only separators of other programs
/// are between them. `None` without a guess.
pub(super) fn shape(text: &str) -> Option<String> {
    let text = unwrapped_shape(text).replace("by", " ");
    let is_hexadecimal = |part: &str| {
        part.trim()
            .get(..2)
            .is_some_and(|start| ["0x", "0X"].contains(&start))
    };
    if text.split([',', ' ', '(', '[']).any(is_hexadecimal) {
        return None;
    }
    // A length is missing.
    let lacks = ["x", "X", "*", ","]
        .iter()
        .any(|mark| text.starts_with(mark) || text.ends_with(mark));
    if lacks || text.contains(",,") || text.contains("**") || has_placeholder(&text) {
        return None;
    }
    let is_separator = |c: char| " *xX\u{d7};[](){}<>,\t".contains(c);
    let parts = text.split(is_separator).filter(|part| !part.is_empty());
    let lengths = parts.map(|part| {
        let part = part.trim_end_matches(['l', 'L']);
        let is_length = part == "-1" || part.bytes().all(|byte| byte.is_ascii_digit());
        is_length
            .then(|| part.to_owned())
            .or_else(|| power_of_ten(part))
    });
    let meant = lengths.collect::<Option<Vec<String>>>()?.join(",");
    meant.parse::<ShapeSpec>().is_ok().then_some(meant)
}

/// The text without the quotes and calls around a shape in a program: `c(150,4)` of R,
/// `torch.Size([150, 4])`.
fn unwrapped_shape(text: &str) -> &str {
    let mut bare = text.trim();
    for (open, close) in [
        ("'", "'"),
        ("\"", "\""),
        ("c(", ")"),
        ("torch.Size(", ")"),
        ("size(", ")"),
    ] {
        let inner = bare.strip_prefix(open);
        bare = inner
            .and_then(|inner| inner.strip_suffix(close))
            .unwrap_or(bare);
    }
    bare.trim()
}

/// A length such as `1e3`, in digits.
fn power_of_ten(text: &str) -> Option<String> {
    let (digits, exponent) = text.split_once(['e', 'E'])?;
    let (digits, exponent) = (decimal::<u64>(digits)?, decimal(exponent)?);
    let length = digits.checked_mul(10_u64.checked_pow(exponent)?)?;
    Some(length.to_string())
}

/// Whether one of the lengths in a text is a sign for any length in other programs.
pub(super) fn has_placeholder(text: &str) -> bool {
    let parts = text.split([',', 'x', '(', ')', '[', ']']).map(str::trim);
    let signs = [
        "?", "*", ":", "N", "n", "None", "none", "nan", "NA", "Inf", "inf", "auto", "...",
    ];
    parts.into_iter().any(|part| signs.contains(&part))
}

/// The intended value of an option with a few words or a number; `None` without a guess.
pub(super) fn value(name: &str, text: &str, expected: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let meant = match (name, lower.as_str()) {
        ("cache" | "passthrough", "no" | "off" | "none" | "false") => "never",
        ("csv", "pad" | "aligned" | "fixed") => "padded",
        ("format", "binary" | "bin" | "bytes" | "flat" | "dat" | "none") => "raw",
        ("format", "h5" | "hdf" | "he5" | "mat73") => "hdf5",
        ("format", "nc" | "nc4" | "cdf") => "netcdf",
        ("format", "nii" | "nifti1") => "nifti",
        ("format", "numpy") => "npy",
        ("format", "fit" | "fts") => "fits",
        ("format", "mha" | "mhd") => "metaimage",
        ("generate", "manpage" | "man-page") => "man",
        ("cache" | "passthrough" | "format" | "csv" | "generate", _) => {
            let words = expected.split([',', ' ']).filter(|word| *word != "or");
            nearest(text, words.filter(|word| !word.is_empty()))?
        }
        ("idle-timeout", _) => return time(&lower),
        _ => return None,
    };
    Some(meant.to_owned())
}

/// A time such as `5min` as `5m`.
fn time(text: &str) -> Option<String> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let letter = match unit.trim() {
        "sec" | "secs" | "second" | "seconds" | "s" => 's',
        "min" | "mins" | "minute" | "minutes" | "m" => 'm',
        "hour" | "hours" | "hr" | "hrs" | "h" => 'h',
        "day" | "days" | "d" => 'd',
        _ => return None,
    };
    (!number.is_empty()).then(|| format!("{number}{letter}"))
}

/// What to do about a name that is no file, since a shell or another program would have made
/// something of it. `None` for other names.
pub(super) fn path(word: &Path) -> Option<&'static str> {
    let word = word.to_str()?;
    Some(match word {
        "-" => "standard input cannot be mapped: write it to a file first",
        _ if word.contains("://") => "only local files can be mounted: download it first",
        _ if is_remote(word) => "only local files can be mounted: copy it to this machine first",
        _ if word.contains(['*', '?']) => "no file has a name of this pattern",
        _ => return None,
    })
}

/// Whether a word is a path on another machine, as of scp: `host:a.npy`.
fn is_remote(word: &str) -> bool {
    let host = word.split_once(':').map(|(host, _)| host);
    host.is_some_and(|host| host.len() > 1 && !host.contains(['/', ' ']))
}

/// The option for a word that is a subcommand of other programs. `None` for other words.
pub(super) fn command(word: &Path) -> Option<&'static str> {
    Some(match word.to_str()? {
        "help" | "usage" => "--help",
        "version" => "--version",
        "info" => "--info",
        "list" | "ls" => "--list",
        "unmount" | "umount" => "--unmount",
        "mount" => "arrayfs FILE MOUNTPOINT",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_type_is_one_that_says_the_same() {
        for (text, expected) in [
            ("flaot32", Some("float32")),
            ("Float64", Some("float64")),
            ("unit8", Some("uint8")),
            ("intt16", Some("int16")),
            ("f64", Some("float64")),
            (">u16", Some("'>u2'")),
            ("c64", Some("complex64")),
            ("float32be", Some("'>f4'")),
            ("complex*16", Some("complex128")),
            ("cfloat64", None),
            ("f24", None),
            ("i0", None),
            ("f99999999999999999999", None),
            ("objekt", None),
            ("str", None),
            ("void", None),
            ("", None),
            ("banana", None),
        ] {
            let question = expected.map(|guess| format!("did you mean {guess}?"));
            assert_eq!(dtype(text), question, "{text}");
            if let Some(guess) = expected {
                let guess = DType::parse(guess.trim_matches('\''));
                assert!(DType::parse(text).is_err() && guess.is_ok());
            }
        }
        assert!(dtype("int24").unwrap().starts_with("names count bits"));
    }

    #[test]
    fn a_mistyped_mode_is_the_nearest_one() {
        for (text, expected) in [
            ("rw", Some("r+")),
            ("w", Some("w+")),
            ("write+", Some("w+")),
            ("R+", Some("r+")),
            ("reedonly", Some("readonly")),
            ("copy-on-write", Some("copyonwrite")),
            ("c+", Some("c")),
            ("x", Some("w+")),
            ("banana", None),
        ] {
            assert_eq!(mode(text), expected, "{text}");
            assert!(text.parse::<Mode>().is_err());
        }
    }
}
