//! A failed start changes nothing and reports the reason. Several starts at the same time do not
//! disturb each other.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};
use nix::libc;

use crate::common::{ARRAYFS, Dir, Mount, mounts_below};
use crate::log::FullPipe;
use crate::only_these_are_left;

/// Starts that, unless they are interrupted, do nothing to the file, let it
/// grow, fill it with zeros, and make one.
pub(crate) const STARTS: [&[&str]; 4] = [
    &["data.bin", "--mode", "r"],
    &["data.bin", "--extend", "--shape", "5000"],
    &["data.bin", "--mode", "w+", "--shape", "50"],
    &["new.bin", "--mode", "w+", "--shape", "50"],
];

pub(crate) fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// What can be told of a file without its times: its bytes and its blocks.
pub(crate) fn state(path: &Path) -> (Vec<u8>, u64) {
    (fs::read(path).unwrap(), path.metadata().unwrap().blocks())
}

#[test]
fn a_daemon_without_memory_is_reported_and_leaves_no_mount() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    dir.directory("mnt");
    // Enough for the command, but not for the buffers of a worker.
    let arguments = [
        "--as=40000000",
        ARRAYFS,
        "data.bin",
        "mnt",
        "--log-file",
        "log",
    ];
    let outcome = dir.command("prlimit", &arguments).run();
    let expected = "cannot be mounted: no memory for ";
    assert!(outcome.stderr.contains(expected), "{outcome}");
    assert_eq!(outcome.status.code(), Some(5), "{outcome}");
    only_these_are_left(&dir, &["data.bin", "mnt"]);
}

#[test]
fn workers_that_cannot_be_started_are_reported_and_nothing_has_changed() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.directory("mnt");
    let before = state(&file);
    let mut refusals = 0;
    // With too few descriptors it fails at one place or another, at last where
    // the kernel has mounted already.
    for limit in 5..16 {
        let limit = format!("--nofile={limit}");
        let array = [&limit, ARRAYFS, "--mode", "w+", "--shape", "500"];
        let command = dir.command("prlimit", &array);
        let outcome = command.args(&[&file, &point]).run();
        if outcome.status.success() {
            Mount::found(&dir, &point).unmount();
            break;
        }
        refusals += 1;
        assert!(
            matches!(outcome.status.code(), Some(1 | 3 | 5)),
            "{outcome}"
        );
        assert!(outcome.stderr.starts_with("arrayfs: "), "{outcome}");
        assert!(state(&file) == before, "{outcome}");
        assert_eq!(mounts_below(dir.path()), [""; 0], "{outcome}");
    }
    assert!(refusals > 0);
}

#[test]
fn a_daemon_without_memory_for_its_workers_is_reported_and_leaves_no_mount() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    dir.directory("mnt");
    let limited = ["--as=200000000", ARRAYFS, "--threads", "64"];
    let command = dir.command("prlimit", &limited);
    let outcome = command
        .args(&["data.bin", "mnt", "--log-file", "log"])
        .run();
    let point = dir.join("mnt").display().to_string();
    let expected = format!(
        "arrayfs: {point}: cannot be mounted: no memory for an array of 100 bytes and 64 worker \
         threads\n  give fewer with \
         --threads, or raise the limit (ulimit -v)\n"
    );
    outcome.fails(5, &expected);
    only_these_are_left(&dir, &["data.bin", "mnt"]);
}

/// Starts each with a little more address space than the one before, until it succeeds:
/// those that do not leave everything as it was.
#[test]
#[cfg_attr(arrayfs_portable, ignore = "the command waits for ever portably")]
fn claim_53_a_start_without_enough_address_space_changes_nothing() {
    const STEP: u64 = 1 << 20;
    /// The program can be loaded with this much. With less, the kernel ends it.
    const LEAST: u64 = 32 * STEP;
    /// More than a start with two workers needs.
    const ENOUGH: u64 = 256 * STEP;
    // Files cannot be extended portably, whatever space there is.
    let extends = |options: &&[&str]| options.contains(&"--extend");
    let starts = STARTS[1..].iter().copied();
    for options in starts.filter(|options| !cfg!(arrayfs_portable) || !extends(options)) {
        let Some(dir) = Dir::with_fuse() else { return };
        let file = dir.file("data.bin", [7; 100]);
        let point = dir.join("made");
        let before = (state(&file), file.metadata().unwrap().modified().unwrap());
        let mut limits = (LEAST..ENOUGH).step_by(STEP as usize);
        let refusals = limits.position(|limit| {
            let limit = format!("--as={limit}");
            let arguments = [&[&limit, ARRAYFS, "--threads", "2"], options].concat();
            let command = dir.command("prlimit", &arguments);
            let outcome = command.args(&["--log-file", "log"]).args(&[&point]).run();
            if outcome.status.success() {
                Mount::found(&dir, &point).unmount();
                return true;
            }
            assert!(
                matches!(outcome.status.code(), Some(1 | 3 | 5)),
                "{outcome}"
            );
            assert!(outcome.stderr.starts_with("arrayfs: "), "{outcome}");
            let now = (state(&file), file.metadata().unwrap().modified().unwrap());
            assert!(now == before, "{outcome}");
            let left = only_files(&dir);
            assert!(left == ["data.bin"], "{left:?} {outcome}");
            false
        });
        let refusals = refusals.expect("a start that succeeds");
        assert!(refusals > 20, "{refusals}");
    }
}

fn only_files(dir: &Dir) -> Vec<String> {
    assert_eq!(mounts_below(dir.path()), [""; 0]);
    let names = fs::read_dir(dir.path()).unwrap().flatten();
    let mut names: Vec<_> = names
        .map(|found| found.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// With the address space that a mount lacks, `--info` fails as the mount does.
#[test]
fn claim_53_info_wants_the_address_space_of_a_mount_and_makes_nothing() {
    let dir = Dir::new();
    dir.file("data.bin", [7; 100]);
    for options in STARTS {
        let limited = ["--as=200000000", ARRAYFS, "--threads", "64", "--info"];
        let outcome = dir.command("prlimit", &limited).args(options).run();
        let expected = "cannot be mounted: no memory for an array of ";
        assert!(outcome.stderr.contains(expected), "{outcome}");
        assert!(outcome.stderr.contains("(ulimit -v)"), "{outcome}");
        assert_eq!(outcome.status.code(), Some(5), "{outcome}");
        assert_eq!(only_files(&dir), ["data.bin"]);
    }
}

/// What takes nothing that is written to it as descriptor 7.
const DEAF: [(&str, &str); 3] = [
    ("7>/dev/full", "no space left on device"),
    ("7> >(:); sleep 0.2; true", "broken pipe"),
    ("7<>full", "operation would block"),
];

#[test]
#[cfg_attr(arrayfs_portable, ignore = "the command waits for ever portably")]
fn claim_53_a_start_that_cannot_tell_of_its_end_changes_nothing() {
    for (options, attachment) in STARTS[1..]
        .iter()
        .flat_map(|options| [(options, ""), (options, "-f")])
    {
        for (descriptor, error) in DEAF {
            let Some(dir) = Dir::with_fuse() else { return };
            let file = dir.file("data.bin", [7; 100]);
            let _full = FullPipe::new(&dir.join("full"));
            let before = (state(&file), file.metadata().unwrap().modified().unwrap());
            let (open, wait) = descriptor.split_once("; ").unwrap_or((descriptor, ":"));
            let script = format!("exec {open}; {wait}; exec \"$@\" --ready-fd 7 {attachment} made");
            let shell = dir.command("bash", &["-c", &script, "bash", ARRAYFS]);
            let outcome = shell.args(options).run();
            outcome.fails(2, &format!("arrayfs: --ready-fd 7: {error}\n"));
            let now = (state(&file), file.metadata().unwrap().modified().unwrap());
            assert!(now == before, "{options:?} {descriptor}");
            assert_eq!(only_files(&dir), ["data.bin", "full"]);
        }
    }
}

#[test]
fn claim_53_what_is_written_to_a_mount_as_it_comes_about_is_not_overwritten_by_w_plus() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 5000]);
    let point = dir.directory("mnt");
    let writer = dir.script("ends/first_writer.py");
    let mut writer = spawn(writer.args(&[point.join("data")]).into_inner());
    // What zeroes and resizes the file waits, for longer than the writer needs. strace
    // goes on with the daemon.
    let script = "exec strace -D -f -o trace -e trace=fallocate,ftruncate \
                  -e inject=fallocate,ftruncate:delay_enter=1000ms \"$@\" >/dev/null 2>&1";
    let array = ["data.bin", "mnt", "--mode", "w+", "--shape", "5000"];
    let shell = dir.command("sh", &["-c", script, "sh", ARRAYFS]);
    shell.args(&array).run().succeeds_silently();
    assert!(writer.wait().unwrap().success());
    dir.arrayfs(&["-u", "mnt"]).run().succeeds_silently();
    let found = fs::read(&file).unwrap();
    assert_eq!(found, [&b"written"[..], &[0; 4993]].concat());
}

#[test]
fn of_two_who_start_on_one_mount_point_at_once_one_mounts() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.directory("mnt");
    for _ in 0..5 {
        let start = || {
            let mut command = dir.arrayfs(&[&file, &point]).into_inner();
            command.stderr(Stdio::piped());
            spawn(command)
        };
        let mut started = [start(), start()];
        let mut ends = started
            .each_mut()
            .map(|command| command.wait().unwrap().code());
        ends.sort();
        assert_eq!(ends, [Some(0), Some(4)]);
        assert_eq!(mounts_below(dir.path()).len(), 1);
        Mount::found(&dir, &point).unmount();
    }
}

#[test]
fn a_lock_on_the_mount_point_keeps_nobody_from_mounting_and_unmounting() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.directory("mnt");
    // Everybody who can read the directory can take these.
    let all = File::open(&point).unwrap();
    let _all = Flock::lock(all, FlockArg::LockExclusiveNonblock).unwrap();
    let range = File::open(&point).unwrap();
    let lock = libc::flock {
        l_type: libc::F_RDLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&range, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
    let start = Instant::now();
    dir.arrayfs(&[&file, &point]).run().succeeds_silently();
    Mount::found(&dir, &point).unmount();
    let time = start.elapsed();
    assert!(time < Duration::from_secs(1), "{time:?}");
}

#[test]
fn a_log_in_the_array_or_below_the_mount_is_refused() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.directory("mnt");
    fs::hard_link(&file, dir.join("link.bin")).unwrap();
    for (log, what) in [
        ("data.bin", "is the array's file"),
        ("link.bin", "is the array's file"),
        ("mnt/log", "is below the mount point"),
    ] {
        let log = dir.join(log);
        let command = dir.arrayfs(&[&file, &point]).args(&["-v", "--log-file"]);
        let expected = format!(
            "arrayfs: {}: cannot be the log file: it {what}\n",
            log.display()
        );
        command.args(&[&log]).run().fails(1, &expected);
        assert_eq!(fs::read(&file).unwrap(), [7; 100]);
    }
}
