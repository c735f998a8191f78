//! Runs a table of cases, each on a mount of its own, and complains at once of
//! all that are not as they should be. `judge.py` makes the arrays and judges
//! what is left of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::case::Case;
use crate::common::{Dir, Mount, TestCommand, wait_until};

/// The tools that are no part of every system, with their Debian packages.
const PACKAGES: [(&str, &str); 12] = [
    ("curl", "curl"),
    ("file", "file"),
    ("hexdump", "bsdextrautils"),
    ("less", "less"),
    ("nginx", "nginx"),
    ("parallel", "parallel"),
    ("python3", "python3"),
    ("rsync", "rsync"),
    ("unzip", "unzip"),
    ("vim.tiny", "vim-tiny"),
    ("xxd", "xxd"),
    ("zip", "zip"),
];

const JUDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/judge.py");

/// Runs the cases on the array of `judge.py` with this name.
#[track_caller]
pub fn behave(array: &str, cases: &[Case]) {
    let Some(dir) = Dir::with_fuse() else { return };
    judge(&dir, &["make", array, "model"], "");
    let mut complaints = Vec::new();
    let mut left = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let place = dir.join(&format!("case{number}"));
        let paths = [&dir.join("model"), &place];
        dir.command("cp", &["-a"])
            .args(&paths)
            .run()
            .succeeds_silently();
        if let Some(complaint) = run(&dir, &place, case) {
            complaints.push(format!("{}: {}\n{complaint}", case.row, case.command));
        }
        left.push(json!([place, case.changes]));
    }
    let verdicts = judge(&dir, &["check", array], &json!(left).to_string());
    assert_eq!(verdicts.lines().count(), cases.len(), "{verdicts}");
    for (verdict, case) in verdicts.lines().zip(cases) {
        let complaint: String = serde_json::from_str(verdict).unwrap();
        if !complaint.is_empty() {
            complaints.push(format!("{}: {}\n{complaint}", case.row, case.command));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

fn judge(dir: &Dir, arguments: &[&str], input: &str) -> String {
    dir.command("python3", &["-B", JUDGE])
        .args(arguments)
        .fed(input)
}

/// Runs a case in the directory `place`; what is wrong with how it ends and
/// what it prints.
fn run(dir: &Dir, place: &Path, case: &Case) -> Option<String> {
    if let Some(missing) = missing(&case.command) {
        return Some(missing);
    }
    let mount = mount(dir, place, case.options);
    copy_descriptions(&mount, &place.join("plain/m"));
    let [outcome, plain] = ["mounted", "plain"].map(|side| {
        let shell = TestCommand::new("sh", &place.join(side));
        shell.args(&["-c", &case.command]).env("LC_ALL", "C").run()
    });
    wait_until("the mount is not used", || !is_used(mount.point()));
    mount.unmount();
    let printed = case
        .stdout
        .or((case.status == 0).then_some(plain.stdout.as_str()));
    let wrong = if outcome.status.code() != Some(case.status) {
        format!("expected exit status {}", case.status)
    } else if case.stderr.is_empty() != outcome.stderr.is_empty()
        || !outcome.stderr.contains(case.stderr)
    {
        format!("expected on standard error: {:?}", case.stderr)
    } else if let Some(printed) = printed.filter(|printed| *printed != outcome.stdout) {
        format!("expected on standard output: {printed}")
    } else {
        return None;
    };
    Some(format!("{wrong}\n{outcome}"))
}

/// Mounts the array in `place`.
fn mount(dir: &Dir, place: &Path, options: &[&str]) -> Mount {
    let described = fs::read_to_string(place.join("options")).unwrap();
    let options: Vec<&str> = described.lines().chain(options.iter().copied()).collect();
    let (file, point) = (place.join("backing"), place.join("mounted/m"));
    let (mount, started) = Mount::start_on(dir, &file, &point, &options, &[]);
    started.succeeds_silently();
    mount
}

/// Gives the ordinary trees the `meta.json` of the mounted ones, for NumPy does
/// not write any.
fn copy_descriptions(mount: &Mount, plain: &Path) {
    for description in ["meta.json", "T/meta.json"] {
        if let Ok(content) = fs::read(mount.join(description)) {
            fs::write(plain.join(description), content).unwrap();
        }
    }
}

/// Says so if a tool that the command uses is not installed.
fn missing(command: &str) -> Option<String> {
    let is_end = |c: char| c.is_whitespace() || "|&;()$".contains(c);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_missing = |tool: &str| {
        command.split(is_end).any(|word| word == tool)
            && !std::env::split_paths(&path).any(|directory| directory.join(tool).exists())
    };
    let (tool, package) = PACKAGES.iter().find(|(tool, _)| is_missing(tool))?;
    Some(format!(
        "{tool} is not installed: it is in the package {package}"
    ))
}

/// Whether a process has something below `point` open, or works there. A
/// command can be gone before all that it has started.
fn is_used(point: &Path) -> bool {
    let links = |process: PathBuf| {
        let descriptors = fs::read_dir(process.join("fd"));
        let descriptors = descriptors.into_iter().flatten().flatten();
        descriptors
            .map(|entry| entry.path())
            .chain([process.join("cwd")])
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .flat_map(|entry| links(entry.path()))
        .any(|link| fs::read_link(link).is_ok_and(|target| target.starts_with(point)))
}
