//! Runs a table of cases, each on its own mount, and reports all failures together. `judge.py`
//! creates the arrays and checks the results.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::case::Case;
use crate::common::{Dir, Mount, TestCommand, skip_case, wait_until};

/// The tools that are no part of every system, with their Debian packages.
const PACKAGES: [(&str, &str); 24] = [
    ("curl", "curl"),
    ("feh", "feh"),
    ("file", "file"),
    ("getfattr", "attr"),
    ("gfortran", "gfortran"),
    ("gio", "libglib2.0-bin"),
    ("git", "git"),
    ("hexdump", "bsdextrautils"),
    ("inotifywait", "inotify-tools"),
    ("less", "less"),
    ("nano", "nano"),
    ("nginx", "nginx"),
    ("node", "nodejs"),
    ("parallel", "parallel"),
    ("perl", "perl"),
    ("python3", "python3"),
    ("rsync", "rsync"),
    ("sftp", "openssh-client"),
    ("smbclient", "smbclient"),
    ("smbd", "samba"),
    ("unzip", "unzip"),
    ("vim.tiny", "vim-tiny"),
    ("xxd", "xxd"),
    ("zip", "zip"),
];

/// Tools that take long to install. Their cases are left out where they are not.
const HEAVY: [&str; 3] = ["Rscript", "emacs", "java"];

/// Runs the cases on the array of `judge.py` with this name.
#[track_caller]
pub fn behave(array: &str, cases: &[Case]) {
    let Some(dir) = Dir::with_fuse() else { return };
    judge(&dir, &["make", array, "model"], "");
    let mount = mount(&dir, &dir.join("model"), &[]);
    copy_text(&mount, &dir.join("model/plain/m"));
    mount.unmount();
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
    dir.script("tools/judge.py").args(arguments).fed(input)
}

/// Runs a case in the directory `place`; what is wrong with how it ends and
/// what it prints.
fn run(dir: &Dir, place: &Path, case: &Case) -> Option<String> {
    let is_missing = |tool: &str| is_used_by(&case.command, tool) && !is_installed(tool);
    if let Some(tool) = HEAVY.iter().find(|tool| is_missing(tool)) {
        skip_case(&case.command, &format!("{tool} is not installed"));
        return None;
    }
    if let Some((tool, package)) = PACKAGES.iter().find(|(tool, _)| is_missing(tool)) {
        return Some(format!(
            "{tool} is not installed: it is in the package {package}"
        ));
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
    } else {
        let printed = printed.filter(|printed| *printed != outcome.stdout)?;
        format!("expected on standard output: {printed}")
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

/// Gives the ordinary trees what the mounted ones have to describe them, for
/// NumPy does not write any.
fn copy_descriptions(mount: &Mount, plain: &Path) {
    for description in ["README.txt", "meta.json", "index.html", "T/meta.json"] {
        copy(&mount.join(description), &plain.join(description));
    }
}

/// Gives them the text, the images, the tables and the stores of what they hold with a header.
fn copy_text(mount: &Mount, plain: &Path) {
    for directory in ["", "T"] {
        let (mounted, plain) = (mount.join(directory), plain.join(directory));
        for (form, suffix) in [("csv", "csv"), ("tiff", "tif")] {
            let headed = plain.join("npy");
            copy_like(&headed, &mounted.join(form), &plain.join(form), suffix);
        }
        // What names the tables of an array that is none.
        let tables = "csv/README.txt";
        if mounted.join(tables).exists() {
            copy(&mounted.join(tables), &plain.join(tables));
        }
        for form in ["arrow", "parquet"] {
            let table = format!("{form}/data.{form}");
            if mounted.join(form).exists() {
                fs::create_dir(plain.join(form)).unwrap();
                copy(&mounted.join(&table), &plain.join(&table));
            }
        }
        for store in ["zarr", "ome.zarr", "ome.zarr/0"] {
            copy_store(&mounted.join(store), &plain.join(store));
        }
    }
}

/// Copies from the directory `mounted` to `plain` what is called as in `headed`, but for the
/// suffix.
fn copy_like(headed: &Path, mounted: &Path, plain: &Path, suffix: &str) {
    let Ok(entries) = fs::read_dir(headed) else {
        return;
    };
    if !mounted.exists() {
        return;
    }
    fs::create_dir(plain).unwrap();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = Path::new(path.file_name().unwrap());
        if path.is_dir() {
            copy_like(&path, &mounted.join(name), &plain.join(name), suffix);
        } else {
            let name = name.with_extension(suffix);
            copy(&mounted.join(&name), &plain.join(&name));
        }
    }
}

/// Copies the files of a store, if there is one.
fn copy_store(mounted: &Path, plain: &Path) {
    let Ok(entries) = fs::read_dir(mounted) else {
        return;
    };
    fs::create_dir(plain).unwrap();
    for name in entries.map(|entry| entry.unwrap().file_name()) {
        copy(&mounted.join(&name), &plain.join(&name));
    }
}

/// Copies a file, if it is there.
fn copy(from: &Path, to: &Path) {
    if let Ok(content) = fs::read(from) {
        fs::write(to, content).unwrap();
    }
}

/// Whether a command has the name of a tool among its words.
fn is_used_by(command: &str, tool: &str) -> bool {
    let is_end = |c: char| c.is_whitespace() || "|&;()$".contains(c);
    command.split(is_end).any(|word| word == tool)
}

fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(tool).exists())
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
