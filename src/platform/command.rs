//! Runs system commands for operations that need the privileges of a set-user-ID helper, or that
//! have no portable system call.

use std::ffi::OsStr;
use std::io;
use std::process::{Command, Output};

/// Unmounts a FUSE file system with `fusermount3`, the set-user-ID helper of the FUSE package.
/// `lazy` detaches a busy file system.
///
/// # Errors
///
/// `NotFound` if the helper is not installed; `ResourceBusy`; otherwise the helper's message.
#[cfg(target_os = "linux")]
pub(super) fn fusermount(point: &std::path::Path, lazy: bool) -> io::Result<()> {
    let mut arguments = vec![OsStr::new("-u")];
    if lazy {
        arguments.push(OsStr::new("-z"));
    }
    arguments.extend([OsStr::new("--"), point.as_os_str()]);
    // The path of the FUSE package is the fallback if PATH has none, as in mounting.
    for program in ["fusermount3", "/bin/fusermount3", "fusermount"] {
        match run(program, &arguments) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other.map(drop),
        }
    }
    let missing = "fusermount3 is not installed";
    Err(io::Error::new(io::ErrorKind::NotFound, missing))
}

/// Runs a command and returns its output.
///
/// # Errors
///
/// When it cannot be started, or it fails: then the message is the last line on its standard
/// error.
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
    // Only the end of the line: a path in it can contain "busy" too.
    let kind = if line.trim_end_matches('.').ends_with("busy") {
        io::ErrorKind::ResourceBusy
    } else {
        io::ErrorKind::Other
    };
    Err(io::Error::new(kind, line.to_owned()))
}

/// Escapes a value for the comma-separated mount options that libfuse and `fusermount3` parse.
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
    fn a_failed_command_gives_its_last_error_line() {
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
