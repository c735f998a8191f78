//! Scripts of `tests`, run by Python. For tests without a mount too, which need no more than
//! this of what is common.

use std::io::Write;
use std::process::{Command, Stdio};

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// The path of a script, by its path in `tests`.
pub fn path_of(script: &str) -> String {
    format!("{TESTS}/{script}")
}

/// Where scripts find the modules that they share.
pub fn modules() -> String {
    format!("{TESTS}/common:{TESTS}/numpy:{TESTS}/formats")
}

/// What a script prints that is given this input and succeeds.
#[track_caller]
pub fn ask(script: &str, input: &[u8]) -> Vec<u8> {
    let python = Command::new("python3")
        .args(["-B", &path_of(script)])
        .env("PYTHONPATH", modules())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut python = python.expect("python3 is needed: run scripts/test.sh, which installs it");
    // Python reads all of its input before it writes, so neither side waits for the other. If it
    // ends early, its exit status says more than the broken pipe does.
    let _ = python.stdin.take().unwrap().write_all(input);
    let output = python.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "python3 with NumPy is needed: run scripts/test.sh, which installs it ({})",
        output.status
    );
    output.stdout
}
