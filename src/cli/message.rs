//! Messages of the command on standard error: a line with the error, and a line with a hint.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The time to wait for a standard error that nobody reads. A busy machine can take seconds to run
/// the thread that prints.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Prints `arrayfs: TEXT`, and `hint` on a line below. Control characters are printed as escapes,
/// since a path can contain a line break.
///
/// A thread does the writing, so that a standard error that nobody reads delays neither the mount
/// nor the exit for long. A process that will fork must not call this.
pub fn say(text: &str, hint: Option<&str>) {
    let mut lines = format!("arrayfs: {}\n", escape_control_characters(text));
    if let Some(hint) = hint {
        lines += &format!("  {}\n", escape_control_characters(hint));
    }
    let lines: Arc<str> = lines.into();
    let (sender, written) = mpsc::channel();
    let writing = lines.clone();
    let write = move || {
        print(&writing);
        let _ = sender.send(());
    };
    match thread::Builder::new().spawn(write) {
        Ok(_) => drop(written.recv_timeout(WRITE_TIMEOUT)),
        Err(_) => print(&lines),
    }
}

fn print(lines: &str) {
    // An error on standard error cannot be reported.
    let _ = io::stderr().write_all(lines.as_bytes());
}

/// Replaces control characters with escapes.
fn escape_control_characters(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::escape_control_characters;

    #[test]
    fn a_message_is_one_line_whatever_it_quotes() {
        assert_eq!(
            escape_control_characters("a\nb\u{1b}[0m 'é'"),
            r"a\nb\u{1b}[0m 'é'"
        );
    }
}
