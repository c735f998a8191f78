//! Claims 36 and 37: `.npy` files as backing files, existing and newly created.

use std::fs;

use crate::common::arrays::run_script;
use crate::common::{Dir, Mount, growth_notice};

/// What `meta.json` of a file would say.
fn described(dir: &Dir, arguments: &[&str]) -> serde_json::Value {
    let printed = dir.arrayfs(&["--info"]).args(arguments).run().succeeds();
    serde_json::from_str(&printed).unwrap()
}

#[test]
fn claim_36_a_file_that_begins_with_a_header_is_what_it_says() {
    let dir = Dir::new();
    run_script::<&str>(&dir, "semantics/scripts/make_npy_files.py", &[]);
    for (file, options, format, shape, order) in [
        ("rows.npy", &[][..], "npy", &[3, 4][..], "C"),
        ("columns.npy", &[], "npy", &[3, 4], "F"),
        ("other.name", &[], "npy", &[3, 4], "C"),
        ("records.npy", &[], "npy", &[3], "C"),
        ("plain.npy", &[], "raw", &[24], "C"),
        ("rows.npy", &["--format", "raw"], "raw", &[152], "C"),
        ("rows.npy", &["--format", "npy"], "npy", &[3, 4], "C"),
        // Options that say the same.
        (
            "rows.npy",
            &["--dtype", ">i2", "--shape", "3,-1"],
            "npy",
            &[3, 4],
            "C",
        ),
        (
            "columns.npy",
            &["--order", "F", "--offset", "128"],
            "npy",
            &[3, 4],
            "F",
        ),
        (
            "records.npy",
            &["--dtype", "[('x','<f4'),('y','<i8',2)]", "--order", "F"],
            "npy",
            &[3],
            "C",
        ),
    ] {
        let meta = described(&dir, &[&[file], options].concat());
        let found = (&meta["format"], &meta["shape"], &meta["order"]);
        let expected = (format.into(), shape.into(), order.into());
        assert_eq!(
            found,
            (&expected.0, &expected.1, &expected.2),
            "{file} {options:?}"
        );
    }
}

#[test]
fn claim_36_what_contradicts_the_header_is_refused_with_both() {
    let dir = Dir::new();
    run_script::<&str>(&dir, "semantics/scripts/make_npy_files.py", &[]);
    dir.directory("mnt");
    let leave = "omit the option: the header says what the array is; with --format raw the header's \
                 bytes are part of the array";
    let raw = "--format raw reads the file as plain bytes";
    let says = |option: &str, given: &str, found: &str| {
        format!("--{option} {given} contradicts the .npy header, which says {found}")
    };
    for (file, options, expected, hint) in [
        (
            "rows.npy",
            "--dtype <i2",
            says("dtype", "<i2", ">i2"),
            leave,
        ),
        (
            "rows.npy",
            "--shape 4,3",
            says("shape", "4,3", "(3, 4)"),
            leave,
        ),
        (
            "rows.npy",
            "--shape -1",
            says("shape", "-1", "(3, 4)"),
            leave,
        ),
        ("rows.npy", "--order F", says("order", "F", "C"), leave),
        ("columns.npy", "--order C", says("order", "C", "F"), leave),
        ("rows.npy", "--offset 0", says("offset", "0", "128"), leave),
        (
            "plain.npy",
            "--format npy",
            r"magic bytes '\x00\x00\x00\x01\x00\x02': expected '\x93NUMPY'".into(),
            raw,
        ),
        (
            "objects.npy",
            "",
            "descr '|O': the array holds pickled Python objects, which are not stored as items of a \
             fixed size; save it with another dtype"
                .into(),
            raw,
        ),
        (
            "cut.npy",
            "--mode r",
            "the array needs 24 bytes at offset 128, which end at byte 152; the file has 142"
                .into(),
            "the file is incomplete, as after an interrupted download; --mode r+ --extend would \
             extend it with zeros",
        ),
        (
            "cut.npy",
            "",
            "the array needs 24 bytes at offset 128, which end at byte 152; the file has 142"
                .into(),
            "the file is incomplete, as after an interrupted download; --extend would extend it \
             with zeros",
        ),
    ] {
        let before = dir.listing();
        let path = dir.join(file).display().to_string();
        let message = format!("arrayfs: {path}: {expected}\n  {hint}\n");
        let words = options.split_whitespace();
        let words: Vec<&str> = [file, "mnt"].into_iter().chain(words).collect();
        dir.arrayfs(&words).run().fails(3, &message);
        assert_eq!(dir.listing(), before, "{file} {options}");
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "nothing extends files portably")]
fn claim_36_a_file_shorter_than_its_header_says_is_extended_when_that_is_wanted() {
    let Some(dir) = Dir::with_fuse() else { return };
    run_script::<&str>(&dir, "semantics/scripts/make_npy_files.py", &[]);
    let (mount, outcome) = Mount::start(&dir, &dir.join("cut.npy"), &["--extend"]);
    let notice = growth_notice(&dir.join("cut.npy"), "r+", 142, 152);
    assert_eq!((outcome.status.code(), outcome.stderr), (Some(0), notice));
    let kept = fs::read(dir.join("rows.npy")).unwrap();
    let expected = [&kept[..142], &[0; 10]].concat();
    assert_eq!(fs::read(mount.join("npy/data.npy")).unwrap(), expected);
    mount.unmount();
    assert_eq!(fs::read(dir.join("cut.npy")).unwrap(), expected);
}

#[test]
fn claim_37_mode_w_plus_makes_the_file_that_numpy_would_make() {
    let Some(dir) = Dir::with_fuse() else { return };
    for (name, format, dtype, shape, order) in [
        ("new.npy", None, "<f4", "(3, 4)", "C"),
        ("there.npy", None, ">i2", "(2, 3, 4)", "F"),
        (
            "data",
            Some("npy"),
            "[('x', '<f4'), ('é', '<i8', (2,))]",
            "(5,)",
            "C",
        ),
        ("one.npy", None, "<U3", "()", "C"),
        ("two.npy", Some("npy"), "<c16", "(2, 7)", "F"),
    ] {
        if name == "there.npy" {
            dir.file(name, [7; 1000]);
        }
        let file = dir.join(name);
        let mut options = vec![
            "--mode", "w+", "--dtype", dtype, "--shape", shape, "--order", order,
        ];
        options.extend(format.iter().flat_map(|format| ["--format", format]));
        let (mount, outcome) = Mount::start(&dir, &file, &options);
        outcome.succeeds();
        run_script(
            &dir,
            "semantics/scripts/new_npy_file.py",
            &[name, dtype, shape, order],
        );
        let data = fs::read(mount.join("data")).unwrap();
        fs::write(mount.join("data"), vec![1; data.len()]).unwrap();
        let with_header = fs::read(mount.join("npy/data.npy")).unwrap();
        mount.unmount();
        assert!(fs::read(&file).unwrap() == with_header, "{name}");
        assert!(with_header.ends_with(&vec![1; data.len()]));
        // What was made is read without options.
        let meta = described(&dir, &[name]);
        assert_eq!(
            (&meta["format"], &meta["mode"]),
            (&"npy".into(), &"r+".into()),
            "{name}"
        );
    }
    let raw = ["--mode", "w+", "--shape", "10", "--format", "raw"];
    let (mount, outcome) = Mount::start(&dir, &dir.join("raw.npy"), &raw);
    outcome.succeeds();
    mount.unmount();
    assert_eq!(fs::read(dir.join("raw.npy")).unwrap(), [0; 10]);
}

#[test]
fn claim_37_a_type_without_a_header_makes_no_npy_file() {
    let dir = Dir::new();
    dir.directory("mnt");
    let before = dir.listing();
    let dtype = "{'names':['a','b'],'formats':['<u4','<u2'],'offsets':[0,0]}";
    let arguments = [
        "new.npy", "mnt", "--mode", "w+", "--shape", "3", "--dtype", dtype,
    ];
    let outcome = dir.arrayfs(&arguments).run();
    assert_eq!(outcome.status.code(), Some(3), "{outcome}");
    let expected =
        "whose fields overlap or are out of order\n  --format raw makes a file without a header\n";
    assert!(outcome.stderr.ends_with(expected), "{outcome}");
    assert_eq!(dir.listing(), before);
}
