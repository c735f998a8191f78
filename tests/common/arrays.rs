//! Arrays to mount, and where NumPy says that the bytes of their views lie.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Dir, Mount};

/// A raw array, as the command line has it.
pub struct Raw {
    pub dtype: &'static str,
    pub shape: &'static str,
    pub order: &'static str,
    pub offset: &'static str,
}

/// Tells of each view where in the file each of its bytes lies.
const PLACES: &str = r#"
import json, sys
import numpy as np
dtype, shape, order, offset = sys.argv[1:]
shape = tuple(int(length) for length in shape.split(","))
itemsize = np.dtype(dtype).itemsize
items = np.arange(np.prod(shape, dtype=int)).reshape(shape, order=order) * itemsize + int(offset)

def places(items):
    return (items[..., None] + np.arange(itemsize)).ravel().tolist()

views = {}
for prefix, a in [("", items), ("T/", items.T)][:items.ndim]:
    views[prefix + "data"] = places(a)
    for i in range(a.shape[0]):
        views[f"{prefix}rows/{i}"] = places(a[i])
    for j in range(a.shape[1] if a.ndim > 1 else 0):
        views[f"{prefix}cols/{j}"] = places(a[:, j])
    for axis in range(a.ndim):
        for i in range(a.shape[axis]):
            views[f"{prefix}axes/{axis}/{i}"] = places(a.take(i, axis=axis))
json.dump(views, sys.stdout)
"#;

/// Runs a script that needs NumPy; what it prints.
#[track_caller]
pub fn python<S: AsRef<std::ffi::OsStr>>(dir: &Dir, script: &str, arguments: &[S]) -> String {
    let command = dir.command("python3", &["-B", "-c", script]);
    command.args(arguments).run().succeeds()
}

impl Raw {
    /// The options that describe it.
    pub fn options(&self) -> Vec<&'static str> {
        let Raw {
            dtype,
            shape,
            order,
            offset,
        } = *self;
        vec![
            "--dtype", dtype, "--shape", shape, "--order", order, "--offset", offset,
        ]
    }

    /// Mounts `file`.
    pub fn mount(&self, dir: &Dir, file: &Path, mode: &str) -> Mount {
        let mut options = self.options();
        options.extend(["--mode", mode]);
        dir.mount(file, &options)
    }

    /// Where in the file the bytes of each view lie, by the view's path.
    pub fn places(&self, dir: &Dir) -> BTreeMap<String, Vec<usize>> {
        let described = [self.dtype, self.shape, self.order, self.offset];
        serde_json::from_str(&python(dir, PLACES, &described)).unwrap()
    }
}

/// The bytes of a file at these places.
pub fn at(file: &[u8], places: &[usize]) -> Vec<u8> {
    places.iter().map(|&place| file[place]).collect()
}

/// Stores bytes at these places of a file.
pub fn put(file: &mut [u8], places: &[usize], bytes: &[u8]) {
    for (&place, &byte) in places.iter().zip(bytes) {
        file[place] = byte;
    }
}

/// Mounts a file, whatever is said of what becomes of it.
pub fn mounted(dir: &Dir, file: &Path, options: &[&str]) -> Mount {
    let (mount, outcome) = Mount::start(dir, file, options);
    outcome.succeeds();
    mount
}

/// A mounted array of 10 x 10 bytes that are numbered from 0, and the
/// directory with its file, `data.bin`; `None` where tests do not mount.
pub fn hundred(options: &[&str]) -> Option<(Dir, Mount)> {
    let dir = Dir::with_fuse()?;
    let file = dir.file("data.bin", numbered());
    let mount = mounted(&dir, &file, &[&["--shape", "10,10"], options].concat());
    Some((dir, mount))
}

/// The bytes of that file.
pub fn numbered() -> Vec<u8> {
    (0..100).collect()
}
