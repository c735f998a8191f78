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
    assert_eq!(places.len(), 48);
    for path in places {
        let name = path.file_name().unwrap().to_str().unwrap();
        if ["a.bin", "big", "data"].contains(&name) {
            continue;
        }
        for how in [
            &["--info"][..],
            &["mnt", "--shape", "10"],
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
        for options in [["--format", "raw"], ["--dtype", "u1"]] {
            let info = dir.arrayfs(&options).args(&["--info"]);
            let info = info.args(&[&path]).run();
            assert!(info.succeeds().contains("\"uint8\""), "{name}");
        }
    }
}

/// The files that were made by hand above, and what file(1) takes them for.
const JUDGED: [(&str, &str); 16] = [
    ("a NIfTI image", "NIfTI-1 neuroimaging data,"),
    ("a NIfTI header", "NIfTI-1 neuroimaging data header"),
    ("big/a NIfTI image", "NIfTI-2 neuroimaging data, big endian"),
    ("an MRC map", "CCP4 Electron Density Map"),
    ("a MATLAB file", "Matlab v5 mat-file"),
    ("a GRIB file", "Gridded binary (GRIB)"),
    ("an HDF4 file", "Hierarchical Data Format (version 4)"),
    ("an ORC file", "Apache ORC"),
    ("an Avro file", "Apache Avro"),
    ("a 7z archive", "7-zip archive"),
    ("a RAR archive", "RAR archive"),
    ("lz4-compressed", "LZ4 compressed"),
    ("a WebP image", "Web/P image"),
    ("a NetCDF file", "NetCDF Data Format"),
    ("a FITS file", "FITS image data"),
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
