//! The table of the arrays in a file, for people. Programs read the JSON.

use crate::tree::Layout;

/// A line for each array: its path in a mount, dtype, shape and bytes. Then a line for each
/// member that is not shown, with the reason.
pub(super) fn of_arrays(layout: &Layout) -> String {
    let contents = layout.contents();
    let paths = layout.member_paths();
    let rows = contents.members.iter().zip(&paths).map(|(member, path)| {
        let view = &member.view;
        let dtype = match view.dtype().fields() {
            [] => view.dtype().numpy_name(),
            fields => format!("{} fields", fields.len()),
        };
        let bytes = view.nbytes().to_string();
        [printable(path), dtype, view.shape().to_string(), bytes]
    });
    let heading = ["array", "dtype", "shape", "bytes"].map(str::to_owned);
    let rows: Vec<[String; 4]> = [heading].into_iter().chain(rows).collect();
    let width = |k: usize| rows.iter().map(|row| row[k].chars().count()).max();
    let widths = [0, 1, 2, 3].map(|k| width(k).unwrap_or(0));
    let mut text = String::new();
    for [path, dtype, shape, bytes] in &rows {
        let line = format!(
            "{path:0$}  {dtype:1$}  {shape:2$}  {bytes:>3$}",
            widths[0], widths[1], widths[2], widths[3]
        );
        text += line.trim_end();
        text.push('\n');
    }
    for skipped in &contents.skipped {
        text += &printable(&format!("not shown: {} ({})", skipped.name, skipped.why));
        text.push('\n');
    }
    text
}

/// The text without control characters, which could change the terminal.
fn printable(text: &str) -> String {
    let escape = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(escape).collect()
}
