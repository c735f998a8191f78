//! Claims 45 and 46: passthrough of files that show the whole backing file.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use memmap2::{MmapOptions, MmapRaw};
use nix::sys::signal::Signal;

use crate::common::arrays::{at, mounted, save_npy};
use crate::common::calls::{errno, open, truncated};
use crate::common::{Ability, Dir, Mount, in_time, needs};

/// What the log says of a mount where a file has been opened past the daemon.
const SAYS: &str = ": the kernel reads whole-file views itself";

/// Opens a file, stops the daemon, and reads all of it.
fn read_past_the_daemon(mount: &Mount, path: &str) -> Vec<u8> {
    let file = File::open(mount.join(path)).unwrap();
    let len = file.metadata().unwrap().len() as usize;
    mount.signal(Signal::SIGSTOP);
    let read = in_time(path, move || {
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    });
    mount.signal(Signal::SIGCONT);
    read.expect("the daemon is not asked")
}

fn numbered(len: usize) -> Vec<u8> {
    (0..len).map(|k| (k * 7 % 251) as u8).collect()
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "there is no passthrough portably")]
fn claim_45_the_kernel_reads_what_shows_the_whole_file_itself() {
    if !needs(Ability::Passthrough) {
        return;
    }
    let Some(dir) = Dir::for_root() else { return };
    let bytes = numbered(10_000);
    let raw = dir.file("data.bin", &bytes);
    let npy = save_npy(
        &dir,
        "a.npy",
        "np.arange(3000, dtype='<f4').reshape(30, 100)",
    );
    let square = ["--shape", "100,100"];
    for (file, options, path, native) in [
        (
            &raw,
            &[&square[..], &["--mode", "r"]].concat(),
            "data",
            true,
        ),
        (
            &raw,
            &[&square[..], &["-o", "ro"]].concat(),
            "slices/...",
            true,
        ),
        (
            &raw,
            &[&square[..], &["--mode", "r", "--order", "F"]].concat(),
            "T/data",
            true,
        ),
        (
            &raw,
            &[&square[..], &["--mode", "r", "--order", "F"]].concat(),
            "data",
            false,
        ),
        (
            &raw,
            &vec!["--shape", "1,10000", "--mode", "r"],
            "rows/0",
            true,
        ),
        (
            &raw,
            &vec!["--shape", "100,99", "--mode", "r"],
            "data",
            false,
        ),
        (&raw, &vec!["--offset", "100", "--mode", "r"], "data", false),
        (
            &raw,
            &[&square[..], &["--mode", "r"]].concat(),
            "rows/3",
            false,
        ),
        (
            &raw,
            &[&square[..], &["--mode", "r"]].concat(),
            "npy/data.npy",
            false,
        ),
        (
            &raw,
            &[&square[..], &["--mode", "r", "--passthrough", "never"]].concat(),
            "data",
            false,
        ),
        (&raw, &square.to_vec(), "data", false),
        (
            &raw,
            &[&square[..], &["--passthrough", "rw"]].concat(),
            "data",
            true,
        ),
        (
            &raw,
            &[&square[..], &["--passthrough", "rw", "--cache", "auto"]].concat(),
            "data",
            false,
        ),
        (
            &raw,
            &[&square[..], &["--mode", "c"]].concat(),
            "data",
            false,
        ),
        (
            &raw,
            &[&square[..], &["--mode", "c", "-o", "ro"]].concat(),
            "data",
            false,
        ),
        (&npy, &vec!["--mode", "r"], "npy/data.npy", true),
        (&npy, &vec!["--mode", "r"], "data", false),
        (&npy, &vec!["--passthrough", "rw"], "npy/data.npy", false),
    ] {
        let options = [&options[..], &["-v"]].concat();
        let mount = mounted(&dir, file, &options);
        let case = format!("{path} with {options:?}");
        match native {
            true => {
                let read = read_past_the_daemon(&mount, path);
                assert_eq!(read, fs::read(file).unwrap(), "{case}");
            }
            false => drop(fs::read(mount.join(path)).unwrap()),
        }
        let log = mount.point().with_extension("log");
        mount.unmount();
        // Whoever logs waits for nobody, but the end of the daemon for the log.
        let log = fs::read_to_string(log).unwrap();
        assert_eq!(log.contains(SAYS), native, "{case}");
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_45_a_file_on_a_fuse_file_system_is_read_by_the_daemon() {
    let Some(dir) = Dir::for_root() else { return };
    let file = dir.file("data.bin", numbered(10_000));
    let below = dir.mount(&file, &["--shape", "10,1000", "--mode", "r"]);
    let mount = mounted(&dir, &below.join("rows/3"), &["--mode", "r", "-v"]);
    assert_eq!(
        fs::read(mount.join("data")).unwrap(),
        numbered(10_000)[3000..4000]
    );
    let log = mount.point().with_extension("log");
    mount.unmount();
    assert!(!fs::read_to_string(log).unwrap().contains(SAYS));
    below.unmount();
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "there is no passthrough portably")]
fn claim_45_such_a_file_is_as_long_as_the_backing_file() {
    if !needs(Ability::Passthrough) {
        return;
    }
    let Some(dir) = Dir::for_root() else { return };
    let file = dir.file("data.bin", numbered(10_000));
    let mut mount = mounted(&dir, &file, &["--shape", "10,1000", "--mode", "r"]);
    mount.expect_warning("needs byte 6100 of the backing file, which now has 5000");
    let data = File::open(mount.join("data")).unwrap();
    let backing = open(&file);
    let mut bytes = [0; 100];
    backing.write_all_at(&[9; 50], 10_000).unwrap();
    assert_eq!(data.read_at(&mut bytes, 9_990).unwrap(), 60);
    backing.set_len(5_000).unwrap();
    assert_eq!(data.read_at(&mut bytes, 4_990).unwrap(), 10);
    assert_eq!(data.read_at(&mut bytes, 5_000).unwrap(), 0);
    let row = File::open(mount.join("rows/6")).unwrap();
    let error = row.read_at(&mut bytes, 0).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EIO));
}

#[test]
fn claim_46_what_is_written_past_the_daemon_is_read_through_every_view() {
    let Some(dir) = Dir::for_root() else { return };
    let file = dir.file("data.bin", numbered(10_000));
    let mount = mounted(&dir, &file, &["--shape", "100,100", "--passthrough", "rw"]);
    let row = File::open(mount.join("rows/7")).unwrap();
    let data = open(mount.join("data"));
    let again = File::open(mount.join("slices/:")).unwrap();
    let map = MmapRaw::map_raw(&data);
    for turn in 1..50u8 {
        data.write_all_at(&[turn; 150], 680).unwrap();
        let mut expected = fs::read(&file).unwrap();
        assert_eq!(expected[680..830], [turn; 150]);
        let mut bytes = [0; 100];
        row.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(bytes[..], expected[700..800]);
        again.read_exact_at(&mut bytes, 650).unwrap();
        assert_eq!(bytes[..], expected[650..750]);
        let column = fs::read(mount.join("cols/5")).unwrap();
        let places: Vec<usize> = (0..100).map(|k| 100 * k + 5).collect();
        assert_eq!(column, at(&expected, &places));
        // The other way round.
        fs::write(mount.join("rows/8"), [turn + 1; 100]).unwrap();
        data.read_exact_at(&mut bytes, 800).unwrap();
        assert_eq!(bytes, [turn + 1; 100]);
        expected[800..900].fill(turn + 1);
        assert_eq!(fs::read(&file).unwrap(), expected);
        if let Ok(map) = &map {
            // SAFETY: within the mapping, and any byte is valid.
            assert_eq!(unsafe { map.as_ptr().add(850).read_volatile() }, turn + 1);
        }
    }
    data.sync_all().unwrap();
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "there is no passthrough portably")]
fn claim_46_what_is_written_past_the_daemon_is_not_lost_to_a_page_of_another_view() {
    if !needs(Ability::Passthrough) {
        return;
    }
    let Some(dir) = Dir::for_root() else { return };
    let file = dir.file("data.bin", numbered(4 * 4096));
    let mount = mounted(&dir, &file, &["--shape", "4,4096", "--passthrough", "rw"]);
    let row = open(mount.join("rows/0"));
    let shared = MmapRaw::map_raw(&row);
    if let Ok(map) = &shared {
        // SAFETY: within the mapping, and any byte is valid.
        unsafe { map.as_mut_ptr().add(100).write_volatile(1) };
    }
    let data = open(mount.join("data"));
    data.write_all_at(b"XYZ", 0).unwrap();
    data.sync_all().unwrap();
    if let Ok(map) = &shared {
        map.flush().unwrap();
    }
    let mut bytes = [0; 3];
    row.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"XYZ");
    assert_eq!(&fs::read(&file).unwrap()[..3], b"XYZ");
    assert_eq!(errno(shared.map(|_| ())), libc::ENODEV);
    // The file itself can be mapped, and other views privately.
    MmapRaw::map_raw(&data).unwrap();
    // SAFETY: nothing is changed while it is mapped.
    let private = unsafe { MmapOptions::new().map_copy(&row) }.unwrap();
    assert_eq!(&private[..3], b"XYZ");
}

#[test]
fn claim_46_tools_that_truncate_first_leave_what_they_wrote() {
    let Some(dir) = Dir::for_root() else { return };
    let original = numbered(10_000);
    let file = dir.file("data.bin", &original);
    let new: Vec<u8> = original.iter().map(|byte| !byte).collect();
    let source = dir.file("new.bin", &new);
    let mount = mounted(&dir, &file, &["--shape", "100,100", "--passthrough", "rw"]);
    let data = mount.join("data");
    let check = |expected: &[u8], what: &str| {
        assert_eq!(fs::read(&file).unwrap(), expected, "{what}");
        assert_eq!(fs::read(&data).unwrap(), expected, "{what}");
        fs::write(&file, &original).unwrap();
    };
    let words = |words: &[&str], paths: &[&Path]| {
        dir.command(words[0], &words[1..])
            .args(paths)
            .run()
            .succeeds();
    };
    words(&["cp"], &[&source, &data]);
    check(&new, "cp");
    let script = "cat \"$1\" > \"$2\"";
    words(&["sh", "-c", script, "sh"], &[&source, &data]);
    check(&new, "a redirection");
    words(&["sh", "-c", ": > \"$1\"", "sh"], &[&data]);
    check(&original, "truncation alone");
    // The size is given at the end, as `cp --sparse` does.
    let mut written = truncated(&data);
    written.write_all(&new).unwrap();
    written.set_len(10_000).unwrap();
    written.rewind().unwrap();
    drop(written);
    check(&new, "the full size in the end");
    // Truncated by its name before it is opened.
    nix::unistd::truncate(&data, 0).unwrap();
    let written = open(&data);
    written.write_all_at(&new[..100], 0).unwrap();
    written.set_len(10_000).unwrap();
    drop(written);
    check(&[&new[..100], &[0; 9_900]].concat(), "truncated by name");
}

#[test]
fn claim_09_nothing_is_truncated_while_the_kernel_writes_the_file_itself() {
    let Some(dir) = Dir::for_root() else { return };
    let file = dir.file("data.bin", numbered(64));
    let mount = mounted(&dir, &file, &["--shape", "4,16", "--passthrough", "rw"]);
    for data_first in [true, false] {
        let row = || truncated(mount.join("rows/3"));
        let data = || open(mount.join("data"));
        let (data, row) = match data_first {
            true => {
                let data = data();
                (data, row())
            }
            false => {
                let row = row();
                (data(), row)
            }
        };
        data.write_all_at(b"BBBB", 48).unwrap();
        row.write_all_at(b"x", 8).unwrap();
        let stored = fs::read(&file).unwrap();
        assert_eq!(&stored[48..52], b"BBBB", "data first: {data_first}");
        data.write_all_at(b"....", 48).unwrap();
    }
}
