//! Guesses the intended value of a mistyped one, for the hint below an error.

use std::path::Path;

use strsim::damerau_levenshtein;

use crate::dtype::{self, DType};
use crate::mapping::Mode;

/// The name with the smallest edit distance to `text`, the first of several. `None` if every
/// distance exceeds a third of the length of `text`.
pub(super) fn nearest<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_ascii_lowercase();
    // The test of lengths bounds the cost of comparing a long text.
    let max_changes = (text.len() / 3).max(1);
    let near = names.into_iter().filter_map(|name| {
        let has_near_length = name.len().abs_diff(text.len()) <= max_changes;
        let changes =
            has_near_length.then(|| damerau_levenshtein(&text, &name.to_ascii_lowercase()))?;
        (changes <= max_changes).then_some((changes, name))
    });
    near.min_by_key(|&(changes, _)| changes)
        .map(|(_, name)| name)
}

/// The intended dtype for a text that is none. `None` without a guess.
pub(super) fn dtype(text: &str) -> Option<String> {
    let alias = match text {
        "bf16" | "bfloat" => Some("bfloat16".to_owned()),
        _ => None,
    };
    let guess = alias.or_else(|| from_bits(text));
    let guess = guess.or_else(|| nearest(text, dtype::names()).map(str::to_owned));
    // The text can be a known name that lacks a size, such as `str`.
    guess.filter(|guess| guess != text)
}

/// The dtype for a text with the size in bits, as in other languages: `f64`, `>u16`.
fn from_bits(text: &str) -> Option<String> {
    let digits = text.find(|c: char| c.is_ascii_digit())?;
    let (code, bits) = text.split_at(digits);
    let bytes = bits.parse::<u32>().ok().filter(|bits| bits % 8 == 0)? / 8;
    let kind = code.trim_start_matches(['<', '>', '=', '|']);
    let known = format!("{code}{bytes}");
    let is_meant = ["i", "u", "f", "c"].contains(&kind) && DType::parse(&known).is_ok();
    is_meant.then_some(known)
}

/// The intended mode for a text that is none. Modes of `fopen(3)` and Python's `open` come first.
/// `None` without a guess.
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
            if let Some(guess) = expected {
                assert!(DType::parse(text).is_err() && DType::parse(guess).is_ok());
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
