//! The four modes of `numpy.memmap`, and what each lets happen to the file.

use std::fmt;
use std::str::FromStr;

/// How the file is opened and mapped, as `numpy.memmap`'s `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `r`: read an existing file.
    ReadOnly,
    /// `r+`: read and write an existing file.
    ReadWrite,
    /// `w+`: create or truncate, then all zeros.
    Write,
    /// `c`: writes are visible here and never reach the file.
    CopyOnWrite,
}

impl Mode {
    const NAMES: [(Mode, &str, &str); 4] = [
        (Mode::ReadOnly, "r", "readonly"),
        (Mode::ReadWrite, "r+", "readwrite"),
        (Mode::Write, "w+", "write"),
        (Mode::CopyOnWrite, "c", "copyonwrite"),
    ];

    /// What the modes are called, the short name of each before the long one.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let names = Mode::NAMES.into_iter();
        names.flat_map(|(_, short, long)| [short, long])
    }

    /// Whether bytes of a view can be written.
    pub fn writes(self) -> bool {
        self != Mode::ReadOnly
    }

    /// Whether what is written reaches the file.
    pub fn writes_through(self) -> bool {
        matches!(self, Mode::ReadWrite | Mode::Write)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Mode::NAMES.iter().find(|(mode, ..)| mode == self);
        f.write_str(named.map_or("", |&(_, short, _)| short))
    }
}

/// The text is not a mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mode '{0}': expected r, r+, w+ or c (or readonly, readwrite, write, copyonwrite)")]
pub struct NotAMode(String);

impl FromStr for Mode {
    type Err = NotAMode;

    fn from_str(text: &str) -> Result<Mode, NotAMode> {
        Mode::NAMES
            .iter()
            .find(|&&(_, short, long)| text == short || text == long)
            .map(|&(mode, ..)| mode)
            .ok_or_else(|| NotAMode(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_each_mode_are_read_and_the_short_one_printed() {
        for (mode, short, long) in Mode::NAMES {
            assert_eq!(short.parse(), Ok(mode));
            assert_eq!(long.parse(), Ok(mode));
            assert_eq!(mode.to_string(), short);
        }
        for text in ["", "w", "rw", "R", "a", "r ", "c+"] {
            assert!(text.parse::<Mode>().is_err(), "{text}");
        }
    }
}
