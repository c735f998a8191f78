//! `arrayfs --list`: the mounted arrays, and what each says of itself.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{Error, patience};
use crate::platform::{self, Mount};

/// How long a mount may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// The heads of the columns, and the member of `meta.json` that each shows.
const COLUMNS: [(&str, &str); 3] = [("DTYPE", "dtype"), ("SHAPE", "shape"), ("MODE", "mode")];

/// A table of the mounted arrays, one a line, in the order in which they were
/// mounted. Of one that does not answer, or not to this user, it says so.
///
/// # Errors
///
/// When the mount table cannot be read.
pub fn list() -> Result<String, Error> {
    let table = platform::mount_table().map_err(Error::MountTable)?;
    let mounts = table.into_iter().filter(Mount::is_arrayfs);
    let rows: Vec<Vec<String>> = mounts.map(|mount| row(&mount)).collect();
    let heads = ["MOUNTPOINT".to_owned(), "FILE".to_owned()];
    let heads = heads
        .into_iter()
        .chain(COLUMNS.map(|(head, _)| head.to_owned()));
    Ok(aligned(&[vec![heads.collect()], rows].concat()))
}

fn row(mount: &Mount) -> Vec<String> {
    let point = in_one_word(&mount.point.to_string_lossy());
    let mut file = in_one_word(&mount.source.to_string_lossy());
    let facts = match meta(&mount.point) {
        Ok(meta) => {
            // The mount table has what `fsname=` says.
            file = cell(&meta["file"]);
            COLUMNS.map(|(_, member)| cell(&meta[member])).to_vec()
        }
        Err(reason) => vec![format!("({reason})")],
    };
    [vec![point, file], facts].concat()
}

/// The mount's `meta.json`, or why it cannot be had.
fn meta(point: &Path) -> Result<Value, String> {
    let path = point.join("meta.json");
    let text = patience::within(PATIENCE, move || fs::read(path));
    let text = match text.map(|answer| answer.ok_or("does not answer")) {
        Ok(Ok(read)) => read.map_err(|error| platform::os_error_message(&error))?,
        Ok(Err(silence)) => return Err(silence.to_owned()),
        Err(error) => return Err(platform::os_error_message(&error)),
    };
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// A member of `meta.json` as a command line has it.
fn cell(member: &Value) -> String {
    match member {
        Value::String(text) => in_one_word(text),
        Value::Array(lengths) if lengths.iter().all(Value::is_u64) => {
            let lengths: Vec<String> = lengths.iter().map(Value::to_string).collect();
            match lengths.is_empty() {
                true => "()".into(),
                false => lengths.join(","),
            }
        }
        other => in_one_word(&other.to_string()),
    }
}

/// The text without blanks, backslashes and control characters, as the mount table has it, so that a line has as many
/// words as the table has columns.
fn in_one_word(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        ' ' => r"\040".to_owned(),
        '\\' => r"\134".to_owned(),
        c if c.is_control() => format!("\\{:03o}", u32::from(c)),
        c => c.to_string(),
    });
    escaped.collect()
}

/// The rows as lines, with each column as wide as the widest of its cells.
fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate();
        let cells = cells.map(|(column, cell)| format!("{cell:<0$}", width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_has_a_word_a_column() {
        let rows = [["A", "LONG HEAD"], ["longer", r"x\040"]];
        let rows = rows.map(|row| row.map(in_one_word).to_vec());
        assert_eq!(aligned(&rows), "A       LONG\\040HEAD\nlonger  x\\134040\n");
    }

    #[test]
    fn members_are_shown_as_options_are_written() {
        for (member, expected) in [
            (json!("<f8"), "<f8"),
            (json!([600, 512, 512]), "600,512,512"),
            (json!([]), "()"),
            (json!([["x", "<f4"]]), r#"[["x","<f4"]]"#),
        ] {
            assert_eq!(cell(&member), expected);
        }
    }
}
