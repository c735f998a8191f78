//! What the command says on standard error of an array that is mounted, or would
//! be: what has become of the file, and what was assumed of it.

use std::io::{self, IsTerminal};
use std::path::Path;

use crate::cli::say;
use crate::mapping::{Growth, Mode};
use crate::source::Summary;

/// Whether something has been done, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tense {
    Done,
    Intended,
}

/// What has become of the file's size and bytes, unless that was asked for in so
/// many words and took nothing.
pub(super) fn tell_of_growth(file: &Path, mode: Mode, growth: Growth, tense: Tense) {
    let Growth { from, to, sparse } = growth;
    let what = match (mode, tense) {
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
    say(&format!("{}: {what}{warning}", file.display()), None);
}

/// That nobody can map files of the mount shared, and what to do about it.
pub(super) fn tell_of_refused_mappings(file: &Path, mode: Mode) {
    let what = "this kernel, before Linux 6.6, cannot map files of this mount shared (ENODEV)";
    let hint = match mode {
        Mode::ReadOnly => "--cache auto allows it",
        Mode::ReadWrite | Mode::Write | Mode::CopyOnWrite => {
            "--mode r, or --cache auto, allows it for reading"
        }
    };
    say(&format!("{}: {what}", file.display()), Some(hint));
    log::info!("{}: {what}: {hint}", file.display());
}

/// What the array is, if anything was assumed or left over; on a terminal always.
pub(super) fn tell_of_array(file: &Path, array: &Summary) {
    if array.is_news() || io::stderr().is_terminal() {
        say(&format!("{}: {array}", file.display()), None);
    }
}
