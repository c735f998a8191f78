//! The man page and the shells' completions, made of the option definitions.

use std::ffi::OsStr;
use std::io;

use clap::builder::{PossibleValue, PossibleValuesParser, Resettable};
use clap::{Command, CommandFactory, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::UsageError;
use super::raw::{EXAMPLES, RawOptions, STATUS, TREE};
use super::value::choice;
use crate::source::Format;

/// The name that the shells complete, and that the man page is about.
const NAME: &str = "arrayfs";

/// The options that take one of a few words, and what these are.
const WORDS: [(&str, &[&str]); 6] = [
    ("order", &["C", "F"]),
    ("mode", &["r", "r+", "w+", "c"]),
    ("cache", &["never", "auto", "always"]),
    ("passthrough", &["auto", "rw", "never"]),
    ("csv", &["unpadded", "padded"]),
    ("generate", &["man", "bash", "zsh", "fish"]),
];

/// What else can be completed.
const PATHS: [(&str, ValueHint); 4] = [
    ("file", ValueHint::FilePath),
    ("mountpoint", ValueHint::DirPath),
    ("unmount", ValueHint::DirPath),
    ("log_file", ValueHint::FilePath),
];

/// Sections that no option tells of.
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
        "fusermount3(1), mount(8), fuse(4), and the documentation in /usr/share/doc/arrayfs.",
    ),
];

/// What can be made of the options.
#[derive(Clone, Copy)]
enum Generated {
    Man,
    Completions(Shell),
}

/// The text of the man page, in roff, or of completions, in the language of a
/// shell.
///
/// # Errors
///
/// When `what` is none of those.
pub(super) fn text(what: &OsStr) -> Result<String, UsageError> {
    let what = choice("generate", what, "man, bash, zsh or fish", |text| {
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
            clap_complete::generate(shell, &mut completed(), NAME, &mut text);
            Ok(())
        }
    };
    // Memory takes all that is written to it.
    debug_assert!(made.is_ok(), "{made:?}");
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The command as a shell needs to know it. When it is run, errors of values are told
/// in words of our own.
fn completed() -> Command {
    let formats: Vec<&str> = Format::names().collect();
    let command = [("format", formats.as_slice())]
        .into_iter()
        .chain(WORDS)
        .fold(RawOptions::command(), |command, (name, words)| {
            let words = words.iter().map(|&word| PossibleValue::new(word));
            let words = PossibleValuesParser::new(words);
            command.mut_arg(name, |option| option.value_parser(words))
        });
    PATHS.iter().fold(command, |command, &(name, hint)| {
        command.mut_arg(name, |option| option.value_hint(hint))
    })
}

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
    // As it is to be typed.
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
