//! Insight into a running mount: `.arrayfs/stats`, and changes of the log level.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};

use nix::sys::signal::Signal;

use crate::common::arrays::{mounted, run_script};
use crate::common::calls::{errno, open};
use crate::common::{Dir, wait_until};

/// Prints what an expression gives of the JSON in a file, read by Python.
fn stats(dir: &Dir, mount: &crate::common::Mount, expression: &str) -> String {
    let path = mount.join(".arrayfs/stats").display().to_string();
    let printed = run_script(dir, "command/stats.py", &[path.as_str(), expression]);
    printed.trim_end().to_owned()
}

#[test]
fn the_stats_count_requests_bytes_and_errors_by_kind() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![7; 100 * 1000]);
    let mount = mounted(&dir, &file, &["--shape", "100,1000"]);
    let row = open(mount.join("rows/3"));
    let mut bytes = [0; 1000];
    for _ in 0..50 {
        row.read_exact_at(&mut bytes, 0).unwrap();
    }
    for _ in 0..20 {
        row.write_all_at(&bytes[..100], 300).unwrap();
    }
    assert_eq!(errno(fs::metadata(mount.join("missing"))), libc::ENOENT);
    assert_eq!(errno(fs::remove_file(mount.join("rows/3"))), libc::EPERM);
    // A request counts when it has been answered, which its client may know first.
    let counted = || {
        stats(
            &dir,
            &mount,
            "r['read']['count'], r['read']['bytes'], r['write']['count'], r['write']['bytes'], \
             r['lookup']['errors'], r['unlink']['errors'], s['open_files']",
        )
    };
    wait_until("the count", || {
        counted() == "50 50000 20 2000 1 1 1" || counted() == "50 50000 20 2000 1 1 2"
    });
    let times = "all(0 < t['p50'] <= t['p90'] <= t['p99'] <= t['max'] < 30e6 \
                 for t in (k['microseconds'] for k in r.values()))";
    assert_eq!(stats(&dir, &mount, times), "True");
    let facts = "s['cache']['mode'], s['cache']['column_cache'], s['passthrough'], s['version']";
    let expected = format!(
        "never None {{'allowed': False, 'open': 0}} {}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(stats(&dir, &mount, facts), expected);
}

#[test]
fn the_stats_tell_what_caches_and_the_kernel_have_done() {
    let Some(dir) = Dir::for_root() else { return };
    let file = dir.file("data.bin", vec![7; 4096 * 1024]);
    // A mount that ends when it is not used is told of every file that is opened.
    let options = "--shape 4096,1024 --cache always --mode r --idle-timeout 1h";
    let options: Vec<&str> = options.split(' ').collect();
    let mount = mounted(&dir, &file, &options);
    for column in 0..64 {
        assert_eq!(
            fs::read(mount.join(&format!("cols/{column}"))).unwrap(),
            [7; 4096]
        );
    }
    let data = fs::File::open(mount.join("data")).unwrap();
    data.read_exact_at(&mut [0; 100], 0).unwrap();
    let column_cache = "(lambda n: (n['limit'], 0 < n['bytes'] <= n['limit'], n['hits'] > 30, \
                      0 < n['gathers'] < 10))(s['cache']['column_cache'])";
    let shown = stats(&dir, &mount, column_cache);
    assert_eq!(shown, format!("({}, True, True, True)", 32 << 20));
    if !cfg!(arrayfs_portable) {
        assert_eq!(stats(&dir, &mount, "s['cache']['files_kept']"), "64");
    }
    let allowed = stats(&dir, &mount, "s['passthrough']['allowed']");
    let open = stats(&dir, &mount, "s['passthrough']['open']");
    assert_eq!(
        (allowed == "True", allowed == "False"),
        (open == "1", open == "0")
    );
}

#[test]
fn the_stats_are_a_file_that_is_read_only_and_not_listed() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![7; 100]);
    let mount = mounted(&dir, &file, &[]);
    let listed = dir.command("ls", &["-A"]).args(&[mount.point()]).run();
    assert!(!listed.succeeds().contains("arrayfs"));
    let control = mount.join(".arrayfs");
    let listed = dir.command("ls", &["-A"]).args(&[&control]).run();
    assert_eq!(listed.succeeds(), "stats\n");
    let stats = control.join("stats");
    let found = stats.metadata().unwrap();
    assert_eq!((found.len(), found.mode() & 0o7777), (0, 0o444));
    let written = fs::OpenOptions::new().write(true).open(&stats);
    assert_eq!(errno(written), libc::EACCES);
    // What was read first is what the whole file says.
    let opened = fs::File::open(&stats).unwrap();
    let mut start = [0; 20];
    opened.read_exact_at(&mut start, 0).unwrap();
    fs::read(mount.join("data")).unwrap();
    let mut again = [0; 20];
    opened.read_exact_at(&mut again, 0).unwrap();
    assert_eq!(start, again);
    let text = dir.command("cat", &[&stats]).run().succeeds();
    assert!(text.starts_with("{\n") && text.ends_with("}\n"), "{text}");
    assert!(control.join("other").metadata().is_err());
    assert!(mount.join("csv/.arrayfs").metadata().is_err());
}

#[test]
fn each_request_is_a_line_of_the_log_when_it_is_wanted() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![7; 100 * 100]);
    let mount = mounted(&dir, &file, &["--shape", "100,100", "-v"]);
    let read = |name: &str| {
        let path = mount.join(name);
        let opened = fs::File::open(path).unwrap();
        opened.read_exact_at(&mut [0; 10], 40).unwrap();
        opened.metadata().unwrap().ino()
    };
    let told = |level: usize, count: usize| {
        mount.signal(Signal::SIGUSR1);
        let line = format!("the log is that of {level} -v");
        wait_until("the change", || mount.log().matches(&line).count() == count);
    };
    let logged = |name: &str, inode: u64| {
        let line = format!("arrayfs::fs::request: read {inode} /{name}, 10 bytes at 40, ");
        mount.log().contains(&line)
    };
    read("rows/1");
    told(2, 1);
    for name in ["rows/2", "cols/3", "data", "slices/::2", "npy/data.npy"] {
        let inode = read(name);
        wait_until("the line", || logged(name, inode));
    }
    assert_eq!(errno(fs::read(mount.join("rows/100"))), libc::ENOENT);
    wait_until("the refusal", || {
        let log = mount.log();
        let mut lines = log.lines().filter(|line| line.contains("lookup"));
        lines.any(|line| {
            line.contains(" /rows \"100\", ") && line.ends_with(": no such file or directory")
        })
    });
    told(3, 1);
    told(0, 1);
    let inode = read("rows/4");
    told(1, 1);
    assert!(!logged("rows/1", inode) && !logged("rows/4", inode));
    assert_eq!(mount.log().matches("/rows/1, 10 bytes").count(), 0);
}
