//! What the command says on standard error: one line, and a second one that
//! says what to do.

use std::io::Write;

/// Prints `arrayfs: TEXT`, and `hint` below it. A path can hold a line break,
/// so control characters are printed as escapes.
pub fn say(text: &str, hint: Option<&str>) {
    let mut lines = format!("arrayfs: {}\n", in_one_line(text));
    if let Some(hint) = hint {
        lines += &format!("  {}\n", in_one_line(hint));
    }
    // There is nobody left to tell if standard error is closed.
    let _ = std::io::stderr().write_all(lines.as_bytes());
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
    use super::in_one_line;

    #[test]
    fn a_message_is_one_line_whatever_it_quotes() {
        assert_eq!(in_one_line("a\nb\u{1b}[0m 'é'"), r"a\nb\u{1b}[0m 'é'");
    }
}
