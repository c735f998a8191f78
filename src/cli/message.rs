//! What the command says on standard error: one line, and a second one that
//! says what to do.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long standard error is waited for that nobody reads.
const PATIENCE: Duration = Duration::from_millis(500);

/// Prints `arrayfs: TEXT`, and `hint` below it. A path can hold a line break,
/// so control characters are printed as escapes. A standard error that nobody reads
/// holds up neither a mount nor the end of the process, so a thread writes to it: not to be
/// called by a process that goes on to split.
pub fn say(text: &str, hint: Option<&str>) {
    let mut lines = format!("arrayfs: {}\n", in_one_line(text));
    if let Some(hint) = hint {
        lines += &format!("  {}\n", in_one_line(hint));
    }
    let lines: Arc<str> = lines.into();
    let (sender, written) = mpsc::channel();
    let writing = lines.clone();
    let write = move || {
        print(&writing);
        let _ = sender.send(());
    };
    match thread::Builder::new().spawn(write) {
        Ok(_) => drop(written.recv_timeout(PATIENCE)),
        Err(_) => print(&lines),
    }
}

fn print(lines: &str) {
    // There is nobody left to tell if standard error is closed.
    let _ = io::stderr().write_all(lines.as_bytes());
}

/// A path as a shell takes it, for commands that the user can paste.
pub fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:=@%".contains(c);
    if !path.is_empty() && path.chars().all(is_plain) {
        path.into_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

fn in_one_line(text: &str) -> String {
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
    use super::{in_one_line, quoted};

    #[test]
    fn paths_are_quoted_where_a_shell_would_split_or_expand_them() {
        for (path, expected) in [
            ("/mnt/a-1.b", "/mnt/a-1.b"),
            ("/mnt/a b", "'/mnt/a b'"),
            ("/mnt/it's", r"'/mnt/it'\''s'"),
            ("/mnt/$x", "'/mnt/$x'"),
        ] {
            assert_eq!(quoted(path.as_ref()), expected);
        }
    }

    #[test]
    fn a_message_is_one_line_whatever_it_quotes() {
        assert_eq!(in_one_line("a\nb\u{1b}[0m 'é'"), r"a\nb\u{1b}[0m 'é'");
    }
}
