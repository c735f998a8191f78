//! Claims 32 and 33: views with an `.npy` header, read and written.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use crate::common::arrays::{mount_each, run_script};
use crate::common::calls::{errno, open, truncated};
use crate::common::{Ability, Dir, Mount, kernel_can};

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_32_files_with_a_header_are_those_that_numpy_saves() {
    let maps = kernel_can(Ability::DirectMappings);
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", Vec::from_iter((0..=250).cycle().take(1200)));
    let described = [
        ["<f8", "4,3", "C", "0"],
        [">i2", "2,3,4", "F", "3"],
        ["S3", "5", "C", "1"],
        ["<U2", "2,2", "F", "0"],
        ["?", "1,1,3", "C", "0"],
        ["<M8[25s]", "()", "C", "8"],
        ["<f4", "0,3", "C", "0"],
        ["<f16", "2,2", "C", "0"],
        [
            "[('x','<f4'),('n',[('é','>u2'),('中','S1')],(2,))]",
            "3",
            "C",
            "0",
        ],
        [
            "{'names':['x','y'],'formats':['<f4','u1'],'offsets':[4,9],'itemsize':16}",
            "2,2",
            "F",
            "0",
        ],
    ];
    let (_mounts, mut arguments) = mount_each(&dir, &file, &["--mode", "r+"], &described);
    let modes = if maps { ",r,r+,c" } else { ",c" };
    arguments.push(modes.into());
    run_script(&dir, "semantics/scripts/npy_views.py", &arguments);
}

#[test]
fn claim_32_a_type_that_numpy_does_not_save_has_no_files_with_a_header() {
    let Some(dir) = Dir::with_fuse() else { return };
    let dtype = "{'names':['whole','low'],'formats':['<u4','<u2'],'offsets':[0,0]}";
    let file = dir.file("data.bin", [7; 40]);
    let mount = dir.mount(&file, &["--dtype", dtype, "--shape", "5,2"]);
    for path in ["npy", "T/npy", "npy/data.npy", "npy/slices/0.npy"] {
        assert_eq!(
            errno(fs::metadata(mount.join(path))),
            libc::ENOENT,
            "{path}"
        );
    }
    assert!(mount.join("fields/low/npy/rows/4.npy").is_file());
    assert!(mount.join("csv/data.csv").is_file());
}

#[test]
fn claim_32_the_whole_of_a_mounted_npy_file_is_that_file() {
    let Some(dir) = Dir::with_fuse() else { return };
    let printed = crate::common::arrays::run_script::<&str>(
        &dir,
        "semantics/scripts/make_npy_headers.py",
        &[],
    );
    for line in printed.lines() {
        let (name, len) = line.split_once(' ').unwrap();
        let file = dir.join(name);
        let stored = fs::read(&file).unwrap();
        let len: usize = len.parse().unwrap();
        let mount = dir.mount(&file, &[]);
        assert_eq!(
            fs::read(mount.join("npy/data.npy")).unwrap(),
            stored[..len],
            "{name}"
        );
        let data = fs::read(mount.join("data")).unwrap();
        let transposed = fs::read(mount.join("T/data")).unwrap();
        let array = &stored[len - 24..len];
        assert_eq!(
            if name == "columns" { transposed } else { data },
            array,
            "{name}"
        );
        // What is written there is written in the file.
        let file = open(mount.join("npy/data.npy"));
        file.write_all_at(&[9; 8], len as u64 - 8).unwrap();
        let before = &stored[..len - 8];
        let after = &stored[len..];
        let expected = [before, &[9; 8], after].concat();
        assert_eq!(fs::read(dir.join(name)).unwrap(), expected, "{name}");
        let other = File::options()
            .write(true)
            .open(mount.join("npy/data.npy"))
            .unwrap();
        assert_eq!(errno(other.write_at(b"\x94", 0)), libc::EINVAL, "{name}");
    }
}

/// The length of the header of a short array.
const HEADER: usize = 128;

/// A mounted `<i2` array of 3 x 4, and the file of its row 1 with a header.
fn row(dir: &Dir) -> (Mount, File, Vec<u8>) {
    let file = dir.file("data.bin", Vec::from_iter(0..24));
    let mount = dir.mount(&file, &["--dtype", "<i2", "--shape", "3,4"]);
    let row = open(mount.join("npy/rows/1.npy"));
    let content = fs::read(mount.join("npy/rows/1.npy")).unwrap();
    assert_eq!(
        (content.len(), &content[HEADER..]),
        (HEADER + 8, &[8, 9, 10, 11, 12, 13, 14, 15][..])
    );
    (mount, row, content)
}

#[test]
fn claim_33_header_bytes_are_written_as_they_are_and_the_array_behind_them() {
    let Some(dir) = Dir::with_fuse() else { return };
    let (mount, row, content) = row(&dir);
    for (round, piece) in [1, 7, 64, 127, 128, 130, 136].into_iter().enumerate() {
        let mut wanted = content.clone();
        wanted[HEADER..].fill(round as u8 + 100);
        for (at, bytes) in wanted.chunks(piece).enumerate() {
            row.write_all_at(bytes, (at * piece) as u64).unwrap();
        }
        assert_eq!(
            fs::read(mount.join("npy/rows/1.npy")).unwrap(),
            wanted,
            "{piece}"
        );
        assert_eq!(
            fs::read(mount.join("rows/1")).unwrap(),
            wanted[HEADER..],
            "{piece}"
        );
    }
    for at in [0, 5, 9, 60, 127] {
        let mut other = content[at..].to_vec();
        other[0] ^= 1;
        let before = fs::read(mount.join("data")).unwrap();
        for len in [1, other.len()] {
            assert_eq!(
                errno(row.write_at(&other[..len], at as u64)),
                libc::EINVAL,
                "{at}"
            );
        }
        assert_eq!(fs::read(mount.join("data")).unwrap(), before, "{at}");
    }
    // After a truncation the gap before what is written is filled around them.
    for resized in [false, true] {
        let row = truncated(mount.join("npy/rows/1.npy"));
        row.write_all_at(&[1, 2], HEADER as u64 + 2).unwrap();
        assert_eq!(fs::read(mount.join("rows/1")).unwrap()[..4], [0, 0, 1, 2]);
        drop(row);
        let row = truncated(mount.join("npy/rows/1.npy"));
        if resized {
            row.set_len(content.len() as u64).unwrap();
            assert_eq!(fs::read(mount.join("rows/1")).unwrap(), [0; 8]);
        }
    }
}

/// A header of `HEADER` bytes with this text.
fn header(version: u8, text: &str) -> Vec<u8> {
    let width = if version == 1 { 2 } else { 4 };
    let len = (HEADER - 8 - width) as u32;
    let mut header = [
        &b"\x93NUMPY"[..],
        &[version, 0],
        &len.to_le_bytes()[..width],
    ]
    .concat();
    header.extend(text.as_bytes());
    header.resize(HEADER - 1, b' ');
    header.push(b'\n');
    header
}

#[test]
fn claim_33_another_header_of_the_same_meaning_can_stand_first_in_one_write() {
    let Some(dir) = Dir::with_fuse() else { return };
    let (mount, row, content) = row(&dir);
    let plain = "{'descr': '<i2', 'fortran_order': False, 'shape': (4,), }";
    let mut value = 50;
    let mut write = |bytes: &[u8], taken: bool| {
        value += 1;
        let bytes = [bytes, &[value; 8]].concat();
        let before = fs::read(mount.join("data")).unwrap();
        let outcome = row.write_at(&bytes, 0);
        if taken {
            assert_eq!(outcome.unwrap(), bytes.len());
            assert_eq!(fs::read(mount.join("rows/1")).unwrap(), [value; 8]);
        } else {
            assert_eq!(errno(outcome), libc::EINVAL);
            assert_eq!(fs::read(mount.join("data")).unwrap(), before);
        }
        let now = fs::read(mount.join("npy/rows/1.npy")).unwrap();
        assert_eq!(now[..HEADER], content[..HEADER]);
    };
    for (version, text) in [
        (1, plain),
        (2, plain),
        (3, plain),
        (1, "{'shape': (4,), 'fortran_order': False, 'descr': '<i2'}"),
        (
            1,
            "{\"shape\":(4L,),\"descr\":\"<i2\",\"fortran_order\":False}",
        ),
        // Of one axis, both orders are the same.
        (
            1,
            "{'descr': '<i2', 'fortran_order': True, 'shape': (4,), }",
        ),
    ] {
        write(&header(version, text), true);
    }
    for (version, text) in [
        (
            1,
            "{'descr': '>i2', 'fortran_order': False, 'shape': (4,), }",
        ),
        (
            1,
            "{'descr': '<u2', 'fortran_order': False, 'shape': (4,), }",
        ),
        (
            1,
            "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2), }",
        ),
        (
            1,
            "{'descr': '<i2', 'fortran_order': False, 'shape': (5,), }",
        ),
        (1, "{'descr': '<i2', 'fortran_order': False}"),
        (4, plain),
        (1, "nonsense"),
    ] {
        write(&header(version, text), false);
    }
    // Complete, but of another length.
    write(&header(1, plain)[..HEADER - 1], false);
    // In two writes, the first of them has bytes that are not those of the file.
    let other = header(2, plain);
    assert_eq!(errno(row.write_at(&other[..60], 0)), libc::EINVAL);
    assert_eq!(errno(row.write_at(&other[60..], 60)), libc::EINVAL);
    assert_eq!(row.write_at(&other, 0).unwrap(), HEADER);
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_33_numpy_saves_what_fits_and_changes_nothing_otherwise() {
    let maps = kernel_can(Ability::DirectMappings);
    let ways = if maps { "memmap" } else { "" };
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", Vec::from_iter(0..240));
    let described = [["<i2", "3,4", "C", "0"], [">i4", "3,5", "F", "2"]];
    for described in described {
        let (_mounts, mut arguments) = mount_each(&dir, &file, &["--mode", "c"], &[described]);
        arguments.push(ways.into());
        run_script(&dir, "semantics/scripts/save_npy.py", &arguments);
    }
}
