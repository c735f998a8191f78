//! A backing file on each file system: created, extended, read, written and opened
//! copy-on-write. NumPy and the file itself are the reference.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::common::arrays::Raw;
use crate::common::calls::{Numbers, errno, open};
use crate::common::{Dir, Mount};
use crate::views::Views;
use crate::volumes::{FILE_SYSTEMS, FileSystem, Reserves, Volume, stored};

const ARRAY: Raw = Raw {
    dtype: "<i4",
    shape: "40,30",
    order: "F",
    offset: "100",
};
const END: usize = 100 + 4 * 40 * 30;

/// The same with more rows.
const LONGER: Raw = Raw {
    shape: "90,30",
    ..ARRAY
};
const LONGER_END: usize = 100 + 4 * 90 * 30;

/// The places of each view's bytes in both.
struct Places {
    array: BTreeMap<String, Vec<usize>>,
    longer: BTreeMap<String, Vec<usize>>,
}

#[test]
fn arrays_live_on_every_file_system() {
    let Some(dir) = Dir::for_root() else { return };
    let places = Places {
        array: ARRAY.places(&dir),
        longer: LONGER.places(&dir),
    };
    for kind in &FILE_SYSTEMS {
        let Some(volume) = kind.make(&dir) else {
            continue;
        };
        let file = volume.join("data.bin");
        is_refused_without_space(&dir, kind, &volume);
        let mut expected = is_made(&dir, kind, &file, &places);
        is_grown(&dir, kind, &file, &places, &mut expected);
        is_only_read(&dir, &file, &places, &expected);
        is_copied_on_write(&dir, &file, &places, &expected);
        runs_out_of_space(&dir, kind, &volume);
    }
}

fn mounted(dir: &Dir, raw: &Raw, file: &Path, mode: &str) -> (Mount, String) {
    let mut options = raw.options();
    options.extend(["--mode", mode]);
    if mode == "r+" {
        options.push("--extend");
    }
    let (mount, outcome) = Mount::start(dir, file, &options);
    assert!(outcome.status.success(), "{outcome}");
    (mount, outcome.but_for_what_was_assumed())
}

/// What is said of a file that was made or grown.
fn notice(kind: &FileSystem, file: &Path, what: &str) -> String {
    let file = file.display();
    if kind.reserves.anything() {
        format!("arrayfs: {file}: {what}\n")
    } else {
        let warning = "which are not reserved: a write can fail when the disk is full";
        format!("arrayfs: {file}: {what}, {warning}\n")
    }
}

fn is_refused_without_space(dir: &Dir, kind: &FileSystem, volume: &Volume) {
    if !kind.reserves.anything() {
        return;
    }
    let size = 1usize << 30;
    let shape = size.to_string();
    let file = volume.join("large.bin");
    let message = format!(
        "arrayfs: {}: cannot hold {size} bytes: no space left on device\n",
        file.display()
    );
    let attempt = |mode: &str| {
        let extend = ["--extend"];
        let extend = &extend[..usize::from(mode == "r+")];
        let options = [&["--shape", &shape, "--mode", mode], extend].concat();
        Mount::start(dir, &file, &options).1.fails(3, &message);
    };
    attempt("w+");
    assert!(!file.exists());
    fs::write(&file, [7; 5000]).unwrap();
    let before = stored(&file);
    attempt("w+");
    attempt("r+");
    assert_eq!(fs::read(&file).unwrap(), [7; 5000]);
    File::open(&file).unwrap().sync_all().unwrap();
    assert!(stored(&file) <= before.max(8192), "{}", stored(&file));
    fs::remove_file(file).unwrap();
}

/// Makes the file, uses it well, and returns what it ought to hold.
fn is_made(dir: &Dir, kind: &FileSystem, file: &Path, places: &Places) -> Vec<u8> {
    let (mount, said) = mounted(dir, &ARRAY, file, "w+");
    let quiet = kind.reserves.anything();
    let made = notice(kind, file, &format!("made with {END} bytes"));
    assert_eq!(said, if quiet { "" } else { &made });
    let mut expected = vec![0; END];
    assert_eq!(fs::read(file).unwrap(), expected);
    assert!(!quiet || stored(file) >= END as u64, "{}", stored(file));
    let views = Views::new(&mount, &places.array);
    views.use_well(&mut Numbers(11), &mut expected, 60);
    assert_eq!(fs::read(file).unwrap(), expected);
    mount.unmount();
    assert_eq!(fs::read(file).unwrap(), expected);
    expected
}

fn is_grown(dir: &Dir, kind: &FileSystem, file: &Path, places: &Places, expected: &mut Vec<u8>) {
    if !kind.reserves.anything() {
        // Nothing makes a file longer there that could not cut it as well.
        let options = [&LONGER.options()[..], &["--extend"]].concat();
        let outcome = Mount::start(dir, file, &options).1;
        assert_eq!(outcome.status.code(), Some(3), "{outcome}");
        assert!(outcome.stderr.contains("cannot be extended"), "{outcome}");
        assert_eq!(&fs::read(file).unwrap(), expected);
        let opened = File::options().write(true).open(file).unwrap();
        opened.set_len(LONGER_END as u64).unwrap();
    }
    let (mount, said) = mounted(dir, &LONGER, file, "r+");
    let grown = format!(
        "arrayfs: {}: extended from {END} to {LONGER_END} bytes\n",
        file.display()
    );
    assert_eq!(said, if kind.reserves.anything() { &grown } else { "" });
    expected.resize(LONGER_END, 0);
    assert_eq!(&fs::read(file).unwrap(), expected);
    let views = Views::new(&mount, &places.longer);
    views.use_well(&mut Numbers(12), expected, 60);
    File::open(mount.join("data")).unwrap().sync_all().unwrap();
    mount.unmount();
    assert_eq!(&fs::read(file).unwrap(), expected);
}

fn is_only_read(dir: &Dir, file: &Path, places: &Places, expected: &[u8]) {
    let (mount, said) = mounted(dir, &ARRAY, file, "r");
    assert_eq!(said, "");
    let mut numbers = Numbers(13);
    let views = Views::new(&mount, &places.array);
    (0..60).for_each(|_| views.read(&mut numbers, expected));
    let refused = File::options().write(true).open(mount.join("data"));
    assert_eq!(errno(refused), libc::EROFS);
    mount.unmount();
    assert_eq!(fs::read(file).unwrap(), expected);
}

fn is_copied_on_write(dir: &Dir, file: &Path, places: &Places, expected: &[u8]) {
    let (mount, said) = mounted(dir, &LONGER, file, "c");
    assert_eq!(said, "");
    let mut shown = expected.to_vec();
    let views = Views::new(&mount, &places.longer);
    views.use_well(&mut Numbers(14), &mut shown, 60);
    assert_ne!(shown, expected);
    mount.unmount();
    assert_eq!(fs::read(file).unwrap(), expected);
}

/// Bytes in a row of an array of eight.
const ROW: usize = 1 << 16;
const ROWS: [&str; 2] = ["--shape", "8,65536"];

fn write_row(mount: &Mount, number: usize, byte: u8) -> io::Result<()> {
    let row = open(mount.join(&format!("rows/{number}")));
    row.write_all_at(&[byte; ROW], 0)?;
    row.sync_all()
}

/// On a full file system, writes into the holes of a file fail until there is
/// space, and the rest of the array goes on; so does one that has its space.
fn runs_out_of_space(dir: &Dir, kind: &FileSystem, volume: &Volume) {
    let sparse = volume.join("sparse.bin");
    fs::write(&sparse, [5; ROW]).unwrap();
    let opened = open(&sparse);
    opened.set_len(8 * ROW as u64).unwrap();
    opened.sync_all().unwrap();
    let reserved = volume.join("reserved.bin");
    let mut full = dir.mount(&sparse, &ROWS);
    full.expect_warning("space left on device");
    let safe = Mount::start(dir, &reserved, &[&ROWS[..], &["--mode", "w+"]].concat()).0;
    let filler = volume.fill();

    let errors: Vec<i32> = (1..8)
        .filter_map(|number| write_row(&full, number, 6).err()?.raw_os_error())
        .collect();
    assert!(errors.len() > 4, "{kind:?}: {errors:?}");
    assert!(
        errors.iter().all(|&error| error == libc::ENOSPC),
        "{errors:?}"
    );
    assert_eq!(fs::read(full.join("rows/0")).unwrap(), [5; ROW]);
    if kind.reserves.anything() {
        (0..8).for_each(|number| write_row(&safe, number, 7).unwrap());
    }
    if kind.reserves == Reserves::Everything && kind.reserves.anything() {
        (0..8).for_each(|number| write_row(&safe, number, 8).unwrap());
    }

    fs::remove_file(filler).unwrap();
    File::open(volume.path()).unwrap().sync_all().unwrap();
    (1..8).for_each(|number| write_row(&full, number, 6).unwrap());
    (0..8).for_each(|number| write_row(&safe, number, 9).unwrap());
    full.unmount();
    safe.unmount();
    let expected = [[5; ROW].as_slice(), &[6; 7 * ROW]].concat();
    assert!(fs::read(&sparse).unwrap() == expected);
    assert!(fs::read(&reserved).unwrap() == [9; 8 * ROW]);
}
