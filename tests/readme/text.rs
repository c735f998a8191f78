//! The text of `README.txt` for unusual arrays: which files exist, which dtypes a language
//! cannot read, and how to read arrays that are too large or have a path with special
//! characters.

use std::fs;

use crate::common::arrays::{mounted, run_script};
use crate::common::{Dir, Mount};

/// The lines below a heading, without their indentation.
#[track_caller]
fn lines(readme: &str, heading: &str) -> Vec<String> {
    let mut rest = readme.lines().skip_while(|line| *line != heading);
    assert!(rest.next().is_some(), "{heading} is missing in\n{readme}");
    let rest: Vec<&str> = rest.skip(1).collect();
    let is_rule = |line: &&str| !line.is_empty() && line.bytes().all(|byte| byte == b'-');
    // The line above a rule is the next heading.
    let end = rest
        .iter()
        .position(is_rule)
        .map_or(rest.len(), |rule| rule - 1);
    rest[..end].iter().map(|line| (*line).to_owned()).collect()
}

/// The code below a heading.
#[track_caller]
fn code(readme: &str, heading: &str) -> String {
    let mut code = String::new();
    for line in lines(readme, heading) {
        if let Some(line) = line.strip_prefix("    ") {
            code += &format!("{line}\n");
        }
    }
    code
}

fn readme(mount: &Mount) -> String {
    fs::read_to_string(mount.join("README.txt")).unwrap()
}

#[test]
fn numbers_in_text_are_read_by_the_call_that_is_named() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("a.bin", [1; 96]);
    for (dtype, shape) in [
        ("f8", "3,4"),
        (">i4", "24"),
        ("c16", "6,1"),
        ("?", "8,12"),
        ("u1", "96,1"),
        ("f2", "1,48"),
        ("bfloat16", "4,12"),
        ("float8_e5m2", "96"),
    ] {
        let mount = mounted(&dir, &file, &["--dtype", dtype, "--shape", shape]);
        run_script(
            &dir,
            "readme/loadtxt.py",
            &[mount.point().to_str().unwrap()],
        );
        mount.unmount();
    }
    let padded = mounted(&dir, &file, &["--dtype", "f8", "--csv", "padded"]);
    assert!(!readme(&padded).contains("blanks, which"));
}

#[test]
fn every_file_that_it_names_is_there() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("a.bin", [1; 4096]);
    for options in [
        &["--shape", "()", "--dtype", "f8"][..],
        &["--shape", "12"],
        &["--shape", "12,1", "--pad"],
        &["--shape", "2,11,3", "--dtype", "<U3"],
        &["--shape", "2,3", "--dtype", "f16"],
        &["--shape", "0,3"],
        // The fields are in another order than in the item, which no .npy file can say.
        &[
            "--shape",
            "2",
            "--dtype",
            "{'names': ['x', 'y'], 'formats': ['i4', 'i4'], 'offsets': [4, 0]}",
        ],
        &[
            "--shape",
            "2,1,2,3",
            "--dtype",
            "[('a/b c', 'i4'), ('%', 'f8')]",
        ],
    ] {
        let mount = mounted(&dir, &file, options);
        let mut named: Vec<String> = vec!["README.txt".into(), "meta.json".into()];
        for line in lines(&readme(&mount), "Files") {
            let Some((path, _)) = line.split_once("   ") else {
                continue;
            };
            let top = path.split('/').next().unwrap().to_owned();
            if let Some((first, last)) = path.split_once(" ... ") {
                assert!(mount.join(&format!("{top}/{last}")).exists(), "{line}");
                assert!(mount.join(first).exists(), "{line}");
            } else {
                assert!(mount.join(path).exists(), "{line}");
            }
            named.push(top);
        }
        let listed = fs::read_dir(mount.point()).unwrap();
        let mut listed: Vec<String> = listed
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        listed.sort();
        named.sort();
        assert_eq!(listed, named, "{options:?}");
    }
}

#[test]
fn it_warns_of_names_that_a_shell_does_not_sort() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("a.bin", [1; 12]);
    let plain = readme(&mounted(&dir, &file, &[]));
    assert!(
        plain.contains("unless the array is mounted with --pad"),
        "{plain}"
    );
    let padded = readme(&mounted(&dir, &file, &["--pad"]));
    assert!(
        padded.contains("so that `cat rows/*` is in order"),
        "{padded}"
    );
    assert!(padded.contains("rows/00 ... 11"), "{padded}");
}

#[test]
fn an_empty_array_is_only_read_by_numpy() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("a.bin", "");
    let mount = mounted(&dir, &file, &["--shape", "3,0", "--dtype", ">i4"]);
    let text = readme(&mount);
    assert!(text.contains("there is nothing to read"), "{text}");
    assert!(!text.contains("\nC\n-\n"), "{text}");
    let printed = dir
        .command("python3", &["-c", &code(&text, "Python")])
        .run();
    assert_eq!(printed.succeeds(), "[]\n");
}

#[test]
fn a_read_only_array_is_not_said_to_be_writable() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("a.bin", [7; 12]);
    let mount = mounted(&dir, &file, &["--mode", "r"]);
    let text = readme(&mount);
    assert!(
        text.contains("mode     r: the array can only be read"),
        "{text}"
    );
    let writes = [
        "conv=notrunc",
        "tofile",
        "writeBin",
        "write(",
        "write (",
        "fwrite",
        "writeFile",
        "r+",
    ];
    let has: Vec<&str> = writes
        .into_iter()
        .filter(|word| text.contains(word))
        .collect();
    assert_eq!(has, [""; 0], "{text}");
    let printed = dir
        .command("python3", &["-c", &code(&text, "Python")])
        .run();
    assert_eq!(printed.succeeds(), "7\n");
}

#[test]
fn lines_for_a_path_that_is_no_text_are_for_the_mount_itself() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("a.bin", [7; 12]);
    let point = dir.directory("a\u{1}b");
    let (mount, outcome) = Mount::start_on(&dir, &file, &point, &[], &[]);
    outcome.succeeds_silently();
    let text = readme(&mount);
    assert!(text.contains("run the lines below in it"), "{text}");
    let awk = code(&text, "awk");
    let there = format!("cd \"$0\" && {awk}");
    let printed = dir.command("sh", &["-c", &there]).args(&[&point]).run();
    // The last element and row 0.
    let printed = printed.succeeds();
    assert_eq!(printed.split_whitespace().collect::<Vec<_>>(), ["7", "7"]);
}

#[test]
fn what_is_too_large_for_node_is_read_in_part() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("a.bin", "");
    let opened = fs::File::options().write(true).open(&file).unwrap();
    let len = 3 << 30;
    opened.set_len(len).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&opened, &[7], len - 2).unwrap();
    for shape in ["1572864,2,512", "1610612736"] {
        let mount = mounted(&dir, &file, &["--dtype", "<i2", "--shape", shape]);
        let text = readme(&mount);
        assert!(text.contains("Node reads at most 2 GiB"), "{text}");
        for (heading, program, option) in [("Node", "node", "-e"), ("Python", "python3", "-c")] {
            let run = dir.command(program, &[option, &code(&text, heading)]).run();
            assert_eq!(run.succeeds(), "7\n", "{heading}, {shape}");
        }
    }
}
