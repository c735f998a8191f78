//! Claim 54: files of a known format that do not contain a plain array are refused.

use std::fs;
use std::path::PathBuf;

use crate::common::Dir;
use crate::common::arrays::run_script;

#[test]
fn claim_54_a_file_of_a_known_kind_is_refused_with_what_it_is() {
    let Some(dir) = Dir::with_fuse() else { return };
    run_script(&dir, "semantics/scripts/make_foreign_files.py", &[""; 0]);
    let found = [dir.path(), &dir.join("big")].map(|place| fs::read_dir(place).unwrap());
    let found = found.into_iter().flatten().flatten();
    let places: Vec<PathBuf> = found.map(|found| found.path()).collect();
    assert_eq!(places.len(), 44);
    for path in places {
        let name = path.file_name().unwrap().to_str().unwrap();
        if ["a.bin", "big", "data"].contains(&name) {
            continue;
        }
        for how in [
            &["--info"][..],
            &["mnt", "--mode", "c"],
            &["mnt", "--mode", "r"],
        ] {
            let outcome = dir.arrayfs(&[&path]).args(how).run();
            assert_eq!(outcome.status.code(), Some(3), "{outcome}");
            let expected = format!("arrayfs: {}: is {name}\n  ", path.display());
            assert!(outcome.stderr.starts_with(&expected), "{outcome}");
            assert!(outcome.stderr.lines().count() == 2, "{outcome}");
        }
        if path.is_dir() {
            continue;
        }
        // Whoever says so has its bytes.
        for options in [
            ["--format", "raw"],
            ["--dtype", "u1"],
            ["--shape", "10"],
            ["--order", "F"],
            ["--offset", "3"],
        ] {
            let info = dir.arrayfs(&options).args(&["--info"]);
            let info = info.args(&[&path]).run();
            assert!(info.succeeds().contains("\"uint8\""), "{name}");
        }
    }
}

/// The files that were made by hand above, and what file(1) takes them for.
const JUDGED: [(&str, &str); 11] = [
    ("a MATLAB file", "Matlab v5 mat-file"),
    ("a GRIB file", "Gridded binary (GRIB)"),
    ("an HDF4 file", "Hierarchical Data Format (version 4)"),
    ("an ORC file", "Apache ORC"),
    ("an Avro file", "Apache Avro"),
    ("a 7z archive", "7-zip archive"),
    ("a RAR archive", "RAR archive"),
    ("lz4-compressed", "LZ4 compressed"),
    ("a cpio archive", "ASCII cpio archive"),
    ("a WebP image", "Web/P image"),
    ("zstd-compressed", "Zstandard compressed"),
];

#[test]
fn the_files_of_known_kinds_are_such_to_file_too() {
    let Some(dir) = Dir::with_fuse() else { return };
    run_script(&dir, "semantics/scripts/make_foreign_files.py", &[""; 0]);
    for (name, expected) in JUDGED {
        let said = dir.command("file", &["-b", name]).run().succeeds();
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn claim_54_two_letters_without_their_size_are_numbers() {
    let Some(dir) = Dir::with_fuse() else { return };
    run_script(&dir, "semantics/scripts/make_foreign_files.py", &[""; 0]);
    let info = dir.arrayfs(&["--info", "data"]).run();
    assert!(info.succeeds().contains("\"shape\": [400]"));
}

/// What arrays can begin with, and how often.
const NUMBERS: [(&str, &[u8], usize); 19] = [
    ("pink RGB pixels", b"\xff\xd8\xff", 400),
    ("green RGB pixels", b"\x1f\x8b\x08", 400),
    ("teal RGB pixels", b"\x1f\x9d\x90", 400),
    ("dates of July", b"070701070702070703", 60),
    ("the same date", b"070707", 200),
    ("a constant as of HDF4", b"\x0e\x03\x13\x01", 100),
    ("a constant as of TIFF", b"II*\0", 100),
    ("a constant as of OpenEXR", b"\x76\x2f\x31\x01", 100),
    ("a count without items", b"\0\0\x08\x01\0\0\0\0", 1),
    ("numbers as of a pickle", b"\x80\x02", 100),
    ("words as of Netpbm", b"P5 ", 100),
    ("bases as of NetCDF", b"CDF\x01", 100),
    ("amino acids", b"GGUF", 100),
    ("words as of Parquet", b"PAR1ABCD", 100),
    ("the word of Parquet", b"PAR1", 100),
    ("words as of Feather", b"FEA1", 100),
    ("names of birds", b"SWAN\0\0\0\0DUCK\0\0\0\0", 100),
    ("names of users", b"root\0\0\0\0user\0\0\0\0", 100),
    ("monsters", b"ORC\0", 100),
];

#[test]
fn claim_54_numbers_that_begin_like_a_known_format_are_an_array() {
    let Some(dir) = Dir::with_fuse() else { return };
    for (name, bytes, count) in NUMBERS {
        let path = dir.join(name);
        fs::write(&path, bytes.repeat(count)).unwrap();
        let mount = dir.mount(&path, &[]);
        let read = fs::read(mount.point().join("data")).unwrap();
        assert_eq!(read, bytes.repeat(count), "{name}");
    }
}
