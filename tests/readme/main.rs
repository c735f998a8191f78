//! The code snippets in `README.txt` of real mounts. Each is extracted and run, and NumPy checks
//! the values it has read. The languages are those of `ARRAYFS_LANGUAGES`, separated by commas.
//! The default is those of every development machine; `scripts/languages.sh` runs the others.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod text;

use std::path::Path;

use common::{Dir, Mount};
use serde_json::{Value, json};

/// Languages that are light to install.
const USUAL: &str = "Shell,Python,C,Fortran,Node,awk";

/// Directories to mount on whose names mean something to one language or another.
const POINTS: [&str; 5] = [
    "plain",
    "two  blanks",
    "it's \"quoted\"",
    r"$HOME \n %s #{a}",
    "ünïcode ∘ and a name that is so long that some language has to break the line, 中文; 'x' & y",
];

/// A structured type with padding, a nested structure, a sub-array and an odd name.
const RECORDS: &str = "{'names': ['a b', 'c', 'd'], 'formats': [[('x', '>i2'), ('y', '<f8')], ('<f4', (2, 3)), 'S3'], \
     'offsets': [2, 16, 40], 'itemsize': 48}";

/// Arrays of every kind of element in both byte orders, each with a shape of
/// its own, and one kind with every shape.
fn arrays() -> Vec<(String, &'static str, &'static str)> {
    let plain = "b1 i1 u1 <i2 >i2 <u2 >u2 <i4 >i4 <u4 >u4 <i8 >i8 <u8 >u8 <f2 >f2 <f4 >f4 <f8 >f8 <f16 >f16 \
         <c8 >c8 <c16 >c16 <c32 >c32 S5 <U3 >U3 V6 <M8[ns] >m8[10s] bfloat16 >bfloat16 \
         float8_e5m2 float8_e4m3fn";
    let shapes = ["3,5", "2,3,4", "()", "7", "2,1,3,2"];
    let mut arrays = Vec::new();
    for (k, dtype) in plain.split(' ').enumerate() {
        let order = ["C", "F"][k % 2];
        arrays.push((dtype.to_owned(), shapes[k % 5], order));
        arrays.push((dtype.to_owned(), shapes[(k + 2) % 5], order));
    }
    for shape in shapes {
        arrays.push(("<f4".into(), shape, "C"));
        arrays.push(("<i4".into(), shape, "F"));
    }
    arrays.push((">i2".into(), "1,1,2,1,1,1,1,1,3,1,1,1,1,1,1,1,2", "C"));
    let most = "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,\
                1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2,3";
    arrays.push(("<f8".into(), most, "F"));
    arrays.push((RECORDS.into(), "4", "C"));
    arrays.push((RECORDS.into(), "2,3", "F"));
    arrays.push(("[('id', '<i8'), ('m', '>f4')]".into(), "()", "C"));
    arrays.push((
        "[('x', 'bfloat16'), ('m', 'float8_e5m2', (2,))]".into(),
        "3,2",
        "C",
    ));
    arrays.push(("[('m', 'float8_e4m3'), ('id', '<i8')]".into(), "5", "C"));
    arrays.push(("[('m', '<f4', (2, 3)), ('id', 'u1')]".into(), "3", "C"));
    arrays.push(("[('s', 'S4'), ('u', '<U2')]".into(), "2,2", "C"));
    arrays
}

/// Runs a script of this directory with NumPy; all that it printed, and whether it succeeded.
fn python(dir: &Dir, script: &str, input: &Value) -> (String, bool) {
    let input = dir.file("input.json", input.to_string());
    let command = dir.script(&format!("readme/{script}")).args(&[input]);
    // It has a deadline for each of its programs.
    let output = command.env("LC_ALL", "C.UTF-8").into_inner().output();
    let output = output.expect("python3 is missing: run scripts/test.sh");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    (printed, output.status.success())
}

/// Mounts an array for reading and writing.
fn mounted(dir: &Dir, point: &Path, described: &Value) -> Mount {
    let member = |name: &str| described[name].as_str().unwrap();
    let options = [
        "--dtype",
        member("dtype"),
        "--shape",
        member("shape"),
        "--order",
        member("order"),
    ];
    std::fs::create_dir_all(point).unwrap();
    let file = Path::new(member("file"));
    let (mount, outcome) = Mount::start_on(dir, file, point, &options, &[]);
    outcome.succeeds_silently();
    mount
}

#[test]
fn the_lines_for_each_language_read_what_numpy_has() {
    let Some(dir) = Dir::with_fuse() else { return };
    let languages = std::env::var("ARRAYFS_LANGUAGES").unwrap_or(USUAL.into());
    let described: Vec<Value> = arrays()
        .into_iter()
        .enumerate()
        .map(|(k, (dtype, shape, order))| {
            let file = dir.join(&format!("{k}.bin"));
            let point = dir.join(&k.to_string()).join(POINTS[k % POINTS.len()]);
            json!({"dtype": dtype, "shape": shape, "order": order, "file": file, "point": point})
        })
        .collect();
    let described = Value::from(described);
    let (printed, well) = python(&dir, "arrays.py", &described);
    assert!(well, "{printed}");
    let mounts: Vec<Mount> = described
        .as_array()
        .unwrap()
        .iter()
        .map(|array| mounted(&dir, Path::new(array["point"].as_str().unwrap()), array))
        .collect();
    let languages: Vec<&str> = languages.split(',').collect();
    let input = json!({"languages": languages, "arrays": described, "directory": dir.path()});
    let (printed, well) = python(&dir, "judge.py", &input);
    drop(mounts);
    assert!(well, "{printed}");
    println!("{printed}");
}
