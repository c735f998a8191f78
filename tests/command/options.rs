//! The effect of options, in each of their notations.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use serde_json::Value;

use crate::common::{ARRAYFS, Dir, mounts_below};

#[test]
fn a_long_option_means_the_same_as_a_mount_option() {
    let dir = Dir::new();
    dir.file("data.bin", [7; 100]);
    let long = [
        "--dtype", ">f4", "--shape", "4,-1", "--order", "F", "--offset", "4", "--mode", "c",
    ];
    let info = |options: &[&str]| {
        dir.arrayfs(&["data.bin", "--info"])
            .args(options)
            .run()
            .succeeds()
    };
    let meta: Value = serde_json::from_str(&info(&long)).unwrap();
    assert_eq!(meta["file"], dir.join("data.bin").to_str().unwrap());
    assert_eq!(meta["shape"], serde_json::json!([4, 6]));
    assert_eq!(meta["strides"], serde_json::json!([4, 16]));
    assert_eq!(meta["dtype"], ">f4");
    for options in [
        &[
            "-o",
            "dtype=>f4,shape=4x-1,order=f,offset=4,mode=copyonwrite",
        ][..],
        &[
            "-o",
            "rw,dtype=>f4,shape=4x-1",
            "-oorder=F,offset=4",
            "--mode",
            "c",
        ],
        &[
            "-o",
            "mode=r,mode=c,dtype=f4,defaults,noauto,x-a=b",
            "-o",
            "dtype=>f4",
            "--shape",
            "(4, -1)",
            "--order",
            "F",
            "--offset=4",
        ],
    ] {
        assert_eq!(info(options), info(&long), "{options:?}");
    }
}

#[test]
fn info_changes_nothing_and_needs_no_mount_point() {
    let dir = Dir::new();
    dir.file("data.bin", [7; 100]);
    dir.directory("mnt");
    let before = dir.listing();
    for arguments in [
        &["--info", "data.bin"][..],
        &["--info", "data.bin", "mnt"],
        &["--info", "data.bin", "missing"],
        &["--info", "data.bin", "--shape", "5000", "--extend"],
        &["--info", "new.bin", "--shape", "5000", "--mode", "w+"],
        &["--info", "data.bin", "--shape", "5000", "--mode", "w+"],
    ] {
        let outcome = dir.arrayfs(arguments).run();
        let meta: Value = serde_json::from_str(&outcome.succeeds()).unwrap();
        assert_eq!(meta["format"], "raw");
        assert_eq!(dir.listing(), before, "{arguments:?}");
    }
}

#[test]
fn what_info_prints_is_what_meta_json_says() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    for options in [
        &["--dtype", "<i2", "--shape", "5,10", "--order", "F"][..],
        &["--mode", "c", "-o", "ro"],
        &["--mode", "r"],
    ] {
        let info = dir
            .arrayfs(options)
            .args(&["--info", "data.bin"])
            .run()
            .succeeds();
        let mount = dir.mount(&file, options);
        assert_eq!(fs::read_to_string(mount.join("meta.json")).unwrap(), info);
        mount.unmount();
    }
}

#[test]
fn paths_can_be_relative_and_hold_any_byte() {
    let Some(dir) = Dir::with_fuse() else { return };
    // The `mount` command, the portable twin's mount table, prints other bytes as `?`.
    let odd = if cfg!(arrayfs_portable) {
        OsString::from("odd, 'quoted'\\ and \"so\" on (x)")
    } else {
        OsString::from_vec(b"o\xffd, 'quoted'\\ and\nbroken".to_vec())
    };
    let below = dir.join("sub").join(&odd);
    fs::create_dir_all(below.join("mnt")).unwrap();
    fs::write(below.join("data.bin"), [7; 100]).unwrap();
    let command = |arguments: &[&Path]| {
        let mut command = dir.arrayfs(arguments);
        command = command.env("LC_ALL", "C");
        command
    };
    let file = Path::new("sub").join(&odd).join("data.bin");
    let point = Path::new("sub").join(&odd).join("mnt");
    let log = dir.join("log");
    command(&[&file, &point, Path::new("--log-file"), &log])
        .run()
        .succeeds_silently();
    assert_eq!(fs::read(below.join("mnt/data")).unwrap(), [7; 100]);
    command(&[Path::new("-u"), &point])
        .run()
        .succeeds_silently();
    assert!(mounts_below(dir.path()).is_empty());
    assert_eq!(fs::read_to_string(log).unwrap(), "");
}

#[test]
fn help_and_version_are_printed_for_a_reader_who_may_stop_reading() {
    let dir = Dir::new();
    assert!(
        dir.arrayfs(&["--help"])
            .run()
            .succeeds()
            .contains("arrayfs -u scan")
    );
    let version = dir.arrayfs(&["--version"]).run().succeeds();
    assert_eq!(version, format!("arrayfs {}\n", env!("CARGO_PKG_VERSION")));
    let script = format!("{{ {ARRAYFS} --help; echo $? >status; }} | true");
    dir.command("sh", &["-c", &script])
        .run()
        .succeeds_silently();
    assert_eq!(fs::read_to_string(dir.join("status")).unwrap(), "0\n");
    dir.command("sh", &["-c", &format!("{ARRAYFS} --help >/dev/full")])
        .run()
        .fails(1, "arrayfs: standard output: no space left on device\n");
}
