//! Conveniences of the command: mount points that are created and removed, unmounting several
//! arrays, `--list`, unmounting after idle time, and generated help.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::Stdio;

use nix::sys::signal::Signal;

use crate::common::calls::open;

use crate::common::{
    ARRAYFS, Dir, Mount, mounts_below, process_with, wait_for_process, wait_until,
};

#[test]
fn without_a_mount_point_the_array_is_mounted_under_the_name_of_its_file() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("scan.v2.raw", [7; 100]);
    let point = dir.join("scan.v2");
    for options in [
        &["--shape", "100", "scan.v2.raw"],
        &["--shape", "10,10", "./scan.v2.raw"],
    ] {
        let outcome = dir.arrayfs(options).args(&["--dtype", "u1"]).run();
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
    let outcome = dir.arrayfs(&["scan.raw", "scan"]).run();
    let hidden = format!(
        "{}: is not empty: the mount hides what is in it",
        point.display()
    );
    assert!(outcome.stderr.contains(&hidden), "{outcome}");
    outcome.succeeds();
    dir.arrayfs(&["-u", "scan"]).run().succeeds_silently();
    assert_eq!(fs::read(point.join("notes")).unwrap(), b"mine");
    fs::remove_file(point.join("notes")).unwrap();
    dir.arrayfs(&["scan.raw"]).run().succeeds();
    dir.arrayfs(&["-u", "scan"]).run().succeeds_silently();
    assert!(point.exists(), "it was there before");
    dir.file("plain", [7; 100]);
    let expected = format!(
        "arrayfs: {}: is in the way of a mount point\n  say where to mount it\n",
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
#[cfg_attr(arrayfs_portable, ignore = "a mark keeps others off portably")]
fn a_mount_point_can_be_used_again_while_what_was_detached_from_it_is_in_use() {
    let Some(dir) = Dir::for_root() else { return };
    dir.file("data.bin", [7; 100]);
    let point = dir.join("new");
    let words = [dir.join("data.bin"), point.clone()];
    dir.arrayfs(&words).run().succeeds_silently();
    let first = process_with(&point).unwrap();
    let opened = open(point.join("data"));
    let busy = dir.arrayfs(&["-u", "new"]).run();
    assert_eq!(busy.status.code(), Some(6), "{busy}");
    // As the hint has it.
    let detach = dir.command("fusermount3", &["-uz", "new"]);
    detach.run().succeeds_silently();
    dir.arrayfs(&words).run().succeeds_silently();
    opened.write_all_at(&[8; 100], 0).unwrap();
    drop(opened);
    wait_for_process(first);
    assert_eq!(fs::read(point.join("data")).unwrap(), [8; 100]);
    dir.arrayfs(&["-u", "new"]).run().succeeds_silently();
    assert!(!point.exists(), "its removal was left to the last mount");
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
    let expected = format!(
        "arrayfs: {path}/missing: does not exist\n  arrayfs --list shows the mounts of arrays\n\
         arrayfs: {path}/b: is busy\n"
    );
    assert!(outcome.stderr.starts_with(&expected), "{outcome}");
    assert_eq!(mounts_below(dir.path()).len(), 1);
    drop(busy);
    dir.arrayfs(&["-u", "b"]).run().succeeds_silently();
    assert!(!dir.join("a").exists() && !dir.join("b").exists());
}

#[test]
fn a_mount_is_found_by_its_file_also_under_another_name() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    for options in [&[][..], &["-o", "fsname=another"]] {
        let command = dir.arrayfs(&["data.bin", "new"]).args(options);
        command.run().succeeds_silently();
        dir.arrayfs(&["-u", "data.bin"]).run().succeeds_silently();
        assert!(!dir.join("new").exists());
    }
}

#[test]
fn the_list_says_what_is_mounted_where_and_what_does_not_answer() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("two words.bin", [7; 100]);
    let options = ["--shape", "5,5", "--dtype", ">f4", "--mode", "r"];
    let named = ["--shape", "()", "-o", "fsname=another"];
    let mut mounts = [&options[..], &["--shape", "100"], &named].map(|options| {
        let (mount, outcome) = Mount::start(&dir, &file, options);
        outcome.succeeds_silently();
        mount
    });
    let shown_file = format!("'{}/two words.bin'", dir.path().display());
    let list = || {
        let list = dir.arrayfs(&["--list"]).run().succeeds();
        let head: Vec<&str> = list.lines().next().unwrap().split_whitespace().collect();
        assert_eq!(head, ["MOUNTPOINT", "FILE", "DTYPE", "SHAPE", "MODE"]);
        // Other tests mount too.
        let rests = list
            .lines()
            .filter_map(|line| Some(line.split_once(&shown_file)?.1));
        let words = rests.map(|rest| rest.split_whitespace().collect::<Vec<_>>().join(" "));
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
    let many: Vec<String> = (0..20).map(|k| format!("field{k}:f4")).collect();
    for (dtype, shown) in [
        ("x:f4,y:>i2", "x:<f4,y:>i2 1 r+"),
        (&many.join(","), "20-fields 1 r+"),
    ] {
        let mount = dir.mount(&file, &["--dtype", dtype, "--shape", "1"]);
        assert_eq!(list()[2], shown);
        mount.unmount();
    }
}

#[test]
fn names_of_the_list_can_be_pasted_into_a_shell() {
    let Some(dir) = Dir::with_fuse() else { return };
    let names = ["m b", "it's", "$m", r"m\040b", "line\nfeed's", "a  b\tc"];
    // The portable table is that of mount(8), which shows ? for control characters.
    let is_listed = |name: &&str| !(cfg!(arrayfs_portable) && name.contains(char::is_control));
    for name in names.into_iter().filter(is_listed) {
        let file = dir.file(&format!("{name}.bin"), [7; 100]);
        let point = dir.directory(name);
        for word in 0..2 {
            dir.arrayfs(&[&file, &point]).run().succeeds_silently();
            let list = dir.arrayfs(&["--list"]).run().succeeds();
            // The shell takes the line apart.
            let own = dir.path().display();
            let lines = list
                .lines()
                .filter(|line| line.contains(&format!("{own}/")));
            let [line] = lines.collect::<Vec<_>>()[..] else {
                panic!("{list}");
            };
            let line = line.split_once("  |u1").unwrap().0;
            let unmount = format!("words=({line}); {ARRAYFS} -u \"${{words[{word}]}}\"");
            let unmounted = dir.command("bash", &["-c", &unmount]);
            unmounted.run().succeeds_silently();
            assert!(mounts_below(dir.path()).is_empty(), "{line}");
        }
    }
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
    for (typed, expected) in [
        ("--mode ", "r r+ w+ c"),
        ("--cache a", "auto always"),
        ("--passt", "--passthrough"),
        ("--generate z", "zsh"),
    ] {
        let bash = format!(
            "source {docs}/arrayfs.bash; COMP_LINE='arrayfs {typed}'; \
             COMP_WORDS=(arrayfs {typed} ''); \
             [[ '{typed}' == *' ' ]] || unset 'COMP_WORDS[-1]'; \
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _arrayfs arrayfs \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; \
             echo ${{COMPREPLY[@]}}"
        );
        let completed = dir.command("bash", &["-c", &bash]).run().succeeds();
        assert_eq!(completed.trim(), expected, "{typed}");
    }
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
        "The array:",
        "The mount:",
        "Other commands:",
        "Running:",
        "The files of a mount, where a is the array:",
        "Examples:",
    ];
    assert_eq!(heads, expected, "{help}");
    let examples = help.split_once("Examples:").unwrap().1;
    assert_eq!(examples.matches("$ arrayfs ").count(), 3, "{examples}");
}

#[test]
fn short_help_is_one_screen_and_every_help_shows_the_tree() {
    let dir = Dir::new();
    let short = dir.arrayfs(&["-h"]).run().succeeds();
    assert!(short.lines().count() <= 40, "{short}");
    assert!(short.lines().all(|line| line.len() <= 100), "{short}");
    let long = dir.arrayfs(&["--help"]).run().succeeds();
    let man = dir.arrayfs(&["--generate", "man"]).run().succeeds();
    for (name, text) in [("-h", short), ("--help", long), ("the man page", man)] {
        for path in ["rows/17", "slices/::2,3", "npy/", "csv/", "T/"] {
            assert!(text.contains(path), "{name} has no {path}:\n{text}");
        }
    }
}
