//! What the completions of the shells offer behind `-u` and `--array`: mount points, written as
//! the user has begun to write one, and the arrays of a file. The shells only quote them. Each has
//! its own rules for what a typed word may complete to; here is the one for all.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::Error;
use crate::platform::{self, Mount};
use crate::source::{Description, Plan};

/// The mount points of arrays that `typed` is the beginning of, a line each. Nothing is read from a
/// mount, since it may not answer.
///
/// # Errors
///
/// When the mount table cannot be read.
pub fn mounts(typed: &OsStr) -> Result<String, Error> {
    let table = platform::mount_table().map_err(Error::MountTable)?;
    let points = table.into_iter().filter(Mount::is_arrayfs);
    let points = points.map(|mount| mount.point).collect::<Vec<_>>();
    Ok(lines(&continuations(&points, typed)))
}

/// The names of the arrays in a file, a line each; nothing if the file is one array.
///
/// # Errors
///
/// When the file and its description do not define an array.
pub fn arrays(file: &Path, description: &Description) -> Result<String, Error> {
    let plan = Plan::new(file, description)?;
    let contents = plan.contents();
    let members = contents.members.iter().filter(|_| contents.is_group);
    let names: Vec<&OsStr> = members
        .map(|member| OsStr::from_bytes(&member.name))
        .collect();
    Ok(lines(&names))
}

/// The points that begin with `typed`. Each is written as `typed` is: below its directory, which
/// may be relative or lead through symbolic links. If nothing is typed, points that are not below
/// the working directory are absolute.
fn continuations(points: &[PathBuf], typed: &OsStr) -> Vec<PathBuf> {
    let bytes = typed.as_bytes();
    let length = bytes.iter().rposition(|&byte| byte == b'/');
    let directory = Path::new(OsStr::from_bytes(&bytes[..length.map_or(0, |at| at + 1)]));
    let is_here = directory.as_os_str().is_empty();
    let Ok(base) = (if is_here { Path::new(".") } else { directory }).canonicalize() else {
        return Vec::new();
    };
    let written = points.iter().filter_map(|point| {
        match point.strip_prefix(&base) {
            // The directory itself.
            Ok(below) if below.as_os_str().is_empty() => None,
            Ok(below) => Some(directory.join(below)),
            Err(_) => bytes.is_empty().then(|| point.clone()),
        }
    });
    let begins = |point: &PathBuf| point.as_os_str().as_bytes().starts_with(bytes);
    written.filter(begins).collect()
}

/// The names as lines, without those that a line of text cannot hold.
fn lines(names: &[impl AsRef<OsStr>]) -> String {
    let names = names.iter().filter_map(|name| name.as_ref().to_str());
    let names = names.filter(|name| !name.contains(char::is_control));
    names.map(|name| format!("{name}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_as_typed_is_offered_and_written_as_typed() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        for name in ["work/deep", "other"] {
            std::fs::create_dir_all(dir.join(name)).unwrap();
        }
        std::os::unix::fs::symlink(dir.join("work"), dir.join("link")).unwrap();
        // The mount points need not exist: they may be dead.
        let points = ["work/mine", "work/deep/m", "other/mine"].map(|name| dir.join(name));
        for (typed, expected) in [
            ("work/", &["work/mine", "work/deep/m"][..]),
            ("work/m", &["work/mine"]),
            ("work/i", &[]),
            ("m", &[]),
            ("wo", &["work/mine", "work/deep/m"]),
            ("link/m", &["link/mine"]),
            ("link/../o", &["link/../other/mine"]),
            ("work/deep/../m", &["work/deep/../mine"]),
            ("work//m", &["work//mine"]),
            ("o", &["other/mine"]),
            ("work/mine/", &[]),
            ("missing/", &[]),
        ] {
            let typed = dir.join("").join(typed).into_os_string();
            let expected: Vec<PathBuf> = expected.iter().map(|name| dir.join(name)).collect();
            assert_eq!(continuations(&points, &typed), expected, "{typed:?}");
        }
        assert_eq!(continuations(&points, OsStr::new("")), points);
        assert!(continuations(&points, OsStr::new("mine")).is_empty());
    }

    #[test]
    fn names_that_would_break_a_line_are_left_out() {
        let odd = OsStr::from_bytes(b"/\xff");
        let names = ["/a b", "/c\nd", "/e'"].map(OsStr::new);
        assert_eq!(lines(&[&names[..], &[odd]].concat()), "/a b\n/e'\n");
    }
}
