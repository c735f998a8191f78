//! The command line. Its text is parsed to raw options (`raw`), which are validated (`settings`).
//! The rest of the program sees only the validated command; running it is left to `daemon`.

mod error;
mod foreign;
mod generate;
mod log;
mod message;
mod missing;
mod mount_options;
mod number;
mod raw;
mod settings;
mod similar;
mod value;
mod words;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Id};

use crate::fs::Options;
use crate::source::Description;
pub use error::UsageError;
pub use log::Log;
pub use message::say;
pub use missing::missing_file_hint;
use raw::RawOptions;
pub use settings::Settings;
pub use words::each_alone;

/// A validated command.
#[derive(Debug)]
pub enum Command {
    /// Mount an array.
    Mount(Box<Settings>),
    /// Print the `meta.json` of an array.
    Info {
        /// The absolute path of the backing file.
        file: PathBuf,
        /// The absolute path of a mount point, which is not needed.
        mountpoint: Option<PathBuf>,
        /// The description of the array.
        description: Description,
        /// The options of a mount of it.
        options: Box<Options>,
        /// Whether JSON is printed for a file with several arrays, and not a table.
        as_json: bool,
    },
    /// Unmount arrays.
    Unmount {
        /// The absolute paths of their mount points, or of their files.
        mountpoints: Vec<PathBuf>,
    },
    /// Unmount all arrays that this user has mounted.
    UnmountAll,
    /// List the mounted arrays.
    List,
    /// Print the mount points that a word may complete to.
    CompleteMounts {
        /// The word as far as it is typed.
        typed: OsString,
    },
    /// Print the names of the arrays in a file.
    CompleteArrays {
        /// The absolute path of the file.
        file: PathBuf,
        /// The description of its contents.
        description: Description,
    },
    /// Print this text: the help, the version, the man page or completions.
    Print(String),
}

/// The option that the completions of the shells run. No option of clap, so that neither help nor
/// completions nor suggestions show it.
const COMPLETE: &str = "--complete";

/// Parses a command line, which begins with the name of the program.
///
/// # Errors
///
/// When an argument is unknown, missing, invalid or contradicts another.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let [_, option, what, word] = arguments.as_slice()
        && option == COMPLETE
        && let Some(command) = completion(what, word)
    {
        return command;
    }
    let matches = match RawOptions::command().try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            return Ok(Command::Print(error.render().to_string()));
        }
        Err(error) => return Err(clap_error(&error, &arguments)),
    };
    let raw = RawOptions::from_arg_matches(&matches);
    let raw = raw.map_err(|error| clap_error(&error, &arguments))?;
    if let Some(points) = &raw.unmount {
        return unmount(points, &raw, &matches);
    }
    if raw.list {
        return Ok(Command::List);
    }
    if let Some(what) = &raw.generate {
        return Ok(Command::Print(generate::text(what)?));
    }
    if let Some(error) = words::split_shape(&raw, &arguments) {
        return Err(error);
    }
    settings::command(&raw)
}

/// The command that prints what `word` completes to, or for `array` what its arrays are; `None` for
/// anything else than these two.
fn completion(what: &OsStr, word: &OsStr) -> Option<Result<Command, UsageError>> {
    if what == "mount" {
        let typed = word.to_owned();
        return Some(Ok(Command::CompleteMounts { typed }));
    }
    let raw = RawOptions {
        file: Some(word.into()),
        mode: Some("r".into()),
        info: true,
        ..RawOptions::default()
    };
    let arrays = |command| match command {
        Command::Info {
            file, description, ..
        } => Command::CompleteArrays { file, description },
        other => other,
    };
    (what == "array").then(|| settings::command(&raw).map(arrays))
}

/// The command to unmount what is mounted on `points`.
///
/// # Errors
///
/// When there is nothing to unmount, or another argument is given.
fn unmount(
    points: &[PathBuf],
    raw: &RawOptions,
    matches: &ArgMatches,
) -> Result<Command, UsageError> {
    let refused = |problem: &str| UsageError::Arguments {
        message: format!("--unmount <MOUNTPOINT>...: {problem}"),
        meant: None,
    };
    let given = |id: &Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
    // clap's groups are ids, too.
    let known = |id: &Id| {
        RawOptions::command()
            .get_arguments()
            .any(|arg| arg.get_id() == id)
    };
    let mut others = matches.ids().filter(|id| known(id) && given(id));
    if let Some(other) = others.find(|id| !["unmount", "all"].contains(&id.as_str())) {
        let name = match other.as_str() {
            name @ ("file" | "mountpoint") => name.to_uppercase(),
            name => format!("--{}", name.replace('_', "-")),
        };
        return Err(refused(&format!(
            "allows no other arguments, such as {name}"
        )));
    }
    match (points, raw.all) {
        ([], true) => Ok(Command::UnmountAll),
        ([], false) => Err(refused("needs a value")),
        (_, true) => Err(refused("allows no mount points beside --all")),
        (points, false) => {
            let mountpoints = points.iter().map(|point| absolute(point));
            let mountpoints = mountpoints.collect::<Result<_, _>>()?;
            Ok(Command::Unmount { mountpoints })
        }
    }
}

/// The error for clap's `error` on this command line.
fn clap_error(error: &clap::Error, arguments: &[OsString]) -> UsageError {
    let invalid = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    let first = arguments.get(1).map(Path::new);
    let mut meant = None;
    if let Some(invalid) = invalid.filter(|_| error.kind() == ErrorKind::UnknownArgument) {
        if !invalid.starts_with('-') {
            return match first.and_then(no_command) {
                Some(error) => error,
                None => words::third_path(invalid, arguments),
            };
        }
        meant = similar_option(&invalid, arguments);
    }
    UsageError::Arguments {
        message: describe_clap_error(error),
        meant,
    }
}

/// The error for a word that is a subcommand of other programs; `None` for other words, and if
/// there is a file of that name.
fn no_command(word: &Path) -> Option<UsageError> {
    let option = similar::command(word).filter(|_| word.symlink_metadata().is_err())?;
    Some(UsageError::NoCommand {
        word: word.display().to_string(),
        option,
    })
}

/// The option that is meant by an unknown one; `None` without a guess.
fn similar_option(unknown: &str, arguments: &[OsString]) -> Option<String> {
    let options = RawOptions::command();
    let names: Vec<&str> = options
        .get_arguments()
        .filter_map(|arg| arg.get_long())
        .collect();
    let name = unknown.trim_start_matches('-');
    // `-dtype`, of which clap reports `-d`.
    let is_one_dash = |word: &&str| word.starts_with(unknown) && word.len() > unknown.len();
    let words = arguments.iter().filter_map(|word| word.to_str());
    let whole = words.filter(|_| unknown.len() == 2).find(is_one_dash);
    let whole = whole.and_then(|word| word[1..].split('=').next());
    if let Some(known) = whole.filter(|word| names.contains(word)) {
        return Some(format!("--{known}"));
    }
    let nearest = || similar::nearest(name, names.iter().copied()).map(|name| format!("--{name}"));
    similar::option(name)
        .map(str::to_owned)
        .or_else(|| (name.len() > 2).then(nearest).flatten())
}

/// Options, and the options that are only valid together with them.
const NEEDS: [(&str, &str); 2] = [("--info", "--json"), ("--unmount", "--all")];

/// Formats clap's error as all others are: the argument, then what is wrong with it.
fn describe_clap_error(error: &clap::Error) -> String {
    let text = |kind| {
        let text = error.get(kind)?.to_string();
        Some(text).filter(|text| !text.is_empty())
    };
    let what = match error.kind() {
        ErrorKind::UnknownArgument => "unknown argument".into(),
        ErrorKind::InvalidValue | ErrorKind::WrongNumberOfValues => "needs a value".into(),
        ErrorKind::ArgumentConflict => match text(ContextKind::PriorArg) {
            Some(other) if Some(&other) == text(ContextKind::InvalidArg).as_ref() => {
                "given twice".into()
            }
            Some(other) => format!("contradicts {other}"),
            None => "allows no other arguments".into(),
        },
        ErrorKind::TooManyValues => "takes no value".into(),
        ErrorKind::MissingRequiredArgument => "missing".into(),
        _ => return first_line(error),
    };
    match text(ContextKind::InvalidArg) {
        Some(argument) if error.kind() == ErrorKind::MissingRequiredArgument => {
            let needed_by = NEEDS
                .iter()
                .find(|(needed, _)| argument.starts_with(needed));
            match needed_by {
                Some((needed, by)) => format!("{by}: is for {needed}, which is missing"),
                None => format!("{argument}: {what}"),
            }
        }
        Some(argument) => format!("{}: {what}", argument.replace(['[', ']'], "")),
        None => first_line(error),
    }
}

/// The first line of clap's error.
fn first_line(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let line = rendered.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

/// Makes a path absolute and resolves its symbolic links, or those of its parent if the last
/// component cannot be resolved: it may not exist yet, or may be the root of a dead mount.
///
/// # Errors
///
/// When the path is empty, relative and the working directory is unknown, or begins with a `~` that
/// a shell would have expanded.
fn absolute(path: &Path) -> Result<PathBuf, UsageError> {
    if let Ok(found) = path.canonicalize() {
        return Ok(found);
    }
    if path.starts_with("~") && Path::new("~").symlink_metadata().is_err() {
        return Err(UsageError::Tilde(path.to_path_buf()));
    }
    let path = std::path::absolute(path).map_err(|source| UsageError::Path {
        path: path.to_path_buf(),
        source,
    })?;
    Ok(
        match (path.parent().map(Path::canonicalize), path.file_name()) {
            (Some(Ok(parent)), Some(name)) => parent.join(name),
            _ => path,
        },
    )
}

/// As [`absolute`], for the name of a file. A slash at the end, which `absolute` drops, is left to
/// directories, which are refused later with what they are.
///
/// # Errors
///
/// As [`absolute`], and when the path ends in a slash or `/.` and leads to no directory.
fn absolute_file(path: &Path) -> Result<PathBuf, UsageError> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.ends_with(b"/") || bytes.ends_with(b"/.") {
        use io::ErrorKind::{NotADirectory, NotFound};
        // Other errors, such as EACCES, come again when the file is opened.
        if let Err(error) = path.metadata()
            && matches!(error.kind(), NotADirectory | NotFound)
        {
            return Err(UsageError::SlashAtEnd(path.to_path_buf()));
        }
    }
    absolute(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(arguments: &[&str]) -> String {
        let arguments = ["arrayfs"].iter().chain(arguments).map(OsString::from);
        parse(arguments).unwrap_err().to_string()
    }

    #[test]
    fn an_invalid_command_line_is_refused_in_one_line() {
        for (arguments, expected) in [
            (&["--shap", "3"][..], "--shap: unknown argument"),
            (&["--jiggle"], "--jiggle: unknown argument"),
            (
                &["a", "b", "c"],
                "c: one more than FILE and MOUNTPOINT; a mount serves one file",
            ),
            (&["a", "b", "--dtype"], "--dtype <DTYPE>: needs a value"),
            (
                &["--mode", "r", "--mode", "c"],
                "--mode <MODE>: given twice",
            ),
            (&["--pad=3"], "--pad: takes no value"),
            (
                &["-u", "a", "--pad"],
                "--unmount <MOUNTPOINT>...: allows no other arguments, such as --pad",
            ),
            (&["-u"], "--unmount <MOUNTPOINT>...: needs a value"),
            (&["", "b"], "FILE: needs a value"),
            (
                &["/a", "b", "--log-file="],
                "log-file '': expected the path of a file",
            ),
            (
                &["/a", "b", "--shape", "-1,-1"],
                "shape '-1,-1': only one length can be -1",
            ),
        ] {
            assert_eq!(error(arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn help_and_version_are_texts_to_print() {
        for (argument, expected) in [
            ("--help", "arrayfs -u scan"),
            ("-h", "Usage: arrayfs [OPTIONS] <FILE> [MOUNTPOINT]"),
            ("--version", env!("CARGO_PKG_VERSION")),
        ] {
            let parsed = parse(["arrayfs", argument].map(OsString::from));
            let Ok(Command::Print(text)) = parsed else {
                panic!("{argument}: {parsed:?}");
            };
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn paths_are_absolute_and_resolved_even_if_missing() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(&real, real.join("link")).unwrap();
        assert_eq!(
            absolute(&real.join("link/./new")).unwrap(),
            real.join("new")
        );
        assert_eq!(absolute(&real.join("link")).unwrap(), real);
        assert_eq!(
            absolute(Path::new("/no/such")).unwrap(),
            Path::new("/no/such")
        );
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(absolute(Path::new("new")).unwrap(), here.join("new"));
    }
}
