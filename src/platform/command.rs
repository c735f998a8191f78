//! The system's own commands for what needs more rights than a user has, or
//! has no portable call.

use std::ffi::OsStr;
use std::io;
use std::process::{Command, Output};

/// Unmounts a FUSE file system with the set-user-id helper of the FUSE
/// package, at once or, when `lazy`, as soon as it is no longer busy.
///
/// # Errors
///
/// `NotFound` without the helper, `ResourceBusy`, or what it printed.
#[cfg(target_os = "linux")]
pub(super) fn fusermount(point: &std::path::Path, lazy: bool) -> io::Result<()> {
    let mut arguments = vec![OsStr::new("-u")];
    if lazy {
        arguments.push(OsStr::new("-z"));
    }
    arguments.extend([OsStr::new("--"), point.as_os_str()]);
    // Where PATH leads nowhere, the package's own place, as for mounting.
    for program in ["fusermount3", "/bin/fusermount3", "fusermount"] {
        match run(program, &arguments) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other.map(drop),
        }
    }
    let missing = "fusermount3 is not installed";
    Err(io::Error::new(io::ErrorKind::NotFound, missing))
}

/// The output of a command that succeeded.
///
/// # Errors
///
/// What kept it from starting, or the last line that it printed as its error.
pub(super) fn run(program: &str, arguments: &[&OsStr]) -> io::Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C");
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            io::Error::new(error.kind(), format!("{program} is not installed"))
        }
        _ => error,
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    let last = printed.lines().rfind(|line| !line.trim().is_empty());
    let Some(line) = last else {
        return Err(io::Error::other(format!("{program}: {}", output.status)));
    };
    // A path on the line can say busy too.
    let kind = if line.trim_end_matches('.').ends_with("busy") {
        io::ErrorKind::ResourceBusy
    } else {
        io::ErrorKind::Other
    };
    Err(io::Error::new(kind, line.to_owned()))
}

/// A value in a comma-separated list of mount options, as libfuse and
/// `fusermount3` read it.
pub(super) fn option_value(text: &str) -> String {
    text.replace('\\', r"\\").replace(',', r"\,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_backslashes_of_an_option_are_escaped() {
        assert_eq!(option_value(r"/a,b\c"), r"/a\,b\\c");
    }

    #[test]
    fn a_command_that_fails_gives_its_last_words() {
        let error = |program, script: &str| {
            let arguments = [OsStr::new("-c"), OsStr::new(script)];
            run(program, &arguments).unwrap_err()
        };
        let busy = error(
            "sh",
            "echo first >&2; echo 'sh: /mnt: Device or resource busy' >&2; exit 1",
        );
        assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(busy.to_string(), "sh: /mnt: Device or resource busy");
        assert_eq!(error("sh", "exit 3").to_string(), "sh: exit status: 3");
        let missing = error("no-such-command-here", "");
        assert_eq!(missing.to_string(), "no-such-command-here is not installed");
    }
}
