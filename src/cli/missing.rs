//! The hint for a file that does not exist: files of its directory whose names say the same. A name
//! that can be that of other data is no slip, so no letter and no digit is another.

use std::path::{Path, PathBuf};

use super::foreign;
use super::value::join_with_or;
use crate::platform::quoted;
use crate::source::Format;

/// The most entries of a directory that are read: a hint must not take long.
const MAX_ENTRIES: usize = 100_000;

/// The most names that are suggested. If more are equally near, none is meant more than others.
const MAX_NAMES: usize = 3;

/// What the user can do about a file at `path` that does not exist; `None` if nothing is known.
pub fn missing_file_hint(path: &Path) -> Option<String> {
    if let Ok(target) = path.read_link() {
        let target = target.display();
        return Some(format!(
            "it is a symbolic link to {target}, which leads to no file"
        ));
    }
    let directory = path.parent()?;
    let wanted = path.file_name()?.to_str()?;
    let entries = directory.read_dir().ok()?.take(MAX_ENTRIES);
    let related = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name();
        let relation = relation(wanted, name.to_str()?)?;
        let is_file = !entry.file_type().ok()?.is_dir();
        is_file.then(|| name.into_string().ok().map(|name| (relation, name)))?
    });
    let near = nearest(related);
    let near: Vec<PathBuf> = near.iter().map(|name| directory.join(name)).collect();
    let near: Vec<String> = near.iter().map(|path| quoted(path)).collect();
    let words = join_with_or(near.iter().map(String::as_str));
    (!near.is_empty()).then(|| format!("did you mean {words}?"))
}

/// What the name of a file has in common with the one that is missing, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Relation {
    /// All but the case.
    Letters,
    /// All but the suffix.
    Stem,
    /// All but two letters that are swapped, or one that is missing or doubled.
    Slip,
}

/// The names of the nearest relation that says which files are meant, in alphabetical order.
fn nearest(related: impl Iterator<Item = (Relation, String)>) -> Vec<String> {
    let mut near = [const { Vec::new() }; 3];
    for (relation, name) in related {
        let names: &mut Vec<String> = &mut near[relation as usize];
        if names.len() <= MAX_NAMES {
            names.push(name);
        }
    }
    let [letters, stem, slip] = &mut near;
    for (names, most) in [(letters, MAX_NAMES), (stem, 1), (slip, MAX_NAMES)] {
        if !names.is_empty() && names.len() <= most {
            names.sort();
            return std::mem::take(names);
        }
    }
    Vec::new()
}

/// The relation of `name` to the name that is missing; `None` if another file is meant.
fn relation(wanted: &str, name: &str) -> Option<Relation> {
    if wanted == name {
        return None;
    }
    let is_same = |(a, b): (char, char)| a == b || a.to_lowercase().eq(b.to_lowercase());
    if wanted.chars().count() == name.chars().count()
        && wanted.chars().zip(name.chars()).all(is_same)
    {
        return Some(Relation::Letters);
    }
    let ((wanted, wanted_suffix), (stem, suffix)) = (split_suffix(wanted), split_suffix(name));
    if wanted == stem {
        return is_of_an_array(name, suffix).then_some(Relation::Stem);
    }
    (wanted_suffix == suffix && is_slip(wanted, stem)).then_some(Relation::Slip)
}

/// The stem of a name, and its suffix with the dot.
fn split_suffix(name: &str) -> (&str, &str) {
    let suffix = Format::suffix_of(name).map(str::len);
    let at = suffix.map_or_else(|| name.rfind('.'), |len| Some(name.len() - len));
    name.split_at(at.filter(|&at| at > 0).unwrap_or(name.len()))
}

/// Whether the suffix is that of a format or of raw bytes, such as `.f64`, or there is none.
fn is_of_an_array(name: &str, suffix: &str) -> bool {
    let word = suffix.trim_start_matches('.');
    suffix.is_empty()
        || Format::suffix_of(name).is_some()
        || ["bin", "dat"].contains(&word)
        || word.len() > 1 && !foreign::dtypes(word).is_empty()
}

/// Whether `text` is `stem` with two neighbouring letters swapped, or one missing or doubled. In
/// a short stem another letter is another name.
fn is_slip(text: &str, stem: &str) -> bool {
    const MIN_LETTERS: usize = 5;
    if stem.chars().filter(|c| c.is_alphabetic()).count() < MIN_LETTERS {
        return false;
    }
    let (text, stem): (Vec<char>, Vec<char>) = (text.chars().collect(), stem.chars().collect());
    let at = std::iter::zip(&text, &stem)
        .take_while(|(a, b)| a == b)
        .count();
    match (&text[at..], &stem[at..]) {
        ([a, b, text @ ..], [c, d, stem @ ..]) if text.len() == stem.len() => {
            (a, b) == (d, c) && a.is_alphabetic() && b.is_alphabetic() && text == stem
        }
        (text, [missing, stem @ ..]) if text.len() == stem.len() => {
            missing.is_alphabetic() && text == stem
        }
        ([doubled, rest @ ..], stem) => {
            let before = at.checked_sub(1).map(|before| text[before]);
            doubled.is_alphabetic() && before == Some(*doubled) && rest == stem
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_slips_and_never_other_data() {
        let there = [
            "faces.npy",
            "run1.npy",
            "run2.npy",
            "run-A.npy",
            "temp_max.npy",
            "x.f64",
            "x.txt",
            "left.raw",
            "Scan_01.npy",
            "v.h5",
            "two.f64",
            "two.npy",
            "letters.bin",
            "notes.md",
        ];
        for (text, expected) in [
            ("Faces.npy", &["faces.npy"][..]),
            ("scan_01.NPY", &["Scan_01.npy"]),
            ("X.F64", &["x.f64"]),
            ("faces.np", &["faces.npy"]),
            ("faces", &["faces.npy"]),
            ("x.f32", &["x.f64"]),
            ("x", &["x.f64"]),
            ("v.hdf5", &["v.h5"]),
            ("fcaes.npy", &["faces.npy"]),
            ("face.npy", &["faces.npy"]),
            ("faaces.npy", &["faces.npy"]),
            ("leters.bin", &["letters.bin"]),
            ("letterss.bin", &["letters.bin"]),
            ("two", &[]),
            ("notes.f64", &[]),
            ("faxes.npy", &[]),
            ("facets.npy", &[]),
            ("afces.f64", &[]),
            ("lfet.raw", &[]),
            ("lef.raw", &[]),
            ("run3.npy", &[]),
            ("run.npy", &[]),
            ("run-B.npy", &[]),
            ("Scan_10.npy", &[]),
            ("Scan_1.npy", &[]),
            ("temp_min.npy", &[]),
            ("y.npy", &[]),
            ("horses.npy", &[]),
            ("faces.npy", &[]),
        ] {
            let related = there.iter().filter_map(|name| {
                relation(text, name).map(|relation| (relation, (*name).to_owned()))
            });
            assert_eq!(nearest(related), expected, "{text}");
        }
    }
}
