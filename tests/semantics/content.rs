//! Claims 1 to 4: content, names and inodes of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::common::Dir;
use crate::common::arrays::{mount_each, numbered, run_script};
use crate::common::calls::errno;

#[test]
fn claim_01_files_hold_the_bytes_that_numpy_has_of_the_slices() {
    let Some(dir) = Dir::with_fuse() else { return };
    let bytes: Vec<u8> = (0..1200u32).map(|k| (k * 7 % 251) as u8).collect();
    let file = dir.file("data.bin", bytes);
    let described = [
        ["<f8", "6,5", "C", "0"],
        [">f8", "6,5", "F", "3"],
        ["<i2", "3,4,5", "F", "352"],
        ["<f4", "2,3,2,3", "C", "12"],
        ["S3", "7", "C", "1"],
        ["c16", "4,0,3", "C", "16"],
        ["u1", "1,1,1,1,1,1,1", "C", "0"],
        [">U2", "()", "C", "5"],
        ["[('x','u1'),('y','>i2',(2,))]", "4,3", "F", "1"],
        [
            "{'names':['x','y'],'formats':['<f4','u1'],'offsets':[4,9],'itemsize':16}",
            "3,2",
            "C",
            "0",
        ],
    ];
    let (_mounts, arguments) = mount_each(&dir, &file, &["--mode", "r"], &described);
    run_script(&dir, "semantics/scripts/file_contents.py", &arguments);
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
        for (encoding, suffix) in [
            ("", ""),
            ("npy/", ".npy"),
            ("csv/", ".csv"),
            ("tiff/", ".tif"),
        ] {
            for (folder, axis) in [("rows", 0), ("cols", 1)] {
                for index in 0..lengths[axis] {
                    let path = |folder: &str| {
                        PathBuf::from(format!("{prefix}{encoding}{folder}/{index}{suffix}"))
                    };
                    let axis = format!("axes/{axis}");
                    expected.insert(BTreeSet::from([path(folder), path(&axis)]));
                }
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
        ("npy/rows", &["3.npy", "003.npy", "-147.npy"]),
        ("csv/axes/0", &["10.csv", "010.csv", "-140.csv"]),
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
        (
            "npy/rows",
            &[
                "3",
                "3.csv",
                "3.NPY",
                "03.npy",
                "3.npy.npy",
                "150.npy",
                ".npy",
            ],
        ),
        ("csv/cols", &["3", "3.npy", "03.csv", "3.csv "]),
    ] {
        for name in names {
            let outcome = inode(&format!("{folder}/{name}"));
            assert_eq!(errno(outcome), libc::ENOENT, "{folder}/{name}");
        }
    }
    for (options, width) in [(&shape[..], 1), (&[&shape[..], &["--pad"]].concat(), 3)] {
        let mount = dir.mount(&file, options);
        for (folder, suffix) in [("rows", ""), ("npy/axes/0", ".npy"), ("csv/rows", ".csv")] {
            let entries = fs::read_dir(mount.join(folder)).unwrap();
            let name =
                |entry: io::Result<DirEntry>| entry.unwrap().file_name().into_string().unwrap();
            let names: Vec<_> = entries.map(name).collect();
            let expected = (0..150).map(|index| format!("{index:0width$}{suffix}"));
            assert_eq!(names, Vec::from_iter(expected), "{folder}");
        }
    }
}

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
        "[('x', '<f4'), ('m', '>i2', (2, 3)), ('n', [('a b', 'S3'), ('t', '<M8[us]')])]",
        "{'names': ['x', 'y'], 'formats': ['<f4', 'u1'], 'offsets': [4, 10], 'itemsize': 16}",
        "{'names': ['whole', 'low'], 'formats': ['<u4', ('<u2', (1,))], 'offsets': [0, 0]}",
    ];
    let orders = ["C", "F"].iter().cycle();
    let described = dtypes.iter().zip(orders);
    let described: Vec<_> = described
        .map(|(&dtype, &order)| [dtype, "2,3", order, "0"])
        .collect();
    let (_mounts, arguments) = mount_each(&dir, &file, &["--mode", "r+"], &described);
    run_script(&dir, "semantics/scripts/meta_json.py", &arguments);
}
