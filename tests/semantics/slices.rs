//! Claims 27 to 29: basic indices as file names, in all spellings, and the bounded table of
//! selections.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};

use crate::common::arrays::{mount_each, numbered, run_script};
use crate::common::{Dir, Mount};

#[test]
fn claim_27_a_slice_is_there_where_numpy_takes_its_index_and_has_its_bytes() {
    let Some(dir) = Dir::with_fuse() else { return };
    for described in [
        ["<i2", "5", "C", "1"],
        ["<f8", "4,6", "F", "16"],
        [">u4", "3,1,4", "C", "0"],
        ["V3", "2,3,2,2", "F", "7"],
        ["u1", "0,3", "C", "0"],
        ["i8", "()", "C", "8"],
    ] {
        let file = dir.file(
            "data.bin",
            (0..=255).cycle().take(1000).collect::<Vec<u8>>(),
        );
        let (mounts, arguments) = mount_each(&dir, &file, &["--mode", "r+"], &[described]);
        run_script(&dir, "semantics/scripts/random_slices.py", &arguments);
        let expected = fs::read(mounts[0].point().with_extension("expected")).unwrap();
        assert!(fs::read(&file).unwrap() == expected, "{described:?}");
    }
}

#[test]
fn claim_27_no_other_text_is_an_index() {
    let Some(dir) = Dir::with_fuse() else { return };
    let mount = dir.mount(&dir.file("data.bin", numbered()), &["--shape", "10,10"]);
    let exists = |name: &str| fs::metadata(mount.join(&format!("slices/{name}"))).is_ok();
    let parts = |count| vec!["0:"; count].join(",");
    for name in [
        "0",
        "007",
        "[1]",
        "1,",
        "None,None,0",
        "\t1 , 2 ",
        "-1:-2:-1",
        "..., 3",
    ] {
        assert!(exists(name), "{name}");
    }
    for name in [
        " ",
        "[]",
        ",",
        "1,,2",
        ",1",
        "1,,",
        "[1",
        "1]",
        "[[1]]",
        "[1][1]",
        "()",
        "(1,)",
        "1 2",
        "+1",
        "- 1",
        "--1",
        "-",
        "1.0",
        "1e1",
        "0x1",
        "1_2_3_4",
        "__0",
        "None_",
        "10",
        "-11",
        "0,0,0",
        "::0",
        "::-00",
        "1:2:3:4",
        "1:x",
        "1:...",
        "None:",
        "...,...",
        "....",
        "none",
        "Ellipsis",
        "True",
        "rows",
        "data",
        "0.npy",
        "\u{a0}1",
        "1\n",
        "\u{661}",
        &parts(3),
    ] {
        assert!(!exists(name), "{name}");
    }
    let of_plain_files = fs::metadata(mount.join("npy/slices/0")).is_err();
    assert!(of_plain_files && fs::metadata(mount.join("csv/slices/0.npy")).is_err());
}

#[test]
fn claim_27_underscores_reach_slices_where_colons_do_not() {
    let Some(dir) = Dir::with_fuse() else { return };
    let mount = dir.mount(&dir.file("data.bin", numbered()), &["--shape", "10,10"]);
    run_script(&dir, "semantics/scripts/colons.py", &[mount.join("")]);
}

fn inode(mount: &Mount, path: &str) -> u64 {
    let found = fs::metadata(mount.join(path));
    found
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .ino()
}

#[test]
fn claim_28_all_spellings_of_a_view_are_one_inode() {
    let Some(dir) = Dir::with_fuse() else { return };
    let mount = dir.mount(&dir.file("data.bin", numbered()), &["--shape", "6,5"]);
    let mut seen = BTreeSet::new();
    for (file, spellings) in [
        (
            "data",
            &[
                "...", ":", ":,:", "[...]", "::1", "-99:99", ":,...", "0:6,", " [ : ] ", "_", "__1",
            ][..],
        ),
        (
            "rows/2",
            &[
                "2",
                "-4",
                "2,...",
                "2,:",
                "[ 2 ]",
                "02",
                "2,",
                "...,2,0:5",
                "2,::1",
            ],
        ),
        ("axes/0/5", &["5", "-1"]),
        (
            "cols/3",
            &[":,3", "...,3", "...,-2", ":, 03", "0:,3", "_,3", "0_,3"],
        ),
        (
            "slices/1:3",
            &[
                "1:3:1", "-5:3", "1:3,:", "1:3,...", "[1:3]", "1_3", "-5_3:1",
            ][..],
        ),
        ("slices/::-1", &["5::-1", "-1::-1", "::-1,:", "99:-99:-1"]),
        ("slices/0,0", &["-6,-5", "0,0,...", "...,0,0"]),
        (
            "slices/2:3",
            &["2:3:9", "2:-3", "None,2", "newaxis,2,:", "2,None"],
        ),
        ("slices/None,2:3", &["newaxis,-4:3", "None,None,2"]),
        ("slices/::2,::-2", &["0:6:2,4::-2", "0:5:2,::-2"]),
        ("slices/3:3", &["4:4", "0:0", "5:1"]),
    ] {
        let number = inode(&mount, file);
        assert!(seen.insert(number), "{file}");
        for spelling in spellings {
            assert_eq!(
                inode(&mount, &format!("slices/{spelling}")),
                number,
                "{spelling}"
            );
        }
    }
    for (slice, file) in [
        ("T/slices/1", "T/rows/1"),
        ("T/slices/:,1", "T/axes/1/1"),
        ("npy/slices/2.npy", "npy/rows/2.npy"),
        ("npy/slices/....npy", "npy/data.npy"),
        ("T/csv/slices/[:,-1].csv", "T/csv/cols/5.csv"),
    ] {
        assert_eq!(inode(&mount, slice), inode(&mount, file), "{slice}");
        assert!(seen.insert(inode(&mount, file)), "{file}");
    }
    for directory in ["", "T/", "npy/", "csv/", "T/npy/"] {
        let listed = fs::read_dir(mount.join(directory).join("slices"))
            .unwrap()
            .count();
        assert_eq!(listed, 0, "{directory}slices");
    }
}

#[test]
fn claim_29_a_slice_that_is_open_keeps_its_inode_and_every_other_is_found_again() {
    let constant = ["--mode", "r", "--cache", "always"];
    for options in [&[][..], &constant] {
        let Some(dir) = Dir::with_fuse() else { return };
        let bytes: Vec<u8> = (0..1000).map(|k| (k % 251) as u8).collect();
        let mount = dir.mount(&dir.file("data.bin", &bytes), options);
        let path = |index: &str| mount.join(&format!("slices/{index}"));
        let inode = |index: &str| fs::metadata(path(index)).unwrap().ino();
        let unopened = inode("::3");
        let open_as = |index: &str, flags| {
            let mut how = fs::OpenOptions::new();
            let write = options.is_empty() && flags == 0;
            let opened = how.read(true).write(write).custom_flags(flags);
            opened.open(path(index)).unwrap()
        };
        let kept = open_as("::2", 0);
        let located = open_as("::5", libc::O_PATH);
        let number = |file: &fs::File| file.metadata().unwrap().ino();
        let before = [number(&kept), number(&located)];
        let look_up = dir.script("semantics/scripts/look_up_slices.py");
        look_up
            .args(&[mount.join("slices")])
            .run()
            .succeeds_silently();

        assert_eq!(number(&kept), before[0], "{options:?}");
        assert_eq!(inode("::2"), before[0]);
        if !options.is_empty() && !cfg!(arrayfs_portable) {
            assert_eq!([number(&located), inode("::5")], [before[1]; 2]);
        }
        assert_eq!(inode(" 0 : : 2 "), before[0]);
        // The table was full several times over, so that its number is another's now.
        assert_ne!(inode("::3"), unopened);
        let every = |step| bytes.iter().copied().step_by(step).collect::<Vec<u8>>();
        // The first read of the open file comes after all these look-ups.
        let mut read = vec![0; 500];
        kept.read_exact_at(&mut read, 0).unwrap();
        assert_eq!(read, every(2), "{options:?}");
        assert_eq!(fs::read(path("::3")).unwrap(), every(3));
        if !options.is_empty() {
            continue;
        }
        fs::write(path("::3"), vec![7; 334]).unwrap();
        kept.write_all_at(&[9], 3).unwrap();
        let data = fs::read(mount.join("data")).unwrap();
        assert_eq!(data[..10], [7, 1, 2, 7, 4, 5, 9, 7, 8, 7]);
    }
}
