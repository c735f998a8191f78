//! System calls from a C program. The files of a mount behave like a regular file with the same
//! bytes. Exceptions are those of a file of fixed size in a read-only directory tree. The checks
//! are in the C files.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::arrays::{Raw, at, put};
use common::{Ability, Dir, kernel_can};

/// The array whose files are checked. Its rows and columns take more than three pages.
const ARRAY: Raw = Raw {
    dtype: "<f4",
    shape: "5,5,700",
    order: "C",
    offset: "6",
};

/// Files to check, each with one that shares no byte with it: the number of
/// the mount that holds that one, and its path there.
const VIEWS: [(&str, usize, &str); 4] = [
    ("data", 1, "data"),
    ("rows/3", 0, "rows/4"),
    ("cols/2", 0, "cols/4"),
    ("T/data", 1, "data"),
];

/// The C files, compiled to a program.
fn compiled(dir: &Dir, maps: bool) -> PathBuf {
    let program = dir.join("checks");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/syscalls");
    let sources = fs::read_dir(sources).unwrap();
    let mut sources: Vec<PathBuf> = sources.map(|entry| entry.unwrap().path()).collect();
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    sources.sort();
    let mut options = vec!["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra"];
    if cfg!(arrayfs_portable) {
        options.push("-DPORTABLE");
    }
    if !maps {
        options.push("-DNO_DIRECT_MAPPINGS");
    }
    let compiler = dir.command("cc", &options).args(&sources);
    compiler.args(&["-o"]).args(&[&program]).run().succeeds();
    program
}

/// Runs the checks on a file; those that succeeded, each with a digest of the
/// bytes that it left.
fn check(dir: &Dir, kind: &str, mode: &str, file: &Path, other: &Path) -> BTreeMap<String, String> {
    let program = dir.join("checks");
    let command = dir.command(program.to_str().unwrap(), &[kind, mode]);
    let outcome = command.args(&[file, other]).run();
    let (well, failed): (Vec<&str>, Vec<&str>) = outcome
        .stdout
        .lines()
        .partition(|line| line.starts_with("ok "));
    assert!(
        failed.is_empty() && outcome.status.success(),
        "{}, {kind}, mode {mode}: {}\n{}{}",
        file.display(),
        outcome.status,
        outcome.stderr,
        failed.join("\n")
    );
    let words = well
        .iter()
        .map(|line| line.split(' ').skip(1).map(str::to_owned));
    words
        .filter_map(|mut words| Some((words.next()?, words.next()?)))
        .collect()
}

/// Two regular files in a directory of their own, the first called as `view`
/// is.
fn twins(dir: &Dir, view: &str, bytes: [&[u8]; 2]) -> [PathBuf; 2] {
    let directory = dir.directory(&format!("twin of {}", view.replace('/', " ")));
    for name in ["a", "b", "c", "d"] {
        fs::write(directory.join(name), "").unwrap();
    }
    let name = Path::new(view).file_name().unwrap();
    let twins = [directory.join(name), directory.join("other")];
    for (twin, bytes) in twins.iter().zip(bytes) {
        fs::write(twin, bytes).unwrap();
    }
    twins
}

/// Runs the checks on views of arrays that are mounted in `mode`, and on
/// regular files of the same bytes, which have to end alike.
fn views_answer_as_regular_files(mode: &str) {
    let maps = kernel_can(Ability::DirectMappings);
    let Some(dir) = Dir::with_fuse() else { return };
    compiled(&dir, maps);
    let places = ARRAY.places(&dir);
    let len = places["data"].iter().max().unwrap() + 10;
    let original: Vec<u8> = (0..len).map(|k| (k % 251) as u8).collect();
    let files = ["first.bin", "second.bin"].map(|name| dir.file(name, &original));
    let mounts = files.each_ref().map(|file| ARRAY.mount(&dir, file, mode));
    let mut expected = [original.clone(), original.clone()];

    for (view, number, other) in VIEWS {
        let bytes = at(&expected[0], &places[view]);
        let other_bytes = at(&expected[number], &places[other]);
        let [twin, other_twin] = twins(&dir, view, [&bytes, &other_bytes]);
        let regular = check(&dir, "regular", mode, &twin, &other_twin);
        let (file, other_file) = (mounts[0].join(view), mounts[number].join(other));
        let array = check(&dir, "array", mode, &file, &other_file);
        assert!(regular.len() > 30 && array.len() > regular.len());
        for (name, left) in regular {
            assert_eq!(array.get(&name), Some(&left), "{name} of {view}");
        }
        put(&mut expected[0], &places[view], &fs::read(twin).unwrap());
        let left = fs::read(other_twin).unwrap();
        put(&mut expected[number], &places[other], &left);
        for (mount, expected) in mounts.iter().zip(&expected) {
            let held = fs::read(mount.join("data")).unwrap();
            assert_eq!(held, at(expected, &places["data"]), "after {view}");
        }
    }

    for mount in mounts {
        mount.unmount();
    }
    for (file, expected) in files.iter().zip(&expected) {
        assert_eq!(expected != &original, mode != "r");
        let expected = if mode == "r+" { expected } else { &original };
        assert_eq!(&fs::read(file).unwrap(), expected, "{}", file.display());
    }
}

#[test]
fn files_that_are_read_and_written_answer_as_regular_files() {
    views_answer_as_regular_files("r+");
}

#[test]
fn files_that_copy_on_write_answer_as_regular_files_and_leave_the_array_alone() {
    views_answer_as_regular_files("c");
}

#[test]
fn files_that_are_only_read_answer_as_regular_files() {
    views_answer_as_regular_files("r");
}
