//! Entries of `/etc/fstab` and calls of `mount`, from the first to the last command of an
//! administrator.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::common::{Dir, Mount, growth_notice, mounts_below};
use crate::{DAEMON, NOBODY, field};

/// A machine with `data.bin` of 100 bytes and these lines in its fstab, in
/// which `DIR` stands for the test's directory.
fn machine(lines: &str) -> Option<Dir> {
    let dir = Dir::on_own_machine()?;
    dir.file("data.bin", [7; 100]);
    let lines = lines.replace("DIR", &field(dir.path()));
    dir.machine().write_fstab(&lines);
    Some(dir)
}

/// Waits until the daemon of an array has ended well, whose mount is gone.
#[track_caller]
fn ends_well(mut mount: Mount) {
    assert_eq!(mount.ended(), ExitStatus::from_raw(0));
}

#[test]
fn mount_with_a_type_and_options_works_as_for_any_file_system() {
    let Some(dir) = machine("") else { return };
    let point = dir.directory("mnt");
    let items = "dtype=f4,shape=5x5,log-file=mnt.log";
    for words in [
        &["-t", "fuse.arrayfs", "data.bin", "mnt", "-o", items][..],
        &["-t", "fuse.arrayfs", "-o", items, "./data.bin", "./mnt"],
        &["-v", "-t", "fuse.arrayfs", "-o", items, "data.bin", "mnt"],
        &["-t", "fuse", "arrayfs#data.bin", "mnt", "-o", items],
    ] {
        dir.command("mount", words).run().succeeds();
        let mount = Mount::found(&dir, &point);
        assert_eq!(fs::read(point.join("rows/4")).unwrap(), [7; 20]);
        dir.command("umount", &["mnt"]).run().succeeds_silently();
        ends_well(mount);
    }
}

#[test]
fn an_offset_is_given_by_the_name_that_mount_leaves_alone() {
    let Some(dir) = machine("") else { return };
    let bytes: Vec<u8> = (0..100).collect();
    dir.file("data.bin", &bytes);
    let point = dir.directory("mnt");
    let items = "shape=90,array_offset=10,log-file=mnt.log";
    let words = ["-t", "fuse.arrayfs", "data.bin", "mnt", "-o", items];
    dir.command("mount", &words).run().succeeds();
    let mount = Mount::found(&dir, &point);
    assert_eq!(fs::read(point.join("data")).unwrap(), bytes[10..]);
    let meta = fs::read_to_string(point.join("meta.json")).unwrap();
    let file = dir.join("data.bin").display().to_string();
    assert!(meta.contains(&file), "{meta}");
    dir.command("umount", &["mnt"]).run().succeeds_silently();
    ends_well(mount);
}

#[test]
fn a_request_that_cannot_be_followed_is_explained_and_mounts_nothing() {
    let Some(dir) = machine("DIR/data.bin DIR/mnt fuse.arrayfs noauto,dtype=float33 0 0") else {
        return;
    };
    let point = dir.directory("mnt");
    let path = dir.path().display();
    let type_error = "arrayfs: dtype 'float33': not a NumPy type; expected a name such as \
                      float32 or a code such as f4, >i2, S10, M8[ns]\n  names count bits: float16, float32, \
                      float64; codes count bytes: f2, f4, f8\n";
    let of_type = ["-t", "fuse.arrayfs", "-o"];
    for (words, status, expected) in [
        (vec!["mnt"], 2, type_error.to_owned()),
        (
            [&of_type[..], &["frobnicate", "data.bin", "mnt"]].concat(),
            2,
            "arrayfs: -o frobnicate: unknown mount option\n  see arrayfs --help\n".into(),
        ),
        (
            [&of_type[..], &["ro", "none.bin", "mnt"]].concat(),
            3,
            format!("arrayfs: {path}/none.bin: no such file or directory\n"),
        ),
    ] {
        dir.command("mount", &words).run().fails(status, &expected);
        assert!(mounts_below(&point).is_empty(), "{words:?}");
    }
}

#[test]
fn mount_a_mounts_what_is_not_mounted_yet_and_umount_unmounts_it() {
    let lines = "\
        # arrays\n\
        DIR/data.bin    DIR/plain  fuse.arrayfs  shape=10x10,log-file=DIR/plain.log  0 0\n\
        DIR/a,b\\040c.bin  DIR/odd  fuse.arrayfs  ro,shape=10x10,log-file=DIR/odd.log  0 2\n\
        DIR/link.bin  DIR/sym\\040link  fuse.arrayfs  mode=c,log-file=DIR/sym\\040link.log  0 0\n\
        DIR/data.bin    DIR/later  fuse.arrayfs  noauto  0 0\n";
    let Some(dir) = machine(lines) else { return };
    dir.file("a,b c.bin", [7; 100]);
    std::os::unix::fs::symlink("data.bin", dir.join("link.bin")).unwrap();
    let points = ["plain", "odd", "sym link"].map(|name| dir.directory(name));
    let later = dir.directory("later");
    dir.command("mount", &["-a"]).run().succeeds_silently();
    let mounts = points.each_ref().map(|point| Mount::found(&dir, point));
    assert!(mounts_below(&later).is_empty());
    let before = mounts_below(dir.path());
    dir.command("mount", &["-a"]).run().succeeds_silently();
    assert_eq!(mounts_below(dir.path()), before);
    for (point, mount) in points.iter().zip(mounts) {
        assert_eq!(fs::metadata(point.join("data")).unwrap().len(), 100);
        dir.command("umount", &[point]).run().succeeds_silently();
        ends_well(mount);
    }

    // One alone, and all of the kind at once.
    dir.command("mount", &["later"]).run().succeeds_silently();
    dir.command("mount", &["-a", "-t", "fuse.arrayfs"])
        .run()
        .succeeds_silently();
    let mounts = [&points[..], &[later]].concat();
    let mounts: Vec<Mount> = mounts.iter().map(|at| Mount::found(&dir, at)).collect();
    dir.command("umount", &["-a", "-t", "fuse.arrayfs"])
        .run()
        .succeeds_silently();
    mounts.into_iter().for_each(ends_well);
}

#[test]
fn a_file_that_is_missing_is_reported_and_keeps_nothing_else_from_being_mounted() {
    let lines = "\
        DIR/none.bin  DIR/none  fuse.arrayfs  ro,nofail  0 0\n\
        DIR/data.bin  DIR/mnt   fuse.arrayfs  ro,nofail,dtype=u1,shape=100  0 0\n";
    let Some(dir) = machine(lines) else { return };
    dir.directory("none");
    let point = dir.directory("mnt");
    let outcome = dir.command("mount", &["-a"]).run();
    let expected = format!(
        "arrayfs: {}: no such file or directory\n",
        dir.join("none.bin").display()
    );
    // mount leaves `nofail` to the helper and does not tell it.
    const SOME_FAILED: i32 = 64;
    outcome.fails(SOME_FAILED, &expected);
    Mount::found(&dir, &point).unmount();
    assert!(mounts_below(dir.path()).is_empty());
}

#[test]
fn what_systemd_and_others_read_in_fstab_is_accepted() {
    let items = "defaults,noauto,nofail,_netdev,comment=mine,x-systemd.automount,\
                 x-systemd.idle-timeout=10min,x-systemd.requires=network-online.target,\
                 x-gvfs-show,X-mount.mkdir=0700,noatime,nodiratime,suid,dev,exec,rw";
    let line = format!("DIR/data.bin DIR/new/mnt fuse.arrayfs {items} 0 0");
    let Some(dir) = machine(&line) else { return };
    let point = dir.join("new/mnt");
    dir.command("mount", &[&point]).run().succeeds_silently();
    Mount::found(&dir, &point).unmount();
}

#[test]
fn claim_58_a_line_can_have_other_owners_and_bits_accepted() {
    let lines = "\
        DIR/data.bin  DIR/loud   fuse.arrayfs  noauto,log-file=DIR/loud.log         0 0\n\
        DIR/data.bin  DIR/quiet  fuse.arrayfs  noauto,quiet,log-file=DIR/quiet.log  0 0\n";
    let Some(dir) = machine(lines) else { return };
    for (name, expected) in [("loud", false), ("quiet", true)] {
        let point = dir.directory(name);
        dir.command("mount", &[name]).run().succeeds_silently();
        let mount = Mount::found(&dir, &point);
        let bits = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        let changed = fs::set_permissions(point.join("rows/3"), bits);
        assert_eq!(changed.is_ok(), expected, "{name}: {changed:?}");
        mount.unmount();
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "files cannot be extended portably")]
fn a_shape_beyond_the_file_extends_it_and_mount_passes_the_notice_on() {
    let Some(dir) = machine("DIR/data.bin DIR/mnt fuse.arrayfs extend,dtype=u1,shape=20x10 0 0")
    else {
        return;
    };
    let point = dir.directory("mnt");
    let outcome = dir.command("mount", &["mnt"]).run();
    assert_eq!(
        outcome.stderr,
        growth_notice(&dir.join("data.bin"), "r+", 100, 200)
    );
    Mount::found(&dir, &point).unmount();
}

#[test]
fn a_user_may_mount_and_unmount_a_line_that_says_user() {
    let lines = "\
        DIR/data.bin  DIR/mnt    fuse.arrayfs  user,noauto,log-file=DIR/mnt.log  0 0\n\
        DIR/data.bin  DIR/roots  fuse.arrayfs  noauto  0 0\n";
    let Some(dir) = machine(lines) else { return };
    let point = dir.directory_of(NOBODY, "mnt");
    dir.file_of(NOBODY, "data.bin", [7; 100]);
    dir.file_of(NOBODY, "mnt.log", "");
    dir.directory("roots");
    let by = |user, words: &[&str]| dir.command(words[0], &words[1..]).user(user).run();
    by(NOBODY, &["mount", "mnt"]).succeeds_silently();
    let mount = Mount::found(&dir, &point);
    assert_eq!(by(NOBODY, &["cat", "mnt/rows/3"]).succeeds(), "\u{7}");
    for words in [["mount", "roots"], ["umount", "mnt"]] {
        let outcome = by(DAEMON, &words);
        assert!(!outcome.status.success(), "{outcome}");
    }
    by(NOBODY, &["umount", "mnt"]).succeeds_silently();
    ends_well(mount);
}

#[test]
fn remount_is_refused_with_the_way_to_make_a_mount_read_only_which_works() {
    let Some(dir) = machine("") else { return };
    let mount = dir.mount(&dir.join("data.bin"), &["--shape", "10,10"]);
    let point = mount.point();
    let expected = "arrayfs: -o remount: a mount cannot be changed\n  unmount it and mount it \
                    again; mount -i -o remount,ro makes a mount read-only\n";
    for items in ["remount", "remount,ro", "remount,shape=100"] {
        let command = dir.command("mount", &["-o", items]).args(&[point]);
        command.run().fails(2, expected);
    }
    let remount = |items: &str| {
        let command = dir.command("mount", &["-i", "-o", items]).args(&[point]);
        command.run().succeeds_silently();
    };
    let write = || fs::write(point.join("rows/3"), [9; 10]);
    remount("remount,ro");
    let error = write().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    assert_eq!(fs::read(point.join("rows/3")).unwrap(), [7; 10]);
    remount("remount,rw");
    write().unwrap();
    mount.unmount();
    assert_eq!(&fs::read(dir.join("data.bin")).unwrap()[30..40], [9; 10]);
}

#[test]
fn a_name_given_with_fsname_is_shown_and_so_mount_a_does_not_know_the_file() {
    let line = "DIR/data.bin DIR/mnt fuse.arrayfs fsname=scans,log-file=DIR/mnt.log 0 0";
    let Some(dir) = machine(line) else { return };
    let point = dir.directory("mnt");
    dir.command("mount", &["-a"]).run().succeeds_silently();
    let mount = Mount::found(&dir, &point);
    let shown = dir.command("findmnt", &["-n", "-o", "SOURCE", "mnt"]);
    assert_eq!(shown.run().succeeds(), "scans\n");
    let again = dir.command("mount", &["-a"]).run();
    let expected = format!(
        "{}: is already an arrayfs mount, of scans\n",
        point.display()
    );
    assert!(again.stderr.contains(&expected), "{again}");
    mount.unmount();
}
