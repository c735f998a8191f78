//! `arrayfs --list`: a table of the mounted arrays. Mount points come from the mount table, the
//! rest from the `meta.json` of each mount.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::{Error, timeout};
use crate::platform::{self, Mount, quoted};

/// The time limit for reading `meta.json` of a mount.
const META_TIMEOUT: Duration = Duration::from_secs(2);

/// The columns behind the mount point.
const COLUMNS: [&str; 4] = ["FILE", "DTYPE", "SHAPE", "MODE"];

/// The table of mounted arrays, one line each, in the order of mounting. If `meta.json` of a
/// mount cannot be read, its line gives the reason.
///
/// # Errors
///
/// When the mount table cannot be read.
pub fn list() -> Result<String, Error> {
    let table = platform::mount_table().map_err(Error::MountTable)?;
    let mounts = table.into_iter().filter(Mount::is_arrayfs);
    let rows: Vec<Vec<String>> = mounts.map(|mount| row(&mount)).collect();
    let headings = [&["MOUNTPOINT"], &COLUMNS[..]].concat();
    let headings = headings.into_iter().map(str::to_owned).collect();
    Ok(aligned(&[vec![headings], rows].concat()))
}

fn row(mount: &Mount) -> Vec<String> {
    let point = quoted(&mount.point);
    match meta(&mount.point) {
        Ok(meta) => {
            // The source in the mount table can be overridden with `fsname=`.
            let [shape, mode] = ["shape", "mode"].map(|member| cell(&meta[member]));
            let file = meta["file"].as_str().unwrap_or_default();
            let file = quoted(Path::new(file));
            vec![point, file, dtype(&meta), shape, mode]
        }
        Err(reason) => {
            vec![
                point,
                quoted(Path::new(&mount.source)),
                format!("({reason})"),
            ]
        }
    }
}

/// The backing file of the mount on `point`. `None` if the mount does not answer.
pub(super) fn file(point: &Path) -> Option<PathBuf> {
    let meta = meta(point).ok()?;
    meta["file"].as_str().map(PathBuf::from)
}

/// The `meta.json` of a mount.
///
/// # Errors
///
/// The reason, when it cannot be read or parsed, or the mount does not answer in time.
fn meta(point: &Path) -> Result<Value, String> {
    let path = point.join("meta.json");
    let text = timeout::within(META_TIMEOUT, move || fs::read(path));
    let text = match text.map(|answer| answer.ok_or("does not answer")) {
        Ok(Ok(read)) => read.map_err(|error| platform::os_error_message(&error))?,
        Ok(Err(timed_out)) => return Err(timed_out.to_owned()),
        Err(error) => return Err(platform::os_error_message(&error)),
    };
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// The most characters of a dtype in the table.
const DTYPE_WIDTH: usize = 24;

/// The dtype in `meta` in the syntax of the command line. Only the number is given of the fields of
/// a long one, and of the arrays of a group.
fn dtype(meta: &Value) -> String {
    let Value::Array(fields) = &meta["dtype"] else {
        return match meta["arrays"].as_array() {
            Some(arrays) => format!("{}-arrays", arrays.len()),
            None => cell(&meta["dtype"]),
        };
    };
    let short = fields
        .iter()
        .map(|field| match field.as_array()?.as_slice() {
            [name, kind] => Some(format!("{}:{}", name.as_str()?, kind.as_str()?)),
            _ => None,
        });
    let short: Option<Vec<String>> = short.collect();
    let short = short.map(|fields| one_word(&fields.join(",")));
    let is_short = |text: &String| text.chars().count() <= DTYPE_WIDTH;
    short
        .filter(is_short)
        .unwrap_or_else(|| format!("{}-fields", fields.len()))
}

/// A member of `meta.json` in the syntax of the command line.
fn cell(member: &Value) -> String {
    match member {
        Value::String(text) => one_word(text),
        Value::Array(lengths) if lengths.iter().all(Value::is_u64) => {
            let lengths: Vec<String> = lengths.iter().map(Value::to_string).collect();
            match lengths.is_empty() {
                true => "()".into(),
                false => lengths.join(","),
            }
        }
        Value::Null => "-".into(),
        other => one_word(&other.to_string()),
    }
}

/// The text as it is, unless it would be several words or change the terminal.
fn one_word(text: &str) -> String {
    match text.contains(|c: char| c.is_control() || c.is_whitespace()) {
        true => quoted(Path::new(text)),
        false => text.to_owned(),
    }
}

/// The rows as lines. Each column is as wide as its widest cell.
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
    fn a_table_has_one_word_per_column() {
        let rows = [["A", "LONG HEAD"], ["longer", "x"]];
        let rows = rows.map(|row| row.map(one_word).to_vec());
        assert_eq!(aligned(&rows), "A       'LONG HEAD'\nlonger  x\n");
    }

    #[test]
    fn members_are_shown_in_the_syntax_of_options() {
        for (member, expected) in [
            (json!("<f8"), "<f8"),
            (json!([600, 512, 512]), "600,512,512"),
            (json!([]), "()"),
            (Value::Null, "-"),
        ] {
            assert_eq!(cell(&member), expected);
        }
    }

    #[test]
    fn a_dtype_takes_little_room() {
        let many: Vec<_> = (0..40)
            .map(|k| json!([format!("field {k}"), "<f8"]))
            .collect();
        for (meta, expected) in [
            (json!({"dtype": ">f8"}), ">f8"),
            (
                json!({"dtype": [["x", "<f4"], ["id", "<i8"]]}),
                "x:<f4,id:<i8",
            ),
            (json!({"dtype": [["a b", "<f4"]]}), "'a b:<f4'"),
            (json!({"dtype": [["m", "<f4", [3, 3]]]}), "1-fields"),
            (json!({"dtype": [["p", [["x", "<f4"]]]]}), "1-fields"),
            (json!({"dtype": many}), "40-fields"),
            (json!({"arrays": [{}, {}]}), "2-arrays"),
        ] {
            assert_eq!(dtype(&meta), expected);
        }
    }
}
