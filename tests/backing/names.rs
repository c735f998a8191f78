//! Names and paths of backing files: hard and symbolic links, unusual characters, relative
//! paths, deleted names, a read-only file system, and names of other objects than files.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::common::calls::{errno, open};
use crate::common::{ARRAYFS, Dir, Mount, skip};
use crate::volumes::{FILE_SYSTEMS, Volume};

/// The warning of a file whose name has gone, or means another, once the path is checked again.
const DISPLACED: &str = "the mount goes on with the file it had opened";

#[test]
fn a_file_of_several_names_stays_one_file() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 300]);
    let other = dir.join("other.bin");
    fs::hard_link(&file, &other).unwrap();
    let mut mount = dir.mount(&file, &["--dtype", "u1", "--shape", "30,10"]);
    mount.expect_warning(DISPLACED);
    let row = open(mount.join("rows/29"));
    row.write_all_at(b"0123456789", 0).unwrap();
    assert_eq!(fs::read(&other).unwrap()[290..], *b"0123456789");

    // By the other name, at the same time.
    let again = dir.mount(&other, &["--shape", "10,30"]);
    assert_eq!(
        fs::read(again.join("rows/9")).unwrap()[20..],
        *b"0123456789"
    );
    open(again.join("rows/0")).write_all_at(b"abc", 0).unwrap();
    assert_eq!(fs::read(mount.join("rows/0")).unwrap()[..3], *b"abc");
    again.unmount();

    // A name that goes, or comes to mean another file, changes nothing.
    fs::remove_file(&file).unwrap();
    row.write_all_at(b"first", 0).unwrap();
    fs::write(&file, "another file").unwrap();
    row.write_all_at(b"after", 5).unwrap();
    row.sync_all().unwrap();
    drop(row);
    assert_eq!(fs::read(mount.join("rows/29")).unwrap(), b"firstafter");
    mount.unmount();
    assert_eq!(fs::read(&other).unwrap()[290..], *b"firstafter");
    assert_eq!(fs::read(&file).unwrap(), b"another file");
}

#[test]
fn mode_w_plus_makes_zeros_of_the_file_that_all_its_names_mean() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let other = dir.join("other.bin");
    fs::hard_link(&file, &other).unwrap();
    let (mount, outcome) = Mount::start(&dir, &file, &["--shape", "50", "--mode", "w+"]);
    assert!(outcome.status.success(), "{outcome}");
    assert_eq!(fs::read(&other).unwrap(), [0; 50]);
    mount.unmount();
}

#[test]
fn a_file_without_a_name_is_served_to_its_end() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let mut mount = dir.mount(&file, &["--shape", "10,10"]);
    mount.expect_warning(DISPLACED);
    fs::remove_file(&file).unwrap();
    let row = open(mount.join("rows/3"));
    row.write_all_at(b"0123456789", 0).unwrap();
    row.sync_all().unwrap();
    drop(row);
    assert_eq!(
        fs::read(mount.join("data")).unwrap()[30..40],
        *b"0123456789"
    );
    mount.unmount();
    assert!(!file.exists());
}

#[test]
fn a_file_system_that_cannot_be_written_is_read_and_copied_on_write() {
    let Some(dir) = Dir::for_root() else { return };
    let Some(volume) = FILE_SYSTEMS[0].make(&dir) else {
        return;
    };
    let file = volume.join("data.bin");
    fs::write(&file, [7; 100]).unwrap();
    let remount = dir.command("mount", &["-o", "remount,ro"]);
    remount.args(&[volume.path()]).run().succeeds_silently();
    let new = volume.join("new.bin");
    let refused = |file: &Path, mode: &str, message: &str| {
        let outcome = Mount::start(&dir, file, &["--mode", mode, "--shape", "100"]).1;
        assert_eq!(outcome.status.code(), Some(3), "{outcome}");
        let message = format!("arrayfs: {}: {message}", file.display());
        assert!(outcome.stderr.starts_with(&message), "{outcome}");
    };
    let hint = "\n  to read it only, use --mode r; to write to a copy in memory, --mode c\n";
    let unwritable = "cannot be written in mode r+: read-only file system";
    refused(&file, "r+", &format!("{unwritable}{hint}"));
    refused(
        &file,
        "w+",
        "cannot be written in mode w+: read-only file system\n",
    );
    refused(&new, "w+", "cannot be created: read-only file system\n");

    let mount = dir.mount(&file, &["--mode", "r"]);
    assert_eq!(fs::read(mount.join("data")).unwrap(), [7; 100]);
    assert_eq!(errno(fs::write(mount.join("data"), "x")), libc::EROFS);
    mount.unmount();
    let mount = dir.mount(&file, &["--mode", "c"]);
    fs::write(mount.join("data"), [8; 100]).unwrap();
    assert_eq!(fs::read(mount.join("data")).unwrap(), [8; 100]);
    mount.unmount();
    assert_eq!(fs::read(&file).unwrap(), [7; 100]);
}

/// Until a file of a lower layer is opened for writing, it is the lower file;
/// from then on, what the name means is a copy of it. This is overlayfs's own
/// rule, for all programs.
#[test]
fn a_file_of_a_lower_layer_is_written_as_a_copy() {
    let Some(dir) = Dir::for_root() else { return };
    let volume = match Volume::overlay(&dir, 1 << 20) {
        Ok(volume) => volume,
        Err(reason) => return skip(&format!("overlay: {reason}")),
    };
    let lower = dir.join("layers/lower/data.bin");
    fs::write(&lower, [7; 100]).unwrap();
    let file = volume.join("data.bin");
    let reader = dir.mount(&file, &["--mode", "r"]);
    let writer = dir.mount(&file, &["--mode", "r+"]);
    fs::write(writer.join("data"), [8; 100]).unwrap();
    assert_eq!(fs::read(writer.join("data")).unwrap(), [8; 100]);
    assert_eq!(fs::read(reader.join("data")).unwrap(), [7; 100]);
    reader.unmount();
    writer.unmount();
    assert_eq!(fs::read(&file).unwrap(), [8; 100]);
    assert_eq!(
        fs::read(dir.join("layers/upper/data.bin")).unwrap(),
        [8; 100]
    );
    assert_eq!(fs::read(&lower).unwrap(), [7; 100]);
}

#[test]
fn a_file_can_have_any_name() {
    let Some(dir) = Dir::with_fuse() else { return };
    let names: [&[u8]; 14] = [
        b"with blanks ",
        b" ",
        b"it's \"quoted\" `here`",
        b"two\nlines",
        b"\ttab",
        b"back\\slash\\",
        b"a,comma=1,ro",
        b"$HOME *?[a-z]",
        b"#hash;semicolon&",
        b"100%s",
        b"\xe9t\xe9",
        "Größe 数".as_bytes(),
        b"-u",
        b"--help",
    ];
    for name in names {
        let name = OsStr::from_bytes(name);
        let file = dir.path().join(name);
        fs::write(&file, [7; 100]).unwrap();
        let mount = dir.mount(&file, &["--shape", "10,10"]);
        fs::write(mount.join("rows/1"), [8; 10]).unwrap();
        let meta = fs::read(mount.join("meta.json")).unwrap();
        let meta: serde_json::Value = serde_json::from_slice(&meta).unwrap();
        assert_eq!(meta["file"], file.to_string_lossy().as_ref());
        mount.unmount();
        let expected = [[7; 10].as_slice(), &[8; 10], &[7; 80]].concat();
        assert_eq!(fs::read(&file).unwrap(), expected);

        // The name alone, as it is in the working directory.
        let mut alone = vec![
            OsStr::new("--mode"),
            OsStr::new("r"),
            OsStr::new("--"),
            name,
        ];
        let point = dir.directory("point");
        alone.push(point.as_os_str());
        dir.arrayfs(&alone).run().succeeds_silently();
        assert_eq!(fs::read(point.join("rows/15")).unwrap(), [8]);
        Mount::found(&dir, &point).unmount();
        fs::remove_dir(point).unwrap();
    }
}

#[test]
fn relative_paths_hold_although_the_daemon_works_elsewhere() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.directory("sub");
    dir.file("sub/data.bin", [7; 100]);
    symlink("sub/data.bin", dir.join("link")).unwrap();
    symlink("sub", dir.join("directory link")).unwrap();
    for path in [
        "sub/data.bin",
        "./sub/../sub/.//data.bin",
        "link",
        "directory link/data.bin",
        "sub/new.bin",
        "directory link/../sub/new.bin",
    ] {
        let mode = if path.ends_with("new.bin") {
            "w+"
        } else {
            "r+"
        };
        let options = ["--mode", mode, "--shape", "100"];
        let (mount, outcome) = Mount::start(&dir, Path::new(path), &options);
        let file = dir
            .join("sub")
            .join(if mode == "w+" { "new.bin" } else { "data.bin" });
        assert!(outcome.status.success(), "{outcome}");
        let cwd = fs::read_link(format!("/proc/{}/cwd", mount.daemon())).unwrap();
        assert_eq!(cwd, Path::new("/"));
        fs::write(mount.join("data"), [8; 100]).unwrap();
        let meta = fs::read_to_string(mount.join("meta.json")).unwrap();
        assert!(meta.contains(&format!("{file:?}")), "{path}: {meta}");
        mount.unmount();
        assert_eq!(fs::read(&file).unwrap(), [8; 100], "{path}");
    }
}

#[test]
fn what_is_no_file_is_refused_by_what_it_is() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    dir.directory("point");
    mkfifo(&dir.join("fifo"), Mode::S_IRWXU).unwrap();
    let _listener = UnixListener::bind(dir.join("socket")).unwrap();
    for (command, what) in [
        (
            "cat data.bin | arrayfs /dev/stdin point",
            "/dev/stdin: is a FIFO",
        ),
        ("cat data.bin | arrayfs /dev/fd/0 point", "/fd/0: is a FIFO"),
        (
            "arrayfs /dev/stdin point </dev/null",
            "/dev/null: is a character device",
        ),
        ("arrayfs fifo point", "/fifo: is a FIFO"),
        ("arrayfs --mode w+ --shape 3 fifo point", "/fifo: is a FIFO"),
        ("arrayfs --mode c --info fifo", "/fifo: is a FIFO"),
        ("arrayfs socket point", "/socket: is a socket"),
        (
            "arrayfs /dev/zero point",
            "/dev/zero: is a character device",
        ),
        ("arrayfs point/.. point", ": is a directory"),
    ] {
        let script = command.replace("arrayfs", "\"$0\"");
        let outcome = dir.command("sh", &["-c", &script, ARRAYFS]).run();
        assert_eq!(outcome.status.code(), Some(3), "{outcome}");
        let ending = format!("{what}, and only a regular file or a block device can be mapped");
        let (said, hint) = outcome.stderr.split_once('\n').unwrap();
        assert!(said.starts_with("arrayfs: /"), "{outcome}");
        assert!(said.ends_with(&ending), "{outcome}");
        // No file in the directory has the suffix of a format.
        assert!(hint.is_empty(), "{outcome}");
    }
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), [7; 100]);
}

#[test]
fn standard_input_that_is_a_file_is_that_file() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.directory("point");
    let mut command = dir.arrayfs(&[Path::new("/dev/stdin"), &point]).into_inner();
    command.stdin(Stdio::from(File::open(&file).unwrap()));
    assert!(command.status().unwrap().success());
    let mount = Mount::found(&dir, &point);
    fs::write(mount.join("data"), [8; 100]).unwrap();
    let meta = fs::read_to_string(mount.join("meta.json")).unwrap();
    assert!(meta.contains(&format!("{file:?}")), "{meta}");
    mount.unmount();
    assert_eq!(fs::read(&file).unwrap(), [8; 100]);
}
