//! The errors of a command line, with the messages and hints that the user sees.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use super::{foreign, mount_options, similar};
use crate::array::ArrayError;
use crate::dtype::{DTypeError, Refusal};
use crate::mapping::{Mode, NotAMode};
use crate::platform::quoted;

/// An error in the command line.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// An error that clap found: an unknown option, a missing value or a conflict.
    #[error("{message}")]
    Arguments {
        /// The argument, and what is wrong with it.
        message: String,
        /// What to write in its place, if it is unknown.
        meant: Option<String>,
    },
    /// A third path, such as another file.
    #[error("{word}: one more than FILE and MOUNTPOINT; a mount serves one file")]
    ThirdPath {
        /// The path as given.
        word: String,
        /// What to do, if it is known.
        advice: Option<String>,
    },
    /// The file or the mount point does not exist, and has only marks of a shape.
    #[error("{}: no such path, and it looks like a part of a shape", path.display())]
    SplitShape {
        /// The path as given.
        path: PathBuf,
        /// What the path is: a file or a mount point.
        what: &'static str,
        /// The shape in one word, if it is known.
        shape: Option<String>,
    },
    /// The path begins with `~`, which a shell has not expanded.
    #[error("{}: no such path; no shell has expanded the ~", .0.display())]
    Tilde(PathBuf),
    /// A required argument is missing.
    #[error("{0}: missing")]
    Missing(&'static str),
    /// A path cannot be made absolute.
    #[error("{}: cannot be made absolute: {source}", path.display())]
    Path {
        /// The path as given.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The name of a file has an end that `open(2)` accepts only for a directory.
    #[error("{}: expected the name of a file; a slash at the end is for directories", .0.display())]
    SlashAtEnd(PathBuf),
    /// An unknown mount option.
    #[error("-o {0}: unknown mount option")]
    UnknownItem(String),
    /// A mount option of macFUSE, given on another system.
    #[error("-o {0}: is an option of macFUSE, for macOS")]
    ForMacOs(String),
    /// A number in place of a mount option: the rest of a shape written with commas.
    #[error("-o {0}: not a mount option; a comma ends the shape")]
    RestOfShape(String),
    /// A request of `mount` to change an existing mount.
    #[error("-o remount: a mount cannot be changed")]
    Remount,
    /// A mount option lacks its value.
    #[error("-o {0}: needs a value, as in -o {0}=VALUE")]
    ItemNeedsValue(String),
    /// A mount option has a value but takes none.
    #[error("-o {0}: takes no value")]
    ItemTakesNoValue(String),
    /// An option was given as a long option and under `-o`, with different values.
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
    /// `--extend` together with a mode other than `r+`.
    #[error("--extend: is for mode r+, not for mode {0}")]
    ExtendIn(Mode),
    /// The file does not exist, and its name is not one that a shell would have left so.
    #[error("{word}: no such file")]
    NotAPath {
        /// The name as given.
        word: String,
        /// What to do.
        advice: Cow<'static, str>,
    },
    /// The file does not exist, and its name is a subcommand of other programs.
    #[error("{word}: no such file or command")]
    NoCommand {
        /// The name as given.
        word: String,
        /// The option with the meaning of the subcommand.
        option: &'static str,
    },
    /// `allow_other` and `allow_root`.
    #[error("-o allow_other: contradicts -o allow_root")]
    OtherAndRoot,
    /// An invalid value of an option.
    #[error("{name} '{text}': expected {expected}")]
    Value {
        /// The option's name.
        name: &'static str,
        /// The value as given.
        text: String,
        /// A description of the valid values.
        expected: Cow<'static, str>,
    },
    /// An invalid dtype.
    #[error("{error}")]
    DType {
        /// The cause.
        error: Box<DTypeError>,
        /// The dtype as given.
        text: String,
    },
    /// An invalid shape.
    #[error(transparent)]
    Shape(#[from] ArrayError),
    /// An invalid mode.
    #[error("{error}")]
    Mode {
        /// The cause.
        error: NotAMode,
        /// The mode as given.
        text: String,
    },
    /// The path of the file has no last component to name a mount point after.
    #[error("{}: no mount point can be named after this path", .0.display())]
    NoName(PathBuf),
}

/// The hint for a mistyped mode that resembles `w+`.
const ERASES: &str =
    "to write an existing file in place, use r+; w+ erases it and fills it with zeros";

impl UsageError {
    /// What the user can do about the error; `None` if nothing is known.
    pub fn hint(&self) -> Option<String> {
        self.meant().or_else(|| self.advice().map(str::to_owned))
    }

    /// The question whether something similar is meant; `None` without a guess.
    fn meant(&self) -> Option<String> {
        let meant = match self {
            UsageError::Arguments {
                meant: Some(sentence),
                ..
            } if !sentence.starts_with('-') => return Some(sentence.clone()),
            UsageError::Arguments { meant, .. } => meant.clone(),
            UsageError::ThirdPath { advice, .. } => return advice.clone(),
            UsageError::SplitShape { path, what, shape } => {
                let shape = match shape {
                    Some(shape) => format!("a shape is one word: --shape {shape}"),
                    None => "a shape is one word, as in --shape 150,4".into(),
                };
                let path = quoted(&Path::new(".").join(path));
                return Some(format!("{shape}; write {path} for a {what} of this name"));
            }
            UsageError::NotAPath { advice, .. } => return Some(advice.to_string()),
            UsageError::UnknownItem(item) => similar::item(item)
                .or_else(|| similar::nearest(item, mount_options::names()))
                .map(|name| format!("-o {name}")),
            UsageError::DType { error, text }
                if matches!(error.refusal(), Refusal::MarkedName { .. }) =>
            {
                return foreign::note_on_marked(text);
            }
            UsageError::DType { text, .. } => return similar::dtype(text),
            UsageError::Shape(ArrayError::NotAShape { text }) => similar::shape(text),
            UsageError::Value {
                name: "order",
                text,
                ..
            } => similar::order(text).map(str::to_owned),
            UsageError::Value {
                name,
                text,
                expected,
            } => similar::value(name, text, expected),
            UsageError::Mode { text, .. } => match similar::mode(text) {
                Some(mode) if mode.parse() == Ok(Mode::Write) => return Some(ERASES.into()),
                mode => mode.map(str::to_owned),
            },
            UsageError::NoCommand { option, .. } => Some((*option).to_owned()),
            _ => None,
        };
        similar::did_you_mean(&Vec::from_iter(meant))
    }

    /// What helps against any error of this kind.
    fn advice(&self) -> Option<&'static str> {
        Some(match self {
            UsageError::Tilde(_) => "write ~ outside quotes and after a blank, or $HOME",
            UsageError::UnknownItem(item) if item.contains(' ') => {
                "options are joined by commas, without blanks: -o ro,dtype=f8"
            }
            UsageError::UnknownItem(item) if item.contains(':') => {
                "under -o the fields of a dtype are joined by +, as in -o dtype=x:f4+y:f4"
            }
            UsageError::Arguments { message, .. } if message.starts_with("--unmount") => {
                "as in arrayfs -u MOUNTPOINT; arrayfs --list shows the mounts"
            }
            UsageError::Arguments { .. } | UsageError::Missing(_) | UsageError::UnknownItem(_) => {
                "see arrayfs --help"
            }
            UsageError::Shape(ArrayError::NotAShape { text }) if similar::has_placeholder(text) => {
                "one length can be -1, which follows from the size of the file, as in -1,4"
            }
            UsageError::Value {
                name: "uid" | "gid",
                ..
            } => "id prints the numbers of a user",
            UsageError::Value {
                name: "idle-timeout" | "threads",
                text,
                ..
            } if ["0", "never", "off", "none", "auto"].contains(&text.as_str()) => {
                "leave the option out for the default"
            }
            UsageError::RestOfShape(_) => "write the shape with x, as in -o shape=10x4",
            UsageError::Remount => {
                "unmount it and mount it again; mount -i -o remount,ro makes a mount read-only"
            }
            UsageError::GivenTwice { .. } => "give it once",
            UsageError::ExtendIn(Mode::Write) => {
                "mode w+ sets the size of the file anyway, and erases its content"
            }
            UsageError::ExtendIn(_) => "leave one of them out",
            UsageError::ReadOnlyWrites(mode) if mode == "w+" => {
                "leave out --mode to read the file; w+ erases it"
            }
            UsageError::ReadOnlyWrites(_) => "leave one of them out",
            UsageError::NoName(_) => "say where to mount it",
            UsageError::ForMacOs(_) => "leave it out",
            UsageError::OtherAndRoot => "leave one of them out; allow_other includes root",
            _ => return None,
        })
    }
}
