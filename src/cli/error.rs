//! What can be wrong with a command line, in the words that the user sees.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use super::{mount_options, similar};
use crate::array::ArrayError;
use crate::dtype::DTypeError;
use crate::mapping::{Mode, NotAMode};

/// Why a command line cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// Options that do not exist, lack their value or exclude each other.
    #[error("{0}")]
    Arguments(String),
    /// An argument that the command needs.
    #[error("{0}: missing")]
    Missing(&'static str),
    /// A path that leads nowhere.
    #[error("{}: cannot be made absolute: {source}", path.display())]
    Path {
        /// What was given.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A mount option that does not exist.
    #[error("-o {0}: unknown mount option")]
    UnknownItem(String),
    /// The rest of a shape that was written with commas.
    #[error("-o {0}: is no option, and a comma ends a shape")]
    RestOfShape(String),
    /// A request of `mount` to change a mount.
    #[error("-o remount: a mount cannot be changed")]
    Remount,
    /// A mount option without the value that it needs.
    #[error("-o {0}: needs a value, as in -o {0}=VALUE")]
    ItemNeedsValue(String),
    /// A mount option with a value that it cannot have.
    #[error("-o {0}: takes no value")]
    ItemTakesNoValue(String),
    /// The same option as a long one and under `-o`, with different values.
    #[error("--{name} {long}: contradicts -o {name}={item}")]
    GivenTwice {
        /// The option's name.
        name: &'static str,
        /// Its value as a long option.
        long: String,
        /// Its value under `-o`.
        item: String,
    },
    /// `-o ro` together with a mode that writes.
    #[error("-o ro: contradicts mode {0}, which writes")]
    ReadOnlyWrites(String),
    /// `--extend` with a mode that extends nothing, or makes the file anew.
    #[error("--extend: is for mode r+, not for mode {0}")]
    ExtendIn(Mode),
    /// A file that is not there, by the name of what other programs have commands for.
    #[error("{word}: there is no such file, and no such command")]
    NoCommand {
        /// What was given.
        word: String,
        /// The option that does it.
        option: &'static str,
    },
    /// `allow_other` and `allow_root`.
    #[error("-o allow_other: contradicts -o allow_root")]
    OtherAndRoot,
    /// A value that is none of those that an option has.
    #[error("{name} '{text}': expected {expected}")]
    Value {
        /// The option's name.
        name: &'static str,
        /// What was given.
        text: String,
        /// What it can be.
        expected: Cow<'static, str>,
    },
    /// A type that NumPy does not have.
    #[error("{error}")]
    DType {
        /// Why it is none.
        error: Box<DTypeError>,
        /// The type that was given.
        text: String,
    },
    /// A shape that no array has.
    #[error(transparent)]
    Shape(#[from] ArrayError),
    /// A mode that NumPy does not have.
    #[error("{error}")]
    Mode {
        /// Why it is none.
        error: NotAMode,
        /// The mode that was given.
        text: String,
    },
    /// A file whose name gives none for a mount point.
    #[error("{}: has no name for a mount point", .0.display())]
    NoName(PathBuf),
}

/// What is said to whoever may have meant a mode that erases.
const ERASES: &str =
    "to write an existing file in place, use r+; w+ erases it, and all becomes zeros";

impl UsageError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        let meant = match self {
            UsageError::UnknownItem(item) => {
                similar::nearest(item, mount_options::names()).map(|name| format!("-o {name}"))
            }
            UsageError::DType { text, .. } => similar::dtype(text),
            // What is one of a few words.
            UsageError::Value {
                name: "cache" | "passthrough" | "format" | "generate",
                text,
                expected,
            } => {
                let words = expected.split([',', ' ']).filter(|word| *word != "or");
                similar::nearest(text, words.filter(|word| !word.is_empty())).map(str::to_owned)
            }
            UsageError::Mode { text, .. } => match similar::mode(text) {
                Some(mode) if mode.parse() == Ok(Mode::Write) => return Some(ERASES.into()),
                mode => mode.map(str::to_owned),
            },
            UsageError::NoCommand { option, .. } => Some((*option).to_owned()),
            _ => None,
        };
        if let Some(meant) = meant {
            return Some(format!("did you mean {meant}?"));
        }
        let hint = match self {
            UsageError::Arguments(_) | UsageError::Missing(_) | UsageError::UnknownItem(_) => {
                "see arrayfs --help"
            }
            UsageError::RestOfShape(_) => "write the shape with x, as in -o shape=10x4",
            UsageError::Remount => {
                "unmount it and mount it anew; mount -i -o remount,ro makes it read-only as it is"
            }
            UsageError::GivenTwice { .. } => "give it once",
            UsageError::ExtendIn(Mode::Write) => {
                "mode w+ gives the file its size anyway, and erases what it holds"
            }
            UsageError::ExtendIn(_) => "leave one of them out",
            UsageError::ReadOnlyWrites(_) => "leave one of them out",
            UsageError::NoName(_) => "say where to mount it",
            UsageError::OtherAndRoot => "leave one of them out; allow_other includes root",
            _ => return None,
        };
        Some(hint.into())
    }
}
