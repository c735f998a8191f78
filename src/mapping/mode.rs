//! The four modes of `numpy.memmap`: their names, and whether each allows writes to views and
//! to the file.

use std::fmt;
use std::str::FromStr;

/// The mode in which the file is opened and mapped: the `mode` of `numpy.memmap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `r`: read an existing file.
    ReadOnly,
    /// `r+`: read and write an existing file.
    ReadWrite,
    /// `w+`: create or overwrite a file of zeros, then read and write it.
    Write,
    /// `c`: writes show in this mount and never reach the file.
    CopyOnWrite,
}

impl Mode {
    const NAMES: [(Mode, &str, &str); 4] = [
        (Mode::ReadOnly, "r", "readonly"),
        (Mode::ReadWrite, "r+", "readwrite"),
        (Mode::Write, "w+", "write"),
        (Mode::CopyOnWrite, "c", "copyonwrite"),
    ];

    /// The names of the modes, each short name followed by its long one.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let names = Mode::NAMES.into_iter();
        names.flat_map(|(_, short, long)| [short, long])
    }

    /// Whether views can be written.
    pub fn writes(self) -> bool {
        self != Mode::ReadOnly
    }

    /// Whether writes reach the file.
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

/// The error for text that names no mode.
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
