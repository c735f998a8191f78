//! Runs every command block of README.md and docs/COOKBOOK.md and compares the output with the
//! page. With `ARRAYFS_BLESS=1` the output is written into the pages instead.

#![cfg(target_os = "linux")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use common::{ARRAYFS, Dir, mounts_below, skip_case};

/// Stands between what two commands print. No command prints it.
const MARK: &str = "\u{1e}";

/// Arrays that come inside other packages, which scripts/test.sh installs: the
/// name that the pages have for each, the Python package, and where it is there.
const OF_PACKAGES: [(&str, &str, &str); 4] = [
    ("faces.npy", "skimage", "data/lfw_subset.npy"),
    ("cube.fits", "astropy", "io/fits/tests/data/arange.fits"),
    (
        "tone.wav",
        "scipy",
        "io/tests/data/test-44100Hz-2ch-32bit-float-be.wav",
    ),
    (
        "records.npy",
        "scipy",
        "stats/tests/data/levy_stable/stable-loc-scale-sample-data.npy",
    ),
];

/// A command of a page, and what it prints.
struct Step {
    /// The lines of the page that are the command, with `$ ` or `> `.
    shown: Vec<String>,
    prints: String,
}

/// What stands below one heading, or in it below a line that says what it needs:
/// blocks of commands for one shell in a directory of its own.
struct Section {
    heading: String,
    needs: Vec<String>,
    blocks: Vec<Vec<Step>>,
}

/// A page in parts: text as it is, and the places of blocks.
enum Part {
    Text(String),
    /// Which section, and which of its blocks.
    Block(usize, usize),
}

fn read(page: &str) -> (Vec<Part>, Vec<Section>) {
    let (mut parts, mut sections) = (Vec::new(), Vec::<Section>::new());
    let mut text = String::new();
    let mut lines = page.lines();
    let mut is_run = true;
    while let Some(line) = lines.next() {
        if line.starts_with("# ") || line.starts_with("## ") {
            sections.push(Section {
                heading: line.trim_start_matches('#').trim().into(),
                needs: Vec::new(),
                blocks: Vec::new(),
            });
        }
        if let Some(needs) = line.strip_prefix("<!-- needs: ") {
            let needs = needs.trim_end_matches(" -->").split(", ");
            let heading = sections.last().unwrap().heading.clone();
            sections.push(Section {
                heading,
                needs: needs.map(str::to_owned).collect(),
                blocks: Vec::new(),
            });
        }
        if line.starts_with("<!-- not run: ") {
            is_run = false;
        }
        writeln!(text, "{line}").unwrap();
        if line.starts_with("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let is_shell = ["```console", "```sh", "```bash", "```"].contains(&line);
            if is_run && is_shell {
                assert_eq!(line, "```console", "why is it not run? {block:?}");
                parts.push(Part::Text(std::mem::take(&mut text)));
                let section = sections.len() - 1;
                parts.push(Part::Block(section, sections[section].blocks.len()));
                sections[section].blocks.push(steps(&block));
            } else {
                let as_it_is = block.iter().map(|line| format!("{line}\n"));
                text.extend(as_it_is);
            }
            writeln!(text, "```").unwrap();
            is_run = true;
        }
    }
    parts.push(Part::Text(text));
    (parts, sections)
}

fn steps(block: &[&str]) -> Vec<Step> {
    let mut steps = Vec::<Step>::new();
    for line in block {
        let is_more = line.starts_with("> ") && steps.last().is_some_and(|s| s.prints.is_empty());
        if line.starts_with("$ ") {
            steps.push(Step {
                shown: vec![(*line).to_owned()],
                prints: String::new(),
            });
        } else if is_more {
            steps.last_mut().unwrap().shown.push((*line).to_owned());
        } else {
            writeln!(steps.last_mut().unwrap().prints, "{line}").unwrap();
        }
    }
    steps
}

/// What the commands of a section print, each on its own, in one shell.
fn run(section: &Section, dir: &Dir) -> Vec<String> {
    let steps = section.blocks.iter().flatten();
    let mut script = String::from("exec 2>&1\n");
    for step in steps {
        let lines = step.shown.iter().map(|line| &line[2..]);
        let command = lines.collect::<Vec<_>>().join("\n");
        write!(script, "{command}\nprintf '{MARK}%s{MARK}' $?\n").unwrap();
    }
    let program = Path::new(ARRAYFS).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    // As a file, since some programs read standard input.
    let script = dir.file(".script", script);
    let shell = dir.command("bash", &[&script]).env("PATH", path);
    let printed = shell.env("LC_ALL", "C.UTF-8").fed("");
    // The pages are written as if in /data, and without blanks at the ends of lines.
    let printed = printed.replace(dir.path().to_str().unwrap(), "/data");
    let lines = printed.split('\n').map(str::trim_end);
    let printed = lines.collect::<Vec<_>>().join("\n");
    let parts: Vec<&str> = printed.split(MARK).collect();
    let outcomes = parts.as_chunks().0.iter();
    outcomes
        .map(|[text, status]| {
            // One that fails has to say why.
            assert!(
                *status == "0" || !text.is_empty(),
                "{}: {status}",
                section.heading
            );
            match text.is_empty() || text.ends_with('\n') {
                true => (*text).to_owned(),
                false => format!("{text}\n"),
            }
        })
        .collect()
}

/// The directory that the commands of a section are run in; `None` if something
/// that they need is not installed.
fn prepared(section: &Section) -> Option<Dir> {
    let dir = Dir::with_fuse()?;
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for name in ["iris.f64", "functional.nii"] {
        fs::copy(data.join(name), dir.join(name)).unwrap();
    }
    for (name, package, path) in OF_PACKAGES {
        let found = dir
            .script("docs/package_directory.py")
            .args(&[package])
            .run();
        let found = PathBuf::from(found.succeeds()).join(path);
        if found.exists() {
            fs::copy(found, dir.join(name)).unwrap();
        }
    }
    for need in &section.needs {
        let has = ["-c", "command -v -- \"$0\" || test -e \"$0\"", need];
        if !dir.command("sh", &has).run().status.success() {
            skip_case(&section.heading, &format!("{need} is not installed"));
            return None;
        }
    }
    Some(dir)
}

fn check(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(&path).unwrap();
    let (parts, mut sections) = read(&text);
    let bless = std::env::var_os("ARRAYFS_BLESS").is_some();
    for section in &mut sections {
        if section.blocks.is_empty() {
            continue;
        }
        let Some(dir) = prepared(section) else {
            continue;
        };
        let printed = run(section, &dir);
        assert_eq!(mounts_below(dir.path()), [""; 0], "{}", section.heading);
        let steps = section.blocks.iter_mut().flatten();
        for (step, printed) in steps.zip(printed) {
            if bless {
                step.prints = printed;
            } else {
                assert_eq!(printed, step.prints, "{page}: {:?}", step.shown);
            }
        }
    }
    if bless {
        let parts = parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Block(section, block) => {
                let steps = sections[*section].blocks[*block].iter();
                let steps = steps.map(|step| step.shown.join("\n") + "\n" + &step.prints);
                steps.collect()
            }
        });
        fs::write(path, parts.collect::<String>()).unwrap();
    }
}

#[test]
fn the_readme_shows_what_its_commands_print() {
    check("README.md");
}

#[test]
fn the_cookbook_shows_what_its_commands_print() {
    check("docs/COOKBOOK.md");
}
