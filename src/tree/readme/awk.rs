//! awk: the text of the array, a line a row.

use super::reading::{Element, Language, Reading, Section, joined};
use super::shell;

pub(super) const LANGUAGE: Language = Language {
    name: "awk",
    records: false,
    empty: false,
    write,
};

fn write(reading: &Reading) -> Section {
    if !reading.has("csv") {
        return Section::without_code(
            "These elements cannot be had as text: convert the array first.",
        );
    }
    let last = reading.last();
    // A table has two axes, so the others are given an index each.
    let outer = last.len().saturating_sub(2);
    let is_table = reading.has_of_shape("csv", &reading.shape()[outer..]);
    // Where a row is too long for a line, it has a file, with an element a line.
    let outer = if is_table { outer } else { outer + 1 };
    let (outer, table) = last.split_at(outer);
    let name = match outer {
        [] => "csv/data.csv".to_owned(),
        [row] => format!("csv/rows/{row}.csv"),
        outer => format!("csv/slices/{}.csv", joined(outer, ",")),
    };
    let (row, column) = match table {
        [] => (0, 0),
        [row] => (*row, 0),
        [row, column, ..] => (*row, *column),
    };
    let file = shell::quoted(&reading.path(&name));
    let mut note = Vec::new();
    if !is_table {
        note.push("A row is too long for a line of text: this is the last row, a line an element.");
    } else if !outer.is_empty() {
        note.push("Text has two dimensions, so this is the last table.");
    }
    if matches!(reading.element(), Element::Bytes(_) | Element::Text(_)) {
        note.push("Text that holds commas or quotes is in quotes, which awk does not know.");
    }
    Section {
        note: note.join("\n"),
        code: format!(
            "awk -F, 'NR == {} {{ print ${} }}' {file}\n",
            row + 1,
            column + 1
        ),
    }
}
