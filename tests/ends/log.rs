//! A log without a reader delays nothing, and log files are private to their owner.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use nix::libc;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::mkfifo;

use crate::common::{ARRAYFS, Dir, Mount, in_time, wait_until};
use crate::only_these_are_left;

/// So many requests log more than a pipe and the daemon keep.
const REQUESTS: usize = 5_000;

/// A full pipe with a name: whoever writes to it waits until it is emptied.
pub struct FullPipe(File);

impl FullPipe {
    pub fn new(path: &Path) -> FullPipe {
        mkfifo(path, Mode::S_IRWXU).unwrap();
        let mut options = File::options();
        options
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK);
        let mut pipe = options.open(path).unwrap();
        for piece in [&[b'.'; 4096][..], b"."] {
            while pipe.write_all(piece).is_ok() {}
        }
        FullPipe(pipe)
    }

    /// What is in it.
    fn read(&mut self) -> String {
        let mut bytes = Vec::new();
        let error = self.0.read_to_end(&mut bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Mounts an array whose log is a full pipe: a file, or standard error.
fn mounted_with_full_log(dir: &Dir, is_file: bool) -> (Mount, FullPipe) {
    let file = dir.file("data.bin", [7; 100]);
    let pipe = FullPipe::new(&dir.join("log"));
    let mount = if is_file {
        let (point, log) = (dir.directory("mnt"), dir.join("log"));
        let command = dir.arrayfs(&["--shape", "10,10", "-vv", "--log-file"]);
        command
            .args(&[&log, &file, &point])
            .run()
            .succeeds_silently();
        Mount::found(dir, &point)
    } else {
        let log = File::options().write(true).open(dir.join("log")).unwrap();
        Mount::start_logging_to(dir, &file, &["--shape", "10,10", "-f", "-vv"], log)
    };
    (mount, pipe)
}

#[test]
fn claim_59_a_log_that_nobody_reads_holds_up_no_request_and_not_the_end() {
    for is_file in [true, false] {
        let Some(dir) = Dir::with_fuse() else { return };
        let (mut mount, _pipe) = mounted_with_full_log(&dir, is_file);
        let row = mount.join("rows/3");
        let asked = in_time("requests", move || {
            (0..REQUESTS).all(|_| fs::read(&row).is_ok_and(|bytes| bytes == [7; 10]))
        });
        assert_eq!(asked, Some(true));
        mount.signal(Signal::SIGTERM);
        assert_eq!(mount.ended(), ExitStatus::from_raw(0));
    }
}

#[test]
fn lines_that_a_log_had_no_room_for_are_counted_once_it_is_read() {
    let Some(dir) = Dir::with_fuse() else { return };
    let (mount, mut pipe) = mounted_with_full_log(&dir, true);
    for _ in 0..REQUESTS {
        fs::read(mount.join("rows/3")).unwrap();
    }
    let mut text = String::new();
    let words = "lines of the log were lost";
    wait_until("the count", || {
        text += &pipe.read();
        text.contains(words)
    });
    let line = text.lines().find(|line| line.contains(words)).unwrap();
    assert!(line.contains(" WARN "), "{line}");
    // The process has a number, too.
    let mut numbers = line
        .split(' ')
        .filter_map(|word| word.parse::<usize>().ok());
    let lost = numbers.next_back().unwrap();
    let written = text.lines().count();
    assert!(written + lost > REQUESTS, "{written}, {line}");
    assert!(text.matches("/rows/3").count() < REQUESTS, "{line}");
    mount.unmount();
}

#[test]
fn a_log_file_is_for_its_owner_whatever_the_umask() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let before = umask(Mode::empty());
    let mount = dir.mount(&file, &["-v"]);
    umask(before);
    let log = mount.point().with_extension("log");
    let mode = log.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    mount.unmount();
}

/// Whoever has made the file, as logrotate does, has chosen its mode.
#[test]
fn a_log_file_that_is_there_keeps_its_mode() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.directory("mnt");
    let log = dir.file("mnt.log", "before\n");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).unwrap();
    let (mount, outcome) = Mount::start_on(&dir, &file, &point, &["-v"], &[]);
    outcome.succeeds_silently();
    mount.unmount();
    assert_eq!(log.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    assert!(fs::read_to_string(&log).unwrap().starts_with("before\n2"));
}

#[test]
fn claim_53_a_start_that_fails_leaves_no_log_and_one_that_succeeds_does() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    for attachment in [&[][..], &["-f"]] {
        let start = ["data.bin", "mnt", "--log-file", "log", "--dtype", "f8"];
        let command = dir.arrayfs(&start).args(attachment);
        assert_eq!(command.run().status.code(), Some(3));
        only_these_are_left(&dir, &["data.bin"]);
    }
    // What was there stays.
    let before = dir.file("log", "before\n");
    let start = ["data.bin", "mnt", "--log-file", "log", "--dtype", "f8"];
    assert_eq!(dir.arrayfs(&start).run().status.code(), Some(3));
    assert_eq!(fs::read(&before).unwrap(), b"before\n");
    fs::remove_file(before).unwrap();
    let start = [
        "data.bin",
        "mnt",
        "--log-file",
        "log",
        "--dtype",
        "u1",
        "--shape",
        "100",
    ];
    dir.arrayfs(&start).run().succeeds_silently();
    assert_eq!(fs::read(dir.join("log")).unwrap(), b"");
    dir.arrayfs(&["-u", "mnt"]).run().succeeds_silently();
}

#[test]
fn a_log_that_is_a_pipe_without_a_reader_is_refused_at_once() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    mkfifo(&dir.join("log"), Mode::S_IRWXU).unwrap();
    let outcome = dir.arrayfs(&["data.bin", "mnt", "--log-file", "log"]).run();
    assert!(outcome.stderr.contains("log: "), "{outcome}");
    assert!(outcome.stderr.contains("nobody reads it"), "{outcome}");
    assert!(!dir.join("mnt").exists());
}

/// A log file that does not exist and cannot be created, in a directory that may be written.
#[test]
fn claim_53_a_start_whose_log_cannot_be_created_fails_and_changes_nothing() {
    let Some(dir) = Dir::for_root() else { return };
    dir.file("data.bin", [7; 100]);
    dir.directory("disk");
    let mount = ["-t", "tmpfs", "-o", "nr_inodes=1", "none", "disk"];
    dir.command("mount", &mount).run().succeeds();
    let before = dir.listing();
    for (log, reason) in [
        ("/proc/x.log", "no such file or directory"),
        ("disk/log", "no space left on device"),
    ] {
        let path = dir.join(log);
        let expected = format!(
            "arrayfs: {}: cannot be opened as the log file: {reason}\n",
            path.display()
        );
        for attachment in [&[][..], &["-f"], &["-vv"]] {
            for (file, mode) in [("data.bin", "r+"), ("data.bin", "w+"), ("new.bin", "w+")] {
                let start = [file, "mnt", "--shape", "100", "--mode", mode];
                let command = dir.arrayfs(&start).args(&["--log-file", log]);
                command.args(attachment).run().fails(1, &expected);
                assert_eq!(dir.listing(), before, "{log} {attachment:?} {file} {mode}");
            }
        }
    }
    dir.command("umount", &["disk"]).run().succeeds();
    only_these_are_left(&dir, &["data.bin", "disk"]);
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), [7; 100]);
}

/// The log file is created before readiness is told, which can fail.
#[test]
fn claim_53_a_log_that_was_created_goes_with_a_start_that_fails_late() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.directory("mnt");
    let _full = FullPipe::new(&dir.join("ready"));
    let script = "exec 9<> ready; exec \"$@\"";
    for (options, left) in [(&[][..], false), (&["-vv"], true)] {
        let words = [
            "-c",
            script,
            "bash",
            ARRAYFS,
            "--ready-fd",
            "9",
            "--log-file",
            "log",
        ];
        let command = dir.command("bash", &words).args(&[&file, &point]);
        let outcome = command.args(options).run();
        assert_eq!(outcome.status.code(), Some(2), "{outcome}");
        assert!(outcome.stderr.contains("--ready-fd 9: "), "{outcome}");
        // With `-vv` the requests of the start were logged.
        assert_eq!(dir.join("log").exists(), left, "{outcome}");
    }
}

#[test]
fn a_log_that_is_a_dangling_symbolic_link_is_refused() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    dir.directory("logs");
    for (number, (target, file)) in [
        ("../new.bin", "new.bin"),
        ("../mnt/log", "data.bin"),
        ("new.log", "data.bin"),
    ]
    .into_iter()
    .enumerate()
    {
        let log = dir.join(&format!("logs/{number}"));
        symlink(target, &log).unwrap();
        let before = dir.listing();
        let expected = format!(
            "arrayfs: {}: cannot be the log file: it is a symbolic link to a file that does \
             not exist\n  create that file first, or give its own name\n",
            log.display()
        );
        let start = [file, "mnt", "--mode", "w+", "--shape", "100", "--log-file"];
        let command = dir.arrayfs(&start).args(&[&log]);
        command.run().fails(1, &expected);
        assert_eq!(dir.listing(), before, "{target}");
    }
    // Once the target exists, the log goes there.
    let target = dir.file("logs/new.log", "");
    let start = ["data.bin", "mnt", "-v", "--log-file", "logs/2"];
    dir.arrayfs(&start).run().succeeds();
    dir.arrayfs(&["-u", "mnt"]).run().succeeds_silently();
    assert!(fs::read_to_string(target).unwrap().contains("mounted on"));
}

/// Before the file exists, its two names have nothing in common.
#[test]
fn a_log_that_turns_out_to_be_the_new_file_of_the_array_is_refused() {
    let Some(dir) = Dir::for_root() else { return };
    dir.directory("data");
    dir.directory("bound");
    let bind = ["--bind", "data", "bound"];
    dir.command("mount", &bind).run().succeeds();
    for options in [&[][..], &["-v"]] {
        let start = ["data/new.bin", "mnt", "--mode", "w+", "--shape", "10"];
        let command = dir.arrayfs(&start).args(&["--log-file", "bound/new.bin"]);
        let outcome = command.args(options).run();
        assert_eq!(outcome.status.code(), Some(1), "{outcome}");
        let words = "bound/new.bin: cannot be the log file: it is the array's file";
        assert!(outcome.stderr.contains(words), "{outcome}");
        assert!(!dir.join("mnt").exists());
    }
    dir.command("umount", &["bound"]).run().succeeds();
}
