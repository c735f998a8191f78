//! Claims 1 to 4: content, names and inodes of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::common::Dir;
use crate::common::arrays::{judge, mount_each, numbered};
use crate::common::calls::errno;

/// Compares all files of bytes outside of fields, whole and in a piece, with NumPy's.
const COMPARE: &str = r#"
for root, _, a in arrays():
    expected = {path: stored_bytes(part) for path, part in files(a)}
    if a.ndim > 1:
        expected.update((f"T/{path}", stored_bytes(part)) for path, part in files(a.T))
    found = {name for name in names(root) if "." not in name and not name.startswith("fields/")}
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
    judge(&dir, COMPARE, &arguments);
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
        for (encoding, suffix) in [("", ""), ("npy/", ".npy"), ("csv/", ".csv")] {
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

/// Compares what `meta.json` says with NumPy.
const DESCRIBE: &str = r#"
def described(dtype):
    """A type as `dtype.str` or `dtype.descr`, or where that is not defined as the arguments of numpy.dtype."""
    if dtype.names is None:
        return dtype.str
    try:
        return dtype.descr
    except ValueError:
        fields = [dtype[name] for name in dtype.names]
        return {
            "names": dtype.names,
            "formats": [(described(f.base), f.shape) if f.shape else described(f) for f in fields],
            "offsets": [dtype.fields[name][1] for name in dtype.names],
            "itemsize": dtype.itemsize,
        }

for root, stored, whole in arrays():
    for prefix, a in [("", whole), ("T/", whole.T)]:
        orders = {"<": "little", ">": "big", "=": sys.byteorder, "|": "none"}
        expected = {
            "dtype": described(a.dtype),
            "dtype_name": a.dtype.name,
            "itemsize": a.itemsize,
            "byteorder": orders[a.dtype.byteorder],
            "shape": a.shape,
            "ndim": a.ndim,
            "size": a.size,
            "nbytes": a.nbytes,
            "strides": a.strides,
        }
        if a.dtype.names:
            expected["fields"] = [
                {"name": name, "dtype": described(dtype.base), "shape": dtype.shape, "offset": offset}
                for name, (dtype, offset) in ((name, a.dtype.fields[name][:2]) for name in a.dtype.names)
            ]
        with open(f"{root}/{prefix}meta.json") as file:
            meta = json.load(file)
        assert ("fields" in meta) == bool(a.dtype.names), a.dtype
        found = {name: meta[name] for name in expected}
        expected = json.loads(json.dumps(expected))
        assert found == expected, (a.dtype, found, expected)
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
    judge(&dir, DESCRIBE, &arguments);
}
