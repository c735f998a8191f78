//! Arrays to mount, and the file offsets of the bytes of their views, as computed by NumPy.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Dir, JUDGES_DEADLINE, Mount};

/// The description of a raw array, in the syntax of the command line.
pub struct Raw {
    pub dtype: &'static str,
    pub shape: &'static str,
    pub order: &'static str,
    pub offset: &'static str,
}

/// Prints the file offsets of the bytes of each view, as JSON.
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
    for index, sliced in [("::-2", a[::-2]), ("...,None,1:", a[..., None, 1:]), ("[-1]", a[-1])]:
        if sliced.size:
            views[f"{prefix}slices/{index}"] = places(sliced)
json.dump(views, sys.stdout)
"#;

/// Functions for scripts with the arguments of [`mount_each`]: the arrays, and the files of an
/// array directory.
const ARRAYS: &str = r#"
import ast, io, json, os, random, sys
import numpy as np

def arrays():
    """Mount points, each with the bytes of the file and the array in them."""
    for root, file, dtype, shape, order, offset in zip(*[iter(sys.argv[1:])] * 6):
        if dtype[0] in "[{":
            dtype = ast.literal_eval(dtype)
        shape = tuple(int(length) for length in shape.strip("()").split(",") if length)
        with open(file, "rb") as opened:
            stored = bytearray(opened.read())
        yield root, stored, np.ndarray(shape, dtype, stored, int(offset), order=order)

def files(a):
    """The files of an array directory, each with the part of the array that it shows."""
    yield "data", a
    for axis in range(a.ndim):
        for i in range(a.shape[axis]):
            part = a[(slice(None),) * axis + (i, ...)]
            yield f"axes/{axis}/{i}", part
            if axis < 2:
                yield f"{('rows', 'cols')[axis]}/{i}", part

def names(root):
    """The paths of all files below a directory."""
    return {
        os.path.relpath(os.path.join(directory, name), root)
        for directory, _, names in os.walk(root)
        for name in names
    }

def content(path):
    """What a file holds; None where there is none."""
    try:
        with open(path, "rb", buffering=0) as opened:
            return opened.read()
    except FileNotFoundError:
        return None

def stored_bytes(a):
    """The bytes of an array, of records with what is between the fields, which tobytes() may leave out."""
    return a.view(f"V{a.itemsize}").tobytes() if a.dtype.names else a.tobytes()

def saved(a):
    """What numpy.save makes of an array in C order; None where it cannot."""
    file = io.BytesIO()
    try:
        np.save(file, a.copy("C"))
    except ValueError:
        return None
    return file.getvalue()[: len(file.getvalue()) - a.nbytes] + stored_bytes(a)
"#;

/// Mounts a file once for each description: dtype, shape, order and offset. Returns the mounts
/// and the arguments of a script that checks them: for each mount the mount point, the file and
/// the description.
pub fn mount_each(
    dir: &Dir,
    file: &Path,
    options: &[&str],
    described: &[[&str; 4]],
) -> (Vec<Mount>, Vec<String>) {
    let mut mounts = Vec::new();
    let mut arguments = Vec::new();
    for words @ [dtype, shape, order, offset] in described {
        let own = [
            "--dtype", dtype, "--shape", shape, "--order", order, "--offset", offset,
        ];
        let mount = dir.mount(file, &[&own[..], options].concat());
        let paths = [mount.point(), file].map(|path| path.to_str().unwrap());
        arguments.extend(paths.iter().chain(words).map(|&word| word.to_owned()));
        mounts.push(mount);
    }
    (mounts, arguments)
}

/// Runs a script that checks mounted arrays, with the arguments of [`mount_each`].
#[track_caller]
pub fn judge(dir: &Dir, script: &str, arguments: &[String]) {
    python(dir, &format!("{ARRAYS}{script}"), arguments);
}

/// Runs a script that needs NumPy. Returns its standard output.
#[track_caller]
pub fn python<S: AsRef<std::ffi::OsStr>>(dir: &Dir, script: &str, arguments: &[S]) -> String {
    let command = dir.command("python3", &["-B", "-c", script]);
    let command = command.args(arguments).within(JUDGES_DEADLINE);
    command.run().succeeds()
}

impl Raw {
    /// The command-line options that describe the array.
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

    /// Mounts `file` as this array.
    pub fn mount(&self, dir: &Dir, file: &Path, mode: &str) -> Mount {
        let mut options = self.options();
        options.extend(["--mode", mode]);
        dir.mount(file, &options)
    }

    /// The file offsets of the bytes of each view, by the path of the view.
    pub fn places(&self, dir: &Dir) -> BTreeMap<String, Vec<usize>> {
        let described = [self.dtype, self.shape, self.order, self.offset];
        serde_json::from_str(&python(dir, PLACES, &described)).unwrap()
    }
}

/// The bytes of a file at these offsets.
pub fn at(file: &[u8], places: &[usize]) -> Vec<u8> {
    places.iter().map(|&place| file[place]).collect()
}

/// Stores bytes at these offsets of a file.
pub fn put(file: &mut [u8], places: &[usize], bytes: &[u8]) {
    for (&place, &byte) in places.iter().zip(bytes) {
        file[place] = byte;
    }
}

/// Mounts a file; the command may print notices.
pub fn mounted(dir: &Dir, file: &Path, options: &[&str]) -> Mount {
    let (mount, outcome) = Mount::start(dir, file, options);
    outcome.succeeds();
    mount
}

/// A mounted array of shape (10, 10) with the bytes 0 to 99, and the directory with its file,
/// `data.bin`. `None` if mounted tests are skipped.
pub fn hundred(options: &[&str]) -> Option<(Dir, Mount)> {
    let dir = Dir::with_fuse()?;
    let file = dir.file("data.bin", numbered());
    let mount = mounted(&dir, &file, &[&["--shape", "10,10"], options].concat());
    Some((dir, mount))
}

/// The content of the file of [`hundred`].
pub fn numbered() -> Vec<u8> {
    (0..100).collect()
}
