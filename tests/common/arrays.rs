//! Arrays to mount, and the file offsets of the bytes of their views, as computed by NumPy.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{ARRAYFS, Dir, JUDGES_DEADLINE, Mount};

/// The description of a raw array, in the syntax of the command line.
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

/// Runs a script of `tests` that mounts files itself, with `tests/numpy/cases.py`. It has a
/// deadline of its own, and prints a complete reproduction of a difference.
#[track_caller]
pub fn run_cases(script: &str) {
    let Some(dir) = Dir::with_fuse() else { return };
    let mut arguments = vec!["--arrayfs", ARRAYFS];
    if cfg!(arrayfs_portable) {
        arguments.push("--portable");
    }
    let script = dir.script(script).args(&arguments);
    let output = script.into_inner().output();
    let output = output.expect("python3 is missing: run scripts/test.sh");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
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
        serde_json::from_str(&run_script(dir, "common/places.py", &described)).unwrap()
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
