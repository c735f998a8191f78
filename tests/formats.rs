//! Files of many formats, compared with what the libraries that own the formats read. Each test
//! runs one script of `tests/formats`, which prints a complete reproduction of a difference.

#![cfg(target_os = "linux")]

mod common;

use common::{ARRAYFS, Dir};

fn run(script: &str) {
    let Some(dir) = Dir::with_fuse() else { return };
    let mut arguments = vec!["--arrayfs", ARRAYFS];
    if cfg!(arrayfs_portable) {
        arguments.push("--portable");
    }
    // Each script has a deadline of its own.
    let script = dir.script(&format!("formats/{script}")).args(&arguments);
    let output = script.into_inner().output();
    let output = output.expect("python3 is missing: run scripts/test.sh");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn safetensors_files_read_and_are_written_as_their_library_has_them() {
    run("safetensors_files.py");
}

#[test]
#[cfg(feature = "hdf5")]
fn hdf5_files_read_and_are_written_as_h5py_and_netcdf_have_them() {
    run("hdf5_files.py");
}
