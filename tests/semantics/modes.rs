//! Claims 16, 17 and 48: the effect of each mode on the file, and write permission in mode `c`.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, chown};
use std::path::Path;
use std::time::SystemTime;

use memmap2::MmapOptions;

use crate::common::arrays::{hundred, mounted, numbered, run_script};
use crate::common::calls::{errno, open};
use crate::common::{ARRAYFS, Dir, Mount, lengthen_portably, mounts_below};
use crate::storage::blocks;

/// Does the same to a file through a mount.
fn through_a_mount(dir: &Dir, file: &Path, mode: &str, shape: &str) -> String {
    // NumPy extends without being told to.
    let extend = ["--extend"];
    let extend = &extend[..usize::from(mode == "r+")];
    let options = [&["--mode", mode, "--shape", shape], extend].concat();
    let (mount, outcome) = Mount::start(dir, file, &options);
    if !outcome.status.success() {
        return "refused".into();
    }
    if mode == "r" {
        let refused = File::options().write(true).open(mount.join("data"));
        assert_eq!(errno(refused), libc::EROFS);
    } else {
        open(mount.join("data")).write_all_at(&[7], 1).unwrap();
    }
    let items = fs::read(mount.join("data")).unwrap();
    items.iter().map(|item| format!("{item:02x}")).collect()
}

#[test]
fn claim_16_modes_do_to_the_file_what_they_do_in_numpy() {
    let Some(dir) = Dir::with_fuse() else { return };
    let both = ["ours", "numpys"].map(|whose| dir.directory(whose));
    let mut names = Vec::new();
    for mode in ["r", "r+", "w+", "c"] {
        for shape in ["30", "100", "130"] {
            for file in ["there", "missing"] {
                let name = format!("{mode}-{shape}-{file}");
                if file == "there" {
                    for dir in &both {
                        fs::write(dir.join(&name), numbered()).unwrap();
                    }
                }
                names.push(name);
            }
        }
    }
    let printed = run_script(&dir, "semantics/scripts/memmap_modes.py", &names);
    for (name, expected) in names.iter().zip(printed.lines()) {
        let [ours, numpys] = both.each_ref().map(|dir| dir.join(name));
        let mut words = name.split('-');
        let [mode, shape] = [words.next().unwrap(), words.next().unwrap()];
        if mode == "r+" {
            lengthen_portably(&ours, shape.parse().unwrap());
        }
        assert_eq!(
            through_a_mount(&dir, &ours, mode, shape),
            expected,
            "{name}"
        );
        assert_eq!(fs::read(ours).ok(), fs::read(numpys).ok(), "{name}");
    }
}

#[test]
fn claim_16_mode_c_never_changes_the_file() {
    let Some((dir, mount)) = hundred(&["--mode", "c"]) else {
        return;
    };
    fs::write(mount.join("cols/2"), [200; 10]).unwrap();
    File::open(mount.join("cols/2"))
        .unwrap()
        .sync_all()
        .unwrap();
    let mut expected = numbered();
    (2..100).step_by(10).for_each(|place| expected[place] = 200);
    assert_eq!(fs::read(mount.join("data")).unwrap(), expected);
    mount.unmount();
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), numbered());
}

#[test]
fn claim_48_a_cut_takes_private_pages_behind_it_as_of_any_mapping() {
    const PAGE: usize = 4096;
    let Some(dir) = Dir::with_fuse() else { return };
    let original: Vec<u8> = (0..8 * PAGE).map(|k| (k * 7 % 251) as u8).collect();
    for cut in [0, 1, PAGE, PAGE + 1000, 3 * PAGE - 1, 8 * PAGE - 1] {
        let file = dir.file("data.bin", &original);
        let mount = mounted(&dir, &file, &["--shape", "8,4096", "--mode", "c"]);
        let backing = open(&file);
        // SAFETY: this is accessed only while all of it is in the file.
        let mut judge = unsafe { MmapOptions::new().map_copy(&backing) }.unwrap();
        let data = open(mount.join("data"));
        for at in (0..8 * PAGE - 100).step_by(PAGE - 50) {
            data.write_all_at(&[255; 100], at as u64).unwrap();
            judge[at..at + 100].fill(255);
        }
        backing.set_len(cut as u64).unwrap();
        backing.write_all_at(&original[cut..], cut as u64).unwrap();
        let shown = fs::read(mount.join("data")).unwrap();
        let wrong = shown.iter().zip(&judge[..]).position(|(a, b)| a != b);
        assert_eq!(wrong, None, "cut to {cut}");
        let rest = cut.next_multiple_of(PAGE);
        assert_eq!(shown[rest..], original[rest..], "cut to {cut}");
        assert_eq!(shown[..100] == [255; 100], cut > 0, "cut to {cut}");
        drop(data);
        mount.unmount();
    }
}

/// The bytes, the blocks and the time of modification of a file, if there is one.
fn state(file: &Path) -> Option<(Vec<u8>, u64, SystemTime)> {
    let modified = fs::metadata(file).ok()?.modified().unwrap();
    Some((fs::read(file).unwrap(), blocks(file), modified))
}

/// Has arrayfs, started by the command `limits`, fail to mount files in modes
/// that change them with the exit status `status`, and checks that it has not.
fn changes_nothing(dir: &Dir, limits: &[&str], status: i32) {
    let sparse = File::create(dir.file("sparse.bin", "")).unwrap();
    sparse.write_all_at(b"7", 1 << 16).unwrap();
    dir.file("data.bin", numbered());
    dir.directory("mnt");
    for foreground in [&[][..], &["-f"]] {
        for (name, mode, shape) in [
            ("data.bin", "w+", "1000,1000"),
            ("data.bin", "r+", "1000,1000"),
            ("sparse.bin", "w+", "1000,1000"),
            ("sparse.bin", "r+", "1000,1000"),
            ("new.bin", "w+", "1000,1000"),
        ] {
            let file = dir.join(name);
            let before = state(&file);
            let array = [ARRAYFS, "--mode", mode, "--shape", shape, name, "mnt"];
            let extend = ["--extend"];
            let extend = &extend[..usize::from(mode == "r+")];
            let command = dir.command(limits[0], &limits[1..]).args(&array);
            let command = command.args(extend);
            let outcome = command.args(foreground).run();
            assert_eq!(outcome.status.code(), Some(status), "{outcome}");
            assert!(outcome.stderr.contains(": cannot "), "{outcome}");
            assert!(mounts_below(dir.path()).is_empty(), "{outcome}");
            assert!(state(&file) == before, "{outcome}");
        }
    }
}

#[test]
fn claim_16_a_mount_that_fails_changes_nothing() {
    let Some(dir) = Dir::for_root() else { return };
    // All else succeeds, but without this capability nobody mounts.
    changes_nothing(&dir, &["setpriv", "--bounding-set=-sys_admin"], 5);
}

#[test]
fn claim_16_a_size_beyond_the_limit_of_the_process_changes_nothing() {
    let Some(dir) = Dir::with_fuse() else { return };
    changes_nothing(&dir, &["prlimit", "--fsize=100000"], 3);
}

/// A user without rights.
const NOBODY: u32 = 65534;

/// Writes to a row, and prints what it holds then, its bits, and those of `meta.json`.
const WRITE: &str = r#"
printf abc >"$1/rows/4" || echo refused
echo "$(cat "$1/rows/4")" $(stat -c %a "$1/rows/4" "$1/meta.json")
"#;

/// Has user 65534 mount a file of this owner and with these bits, and write;
/// what is printed. `None` where it cannot be tried.
fn written_by_nobody(owner: (u32, u32), bits: u32, options: &[&str]) -> Option<String> {
    let dir = Dir::on_own_machine()?;
    let file = dir.file("data.bin", [b'-'; 100]);
    chown(&file, Some(owner.0), Some(owner.1)).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(bits)).unwrap();
    let options = [&["--shape", "10,10"], options].concat();
    let (mount, outcome) = Mount::start_as(&dir, NOBODY, &file, &options);
    outcome.succeeds_silently();
    let shell = dir.command("sh", &["-c", WRITE, "sh"]).user(NOBODY);
    let printed = shell.args(&[mount.point()]).run().succeeds();
    assert_eq!(fs::read(file).unwrap(), [b'-'; 100]);
    Some(printed)
}

#[test]
fn claim_17_who_mounts_under_mode_c_may_write() {
    for (owner, bits, options, expected) in [
        ((0, 0), 0o444, &[][..], "446 444"),
        ((0, 0), 0o644, &[], "646 444"),
        ((0, NOBODY), 0o444, &[], "464 444"),
        ((0, NOBODY), 0o460, &[], "460 444"),
        ((NOBODY, NOBODY), 0o444, &[], "644 444"),
        ((NOBODY, 0), 0o400, &[], "600 444"),
        ((0, 0), 0o444, &["-o", "uid=65534"], "644 444"),
        ((0, 0), 0o444, &["-o", "umask=0333"], "446 444"),
    ] {
        let options = [&["--mode", "c"], options].concat();
        let Some(printed) = written_by_nobody(owner, bits, &options) else {
            return;
        };
        assert_eq!(
            printed,
            format!("abc------- {expected}\n"),
            "{owner:?} {bits:o}"
        );
    }
}

#[test]
fn claim_17_other_modes_and_read_only_mounts_keep_to_the_bits() {
    for options in [&["--mode", "r"][..], &["--mode", "c", "-o", "ro"]] {
        let Some(printed) = written_by_nobody((0, 0), 0o444, options) else {
            return;
        };
        assert_eq!(printed, "refused\n---------- 444 444\n", "{options:?}");
    }
}

#[test]
fn claim_17_root_may_write_whatever_the_bits_are() {
    let Some(dir) = Dir::for_root() else { return };
    let file = dir.file("data.bin", numbered());
    fs::set_permissions(&file, Permissions::from_mode(0o444)).unwrap();
    let mount = dir.mount(&file, &["--shape", "10,10", "--mode", "c"]);
    let row = mount.join("rows/4");
    assert_eq!(
        fs::metadata(&row).unwrap().permissions().mode() & 0o777,
        0o444
    );
    fs::write(&row, "abc").unwrap();
    assert_eq!(fs::read(&row).unwrap(), b"abc+,-./01");
    mount.unmount();
    assert_eq!(fs::read(&file).unwrap(), numbered());
}
