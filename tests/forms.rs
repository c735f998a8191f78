//! Forms of an array, such as `tiff/`, as the programs read them that they are for. Each test runs
//! one script of `tests/forms`, which prints a complete reproduction of a difference.

#![cfg(target_os = "linux")]

mod common;

use std::path::Path;

use common::{ARRAYFS, Dir, skip};

fn run(script: &str) {
    let Some(dir) = Dir::with_fuse() else { return };
    let mut arguments = vec!["--arrayfs", ARRAYFS];
    if cfg!(arrayfs_portable) {
        arguments.push("--portable");
    }
    // Each script has a deadline of its own.
    let script = dir.script(&format!("forms/{script}")).args(&arguments);
    let output = script.into_inner().output();
    let output = output.expect("python3 is missing: run scripts/test.sh");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// As [`run`], where there are the files of a large package.
fn run_with(package: &str, files: &[&str], script: &str) {
    match files.iter().all(|file| Path::new(file).exists()) {
        true => run(script),
        false => skip(&format!("{package} is missing: run scripts/test.sh --all")),
    }
}

#[test]
fn images_are_as_tifffile_pillow_and_libtiff_read_them_and_tifffile_edits_them() {
    run("tiff.py");
}

#[test]
fn images_are_as_gdal_reads_them() {
    let files = ["/usr/lib/python3/dist-packages/osgeo/gdal.py"];
    run_with("python3-gdal", &files, "tiff_gdal.py");
}

#[test]
fn images_are_as_imagej_reads_them() {
    let files = ["/usr/share/java/ij.jar", "/usr/bin/javac"];
    run_with("imagej", &files, "tiff_imagej.py");
}
