//! Files opened by handle instead of path, like an NFS server does. A handle leads to the same
//! file after the kernel has dropped its inode, and after the array has been mounted again.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod nfs;

use std::fs;
use std::path::Path;

use common::arrays::mounted;
use common::{Dir, Mount};

/// The array of the tests: all kinds of directories and files are below it.
const OPTIONS: [&str; 4] = [
    "--shape",
    "4,3,5",
    "--dtype",
    "[('x','<f4'),('m','<i2',(2,))]",
];

/// Slices, which are listed nowhere.
const SLICES: [&str; 3] = ["slices/::2", "npy/slices/1,:,::-1.npy", "T/slices/0,1:"];

/// A file of the array of the tests.
fn file(dir: &Dir) -> std::path::PathBuf {
    let bytes: Vec<u8> = (0..480).map(|k| (k % 251) as u8).collect();
    dir.file("data.bin", bytes)
}

/// Has the kernel forget what nobody has open.
fn forget() {
    fs::write("/proc/sys/vm/drop_caches", "2").unwrap();
}

/// The compiled C file.
fn compiled(dir: &Dir) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export/handles.c");
    let options = [
        "-std=gnu11",
        "-D_GNU_SOURCE",
        "-O1",
        "-Wall",
        "-Wextra",
        "-o",
        "handles",
    ];
    dir.command("cc", &options).args(&[source]).run().succeeds();
}

/// Saves the handles of all nodes that are listed, and of these.
fn save(dir: &Dir, mount: &Mount, others: &[&str]) {
    let others: Vec<_> = others.iter().map(|name| mount.join(name)).collect();
    let save = dir.command("./handles", &["save"]).args(&[mount.point()]);
    save.args(&["store"])
        .args(&others)
        .run()
        .succeeds_silently();
}

/// Opens them; those that do not lead to what they were, and how many there are.
fn stale(dir: &Dir, mount: &Mount) -> (Vec<String>, usize) {
    let open = dir.command("./handles", &["open"]).args(&[mount.point()]);
    let outcome = open.args(&["store"]).run();
    let count = outcome.stderr.split(' ').next().unwrap().parse().unwrap();
    let stale = outcome.succeeds();
    (stale.lines().map(str::to_owned).collect(), count)
}

#[test]
fn claim_55_a_handle_leads_to_its_file_when_the_kernel_has_forgotten_it() {
    let Some(dir) = Dir::for_root() else { return };
    compiled(&dir);
    for options in [
        &[][..],
        &["--mode", "r"],
        &["--cache", "always", "--mode", "r"],
    ] {
        let mount = mounted(&dir, &file(&dir), &[&OPTIONS, options].concat());
        save(&dir, &mount, &SLICES);
        forget();
        let (stale, count) = stale(&dir, &mount);
        assert_eq!(stale, [""; 0], "{options:?}");
        assert!(count > 200, "{count}");
        mount.unmount();
    }
}

#[test]
fn claim_55_handles_outlive_the_mount_but_those_of_slices() {
    let Some(dir) = Dir::for_root() else { return };
    compiled(&dir);
    let file = file(&dir);
    let mount = mounted(&dir, &file, &OPTIONS);
    save(&dir, &mount, &SLICES);
    let point = mount.point().to_owned();
    mount.unmount();
    let again = |options: &[&str]| {
        let (mount, started) = Mount::start_on(&dir, &file, &point, options, &[]);
        started.succeeds_silently();
        mount
    };
    let mount = again(&OPTIONS);
    // So that their numbers are given to others.
    for name in ["slices/1:", "slices/2:", "slices/3:,0", "slices/:,:,1:"] {
        fs::metadata(mount.join(name)).unwrap();
    }
    let (found, count) = stale(&dir, &mount);
    let slices = SLICES.map(|name| format!("{}: Stale file handle", mount.join(name).display()));
    assert_eq!(found, slices);
    mount.unmount();
    // Of another array, the root alone is what it was.
    let mount = again(&["--shape", "4,3,10", "--dtype", "f4"]);
    let (found, _) = stale(&dir, &mount);
    assert_eq!(found.len(), count - 1, "{found:?}");
    assert!(
        found
            .iter()
            .all(|line| line.ends_with(": Stale file handle")),
        "{found:?}"
    );
    mount.unmount();
}

#[test]
fn claim_55_the_handle_of_a_slice_that_was_dropped_is_stale() {
    let Some(dir) = Dir::for_root() else { return };
    compiled(&dir);
    let file = dir.file("data.bin", [7; 100]);
    let mount = mounted(&dir, &file, &[]);
    save(&dir, &mount, &["slices/:3,None"]);
    for (start, stop) in (0..99).flat_map(|start| (start + 1..100).map(move |stop| (start, stop))) {
        for axes in ["", "None,"] {
            fs::metadata(mount.join(&format!("slices/{axes}{start}:{stop}"))).unwrap();
        }
    }
    forget();
    let (found, _) = stale(&dir, &mount);
    assert_eq!(
        found,
        [format!(
            "{}: Stale file handle",
            mount.join("slices/:3,None").display()
        )]
    );
    mount.unmount();
}
