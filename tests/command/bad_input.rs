//! Each refusal: exit status and message, and that nothing has been changed.

use std::fs;
use std::os::unix::net::UnixListener;

use crate::common::{ARRAYFS, Dir, TestCommand};

/// A command line that is refused. `DIR` stands for the test's directory,
/// which holds `data.bin` of 100 bytes and an empty directory `mnt`.
struct Refusal {
    arguments: &'static str,
    status: i32,
    message: &'static str,
    hint: &'static str,
}

const fn refusal(
    arguments: &'static str,
    status: i32,
    message: &'static str,
    hint: &'static str,
) -> Refusal {
    Refusal {
        arguments,
        status,
        message,
        hint,
    }
}

const OF_THE_FILE: [Refusal; 7] = [
    refusal(
        "missing.bin mnt",
        3,
        "DIR/missing.bin: no such file or directory",
        "",
    ),
    refusal(
        "missing/new.bin mnt --mode w+ --shape 3",
        3,
        "DIR/missing/new.bin: cannot be created: no such file or directory",
        "",
    ),
    refusal(
        "sub mnt",
        3,
        "DIR/sub: is a directory, and only a regular file or a block device can be mapped",
        "",
    ),
    refusal(
        "socket mnt",
        3,
        "DIR/socket: is a socket, and only a regular file or a block device can be mapped",
        "",
    ),
    refusal(
        "/dev/null mnt",
        3,
        "/dev/null: is a character device, and only a regular file or a block device can be mapped",
        "",
    ),
    refusal(
        "fifo mnt",
        3,
        "DIR/fifo: is a FIFO, and only a regular file or a block device can be mapped",
        "",
    ),
    refusal("data.bin/x mnt", 3, "DIR/data.bin/x: not a directory", ""),
];

const OF_THE_ARRAY: [Refusal; 15] = [
    refusal(
        "data.bin mnt --shape -1,-1",
        2,
        "shape '-1,-1': only one length can be -1",
        "",
    ),
    refusal(
        "data.bin mnt --shape 3,-2",
        2,
        "shape '3,-2': the length -2 is negative; only -1 (inferred) is allowed",
        "",
    ),
    refusal(
        "data.bin mnt --shape 3,,4",
        2,
        "shape '3,,4': expected lengths such as 1000,16 or 1000x16, or () for none",
        "",
    ),
    refusal(
        "data.bin mnt --shape 4294967296x4294967296",
        3,
        "DIR/data.bin: shape (4294967296, 4294967296) of 1-byte items at offset 0 reaches byte \
         2^63, the limit of file sizes",
        "",
    ),
    refusal(
        "data.bin mnt --shape 0x-1",
        3,
        "DIR/data.bin: shape '0x-1': -1 cannot be inferred beside a length of 0",
        "",
    ),
    refusal(
        "data.bin mnt --dtype f8",
        3,
        "DIR/data.bin: 100 bytes from offset 0 to the end of the file are not a multiple of 8 \
         bytes (one item)",
        "check --dtype, --shape and --offset, or ignore the rest of the file: --shape 12",
    ),
    refusal(
        "data.bin mnt --shape -1,7",
        3,
        "DIR/data.bin: 100 numbers are not a multiple of 7: they are the 100 bytes from offset 0 \
         to the end of the file",
        "check --dtype, --shape and --offset, or ignore the rest of the file: --shape 14,7",
    ),
    refusal(
        "data.bin mnt --dtype float33",
        2,
        "dtype 'float33': not a NumPy type; expected a name such as float32 or a code such as \
         f4, >i2, S10, M8[ns]",
        "names count bits: float16, float32, float64; codes count bytes: f2, f4, f8",
    ),
    refusal(
        "data.bin mnt --dtype O",
        2,
        "dtype 'O': object items hold pointers into a Python process, not data; expected a \
         type of fixed size",
        "",
    ),
    refusal(
        "data.bin mnt --order Z",
        2,
        "order 'Z': expected C or F",
        "",
    ),
    refusal(
        "data.bin mnt --mode a",
        2,
        "mode 'a': expected r, r+, w+ or c (or readonly, readwrite, write, copyonwrite)",
        "did you mean r+?",
    ),
    refusal(
        "data.bin mnt --offset 200",
        3,
        "DIR/data.bin: offset 200 is past the end of the file, which has 100 bytes",
        "give a smaller --offset; under --mode r+, --shape and --extend make the file longer",
    ),
    refusal(
        "data.bin mnt --mode r --dtype f4 --shape 3,10 --offset 8",
        3,
        "DIR/data.bin: the array needs 120 bytes at offset 8, which end at byte 128; the file has 100",
        "check --dtype, --shape and --offset; --shape 2,10 would fit; --mode r+ --extend would extend the file with zeros",
    ),
    refusal(
        "data.bin mnt --mode c --shape 101",
        3,
        "DIR/data.bin: the array needs 101 bytes at offset 0, which end at byte 101; the file has 100",
        "check --dtype, --shape and --offset; --shape 100 would fit exactly; --mode r+ --extend would extend the file with zeros",
    ),
    refusal(
        "data.bin mnt --mode w+",
        2,
        "DIR/data.bin: mode w+ creates a new file and needs a complete --shape",
        "the file exists, and mode w+ would set all of it to zeros; to open it as it is, use --mode r+",
    ),
];

const OF_THE_MOUNT_POINT: [Refusal; 4] = [
    refusal(
        "data.bin no/such",
        4,
        "DIR/no/such: the mount point cannot be made: no such file or directory",
        "create it with: mkdir -p DIR/no/such",
    ),
    refusal(
        "data.bin data.bin",
        4,
        "DIR/data.bin: the mount point is not a directory",
        "mount on an empty directory",
    ),
    refusal(
        "data.bin .",
        4,
        "DIR: the mount point holds the file to mount, DIR/data.bin",
        "mount on an empty directory",
    ),
    refusal(
        "data.bin mnt --log-file missing/log",
        1,
        "DIR/missing/log: cannot be opened as the log file: no such file or directory",
        "",
    ),
];

const OF_THE_OPTIONS: [Refusal; 17] = [
    refusal(
        "--info data.bin --idle-timeout soon",
        2,
        "idle-timeout 'soon': expected a time as in 90s, 10m or 2h",
        "",
    ),
    refusal(
        "data.bin mnt --cache nevr",
        2,
        "cache 'nevr': expected never, auto or always",
        "did you mean never?",
    ),
    refusal(
        "data.bin mnt -o passthrough=alwys",
        2,
        "passthrough 'alwys': expected auto, rw or never",
        "",
    ),
    refusal(
        "data.bin mnt --mode write+",
        2,
        "mode 'write+': expected r, r+, w+ or c (or readonly, readwrite, write, copyonwrite)",
        "to write an existing file in place, use r+; w+ erases it and fills it with zeros",
    ),
    refusal("", 2, "FILE: missing", "see arrayfs --help"),
    refusal(
        "data.bin mnt --log-file=",
        2,
        "log-file '': expected the path of a file",
        "",
    ),
    refusal(
        "data.bin mnt -o log-file=",
        2,
        "log-file '': expected the path of a file",
        "",
    ),
    refusal(
        "data.bin mnt -o idle_timeout=5m",
        2,
        "-o idle_timeout: unknown mount option",
        "did you mean -o idle-timeout?",
    ),
    refusal(
        "data.bin mnt --idle-timeout 5min",
        2,
        "idle-timeout '5min': expected a time as in 90s, 10m or 2h",
        "did you mean 5m?",
    ),
    refusal(
        "data.bin mnt --ready-fd 77",
        2,
        "--ready-fd 77: bad file descriptor",
        "",
    ),
    refusal(
        "data.bin mnt extra",
        2,
        "extra: one more than FILE and MOUNTPOINT; a mount serves one file",
        "",
    ),
    refusal(
        "data.bin mnt --jiggle",
        2,
        "--jiggle: unknown argument",
        "see arrayfs --help",
    ),
    refusal(
        "data.bin mnt -o ro,frobnicate=3",
        2,
        "-o frobnicate: unknown mount option",
        "see arrayfs --help",
    ),
    refusal(
        "data.bin mnt --mode r -o mode=c",
        2,
        "--mode r: contradicts -o mode=c",
        "give it once",
    ),
    refusal(
        "data.bin mnt -o ro --mode r+",
        2,
        "-o ro: contradicts mode r+, which writes",
        "leave one of them out",
    ),
    refusal(
        "data.bin mnt -o allow_other,allow_root",
        2,
        "-o allow_other: contradicts -o allow_root",
        "leave one of them out; allow_other includes root",
    ),
    refusal(
        "data.bin mnt --threads 0",
        2,
        "threads '0': expected a number from 1 to 64",
        "leave the option out for the default",
    ),
];

fn dir_of_mistakes() -> Dir {
    let dir = Dir::new();
    dir.file("data.bin", [7; 100]);
    dir.directory("mnt");
    dir.directory("sub");
    let fifo = dir.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    UnixListener::bind(dir.join("socket")).unwrap();
    dir
}

#[track_caller]
fn is_refused(dir: &Dir, refusal: &Refusal) {
    let before = dir.listing();
    let Refusal {
        arguments,
        status,
        message,
        hint,
    } = refusal;
    let mut expected = format!("arrayfs: {message}\n");
    if !hint.is_empty() {
        expected += &format!("  {hint}\n");
    }
    let expected = expected.replace("DIR", dir.path().to_str().unwrap());
    let words: Vec<&str> = arguments.split_whitespace().collect();
    dir.arrayfs(&words).run().fails(*status, &expected);
    dir.arrayfs(&words)
        .args(&["-f"])
        .run()
        .fails(*status, &expected);
    assert_eq!(dir.listing(), before, "{arguments}");
}

#[test]
fn a_mistake_is_one_line_that_says_what_was_expected_and_changes_nothing() {
    let dir = dir_of_mistakes();
    for refusals in [
        &OF_THE_FILE[..],
        &OF_THE_ARRAY,
        &OF_THE_MOUNT_POINT,
        &OF_THE_OPTIONS,
    ] {
        for refusal in refusals {
            is_refused(&dir, refusal);
        }
    }
    let shape = "1,".repeat(65);
    let expected = format!("arrayfs: shape '{shape}': 65 axes, the maximum is 64\n");
    dir.arrayfs(&["data.bin", "mnt", "--shape", &shape])
        .run()
        .fails(2, &expected);
}

#[test]
fn a_file_below_the_mount_point_is_refused_by_any_name() {
    let dir = Dir::new();
    dir.directory("mnt");
    dir.file("mnt/data.bin", [7; 100]);
    std::os::unix::fs::symlink("mnt", dir.join("link")).unwrap();
    std::os::unix::fs::symlink("mnt/data.bin", dir.join("link.bin")).unwrap();
    for (file, point) in [
        ("mnt/data.bin", "mnt"),
        ("link/data.bin", "mnt"),
        ("link.bin", "link"),
    ] {
        let expected = "arrayfs: DIR/mnt: the mount point holds the file to mount, \
                        DIR/mnt/data.bin\n  mount on an empty directory\n";
        let expected = expected.replace("DIR", dir.path().to_str().unwrap());
        dir.arrayfs(&[file, point]).run().fails(4, &expected);
    }
}

#[test]
fn a_file_that_the_user_may_not_read_or_write_is_refused_with_the_way_out() {
    let Some(dir) = Dir::for_root() else { return };
    const NOBODY: u32 = 65534;
    let file = dir.file("data.bin", [7; 100]);
    dir.directory("mnt");
    // Others may not be let into the directory that the program was built in.
    let program = dir.join("arrayfs");
    fs::copy(ARRAYFS, &program).unwrap();
    let before = dir.listing();
    let path = dir.path().display();
    for (bits, mode, expected) in [
        (
            0o400,
            "r",
            format!("arrayfs: {path}/data.bin: permission denied\n"),
        ),
        (
            0o400,
            "r+",
            format!("arrayfs: {path}/data.bin: permission denied\n"),
        ),
        (
            0o444,
            "r+",
            format!(
                "arrayfs: {path}/data.bin: cannot be written in mode r+: permission denied\n  \
                 to read it only, use --mode r; to write to a copy in memory, --mode c\n"
            ),
        ),
        (
            0o444,
            "w+",
            format!("arrayfs: {path}/data.bin: cannot be written in mode w+: permission denied\n"),
        ),
    ] {
        let bits = std::os::unix::fs::PermissionsExt::from_mode(bits);
        fs::set_permissions(&file, bits).unwrap();
        let command = TestCommand::new(program.to_str().unwrap(), dir.path());
        let arguments = ["data.bin", "mnt", "--shape", "100", "--mode", mode];
        command
            .args(&arguments)
            .user(NOBODY)
            .run()
            .fails(3, &expected);
    }
    assert_eq!(dir.listing(), before);
}

// The portable twin cannot reserve space.
#[cfg(not(arrayfs_portable))]
#[test]
fn without_space_the_file_stays_as_it_was() {
    let Some(dir) = Dir::for_root() else { return };
    let disk = dir.directory("disk");
    dir.directory("mnt");
    let mount = ["-t", "tmpfs", "-o", "size=1m", "none", "disk"];
    dir.command("mount", &mount).run().succeeds();
    fs::write(disk.join("data.bin"), [7; 100]).unwrap();
    let before = fs::read_dir(&disk).unwrap().count();
    for (file, mode) in [("data.bin", "r+"), ("data.bin", "w+"), ("new.bin", "w+")] {
        let file = disk.join(file);
        let expected = format!(
            "arrayfs: {}: cannot hold 4000000 bytes: no space left on device\n",
            file.display()
        );
        let arguments = [
            file.to_str().unwrap(),
            "mnt",
            "--shape",
            "4000000",
            "--mode",
            mode,
        ];
        let extend = ["--extend"];
        let extend = &extend[..usize::from(mode == "r+")];
        for info in [&[][..], &["--info"]] {
            let command = dir.arrayfs(&arguments).args(extend).args(info);
            command.run().fails(3, &expected);
        }
        assert_eq!(fs::read(disk.join("data.bin")).unwrap(), [7; 100], "{mode}");
        assert_eq!(fs::read_dir(&disk).unwrap().count(), before, "{mode}");
    }
    dir.command("umount", &["disk"]).run().succeeds();
}

#[test]
fn what_no_process_can_map_is_not_put_down_to_a_limit_that_is_not_set() {
    let Some(dir) = Dir::for_root() else { return };
    let disk = dir.directory("disk");
    let mount = ["-t", "tmpfs", "none", "disk"];
    dir.command("mount", &mount).run().succeeds();
    let huge = fs::File::create(disk.join("huge"));
    huge.unwrap().set_len(1 << 50).unwrap();
    for arguments in [&["mnt", "--mode", "r"][..], &["--info"]] {
        let command = dir.command("prlimit", &["--as=unlimited", ARRAYFS, "disk/huge"]);
        let outcome = command.args(arguments).run();
        assert_eq!(outcome.status.code(), Some(5), "{outcome}");
        let hint = "  no process can map so much on this machine: give a smaller --shape\n";
        assert!(outcome.stderr.ends_with(hint), "{outcome}");
    }
    dir.command("umount", &["disk"]).run().succeeds();
}

#[test]
fn a_mount_point_that_is_taken_says_by_what() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let mount = dir.mount(&file, &[]);
    let point = mount.point().to_str().unwrap().to_owned();
    let expected = format!(
        "arrayfs: {point}: is already an arrayfs mount, of {}\n  \
         to unmount it, type: arrayfs -u {point}\n",
        file.display()
    );
    for arguments in [&["data.bin", &point][..], &["-f", "data.bin", &point]] {
        dir.arrayfs(arguments).run().fails(4, &expected);
    }
    mount.unmount();
}
