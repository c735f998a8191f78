//! The paths of members below the root: their names in the file, split at slashes, with escapes
//! where a name is no file name or a group needs it itself.

use std::collections::HashSet;

use super::name;
use crate::source::Member;

/// Names that a group or its store needs for its own entries, or that are reserved for forms of
/// arrays.
const RESERVED: [&str; 13] = [
    "README.txt",
    "meta.json",
    "header.txt",
    "index.html",
    ".arrayfs",
    "native",
    "float32",
    "tiff",
    "arrow",
    "parquet",
    "zarr",
    "zarr.json",
    "ome.zarr",
];

/// The paths of `members`, in their order. Each is a list of directory names, and no path is the
/// beginning of another: where both `a` and `a/b` are arrays, the second is `a%2Fb`.
pub(super) fn paths(members: &[Member]) -> Vec<Vec<String>> {
    let split = |(position, member): (usize, &Member)| -> Vec<String> {
        let name = member.name.strip_prefix(b"/").unwrap_or(&member.name);
        let parts = name.split(|&byte| byte == b'/');
        parts.map(|part| component(position, part)).collect()
    };
    let split: Vec<Vec<String>> = members.iter().enumerate().map(split).collect();
    let arrays: HashSet<&[String]> = split.iter().map(Vec::as_slice).collect();
    let below_arrays = |(position, path): (usize, &Vec<String>)| {
        let above = (1..path.len()).find(|&k| arrays.contains(&path[..k]));
        let Some(above) = above else {
            return path.clone();
        };
        let (groups, rest) = path.split_at(above - 1);
        let joined = name::shortened(position, rest.join("%2F"));
        groups.iter().cloned().chain([joined]).collect()
    };
    split.iter().enumerate().map(below_arrays).collect()
}

/// The directory name for a part of the name of member number `position`.
fn component(position: usize, part: &[u8]) -> String {
    let reserved = RESERVED.iter().find(|name| name.as_bytes() == part);
    match (reserved, part) {
        (Some(_), [first, rest @ ..]) => {
            format!("%{first:02X}{}", String::from_utf8_lossy(rest))
        }
        _ => name::member(position, part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Order, Shape, View};
    use crate::dtype::DType;

    fn members(names: &[&[u8]]) -> Vec<Member> {
        let view = View::contiguous(DType::BYTE, 0, Shape::default(), Order::C).unwrap();
        let member = |name: &&[u8]| Member::new(*name, view.clone(), Order::C);
        names.iter().map(member).collect()
    }

    #[test]
    fn names_become_paths_without_collisions() {
        let long = "x".repeat(256);
        for (names, expected) in [
            (&[&b"x"[..]][..], &["x"][..]),
            (&[b"/entry/data", b"entry/b"], &["entry/data", "entry/b"]),
            (&[b"a", b"a/b", b"a/b/c"], &["a", "a%2Fb", "a%2Fb%2Fc"]),
            (&[b"g/a/b", b"g/a"], &["g/a%2Fb", "g/a"]),
            (&[b"meta.json", b"g/zarr"], &["%6Deta.json", "g/%7Aarr"]),
            (&[b"zarr.json"], &["%7Aarr.json"]),
            (&[b".x", b".", b"..", b""], &["%2Ex", "%2E", "%2E%2E", "%"]),
            (&[b".arrayfs"], &["%2Earrayfs"]),
            (&[b"a//b", b"c/"], &["a/%/b", "c/%"]),
            (&[b"50%", b"\xff\0"], &["50%25", "%FF%00"]),
            (&[long.as_bytes()], &["%n0"]),
        ] {
            let found = paths(&members(names));
            let found: Vec<String> = found.iter().map(|path| path.join("/")).collect();
            assert_eq!(found, expected, "{names:?}");
        }
    }
}
