//! NumPy judges the mounted tree: each test runs one script of `tests/numpy`,
//! which prints a complete reproduction when it finds a difference.

use std::path::Path;
use std::process::Command;

fn run(script: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/numpy");
    let output = Command::new("python3")
        .arg(directory.join(script))
        .args(["--arrayfs", env!("CARGO_BIN_EXE_arrayfs")])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python3 with NumPy is needed: run scripts/test.sh");
    assert!(
        output.status.success(),
        "{script}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

#[test]
fn every_view_reads_as_numpy_has_it() {
    run("read_views.py");
}

#[test]
fn writes_through_views_change_the_file_as_numpy_changes_its_twin() {
    run("write_views.py");
}

#[test]
fn truncated_files_count_as_empty_until_written() {
    run("truncation.py");
}

#[test]
fn python_and_numpy_open_virtual_files_as_any_file() {
    run("python_io.py");
}

#[test]
fn real_files_read_as_numpy_memmap_has_them() {
    run("real_files.py");
}
