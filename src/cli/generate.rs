//! Generates the man page and shell completions from the option definitions in `raw`.

use std::ffi::OsStr;
use std::io;

use clap::builder::{PossibleValue, PossibleValuesParser, Resettable};
use clap::{Command, CommandFactory, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::UsageError;
use super::raw::{EXAMPLES, RawOptions, STATUS, TREE};
use super::value::parse_value;
use crate::source::Format;

/// The name of the command.
const NAME: &str = "arrayfs";

/// The options whose values are a few words, and these words.
const VALUES: [(&str, &[&str]); 6] = [
    ("order", &["C", "F"]),
    ("mode", &["r", "r+", "w+", "c"]),
    ("cache", &["never", "auto", "always"]),
    ("passthrough", &["auto", "rw", "never"]),
    ("csv", &["unpadded", "padded"]),
    ("generate", &["man", "bash", "zsh", "fish"]),
];

/// The arguments whose values are paths.
const PATHS: [(&str, ValueHint); 4] = [
    ("file", ValueHint::FilePath),
    ("mountpoint", ValueHint::DirPath),
    ("unmount", ValueHint::DirPath),
    ("log_file", ValueHint::FilePath),
];

/// The sections of the man page that do not come from option definitions.
const SECTIONS: [(&str, &str); 4] = [
    ("EXIT STATUS", STATUS),
    (
        "ENVIRONMENT",
        "RUST_LOG sets the log levels and overrides -v: arrayfs=debug, for instance. NOTIFY_SOCKET names \
         the socket that is notified of the start and the end, see sd_notify(3).",
    ),
    (
        "FILES",
        "README.txt in a mount shows how each language reads its files. meta.json describes the array. \
         .arrayfs/stats, which is in no listing, counts the requests so far.",
    ),
    (
        "SEE ALSO",
        "fusermount3(1), mount(8), fuse(4), and the documentation: /usr/share/doc/arrayfs, where a \
         package installed it, or README.md and docs/ of the sources.",
    ),
];

/// What to generate.
#[derive(Clone, Copy)]
enum Generated {
    Man,
    Completions(Shell),
}

/// The man page in roff, or the completions for a shell.
///
/// # Errors
///
/// When `what` is not `man`, `bash`, `zsh` or `fish`.
pub(super) fn text(what: &OsStr) -> Result<String, UsageError> {
    let what = parse_value("generate", what, "man, bash, zsh or fish", |text| {
        Some(match text {
            "man" => Generated::Man,
            "bash" => Generated::Completions(Shell::Bash),
            "zsh" => Generated::Completions(Shell::Zsh),
            "fish" => Generated::Completions(Shell::Fish),
            _ => return None,
        })
    })?;
    let mut text = Vec::new();
    let made = match what {
        Generated::Man => man(&mut text),
        Generated::Completions(shell) => {
            clap_complete::generate(shell, &mut command_for_completions(), NAME, &mut text);
            Ok(())
        }
    };
    // Writing to a `Vec` does not fail.
    debug_assert!(made.is_ok(), "{made:?}");
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The command with the possible values of each option. Only completions use these; parsing
/// leaves values to `settings`, whose errors are clearer than clap's.
fn command_for_completions() -> Command {
    let formats: Vec<&str> = Format::names().collect();
    let command = [("format", formats.as_slice())]
        .into_iter()
        .chain(VALUES)
        .fold(RawOptions::command(), |command, (name, words)| {
            let words = words.iter().map(|&word| PossibleValue::new(word));
            let words = PossibleValuesParser::new(words);
            command.mut_arg(name, |option| option.value_parser(words))
        });
    PATHS.iter().fold(command, |command, &(name, hint)| {
        command.mut_arg(name, |option| option.value_hint(hint))
    })
}

/// Writes the man page to `text`.
///
/// # Errors
///
/// When a write fails.
fn man(text: &mut Vec<u8>) -> io::Result<()> {
    let command = RawOptions::command()
        .after_help(Resettable::Reset)
        .after_long_help(Resettable::Reset);
    let man = Man::new(command);
    man.render_title(text)?;
    man.render_name_section(text)?;
    man.render_synopsis_section(text)?;
    man.render_description_section(text)?;
    man.render_options_section(text)?;
    let mut more = Roff::default();
    // Verbatim, without filling.
    for (name, text) in [("THE FILES OF A MOUNT", TREE), ("EXAMPLES", EXAMPLES)] {
        more.control("SH", [name]).control("nf", []);
        more.text([roman(text)]).control("fi", []);
    }
    for (name, words) in SECTIONS {
        more.control("SH", [name]).text([roman(words)]);
    }
    more.to_writer(text)?;
    man.render_version_section(text)
}
