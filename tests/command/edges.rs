//! Edge cases of `numpy.memmap`. Shape, refusals and the resulting bytes of the file must equal
//! NumPy's, except for listed differences.

use std::fs;

use serde_json::{Value, json};

use crate::common::{Dir, Mount, growth_notice, lengthen_portably};

/// What arrayfs has to do.
#[derive(Debug, Clone, Copy)]
enum Expected {
    /// The same as NumPy, which succeeds.
    Same,
    /// Refuse, as NumPy does, with these words.
    Refused(&'static str),
    /// Other than NumPy: this shape, and a file of as many bytes.
    Shape(&'static [u64], usize),
    /// Other than NumPy: refuse, with these words.
    RefusedHere(&'static str),
}
use Expected::{Refused, RefusedHere, Same, Shape};

/// A call of `numpy.memmap`.
struct Edge {
    /// Bytes in the file; `None` without a file.
    size: Option<usize>,
    mode: &'static str,
    dtype: &'static str,
    shape: Option<String>,
    offset: u64,
    expected: Expected,
}

#[rustfmt::skip]
fn edges() -> Vec<Edge> {
    let edge = |size, mode, dtype, shape: Option<&str>, offset, expected| Edge {
        size, mode, dtype, shape: shape.map(str::to_owned), offset, expected,
    };
    let axes = |ndim| Some(vec!["1"; ndim].join(","));
    let file = Some(100);
    vec![
        edge(file, "r", "u1", Some("101"), 0, Refused("needs 101 bytes at offset 0, which end at byte 101; the file has 100")),
        edge(file, "c", "f4", Some("5,5"), 8, Refused("needs 100 bytes at offset 8, which end at byte 108; the file has 100")),
        edge(file, "r+", "u1", Some("210"), 0, Same),
        edge(file, "r+", "f4", Some("5,6"), 3, Same),
        edge(file, "r+", "u1", Some("10"), 200, Same),
        edge(file, "r", "u1", None, 200, Refused("offset 200 is past the end of the file, which has 100 bytes")),
        edge(file, "r+", "u1", None, 200, Refused("offset 200 is past the end of the file, which has 100 bytes")),
        edge(file, "c", "u1", None, 101, Refused("offset 101 is past the end of the file, which has 100 bytes")),
        edge(file, "r", "u1", None, 100, Same),
        edge(file, "r+", "f8", None, 100, Same),
        edge(file, "r", "f8", None, 0, Refused("100 bytes from offset 0 to the end of the file are not a multiple of 8 bytes")),
        edge(file, "r+", "f8", None, 3, Refused("97 bytes from offset 3 to the end of the file are not a multiple of 8 bytes")),
        edge(file, "r", "f8", Some("12"), 0, Same),
        edge(file, "r+", "f8", Some("3,4"), 0, Same),
        edge(file, "r", "f8", Some("12"), 3, Same),
        edge(file, "c", "f8", Some("12"), 3, Same),
        edge(file, "w+", "u1", None, 0, Refused("needs a complete --shape")),
        edge(None, "w+", "u1", None, 0, Refused("needs a complete --shape")),
        edge(file, "w+", "f8", Some("3,4"), 0, Same),
        edge(None, "w+", "f8", Some("3,4"), 0, Same),
        edge(file, "w+", "f8", Some("3,4"), 5000, Same),
        edge(file, "w+", "u1", Some("7"), 0, Same),
        edge(file, "r", "f8", Some("0,4"), 0, Same),
        edge(file, "r+", "f8", Some("0,4"), 0, Same),
        edge(file, "r+", "f8", Some("0,4"), 200, Same),
        edge(file, "w+", "f8", Some("0,4"), 0, Shape(&[0, 4], 0)),
        edge(Some(0), "r", "u1", None, 0, Shape(&[0], 0)),
        edge(Some(0), "c", "f8", None, 0, Shape(&[0], 0)),
        edge(Some(0), "r+", "u1", None, 0, Shape(&[0], 0)),
        edge(Some(0), "r+", "f4", Some("3"), 0, Same),
        edge(file, "r", "f4", Some("()"), 96, Same),
        edge(file, "r+", "f4", Some("()"), 98, Same),
        edge(file, "w+", "f4", Some("()"), 0, Same),
        Edge { shape: axes(64), ..edge(file, "r", "u1", None, 0, Same) },
        Edge { shape: axes(65), ..edge(file, "r", "u1", None, 0, Refused("65 axes, the maximum is 64")) },
        edge(file, "r", "u1", Some("4294967296,4294967296"), 0, RefusedHere("reaches byte 2^63")),
        edge(file, "r+", "f8", Some("2305843009213693952"), 0, RefusedHere("reaches byte 2^63")),
        edge(file, "r", "O", Some("3"), 0, RefusedHere("pointers into a Python process, not data")),
        edge(file, "r", "V0", None, 0, RefusedHere("items of 0 bytes are not supported")),
        edge(None, "r", "u1", None, 0, Refused("no such file or directory")),
        edge(None, "r+", "u1", Some("3"), 0, Refused("no such file or directory")),
    ]
}

fn numpy(dir: &Dir, edges: &[Edge]) -> Vec<Value> {
    let calls: Vec<Value> = edges
        .iter()
        .map(|edge| json!([edge.size, edge.mode, edge.dtype, edge.shape, edge.offset]))
        .collect();
    let script = dir.script("command/memmap_edges.py");
    serde_json::from_str(&script.fed(&json!(calls).to_string())).unwrap()
}

/// The shape in what `meta.json` says.
fn shape_of(meta: &str) -> Value {
    let meta: Value = serde_json::from_str(meta).unwrap();
    meta["shape"].clone()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn info_and_mounts_do_at_the_edges_what_numpy_does() {
    let Some(dir) = Dir::with_fuse() else { return };
    let edges = edges();
    for (number, (edge, numpy)) in edges.iter().zip(numpy(&dir, &edges)).enumerate() {
        let row = format!(
            "{} bytes, mode {}, {}, shape {:?}, offset {}: {:?}, NumPy {numpy}",
            edge.size.map_or("no".into(), |size| size.to_string()),
            edge.mode,
            edge.dtype,
            edge.shape,
            edge.offset,
            edge.expected,
        );
        let numpy_shape = numpy[0].clone();
        match edge.expected {
            Same => assert!(numpy_shape.is_array(), "{row}"),
            Refused(_) => assert!(numpy_shape.is_null(), "{row}"),
            // The row is to go once NumPy agrees.
            Shape(shape, size) => {
                let bytes = numpy[1].as_str().unwrap().len() / 2;
                assert!(numpy_shape != json!(shape) || bytes != size, "{row}");
            }
            RefusedHere(_) => {}
        }
        behaves(&dir, number, edge, &numpy, &row);
    }
}

fn behaves(dir: &Dir, number: usize, edge: &Edge, numpy: &Value, row: &str) {
    let file = dir.join(&format!("arrayfs{number}.bin"));
    let original: Option<Vec<u8>> = edge.size.map(|size| (0..size as u8).collect());
    if let Some(bytes) = &original {
        fs::write(&file, bytes).unwrap();
    }
    let offset = edge.offset.to_string();
    let mut options = vec![
        "--mode", edge.mode, "--dtype", edge.dtype, "--offset", &offset,
    ];
    if edge.mode == "r+" {
        options.push("--extend");
    }
    if let Some(shape) = &edge.shape {
        options.extend(["--shape", shape]);
    }
    let info = dir.arrayfs(&options).args(&["--info"]).args(&[&file]).run();
    assert_eq!(
        fs::read(&file).ok(),
        original,
        "--info has changed the file: {row}"
    );
    let (expected_shape, expected_bytes) = match edge.expected {
        Same => (numpy[0].clone(), numpy[1].as_str().unwrap().to_owned()),
        Shape(shape, size) => (json!(shape), "00".repeat(size)),
        Refused(words) | RefusedHere(words) => {
            assert!(
                !info.status.success() && info.stderr.contains(words),
                "{row}\n{info}"
            );
            let (_mount, outcome) = Mount::start(dir, &file, &options);
            assert!(!outcome.status.success(), "{row}\n{outcome}");
            assert!(outcome.stderr.contains(words), "{row}\n{outcome}");
            assert_eq!(fs::read(&file).ok(), original, "{row}");
            return;
        }
    };
    assert_eq!(shape_of(&info.succeeds()), expected_shape, "{row}");
    if edge.mode == "r+" {
        lengthen_portably(&file, expected_bytes.len() as u64 / 2);
    }
    let (mount, outcome) = Mount::start(dir, &file, &options);
    assert!(outcome.status.success(), "{row}\n{outcome}");
    let meta = fs::read_to_string(mount.join("meta.json")).unwrap();
    assert_eq!(shape_of(&meta), expected_shape, "{row}");
    mount.unmount();
    let bytes = fs::read(&file).unwrap();
    assert_eq!(hexadecimal(&bytes), expected_bytes, "{row}");
    let (from, to) = (original.map_or(0, |original| original.len()), bytes.len());
    let said = match edge.mode {
        "w+" => growth_notice(&file, "w+", from, to),
        "r+" if from < to && !cfg!(arrayfs_portable) => growth_notice(&file, "r+", from, to),
        _ => String::new(),
    };
    assert_eq!(outcome.but_for_what_was_assumed(), said, "{row}");
}

/// For `open(2)`, and so for NumPy, a slash at the end stands for a directory.
#[test]
fn a_file_whose_name_ends_in_a_slash_is_neither_taken_nor_made() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("plain", [7; 100]);
    dir.directory("logs");
    std::os::unix::fs::symlink("plain", dir.join("link")).unwrap();
    let before = dir.listing();
    let mode = ["--mode", "w+", "--shape", "4"];
    for name in ["plain/", "plain//", "plain/.", "link/", "new/", "new/."] {
        let path = format!("{}/{name}", dir.path().display());
        let mut options = fs::File::options();
        options.write(true).create(true).open(path).unwrap_err();
        let expected = format!(
            "arrayfs: {name}: expected the name of a file; a slash at the end is for directories\n"
        );
        for rest in [&["mnt"][..], &["--info"]] {
            let command = dir.arrayfs(&[name]).args(rest).args(&mode);
            command.run().fails(2, &expected);
        }
        let option = format!("log-file={name}");
        for log in [&["--log-file", name][..], &["-o", &option]] {
            let command = dir.arrayfs(&["plain", "mnt"]).args(&mode).args(log);
            command.run().fails(2, &expected);
        }
        assert_eq!(dir.listing(), before, "{name}");
    }
    // A directory is called one, with and without a slash.
    for name in ["logs", "logs/", "logs/."] {
        let path = dir.join("logs");
        let path = path.display();
        let expected = format!(
            "arrayfs: {path}: is a directory, and only a regular file or a block device can be \
             mapped\n"
        );
        let command = dir.arrayfs(&[name, "mnt"]).args(&mode);
        command.run().fails(3, &expected);
        let expected =
            format!("arrayfs: {path}: cannot be opened as the log file: is a directory\n");
        let command = dir.arrayfs(&["plain", "mnt", "--log-file", name]);
        command.run().fails(1, &expected);
        assert_eq!(dir.listing(), before, "{name}");
    }
}
