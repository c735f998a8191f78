//! Arrays to mount, and where NumPy says that the bytes of their views lie.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{Dir, JUDGES_DEADLINE, Mount};

/// A raw array, as the command line has it.
pub struct Raw {
    pub dtype: &'static str,
    pub shape: &'static str,
    pub order: &'static str,
    pub offset: &'static str,
}

/// Mounts a file once for each of these: a dtype, a shape, an order and an
/// offset. Returns the mounts, and the arguments of a script that is to judge
/// them: the mount point, the file and the four words of each.
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

/// Runs a script of `tests`; what it prints. One that judges mounted arrays has the
/// arguments of [`mount_each`], which its module `mounted` reads.
#[track_caller]
pub fn run_script<S: AsRef<OsStr>>(dir: &Dir, path: &str, arguments: &[S]) -> String {
    let command = dir.script(path).args(arguments);
    command.within(JUDGES_DEADLINE).run().succeeds()
}

/// Saves an array, a Python expression of `np`, as a `.npy` file.
#[track_caller]
pub fn save_npy(dir: &Dir, name: &str, array: &str) -> PathBuf {
    let save = format!("import numpy as np; np.save('{name}', {array})");
    let command = dir.command("python3", &["-c", &save]);
    command.within(JUDGES_DEADLINE).run().succeeds_silently();
    dir.join(name)
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
        serde_json::from_str(&run_script(dir, "common/places.py", &described)).unwrap()
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
