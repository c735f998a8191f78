//! Claims 1 to 4: what the files hold, and which names and inodes they have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::common::arrays::{Raw, numbered, python};
use crate::common::calls::errno;
use crate::common::{Dir, Mount};

/// Compares all files of mounts, whole and in a piece, with NumPy's bytes, for
/// arguments of a mount point, the file, the dtype, the shape, the order and
/// the offset each.
const COMPARE: &str = r#"
import os, sys
import numpy as np

def files(a):
    yield "data", a.tobytes()
    for i in range(a.shape[0] if a.ndim > 0 else 0):
        yield f"rows/{i}", a[i].tobytes()
    for j in range(a.shape[1] if a.ndim > 1 else 0):
        yield f"cols/{j}", a[:, j].tobytes()
    for axis in range(a.ndim):
        for i in range(a.shape[axis]):
            yield f"axes/{axis}/{i}", a.take(i, axis=axis).tobytes()

for root, file, dtype, shape, order, offset in zip(*[iter(sys.argv[1:])] * 6):
    shape = tuple(int(length) for length in shape.strip("()").split(",") if length)
    a = np.ndarray(shape, dtype, open(file, "rb").read(), int(offset), order=order)
    expected = dict(files(a))
    if a.ndim > 1:
        expected.update((f"T/{path}", data) for path, data in files(a.T))
    found = {
        os.path.relpath(os.path.join(directory, name), root)
        for directory, _, names in os.walk(root)
        for name in names
        if name != "meta.json"
    }
    assert found == expected.keys(), (a.shape, found ^ expected.keys())
    for path, data in expected.items():
        with open(os.path.join(root, path), "rb", buffering=0) as opened:
            assert opened.read() == data, (a.shape, path)
            assert os.pread(opened.fileno(), 11, 5) == data[5:16], (a.shape, path)
"#;

#[test]
fn claim_01_files_hold_the_bytes_that_numpy_has_of_the_slices() {
    let Some(dir) = Dir::with_fuse() else { return };
    let bytes: Vec<u8> = (0..1200u32).map(|k| (k * 7 % 251) as u8).collect();
    let file = dir.file("data.bin", bytes);
    let mut mounts = Vec::new();
    let mut arguments: Vec<String> = Vec::new();
    for described in [
        ["<f8", "6,5", "C", "0"],
        [">f8", "6,5", "F", "3"],
        ["<i2", "3,4,5", "F", "352"],
        ["<f4", "2,3,2,3", "C", "12"],
        ["S3", "7", "C", "1"],
        ["c16", "4,0,3", "C", "16"],
        ["u1", "1,1,1,1,1,1,1", "C", "0"],
        [">U2", "()", "C", "5"],
    ] {
        let [dtype, shape, order, offset] = described;
        let raw = Raw {
            dtype,
            shape,
            order,
            offset,
        };
        let mount = raw.mount(&dir, &file, "r");
        let paths = [mount.point(), &file].map(|path| path.to_str().unwrap());
        arguments.extend(paths.iter().chain(&described).map(|&word| word.to_owned()));
        mounts.push(mount);
    }
    python(&dir, COMPARE, &arguments);
}

/// All paths of a mount, by inode number.
fn paths_by_inode(root: &Path) -> BTreeMap<u64, BTreeSet<PathBuf>> {
    fn walk(root: &Path, path: &Path, found: &mut BTreeMap<u64, BTreeSet<PathBuf>>) {
        let metadata = fs::symlink_metadata(path).unwrap();
        let relative = path.strip_prefix(root).unwrap().into();
        found.entry(metadata.ino()).or_default().insert(relative);
        if metadata.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                walk(root, &entry.unwrap().path(), found);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

#[test]
fn claim_02_rows_and_cols_are_the_files_of_their_axes_and_no_directory_is_shared() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", numbered());
    let mount = dir.mount(&file, &["--shape", "3,4,5"]);
    let mut expected = BTreeSet::new();
    for (prefix, lengths) in [("", [3, 4, 5]), ("T/", [5, 4, 3])] {
        for (folder, axis) in [("rows", 0), ("cols", 1)] {
            for index in 0..lengths[axis] {
                expected.insert(BTreeSet::from([
                    PathBuf::from(format!("{prefix}{folder}/{index}")),
                    PathBuf::from(format!("{prefix}axes/{axis}/{index}")),
                ]));
            }
        }
    }
    let shared = paths_by_inode(mount.point()).into_values();
    let shared: BTreeSet<_> = shared.filter(|paths| paths.len() > 1).collect();
    assert_eq!(shared, expected);
}

#[test]
fn claim_03_an_index_has_its_plain_padded_and_negative_names_and_no_other() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![0; 150 * 10]);
    let shape = ["--shape", "150,10,1"];
    let mount = dir.mount(&file, &shape);
    let inode = |name: &str| fs::metadata(mount.join(name)).map(|found| found.ino());
    for (folder, names) in [
        ("rows", &["3", "003", "-147"][..]),
        ("rows", &["0", "000", "-150"]),
        ("rows", &["149", "-1"]),
        ("axes/0", &["10", "010", "-140"]),
        ("cols", &["3", "-7"]),
        ("axes/2", &["0", "-1"]),
    ] {
        let inodes = names
            .iter()
            .map(|name| inode(&format!("{folder}/{name}")).unwrap());
        assert_eq!(
            inodes.collect::<BTreeSet<u64>>().len(),
            1,
            "{folder}: {names:?}"
        );
    }
    for (folder, names) in [
        (
            "rows",
            &[
                "150", "-151", "03", "0003", "+3", " 3", "3 ", "-0", "-003", "--1",
            ][..],
        ),
        (
            "rows",
            &[
                "3.0",
                "3e0",
                "0x3",
                "-",
                "\u{663}",
                "18446744073709551619",
                "3\n",
                "3_0",
            ],
        ),
        ("cols", &["03", "10", "-11", "-07"]),
        ("axes/2", &["1", "-2", "00"]),
        ("axes", &["3", "-1", "00"]),
    ] {
        for name in names {
            let outcome = inode(&format!("{folder}/{name}"));
            assert_eq!(errno(outcome), libc::ENOENT, "{folder}/{name}");
        }
    }
    for (options, width) in [(&shape[..], 1), (&[&shape[..], &["--pad"]].concat(), 3)] {
        let mount = dir.mount(&file, options);
        let entries = fs::read_dir(mount.join("rows")).unwrap();
        let name = |entry: io::Result<DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let names: Vec<_> = entries.map(name).collect();
        let expected: Vec<_> = (0..150).map(|index| format!("{index:0width$}")).collect();
        assert_eq!(names, expected);
    }
}

/// Compares what `meta.json` says with NumPy, for arguments of a path, a dtype
/// and an order each.
const DESCRIBE: &str = r#"
import json, sys
import numpy as np
for path, dtype, order in zip(*[iter(sys.argv[1:])] * 3):
    for prefix in "", "T/":
        a = np.zeros((2, 3), dtype, order)
        a = a.T if prefix else a
        orders = {"<": "little", ">": "big", "=": sys.byteorder, "|": "none"}
        expected = {
            "dtype": a.dtype.str,
            "dtype_name": a.dtype.name,
            "itemsize": a.itemsize,
            "byteorder": orders[a.dtype.byteorder],
            "shape": list(a.shape),
            "ndim": a.ndim,
            "size": a.size,
            "nbytes": a.nbytes,
            "strides": list(a.strides),
        }
        with open(f"{path}/{prefix}meta.json") as file:
            meta = json.load(file)
        found = {name: meta[name] for name in expected}
        assert found == expected, (path, found, expected)
"#;

#[test]
fn claim_04_meta_json_says_what_numpy_says() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [0; 1000]);
    let dtypes = [
        "<f4",
        ">i2",
        "uint8",
        "bool",
        "S5",
        "<U3",
        ">U3",
        "V7",
        "<M8[ns]",
        ">m8[25s]",
        ">c16",
        "longdouble",
        "float16",
    ];
    let mut mounts: Vec<Mount> = Vec::new();
    let mut arguments = Vec::new();
    for (dtype, order) in dtypes.iter().zip(["C", "F"].iter().cycle()) {
        let mount = dir.mount(
            &file,
            &["--dtype", dtype, "--order", order, "--shape", "2,3"],
        );
        arguments.extend([mount.point().to_str().unwrap(), dtype, order].map(str::to_owned));
        mounts.push(mount);
    }
    python(&dir, DESCRIBE, &arguments);
}
