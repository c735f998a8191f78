//! What is advised after a slip, typed as it is printed: it works, and nothing is lost.

use std::fs;

use serde_json::Value;

use super::slips::{dir_of_files, slips};
use crate::common::{ARRAYFS, Dir};

#[test]
fn what_would_fit_fits_when_it_is_typed() {
    let dir = dir_of_files();
    let mut followed = 0;
    for (arguments, ..) in slips() {
        let outcome = dir.arrayfs(&arguments).run();
        let advice = outcome.stderr.lines().nth(1).unwrap_or_default();
        let Some((before, after)) = advice.split_once(" would fit") else {
            continue;
        };
        let last = before.rsplit("; ").next().unwrap();
        let Some(option) = last.strip_prefix("--") else {
            continue;
        };
        let (option, values) = option.split_once(' ').unwrap();
        let option = format!("--{option}");
        for value in values.split(" or ") {
            let mut words: Vec<&str> = arguments.iter().map(String::as_str).collect();
            match words.iter().position(|word| *word == option) {
                Some(at) => words[at + 1] = value,
                None => words.extend([option.as_str(), value]),
            }
            words.retain(|word| *word != "mnt");
            let outcome = dir.arrayfs(&["--info"]).args(&words).run();
            let has_rest = outcome.stderr.contains("ignored");
            assert_eq!(has_rest, !after.starts_with(" exactly"), "{outcome}");
            outcome.succeeds();
            followed += 1;
        }
    }
    assert!(followed >= 10, "{followed}");
}

#[test]
fn a_command_that_is_suggested_works_when_it_is_typed() {
    let dir = dir_of_files();
    let before = dir.listing();
    let mut followed = 0;
    for (arguments, ..) in slips() {
        let outcome = dir.arrayfs(&arguments).run();
        let advice = outcome.stderr.lines().nth(1).unwrap_or_default();
        let commands: Vec<&str> = if let Some((_, name)) = advice.split_once("did you mean /") {
            vec![
                advice
                    .split_at(advice.len() - name.len() - 1)
                    .1
                    .trim_end_matches('?'),
            ]
        } else if let Some((_, swapped)) = advice.split_once("then the mount point: ") {
            vec![swapped]
        } else if advice.contains("FILE") || advice.contains("-u") {
            continue;
        } else {
            let commands = advice.split("arrayfs ").skip(1);
            commands
                .filter_map(|rest| rest.split("; ").next())
                .collect()
        };
        for words in commands.iter().filter(|words| !words.starts_with("--")) {
            let line = format!("{ARRAYFS} --info --mode r {words}");
            dir.command("sh", &["-c", &line]).run().succeeds();
            followed += 1;
        }
    }
    assert_eq!(dir.listing(), before);
    assert!(followed >= 20, "{followed}");
}

#[test]
fn a_shape_of_several_words_is_put_together_as_it_was_meant() {
    let dir = dir_of_files();
    let mut followed = 0;
    for (arguments, ..) in slips() {
        let outcome = dir.arrayfs(&arguments).run();
        let advice = outcome.stderr.lines().nth(1).unwrap_or_default();
        let Some((_, shape)) = advice.split_once("a shape is one word: --shape ") else {
            continue;
        };
        let shape = shape.split("; ").next().unwrap();
        let words = ["--info", "--dtype", "u1", "iris.f64", "--shape", shape];
        let shown: Value = serde_json::from_str(&dir.arrayfs(&words).run().succeeds()).unwrap();
        // No length is lost, and there is none that was not typed.
        let is_digit = |c: char| c.is_ascii_digit();
        let typed = arguments.iter().filter(|word| word.contains(is_digit));
        let typed: String = typed
            .filter(|word| !word.contains("f8") && !word.contains(".f64"))
            .flat_map(|word| word.chars().filter(char::is_ascii_digit))
            .collect();
        let lengths = shown["shape"].to_string();
        assert!(
            typed.starts_with(&lengths.replace(|c| !is_digit(c), "")),
            "{outcome}"
        );
        followed += 1;
    }
    assert!(followed >= 15, "{followed}");
}

#[test]
fn the_command_that_unpacks_a_file_keeps_what_is_there() {
    let dir = Dir::new();
    let place = dir.directory("s p");
    let script = "import bz2, gzip, lzma; from pathlib import Path\n\
        for name, module in ('gz', gzip), ('bz2', bz2), ('xz', lzma):\n    \
        Path(\"s p\", f\"it's.npy.{name}\").write_bytes(module.compress(b'new'))";
    dir.command("python3", &["-c", script]).run().succeeds();
    let unpacked = place.join("it's.npy");
    for suffix in ["gz", "bz2", "xz"] {
        let packed = format!("s p/it's.npy.{suffix}");
        let outcome = dir.arrayfs(&[packed.as_str(), "mnt"]).run();
        let advice = outcome.stderr.lines().nth(1).unwrap();
        let command = advice.trim().strip_prefix("unpack it first: ").unwrap();
        let (command, _) = command.split_once("; ").unwrap();
        // Where the command is typed does not matter.
        let type_it = || {
            dir.command("sh", &["-c", &format!("cd /; {command}")])
                .run()
        };
        std::fs::write(&unpacked, "old").unwrap();
        type_it();
        assert_eq!(std::fs::read(&unpacked).unwrap(), b"old", "{command}");
        std::fs::remove_file(&unpacked).unwrap();
        type_it().succeeds();
        assert_eq!(std::fs::read(&unpacked).unwrap(), b"new", "{command}");
        assert!(dir.join(&packed).exists());
    }
}

#[test]
fn a_mount_point_can_have_the_name_of_a_number_or_beside_a_shape_of_another_one() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("iris.f64", [0; 4800]);
    let described = ["--dtype", "f8", "--shape", "150,4"];
    for name in ["20240101", "4", "x1", "512x512"] {
        let words: Vec<&str> = ["iris.f64", name].into_iter().chain(described).collect();
        dir.arrayfs(&words).run().succeeds();
        assert!(dir.join(name).join("rows/149").exists(), "{name}");
        dir.arrayfs(&["-u", name]).run().succeeds_silently();
    }
    assert_eq!(fs::read(file).unwrap(), [0; 4800]);
}
