//! Claims about files that hold many arrays. The files are safetensors files, written here byte
//! by byte; `tests/formats` compares each format with its own library.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::common::{Dir, Mount};

/// Writes a safetensors file with a two-dimensional array of float32 for each name. Value `k` of
/// array `n` is `1000 n + k`.
fn write_file(dir: &Dir, names: &[&str]) -> PathBuf {
    let mut data = Vec::new();
    let entries = names.iter().enumerate().map(|(n, name)| {
        let start = data.len();
        let values = (0..6).map(|k| (1000 * n + k) as f32);
        data.extend(values.flat_map(f32::to_le_bytes));
        let end = data.len();
        format!(r#"{name:?}:{{"dtype":"F32","shape":[2,3],"data_offsets":[{start},{end}]}}"#)
    });
    let entries: Vec<String> = entries.collect();
    let header = format!("{{{}}}", entries.join(","));
    let size = (header.len() as u64).to_le_bytes();
    dir.file(
        "model.safetensors",
        [&size[..], header.as_bytes(), &data].concat(),
    )
}

/// The value of each element of row 1 of array `n`.
fn row_1(n: usize) -> Vec<u8> {
    let values = (3..6).map(|k| (1000 * n + k) as f32);
    values.flat_map(f32::to_le_bytes).collect()
}

fn names_in(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn claim_61_every_array_has_a_directory_named_after_it() {
    let Some(dir) = Dir::with_fuse() else { return };
    let long = "x".repeat(300);
    // A name, and the path of its directory.
    let cases = [
        ("w", "w"),
        ("layer/0/w", "layer/0/w"),
        ("w/b", "w%2Fb"),
        ("meta.json", "%6Deta.json"),
        ("README.txt", "%52EADME.txt"),
        ("index.html", "%69ndex.html"),
        ("zarr", "%7Aarr"),
        (".hidden", "%2Ehidden"),
        ("..", "%2E%2E"),
        ("a//b", "a/%/b"),
        ("50%", "50%25"),
        ("größe", "größe"),
        (&long, "%n12"),
    ];
    let names = cases.map(|(name, _)| name);
    let mount = dir.mount(&write_file(&dir, &names), &[]);
    for (n, (name, path)) in cases.iter().enumerate() {
        let row = fs::read(mount.join(path).join("rows/1"));
        assert_eq!(row.unwrap(), row_1(n), "{name}");
        let meta = fs::read_to_string(mount.join(path).join("meta.json")).unwrap();
        assert!(meta.contains(&format!(r#""name": {name:?}"#)), "{meta}");
    }
    let top: BTreeSet<String> = cases
        .iter()
        .map(|(_, path)| path.split('/').next().unwrap().to_owned())
        .chain(["README.txt", "meta.json", "index.html", "zarr"].map(String::from))
        .collect();
    assert_eq!(names_in(mount.point()), top);
    assert!(!mount.join("layer/0/w/0").exists() && !mount.join("layer/1").exists());
    mount.unmount();
}

#[test]
fn claim_61_a_group_of_one_array_is_still_a_group() {
    let Some(dir) = Dir::with_fuse() else { return };
    let mount = dir.mount(&write_file(&dir, &["only"]), &[]);
    assert_eq!(fs::read(mount.join("only/rows/1")).unwrap(), row_1(0));
    assert!(!mount.join("data").exists());
    mount.unmount();
}

#[test]
fn claim_61_inode_numbers_in_groups_are_distinct_and_stay() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = write_file(&dir, &["a", "b/c", "b/d"]);
    let inodes = |mount: &Mount| {
        let mut found = Vec::new();
        let mut open = vec![mount.point().to_owned()];
        while let Some(directory) = open.pop() {
            for name in names_in(&directory) {
                let path = directory.join(name);
                let attributes = fs::symlink_metadata(&path).unwrap();
                if attributes.is_dir() {
                    open.push(path.clone());
                }
                let path = path.strip_prefix(mount.point()).unwrap().to_owned();
                found.push((path, attributes.ino()));
            }
        }
        found.sort();
        found
    };
    let mount = dir.mount(&file, &[]);
    let first = inodes(&mount);
    // rows/i and axes/0/i are one inode, cols/j and axes/1/j too; all else differs.
    let shared = first.iter().filter(|(path, _)| {
        let path = path.to_str().unwrap();
        path.contains("axes/0/") || path.contains("axes/1/")
    });
    let distinct: BTreeSet<u64> = first.iter().map(|(_, inode)| *inode).collect();
    assert_eq!(distinct.len(), first.len() - shared.count());
    mount.unmount();
    let mount = dir.mount(&file, &[]);
    assert_eq!(inodes(&mount), first);
    mount.unmount();
}

#[test]
fn claim_62_what_cannot_be_shown_is_listed_with_the_reason() {
    let Some(dir) = Dir::with_fuse() else { return };
    let header = br#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},
        "odd":{"dtype":"F4","shape":[2],"data_offsets":[2,3]}}"#;
    let size = (header.len() as u64).to_le_bytes();
    let file = dir.file(
        "x.safetensors",
        [&size[..], header, b"\x01\x02\x03"].concat(),
    );
    let (mount, outcome) = Mount::start(&dir, &file, &[]);
    let printed = outcome.stderr.clone();
    assert!(
        printed.contains("not shown: odd (its dtype F4"),
        "{printed}"
    );
    let meta = fs::read_to_string(mount.join("meta.json")).unwrap();
    assert!(
        meta.contains(r#""name":"odd","why":"its dtype F4"#),
        "{meta}"
    );
    assert!(!mount.join("odd").exists());
    mount.unmount();

    let header = br#"{"odd":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}"#;
    let size = (header.len() as u64).to_le_bytes();
    let file = dir.file("y.safetensors", [&size[..], header, b"\x01"].concat());
    let outcome = dir
        .arrayfs(&[file.as_os_str(), dir.join("m").as_os_str()])
        .run();
    assert!(
        outcome
            .stderr
            .contains("holds no array that can be shown: odd: its dtype F4")
    );
}

#[test]
fn claim_63_one_array_can_be_the_root() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = write_file(&dir, &["a", "b/c"]);
    for name in ["b/c", "/b/c"] {
        let mount = dir.mount(&file, &["--array", name]);
        assert_eq!(fs::read(mount.join("rows/1")).unwrap(), row_1(1));
        mount.unmount();
    }
    let mount = dir.mount(&file, &["-o", "array=a,ro"]);
    assert_eq!(fs::read(mount.join("rows/1")).unwrap(), row_1(0));
    mount.unmount();
    let point = dir.directory("m");
    let words = [
        file.as_os_str(),
        point.as_os_str(),
        "--array".as_ref(),
        "c".as_ref(),
    ];
    let outcome = dir.arrayfs(&words).run();
    outcome.fails(
        3,
        &format!(
            "arrayfs: {}: holds no array 'c'\n  it holds 'a', 'b/c'\n",
            file.display()
        ),
    );
}

#[test]
fn claim_63_a_group_of_exactly_that_name_is_no_array_of_another_case() {
    let dir = Dir::new();
    let file = write_file(&dir, &["entry/Data", "entry/data/x"]);
    let refused = |name: &str| {
        let expected = format!(
            "arrayfs: {}: '{name}' is a group, not an array\n  it holds 'entry/data/x'\n",
            file.display()
        );
        let command = dir.arrayfs(&["--info".as_ref(), file.as_os_str()]);
        command.args(&["--array", name]).run().fails(3, &expected);
    };
    refused("entry/data");
    refused("/entry/data");
    let command = dir.arrayfs(&["--info".as_ref(), file.as_os_str()]);
    command.args(&["--array", "entry/DATA"]).run().succeeds();
}

#[test]
fn claim_64_a_description_means_a_raw_file() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = write_file(&dir, &["a"]);
    let bytes = fs::read(&file).unwrap();
    for options in [
        &["--dtype", "u1"][..],
        &["--offset", "0"],
        &["--format", "raw"],
    ] {
        let mount = dir.mount(&file, options);
        assert_eq!(fs::read(mount.join("data")).unwrap(), bytes);
        mount.unmount();
    }
    let point = dir.directory("m");
    let words = ["--format", "safetensors", "--dtype", "f4"].map(AsRef::as_ref);
    let words = [&words[..], &[file.as_os_str(), point.as_os_str()]].concat();
    let outcome = dir.arrayfs(&words).run();
    assert!(
        outcome
            .stderr
            .contains("--dtype cannot be given with --format safetensors")
    );
}

#[test]
fn claim_65_writes_reach_the_array_and_no_other() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = write_file(&dir, &["a", "b"]);
    let before = fs::read(&file).unwrap();
    let mount = dir.mount(&file, &[]);
    fs::write(mount.join("a/T/rows/2"), [7; 8]).unwrap();
    assert_eq!(&fs::read(mount.join("a/rows/1")).unwrap()[8..], [7; 4]);
    assert_eq!(fs::read(mount.join("b/rows/1")).unwrap(), row_1(1));
    mount.unmount();
    let mut expected = before;
    let start = expected.len() - 48;
    for at in [start + 8, start + 20] {
        expected[at..at + 4].fill(7);
    }
    assert_eq!(fs::read(&file).unwrap(), expected);
}
