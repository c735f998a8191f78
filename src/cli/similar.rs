//! What a mistyped value was meant to be, for the hint below an error.

use std::path::Path;

use strsim::damerau_levenshtein;

use crate::dtype::{self, DType};
use crate::mapping::Mode;

/// The name that is the most like `text`, of those that take few changes to
/// become it; the first if several take as few.
pub(super) fn nearest<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_ascii_lowercase();
    // Of a text of any length, only as much as a name can have is compared.
    let most = (text.len() / 3).max(1);
    let near = names.into_iter().filter_map(|name| {
        let is_as_long = name.len().abs_diff(text.len()) <= most;
        let changes = is_as_long.then(|| damerau_levenshtein(&text, &name.to_ascii_lowercase()))?;
        (changes <= most).then_some((changes, name))
    });
    near.min_by_key(|&(changes, _)| changes)
        .map(|(_, name)| name)
}

/// The type that a text was meant to be which is none.
pub(super) fn dtype(text: &str) -> Option<String> {
    let meant = in_bits(text).or_else(|| nearest(text, dtype::names()).map(str::to_owned));
    // A type can be known and lack its size.
    meant.filter(|meant| meant != text)
}

/// The code for a text that counts bits as other languages do: `f64`, `>u16`.
fn in_bits(text: &str) -> Option<String> {
    let digits = text.find(|c: char| c.is_ascii_digit())?;
    let (code, bits) = text.split_at(digits);
    let bytes = bits.parse::<u32>().ok().filter(|bits| bits % 8 == 0)? / 8;
    let kind = code.trim_start_matches(['<', '>', '=', '|']);
    let known = format!("{code}{bytes}");
    let is_meant = ["i", "u", "f", "c"].contains(&kind) && DType::parse(&known).is_ok();
    is_meant.then_some(known)
}

/// The mode that a text was meant to be which is none. What `fopen(3)` and
/// Python's `open` take is looked for first.
pub(super) fn mode(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "ro" | "rb" | "read" => Some("r"),
        "read+" | "readwrite+" | "rw" | "wr" | "+r" | "+" | "r+b" | "rb+" | "a" | "a+" => {
            Some("r+")
        }
        "write+" | "w" | "wb" | "w+b" | "wb+" | "+w" => Some("w+"),
        "cow" | "copy" | "private" => Some("c"),
        text => nearest(text, Mode::names()),
    }
}

/// The option for what a word asks for that is a command of other programs.
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
    fn a_mistyped_type_is_the_nearest_one() {
        for (text, expected) in [
            ("flaot32", Some("float32")),
            ("Float64", Some("float64")),
            ("flot", Some("float")),
            ("unit8", Some("uint8")),
            ("intt16", Some("int16")),
            ("f64", Some("f8")),
            (">u16", Some(">u2")),
            ("c64", Some("c8")),
            ("f24", None),
            ("i0", None),
            ("f99999999999999999999", None),
            ("objekt", None),
            ("str", None),
            ("void", None),
            ("", None),
            ("banana", None),
        ] {
            assert_eq!(dtype(text).as_deref(), expected, "{text}");
            if let Some(meant) = expected {
                assert!(DType::parse(text).is_err() && DType::parse(meant).is_ok());
            }
        }
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
            ("banana", None),
        ] {
            assert_eq!(mode(text), expected, "{text}");
            assert!(text.parse::<Mode>().is_err());
        }
    }
}
