//! The hint for a file that does not exist: files of its directory with a similar name, or else the
//! command that creates it.

use std::path::{Path, PathBuf};

use strsim::damerau_levenshtein;

use super::value::join_with_or;
use crate::platform::quoted;

/// The most entries of a directory that are read: a hint must not take long.
const MAX_ENTRIES: usize = 4096;

/// The most names that are suggested. If more are equally near, none is meant more than others.
const MAX_NAMES: usize = 3;

/// What the user can do about a file at `path` that does not exist; `None` if nothing is known.
pub fn missing_file_hint(path: &Path) -> Option<String> {
    let directory = path.parent()?;
    let entries = directory.read_dir().ok()?.take(MAX_ENTRIES);
    let files = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        (!entry.file_type().ok()?.is_dir()).then(|| entry.file_name().into_string().ok())?
    });
    let near = near_names(path.file_name()?.to_str()?, files);
    if near.is_empty() {
        return Some(format!(
            "w+ erases a file that exists; to create a new one of zeros: \
             arrayfs {} --mode w+ --dtype f8 --shape 150,4",
            quoted(path)
        ));
    }
    let near: Vec<PathBuf> = near.iter().map(|name| directory.join(name)).collect();
    let near: Vec<String> = near.iter().map(|path| quoted(path)).collect();
    let words = join_with_or(near.iter().map(String::as_str));
    (near.len() <= MAX_NAMES).then(|| format!("did you mean {words}?"))
}

/// The names that `text` can be a slip of, all equally near, in alphabetical order. They have the
/// same digits: `run1.npy` is no slip of `run2.npy`.
fn near_names(text: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let wanted = text.to_lowercase();
    let stem = wanted.split('.').next().unwrap_or_default();
    let max_changes = (stem.chars().count() / 3).clamp(1, 2);
    let mut near: Vec<(usize, String)> = names
        .filter_map(|name| {
            let lower = name.to_lowercase();
            // The test of lengths bounds the cost of comparing long names.
            let has_near_length = lower.len().abs_diff(wanted.len()) <= 2 * max_changes;
            let is_possible = has_near_length && digits(&lower) == digits(&wanted);
            let changes = is_possible.then(|| damerau_levenshtein(&wanted, &lower))?;
            (changes <= max_changes).then_some((changes, name))
        })
        .collect();
    near.sort();
    let nearest = near.first().map(|&(changes, _)| changes);
    near.retain(|&(changes, _)| Some(changes) == nearest);
    near.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_slips_and_never_other_numbers() {
        let there = [
            "faces.npy",
            "run1.npy",
            "run2.npy",
            "x.f64",
            "left.raw",
            "lefts.raw",
        ];
        for (text, expected) in [
            ("Faces.npy", &["faces.npy"][..]),
            ("faces.np", &["faces.npy"]),
            ("fcaes.npy", &["faces.npy"]),
            ("run3.npy", &[]),
            ("x.f32", &[]),
            ("X.F64", &["x.f64"]),
            ("run.npy", &[]),
            ("lef.raw", &["left.raw"]),
            ("leftz.raw", &["left.raw", "lefts.raw"]),
            ("horses.npy", &[]),
        ] {
            let names = there.map(str::to_owned).into_iter();
            assert_eq!(near_names(text, names), expected, "{text}");
        }
    }
}
