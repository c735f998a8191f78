//! Claims 53 and 54: inspecting a file does not change it, and every assumption about it is
//! reported.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use crate::common::arrays::{numbered, save_npy};
use crate::common::{ARRAYFS, Dir, Mount, mounts_below};

/// What can be told of a file.
fn state(file: &Path) -> Option<(Vec<u8>, u64, SystemTime)> {
    let found = fs::metadata(file).ok()?;
    let modified = found.modified().unwrap();
    Some((fs::read(file).unwrap(), found.blocks(), modified))
}

/// Files that somebody could look at with a slip, or before they are whole.
const SLIPS: [(&str, &[&str]); 7] = [
    ("data.bin", &["--shape", "101"]),
    ("data.bin", &["--shape", "10,10", "--dtype", "f8"]),
    ("data.bin", &["--shape", "100", "--offset", "1"]),
    ("data.bin", &["--shape", "0", "--offset", "101"]),
    ("data.bin", &["--offset", "101"]),
    ("empty.bin", &["--shape", "1"]),
    ("half.npy", &[]),
];

#[test]
fn claim_53_a_file_that_is_too_short_is_an_error_and_stays_as_it_is() {
    let Some(dir) = Dir::with_fuse() else { return };
    let whole = fs::read(save_npy(&dir, "half.npy", "range(100)")).unwrap();
    dir.file("half.npy", &whole[..500]);
    dir.file("data.bin", numbered());
    dir.file("empty.bin", "");
    for (name, options) in SLIPS {
        let file = dir.join(name);
        let before = state(&file);
        let mut said = Vec::new();
        for mode in ["r", "r+", "c"] {
            for how in [&["--info"][..], &["mnt"], &["mnt", "-f"]] {
                let command = dir.arrayfs(options).args(&["--mode", mode, name]);
                let outcome = command.args(how).run();
                assert_eq!(outcome.status.code(), Some(3), "{outcome}");
                let size = before.as_ref().unwrap().0.len();
                assert!(outcome.stderr.contains(&format!(" {size}")), "{outcome}");
                assert!(outcome.stderr.contains("--extend"), "{outcome}");
                said.push(outcome.stderr);
                assert!(state(&file) == before, "{name} {options:?} {mode} {how:?}");
            }
            // The same slip, the same words.
            let [.., info, background, foreground] = &said[..] else {
                unreachable!()
            };
            assert!(info == background && info == foreground, "{said:?}");
        }
        assert!(!dir.join("mnt").exists() && mounts_below(dir.path()).is_empty());
    }
}

#[test]
fn claim_53_info_says_what_a_mount_would_and_does_nothing() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", numbered());
    let path = dir.path().display();
    for (options, said) in [
        (
            &["data.bin", "--dtype", "u1", "--shape", "100"][..],
            String::new(),
        ),
        (
            &["data.bin", "--dtype", "u1", "--shape", "150", "--extend"],
            format!("arrayfs: {path}/data.bin: would be extended from 100 to 150 bytes\n"),
        ),
        (
            &["data.bin", "--dtype", "u1", "--shape", "5", "--mode", "w+"],
            format!(
                "arrayfs: {path}/data.bin: would be overwritten with zeros: it holds 100 bytes, \
                 and would have 5\n"
            ),
        ),
        (
            &["new.bin", "--dtype", "u1", "--shape", "5", "--mode", "w+"],
            String::new(),
        ),
    ] {
        let before = dir.listing();
        let outcome = dir.arrayfs(options).args(&["--info"]).run();
        assert_eq!(outcome.stderr, said, "{outcome}");
        outcome.succeeds();
        assert_eq!(dir.listing(), before);
    }
    for (options, status, words) in [
        (
            &["no/new.bin", "--shape", "5", "--mode", "w+"][..],
            3,
            "cannot be created: no such",
        ),
        (&["data.bin", "--mode", "w+"], 2, "needs a complete --shape"),
        (
            &["data.bin", "--mode", "w+", "--shape", "4611686018427387904"],
            3,
            "cannot hold 4611686018427387904 bytes",
        ),
        (
            &["data.bin", "--extend", "--shape", "4611686018427387904"],
            3,
            "cannot hold ",
        ),
        (
            &[
                "data.bin",
                "--shape",
                "0,9223372036854775807",
                "--mode",
                "r",
            ],
            3,
            "inode numbers",
        ),
    ] {
        let info = dir.arrayfs(options).args(&["--info"]).run();
        let mount = dir.arrayfs(options).args(&["mnt"]).run();
        assert!(info.stderr.contains(words), "{info}");
        assert_eq!(
            (info.status.code(), &info.stderr),
            (Some(status), &mount.stderr),
            "{mount}"
        );
        assert_eq!(info.stdout, "");
        assert!(!dir.join("mnt").exists());
    }
}

/// Has strace watch a command that mounts and extends `data.bin`; what that says. What
/// strace sees is in the file `trace`.
fn traced(dir: &Dir, strace: &[&str], options: &[&str]) -> String {
    // strace goes on with the daemon.
    let script = "exec strace -D -f -o trace \"$@\" >/dev/null 2>said";
    let array = ["--dtype", "u1", "--shape", "150", "--extend"];
    let words = [strace, &[ARRAYFS, "data.bin", "mnt"], &array, options].concat();
    let shell = dir.command("sh", &["-c", script, "sh"]).args(&words);
    let outcome = shell.run();
    let said = fs::read_to_string(dir.join("said")).unwrap();
    assert_eq!(
        outcome.status.success(),
        !mounts_below(dir.path()).is_empty(),
        "{said}"
    );
    said
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "nothing extends files portably")]
fn claim_53_what_another_process_appends_as_the_file_is_extended_is_kept() {
    let Some(dir) = Dir::with_fuse() else { return };
    for (appended, expected) in [(80, 180), (20, 150)] {
        let file = dir.file("data.bin", numbered());
        dir.directory("mnt");
        // Whatever gives a file its size waits, for longer than the other takes.
        let strace = [
            "-e",
            "trace=fallocate,ftruncate",
            "-e",
            "inject=fallocate,ftruncate:delay_enter=1500ms",
        ];
        let appender = std::thread::spawn({
            let file = file.clone();
            let point = dir.join("mnt");
            move || {
                crate::common::wait_until("the mount", || !mounts_below(&point).is_empty());
                std::thread::sleep(std::time::Duration::from_millis(300));
                let mut file = fs::File::options().append(true).open(file).unwrap();
                file.write_all(&vec![9; appended]).unwrap();
            }
        });
        traced(&dir, &strace, &["--log-file", "log"]);
        appender.join().unwrap();
        assert_eq!(mounts_below(dir.path()).len(), 1);
        dir.arrayfs(&["-u", "mnt"]).run().succeeds_silently();
        let found = fs::read(&file).unwrap();
        assert_eq!(found.len(), expected);
        assert_eq!(found[..100], numbered());
        assert_eq!(found[100..100 + appended], vec![9; appended]);
        assert!(found[100 + appended..].iter().all(|&byte| byte == 0));
        fs::remove_dir(dir.join("mnt")).unwrap();
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "nothing extends files portably")]
fn claim_53_a_file_is_never_cut_to_extend_it_whether_or_not_the_start_succeeds() {
    let Some(dir) = Dir::with_fuse() else { return };
    for (limits, strace) in [
        (&[][..], &[][..]),
        (&["--ready-fd", "0"], &[]),
        (&[], &["-e", "inject=fallocate:error=EOPNOTSUPP"]),
    ] {
        let file = dir.file("data.bin", numbered());
        let before = state(&file);
        let events = ["-e", "trace=fallocate,ftruncate,truncate,mount"];
        let said = traced(&dir, &[&events, strace].concat(), limits);
        let trace = fs::read_to_string(dir.join("trace")).unwrap();
        assert!(!trace.contains("truncate("), "{trace}");
        if mounts_below(dir.path()).is_empty() {
            assert!(said.contains("arrayfs: "), "{said}");
            assert!(state(&file) == before, "{limits:?} {strace:?}");
        } else {
            dir.arrayfs(&["-u", "mnt"]).run().succeeds_silently();
            assert_eq!(fs::metadata(&file).unwrap().len(), 150);
        }
        if strace.contains(&"inject=fallocate:error=EOPNOTSUPP") {
            let expected = "cannot be extended to 150 bytes: its file system cannot allocate space";
            assert!(said.contains(expected), "{said}");
        }
    }
}

/// Descriptions of `data.bin`, of 100 bytes, and what is said of what they leave open.
const DESCRIBED: [(&[&str], &str); 13] = [
    (&[], "uint8, 100 elements (no --dtype given)"),
    (&["--offset", "99"], "uint8, 1 element (no --dtype given)"),
    (
        &["--shape", "10,10"],
        "uint8, shape (10, 10) (no --dtype given)",
    ),
    (
        &["--shape", "10,9"],
        "uint8, shape (10, 9) (no --dtype given); 10 bytes after the array are ignored",
    ),
    (
        &["--dtype", "<f4"],
        "float32, 25 elements (no --shape given)",
    ),
    (
        &["--dtype", ">f4"],
        "big-endian float32, 25 elements (no --shape given)",
    ),
    (
        &["--dtype", "x:u1,y:f4"],
        "[('x', '|u1'), ('y', '<f4')], 20 elements (no --shape given)",
    ),
    (
        &["--dtype", "f8", "--shape", "3,4"],
        "float64, shape (3, 4); 4 bytes after the array are ignored",
    ),
    (
        &["--dtype", "u1", "--shape", "99"],
        "uint8, 99 elements; 1 byte after the array is ignored",
    ),
    (
        &["--format", "raw", "--mode", "c"],
        "uint8, 100 elements (no --dtype given)",
    ),
    (&["--dtype", "u1", "--shape", "100"], ""),
    (&["--dtype", "u1", "--shape", "-1"], ""),
    (&["--dtype", "f4", "--shape", "()", "--offset", "96"], ""),
];

#[test]
fn claim_54_what_was_assumed_or_left_over_is_said_in_one_line() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", numbered());
    for (options, expected) in DESCRIBED {
        let expected = match expected {
            "" => String::new(),
            text => format!("arrayfs: {}: {text}\n", file.display()),
        };
        let info = dir.arrayfs(options).args(&["--info", "data.bin"]).run();
        assert_eq!(info.stderr, expected, "{info}");
        let (mount, outcome) = Mount::start(&dir, &file, options);
        assert_eq!(outcome.stderr, expected, "{outcome}");
        mount.unmount();
    }
    let npy = save_npy(&dir, "a.npy", "np.zeros((3, 4))");
    let (mount, outcome) = Mount::start(&dir, &npy, &[]);
    assert_eq!(outcome.stderr, "");
    mount.unmount();
    let mut opened = fs::File::options().append(true).open(&npy).unwrap();
    opened.write_all(b"tail").unwrap();
    let (mount, outcome) = Mount::start(&dir, &npy, &[]);
    let expected = "a.npy: float64, shape (3, 4); 4 bytes after the array are ignored\n";
    assert!(outcome.stderr.ends_with(expected), "{outcome}");
    mount.unmount();
}

#[test]
fn claim_54_a_terminal_shows_what_is_mounted_in_any_case() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", numbered());
    // In mode r, since on some kernels others have a notice about shared mappings too.
    let command = format!("{ARRAYFS} data.bin mnt --mode r --dtype f4 --shape 5,5");
    let script = dir.command("script", &["-qec", &command, "/dev/null"]);
    let printed = script.run().succeeds();
    let expected = format!(
        "arrayfs: {}/data.bin: float32, shape (5, 5)",
        dir.path().display()
    );
    assert_eq!(printed.trim_end(), expected);
    dir.arrayfs(&["-u", "mnt"]).run().succeeds_silently();
}

#[test]
fn claim_54_w_plus_says_what_it_overwrites_and_no_hint_leads_there_in_silence() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", numbered());
    let options = ["--mode", "w+", "--dtype", "u1", "--shape", "50"];
    let (mount, outcome) = Mount::start(&dir, &file, &options);
    let expected = format!(
        "arrayfs: {}: overwritten with zeros: it held 100 bytes, and now has 50",
        file.display()
    );
    assert!(outcome.stderr.starts_with(&expected), "{outcome}");
    mount.unmount();
    for mode in [
        "w", "W", "wb", "w+b", "+w", "write+", "wirte", "W+", "ww+", "Write",
    ] {
        let outcome = dir.arrayfs(&["data.bin", "mnt", "--mode", mode]).run();
        assert_eq!(outcome.status.code(), Some(2), "{outcome}");
        assert!(!outcome.stderr.contains("did you mean"), "{outcome}");
        assert!(outcome.stderr.contains("w+ erases"), "{outcome}");
    }
}

#[test]
fn claim_54_a_word_that_is_no_file_is_met_with_what_was_meant() {
    let dir = Dir::new();
    let missing = format!(
        "arrayfs: {}: no such file or directory\n",
        dir.join("missing").display()
    );
    dir.arrayfs(&["missing"]).run().fails(3, &missing);
    dir.arrayfs(&["missing", "-f"]).run().fails(3, &missing);
    for (word, option) in [
        ("help", "--help"),
        ("version", "--version"),
        ("list", "--list"),
    ] {
        let expected =
            format!("arrayfs: {word}: no such file or command\n  did you mean {option}?\n");
        dir.arrayfs(&[word]).run().fails(2, &expected);
    }
    // A file of that name is one.
    dir.file("help", numbered());
    let info = dir.arrayfs(&["help", "--info"]).run();
    assert!(info.succeeds().contains("\"shape\": [100]"));
    let in_the_way = format!(
        "arrayfs: {}: is in the way of a mount point\n  say where to mount it\n",
        dir.join("new").display()
    );
    let new = ["new", "--mode", "w+", "--shape", "3"];
    dir.arrayfs(&new).run().fails(4, &in_the_way);
    assert!(!dir.join("new").exists());
}

#[test]
fn claim_53_info_wants_an_inode_for_a_new_file_and_makes_nothing() {
    let Some(dir) = Dir::for_root() else { return };
    let disk = dir.directory("disk");
    let mount = ["-t", "tmpfs", "-o", "nr_inodes=2", "none", "disk"];
    dir.command("mount", &mount).run().succeeds();
    let start = ["disk/new.bin", "--mode", "w+", "--shape", "10"];
    dir.arrayfs(&start).args(&["--info"]).run().succeeds();
    // The root directory has the other inode.
    fs::write(disk.join("last"), "").unwrap();
    let expected = format!(
        "arrayfs: {}: cannot be created: no space left on device\n",
        disk.join("new.bin").display()
    );
    for rest in ["--info", "mnt"] {
        dir.arrayfs(&start).args(&[rest]).run().fails(3, &expected);
    }
    // A file that exists needs none.
    let start = ["disk/last", "--mode", "w+", "--shape", "10", "--info"];
    dir.arrayfs(&start).run().succeeds();
    dir.command("umount", &["disk"]).run().succeeds();
}
