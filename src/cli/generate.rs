//! Generates the man page and shell completions from the option definitions in `raw`.

use std::ffi::OsStr;
use std::io;

use clap::builder::{PossibleValue, PossibleValuesParser, Resettable};
use clap::{Arg, ArgAction, Command, CommandFactory, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::raw::{EXAMPLES, RawOptions, STATUS, TREE};
use super::value::parse_value;
use super::{UsageError, mount_options};
use crate::dtype;
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

/// The arguments whose values are paths. Those of all others are not, and nothing is offered for
/// those that are not a few words.
const PATHS: [(&str, ValueHint); 3] = [
    ("file", ValueHint::FilePath),
    ("mountpoint", ValueHint::DirPath),
    ("log_file", ValueHint::FilePath),
];

/// The completions for bash. Those of clap offer options in place of files.
const BASH: &str = include_str!("completions/arrayfs.bash");

/// What clap's completions for zsh and fish lack: mounts, arrays and mount options, and for fish
/// also the positions of FILE and MOUNTPOINT.
const ZSH: &str = include_str!("completions/arrayfs.zsh");
const FISH: &str = include_str!("completions/arrayfs.fish");

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
        "fusermount3(1), mount(8), fuse(4), and the documentation: README.md and docs/ of the \
         sources. The .deb puts them into /usr/share/doc/arrayfs, the archive into \
         /usr/local/share/doc/arrayfs.",
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
    match what {
        Generated::Man => {
            let mut text = Vec::new();
            let made = man(&mut text);
            // Writing to a `Vec` does not fail.
            debug_assert!(made.is_ok(), "{made:?}");
            Ok(String::from_utf8_lossy(&text).into_owned())
        }
        Generated::Completions(shell) => Ok(completions(shell)),
    }
}

/// The completions for a shell.
fn completions(shell: Shell) -> String {
    let mut command = command_for_completions();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, NAME, &mut text);
    let text = String::from_utf8_lossy(&text);
    let options = || {
        command
            .get_arguments()
            .filter(|option| !option.is_positional())
    };
    let valued = || options().filter(|option| takes_value(option));
    let alone = || names(options().filter(|option| is_alone(option)));
    let mount_options: Vec<String> = mount_options::offered().collect();
    match shell {
        Shell::Bash => BASH
            .replace("@OFFERED@", &cases(valued()))
            .replace("@ALONE@", &alone().join(" | "))
            .replace("@VALUED@", &names(valued()).join(" | "))
            .replace("@MOUNT_OPTIONS@", &mount_options.join(" "))
            .replace("@OPTIONS@", &names(options()).join(" ")),
        Shell::Zsh => {
            let text = zsh_values(&text);
            let text = alone().iter().fold(text, |text, name| {
                // No other option and no word goes with it.
                text.replace(&format!("\n'{name}["), &format!("\n'(- : *){name}["))
            });
            let more = ZSH.replace("@MOUNT_OPTIONS@", &mount_options.join(" "));
            let (head, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
            format!("{head}\n{more}\n{rest}")
        }
        _ => {
            let more = FISH
                .replace("@ALONE@", &alone().join(" "))
                .replace("@VALUED@", &names(valued()).join(" "))
                .replace("@MOUNT_OPTIONS@", &mount_options.join(","));
            text.into_owned() + &more
        }
    }
}

/// clap's completions for zsh with the functions that offer mounts, arrays and mount options.
fn zsh_values(text: &str) -> String {
    // All words behind -u are mounts.
    text.replace("::MOUNTPOINT:'", ":*:MOUNTPOINT:_arrayfs_mounts'")
        .replace("'*-u+[", "'-u[")
        .replace("'*--unmount=[", "'--unmount=[")
        .replace(":NAME:'", ":NAME:_arrayfs_arrays'")
        .replace(":OPT[,OPT]:'", ":OPT[,OPT]:_arrayfs_mount_options'")
}

/// Whether the option is a command that takes no other argument.
fn is_alone(option: &Arg) -> bool {
    let is_text = matches!(option.get_action(), ArgAction::Help | ArgAction::Version);
    !option.get_action().takes_values() && (option.is_exclusive_set() || is_text)
}

/// Whether the word behind the option is its value.
fn takes_value(option: &Arg) -> bool {
    option.get_action().takes_values() && option.get_id() != "unmount"
}

/// The short and long names of options, with their dashes.
fn names<'a>(options: impl Iterator<Item = &'a Arg>) -> Vec<String> {
    let names = options.flat_map(|option| {
        let short = option.get_short().map(|short| format!("-{short}"));
        short
            .into_iter()
            .chain(option.get_long().map(|long| format!("--{long}")))
    });
    names.collect()
}

/// The cases for bash of the options for whose values something is offered.
fn cases<'a>(options: impl Iterator<Item = &'a Arg>) -> String {
    let cases = options.filter_map(|option| {
        let names = names([option].into_iter()).join(" | ");
        let lines = [&offer(option)?, "return", ";;"].map(|line| format!("\n            {line}"));
        Some(format!("        {names}){}", lines.concat()))
    });
    cases.collect::<Vec<_>>().join("\n")
}

/// The command of bash that offers values of the option; `None` if nothing is offered.
fn offer(option: &Arg) -> Option<String> {
    let words = option.get_possible_values();
    let words: Vec<&str> = words.iter().map(PossibleValue::get_name).collect();
    match option.get_value_hint() {
        ValueHint::FilePath => Some("compopt -o default 2>/dev/null".into()),
        _ if words.is_empty() => None,
        _ => Some(format!(
            "COMPREPLY=($(compgen -W \"{}\" -- \"$value\"))",
            words.join(" ")
        )),
    }
}

/// The command with the possible values of each option. Only completions use these; parsing
/// leaves values to `settings`, whose errors are clearer than clap's.
fn command_for_completions() -> Command {
    let formats: Vec<&str> = Format::names().collect();
    let dtypes: Vec<&str> = dtype::names().collect();
    let words = [("format", formats.as_slice()), ("dtype", &dtypes)];
    let command = RawOptions::command().mut_args(|option| match option.get_action() {
        ArgAction::Set | ArgAction::Append => option.value_hint(ValueHint::Other),
        _ => option,
    });
    let command = words
        .into_iter()
        .chain(VALUES)
        .fold(command, |command, (name, words)| {
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
