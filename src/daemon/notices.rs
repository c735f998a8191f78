//! Notices on standard error about a successful mount or `--info`: changes of the backing file's
//! size, assumptions about the array, and limits of the kernel. Errors are the business of
//! `error`.

use std::io::{self, IsTerminal};
use std::path::Path;

use crate::cli::say;
use crate::mapping::{Growth, Mode};
use crate::source::Summary;

/// Whether a change has been made, or would be made by a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tense {
    Done,
    Intended,
}

/// Prints how the size and content of the file change. Silent if mode `w` has filled a new
/// or empty file and reserved its space.
pub(super) fn print_growth(file: &Path, mode: Mode, growth: Growth, tense: Tense) {
    let Growth { from, to, sparse } = growth;
    let change = match (mode, tense) {
        (Mode::Write, _) if from == 0 && !sparse => return,
        (Mode::Write, _) if from == 0 => format!("made with {to} bytes"),
        (Mode::Write, Tense::Done) => {
            format!("overwritten with zeros: it held {from} bytes, and now has {to}")
        }
        (Mode::Write, Tense::Intended) => {
            format!("would be overwritten with zeros: it holds {from} bytes, and would have {to}")
        }
        (_, Tense::Done) => format!("extended from {from} to {to} bytes"),
        (_, Tense::Intended) => format!("would be extended from {from} to {to} bytes"),
    };
    let warning = if sparse {
        ", which are not reserved: a write can fail when the disk is full"
    } else {
        ""
    };
    say(&format!("{}: {change}{warning}", file.display()), None);
}

/// Prints and logs that files of the mount cannot be mapped shared, with the option that helps.
pub(super) fn print_refused_mappings(file: &Path, mode: Mode) {
    let limit = "this kernel, before Linux 6.6, cannot map files of this mount shared (ENODEV)";
    let hint = match mode {
        Mode::ReadOnly => "--cache auto allows it",
        Mode::ReadWrite | Mode::Write | Mode::CopyOnWrite => {
            "--mode r, or --cache auto, allows it for reading"
        }
    };
    say(&format!("{}: {limit}", file.display()), Some(hint));
    log::info!("{}: {limit}: {hint}", file.display());
}

/// Prints that the mount hides what is in the directory.
pub(super) fn print_hidden_files(mountpoint: &Path) {
    let notice = "is not empty: the mount hides what is in it until it is unmounted";
    say(&format!("{}: {notice}", mountpoint.display()), None);
}

/// Prints dtype and shape of the array. Unless standard error is a terminal, only if something was
/// assumed, or bytes of the file are left over.
pub(super) fn print_array(file: &Path, array: &Summary) {
    if array.is_news() || io::stderr().is_terminal() {
        say(&format!("{}: {array}", file.display()), None);
    }
}
