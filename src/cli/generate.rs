//! The man page and the shells' completions, made of the option definitions.

use std::ffi::OsStr;
use std::io;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::UsageError;
use super::raw::RawOptions;
use super::value::choice;

/// The name that the shells complete, and that the man page is about.
const NAME: &str = "arrayfs";

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
            clap_complete::generate(shell, &mut RawOptions::command(), NAME, &mut text);
            Ok(())
        }
    };
    // Memory takes all that is written to it.
    debug_assert!(made.is_ok(), "{made:?}");
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn man(text: &mut Vec<u8>) -> io::Result<()> {
    Man::new(RawOptions::command()).render(text)
}
