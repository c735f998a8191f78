//! `mount(8)`, `/etc/fstab` and `findmnt(8)` mount, unmount and show arrays like any file
//! system. Each test runs on a private machine.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod lines;
mod table;

use std::path::Path;

/// A user whom `fusermount3` finds in `/etc/passwd`, as it demands.
const NOBODY: u32 = 65534;

/// Another one.
const DAEMON: u32 = 1;

/// A path as a field of fstab(5).
fn field(path: &Path) -> String {
    let text = path.to_str().unwrap();
    let escape = |character| match character {
        ' ' | '\t' | '\n' | '\\' | '#' => format!("\\{:03o}", character as u32),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}
