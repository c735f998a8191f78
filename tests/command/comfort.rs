//! What spares users typing: mount points that come and go, several at once,
//! a list of what is mounted, and mounts that end when nobody uses them.

use std::fs::{self, File};
use std::process::Stdio;

use nix::sys::signal::Signal;

use crate::common::calls::open;
use crate::common::{ARRAYFS, Dir, Mount, mounts_below};
use crate::common::{wait_for_process, wait_until};

#[test]
fn without_a_mount_point_the_array_is_mounted_under_the_name_of_its_file() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("scan.v2.raw", [7; 100]);
    let point = dir.join("scan.v2");
    for options in [&["scan.v2.raw"][..], &["--shape", "10,10", "./scan.v2.raw"]] {
        let outcome = dir.arrayfs(options).run();
        assert_eq!(outcome.stderr, "", "{outcome}");
        assert_eq!(outcome.succeeds(), format!("{}\n", point.display()));
        assert_eq!(fs::read(point.join("data")).unwrap(), [7; 100]);
        dir.arrayfs(&["-u", "scan.v2"]).run().succeeds_silently();
        assert!(!point.exists());
    }
}

#[test]
fn what_is_in_the_directory_of_that_name_is_not_hidden() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("scan.raw", [7; 100]);
    let point = dir.directory("scan");
    fs::write(point.join("notes"), "mine").unwrap();
    let expected = format!(
        "arrayfs: {}: is not empty\n  say where to mount it\n",
        point.display()
    );
    dir.arrayfs(&["scan.raw"]).run().fails(4, &expected);
    // Who names it wants it.
    dir.arrayfs(&["scan.raw", "scan"]).run().succeeds_silently();
    dir.arrayfs(&["-u", "scan"]).run().succeeds_silently();
    assert_eq!(fs::read(point.join("notes")).unwrap(), b"mine");
    fs::remove_file(point.join("notes")).unwrap();
    dir.arrayfs(&["scan.raw"]).run().succeeds();
    dir.arrayfs(&["-u", "scan"]).run().succeeds_silently();
    assert!(point.exists(), "it was there before");
    dir.file("plain", [7; 100]);
    let expected = format!(
        "arrayfs: {}: the mount point is not a directory\n  mount on an empty directory\n",
        dir.join("plain").display()
    );
    dir.arrayfs(&["plain"]).run().fails(4, &expected);
}

#[test]
fn a_mount_point_that_was_made_is_removed_however_the_mount_ends() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.join("new");
    type End = fn(&mut Mount);
    let ends: [(&str, End); 3] = [
        ("arrayfs -u", |mount| {
            mount.unmount_command().run().succeeds_silently();
        }),
        ("umount", |mount| {
            nix::mount::umount(mount.point()).unwrap();
        }),
        ("SIGTERM", |mount| mount.signal(Signal::SIGTERM)),
    ];
    for (end, bring_about) in ends {
        let (mut mount, outcome) = Mount::start_on(&dir, &file, &point, &[], &[]);
        outcome.succeeds_silently();
        assert_eq!(fs::read(point.join("data")).unwrap(), [7; 100]);
        bring_about(&mut mount);
        assert!(mount.ended().success(), "{end}");
        assert!(!point.exists(), "{end}");
    }
    // At once again, before the daemon before has ended.
    let (mut first, outcome) = Mount::start_on(&dir, &file, &point, &[], &[]);
    outcome.succeeds_silently();
    nix::mount::umount(&point).unwrap();
    let (second, outcome) = Mount::start_on(&dir, &file, &point, &[], &[]);
    outcome.succeeds_silently();
    assert!(first.died().success());
    assert_eq!(fs::read(point.join("data")).unwrap(), [7; 100]);
    second.unmount();
    assert!(!point.exists());
    let refused = dir.arrayfs(&["data.bin", "new", "--dtype", "f8"]).run();
    assert_eq!(refused.status.code(), Some(3), "{refused}");
    assert!(!point.exists(), "{refused}");
}

#[test]
fn several_are_unmounted_by_one_command_and_each_failure_is_told() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    for name in ["a", "b", "c"] {
        dir.arrayfs(&["data.bin", name]).run().succeeds_silently();
    }
    let busy = open(dir.join("b/data"));
    let outcome = dir.arrayfs(&["-u", "a", "missing", "b", "c"]).run();
    assert_eq!(outcome.status.code(), Some(6), "{outcome}");
    let path = dir.path().display();
    let (first, second) = outcome.stderr.split_once('\n').unwrap();
    assert_eq!(first, format!("arrayfs: {path}/missing: does not exist"));
    assert!(
        second.starts_with(&format!("arrayfs: {path}/b: is busy\n")),
        "{second}"
    );
    assert_eq!(mounts_below(dir.path()).len(), 1);
    drop(busy);
    dir.arrayfs(&["-u", "b"]).run().succeeds_silently();
    assert!(!dir.join("a").exists() && !dir.join("b").exists());
}

#[test]
fn the_list_says_what_is_mounted_where_and_what_does_not_answer() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("two words.bin", [7; 100]);
    let options = ["--shape", "5,5", "--dtype", ">f4", "--mode", "r"];
    let mut mounts = [&options[..], &["--shape", "100"], &["--shape", "()"]].map(|options| {
        let (mount, outcome) = Mount::start(&dir, &file, options);
        outcome.succeeds_silently();
        mount
    });
    let shown_file = format!(r"{}/two\040words.bin", dir.path().display());
    let list = || {
        let list = dir.arrayfs(&["--list"]).run().succeeds();
        let head: Vec<&str> = list.lines().next().unwrap().split_whitespace().collect();
        assert_eq!(head, ["MOUNTPOINT", "FILE", "DTYPE", "SHAPE", "MODE"]);
        // Other tests mount too.
        let lines = list.lines().filter(|line| line.contains(&shown_file));
        let words = lines.map(|line| {
            line.split_whitespace()
                .skip(2)
                .collect::<Vec<_>>()
                .join(" ")
        });
        words.collect::<Vec<_>>()
    };
    assert_eq!(list(), [">f4 5,5 r", "|u1 100 r+", "|u1 () r+"]);
    mounts[0].signal(Signal::SIGSTOP);
    mounts[1].signal(Signal::SIGKILL);
    mounts[1].died();
    let dead = "(transport endpoint is not connected)";
    assert_eq!(list(), ["(does not answer)", dead, "|u1 () r+"]);
    mounts[0].signal(Signal::SIGCONT);
    mounts[1].unmount_command().run().succeeds_silently();
    assert_eq!(list().len(), 2);
}

#[test]
fn a_mount_that_nobody_uses_ends_and_one_in_use_stays() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    let point = dir.join("new");
    let mount = || {
        let options = ["--idle-timeout", "1", "data.bin", "new"];
        dir.arrayfs(&options).run().succeeds_silently();
    };
    // A look at the point itself would be a use.
    let is_gone = || mounts_below(&point).is_empty() && !point.exists();
    mount();
    wait_until("the end of an unused mount", is_gone);
    // A file that is open, and a directory that somebody is in.
    mount();
    let opened = File::open(point.join("data")).unwrap();
    let mut inside = dir.command("sleep", &["1000"]).into_inner();
    let mut inside = inside
        .current_dir(point.join("slices"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(mounts_below(&point).len(), 1);
    drop(opened);
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(mounts_below(&point).len(), 1);
    inside.kill().unwrap();
    inside.wait().unwrap();
    wait_until("the end of an unused mount", is_gone);
    // As a mount option, as fstab has it.
    let options = ["-o", "idle-timeout=1s", "data.bin", "new"];
    dir.arrayfs(&options).run().succeeds_silently();
    wait_until("the end of an unused mount", is_gone);
}

#[test]
fn what_is_generated_is_what_the_project_ships() {
    let dir = Dir::new();
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/generated");
    for (what, file) in [
        ("man", "arrayfs.1"),
        ("bash", "arrayfs.bash"),
        ("zsh", "_arrayfs"),
        ("fish", "arrayfs.fish"),
    ] {
        let generated = dir.arrayfs(&["--generate", what]).run().succeeds();
        let shipped = fs::read_to_string(format!("{docs}/{file}")).unwrap();
        assert!(
            generated == shipped,
            "docs/generated/{file} is old: run scripts/generate.sh"
        );
    }
    let expected = "arrayfs: generate 'tcsh': expected man, bash, zsh or fish\n";
    dir.arrayfs(&["--generate", "tcsh"])
        .run()
        .fails(2, expected);
    // What the shells themselves say of it.
    let bash = format!("source {docs}/arrayfs.bash && complete -p arrayfs");
    let complete = dir.command("bash", &["-c", &bash]).run().succeeds();
    assert!(complete.contains("_arrayfs"), "{complete}");
    let man = dir.command("man", &["--warnings", "-l", &format!("{docs}/arrayfs.1")]);
    let man = man.env("MANPAGER", "cat").run();
    assert_eq!(man.stderr, "");
    assert!(man.succeeds().contains("numpy.memmap"));
}

#[test]
fn help_groups_the_options_and_ends_with_examples() {
    let dir = Dir::new();
    let help = dir.arrayfs(&["--help"]).run().succeeds();
    let heads: Vec<&str> = help
        .lines()
        .filter(|line| line.ends_with(':') && !line.starts_with(' '))
        .collect();
    let expected = [
        "Arguments:",
        "Options:",
        "The array:",
        "The mount:",
        "Other commands:",
        "Running:",
        "Examples:",
    ];
    assert_eq!(heads, expected, "{help}");
    let examples = help.split_once("Examples:").unwrap().1;
    assert_eq!(examples.matches("$ arrayfs ").count(), 3, "{examples}");
}

#[test]
fn a_descriptor_that_cannot_be_written_to_ends_the_mount_at_once() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    let words = [
        "-c",
        "\"$0\" data.bin new --ready-fd 7 7< data.bin",
        ARRAYFS,
    ];
    let outcome = dir.command("sh", &words).run();
    outcome.fails(2, "arrayfs: --ready-fd 7: bad file descriptor\n");
    assert!(!dir.join("new").exists() && mounts_below(dir.path()).is_empty());
}

#[test]
fn whoever_supervises_it_hears_when_it_is_usable_and_when_it_ends() {
    use std::os::unix::net::UnixDatagram;

    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    let socket = UnixDatagram::bind(dir.join("notify")).unwrap();
    socket
        .set_read_timeout(Some(std::time::Duration::from_secs(30)))
        .unwrap();
    let hear = || {
        let mut message = [0; 1000];
        let count = socket.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..count]).into_owned()
    };
    for attachment in ["", "-f"] {
        // Read to its end, which comes before that of the daemon.
        let script = "{ \"$0\" data.bin new $1 --ready-fd 7 7>&1 >/dev/null 2>&1 & } | cat";
        let command = dir.command("sh", &["-c", script, ARRAYFS, attachment]);
        let command = command.env("NOTIFY_SOCKET", dir.join("notify"));
        assert_eq!(command.run().succeeds(), "\n", "{attachment}");
        assert_eq!(fs::read(dir.join("new/data")).unwrap(), [7; 100]);
        let message = hear();
        let process = message.strip_prefix("READY=1\nMAINPID=").unwrap();
        let process = process.trim_end().parse().unwrap();
        let comm = fs::read_to_string(format!("/proc/{process}/comm")).unwrap();
        assert_eq!(comm, "arrayfs\n");
        dir.arrayfs(&["-u", "new"]).run().succeeds_silently();
        assert_eq!(hear(), "STOPPING=1\n", "{attachment}");
        wait_for_process(nix::unistd::Pid::from_raw(process));
    }
}
