//! The `arrayfs` binary: parses the command line, runs the command, and reports a
//! failure as a line on standard error and an exit status. The commands are in
//! `daemon`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arrayfs::cli::{self, Command, UsageError};
use arrayfs::daemon;
use arrayfs::platform::os_error_message;

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error(transparent)]
    Daemon(#[from] daemon::Error),
    #[error("standard output: {}", os_error_message(.0))]
    Output(#[from] io::Error),
}

fn main() -> ExitCode {
    match run() {
        Ok(status) => status,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<ExitCode, Failure> {
    match cli::parse(std::env::args_os())? {
        Command::Mount(settings) => return Ok(daemon::mount(&settings)?),
        Command::Unmount { mountpoints } => {
            return Ok(unmount(mountpoints.iter().map(PathBuf::as_path)));
        }
        Command::UnmountAll => {
            // The latest first, since a mount can lie in another.
            let mounts = daemon::own_mounts().map_err(daemon::Error::from)?;
            return Ok(unmount(
                mounts.iter().rev().map(|mount| mount.point.as_path()),
            ));
        }
        Command::List => print(&daemon::list()?)?,
        Command::Info {
            file,
            mountpoint,
            description,
            options,
            as_json,
        } => {
            let order = daemon::check_order(&file, mountpoint.as_deref(), description.mode);
            order.map_err(daemon::Error::from)?;
            print(&daemon::info(&file, &description, &options, as_json)?)?;
        }
        Command::CompleteMounts { typed } => print(&daemon::complete::mounts(&typed)?)?,
        Command::CompleteArrays { file, description } => {
            print(&daemon::complete::arrays(&file, &description)?)?;
        }
        Command::Print(text) => print(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Unmounts each mount point, also after a failure. Returns the status of the last
/// failure.
fn unmount<'a>(mountpoints: impl Iterator<Item = &'a Path>) -> ExitCode {
    let outcomes = mountpoints.map(|point| {
        let unmounted = daemon::unmount(point).map_err(daemon::Error::from);
        unmounted.map_err(|error| Failure::from(error).report())
    });
    outcomes.fold(ExitCode::SUCCESS, |status, outcome| match outcome {
        Ok(()) => status,
        Err(failed) => failed,
    })
}

/// Prints to standard output. A closed pipe is not a failure: `head` closes its input
/// early.
fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

impl Failure {
    /// Prints the error and its hint to standard error and returns the exit status.
    fn report(&self) -> ExitCode {
        cli::say(&self.to_string(), self.hint().as_deref());
        ExitCode::from(self.status())
    }

    fn hint(&self) -> Option<String> {
        match self {
            Failure::Usage(error) => error.hint(),
            Failure::Daemon(error) => error.hint(),
            Failure::Output(_) => None,
        }
    }

    /// The exit status, as documented in `--help`.
    fn status(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Daemon(error) => error.status(),
            Failure::Output(_) => 1,
        }
    }
}
