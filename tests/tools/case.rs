//! A test case: a command, and its required effect on an array.

/// A command of the shell, run in a directory where `m` is a mounted array and
/// beside it are files to copy into it.
///
/// The same command is run where `m` is a tree of ordinary files that NumPy has
/// written. If it works it has to print the same in both, and the views that
/// it changes are to become what it makes of the ordinary files, but for
/// their size. All other bytes of the array have to stay.
#[derive(Debug)]
pub struct Case {
    /// The row of `docs/TOOLS.md` that says so.
    pub row: &'static str,
    pub command: String,
    pub status: i32,
    /// A part of what it has to complain on standard error; empty if nothing.
    pub stderr: &'static str,
    /// What it has to print, where that is not what it prints of ordinary files.
    pub stdout: Option<&'static str>,
    /// The views that it changes.
    pub changes: &'static [&'static str],
    /// Options of the mount.
    pub options: &'static [&'static str],
}

/// A command that has to succeed without a complaint.
pub fn works(row: &'static str, command: impl Into<String>) -> Case {
    Case {
        row,
        command: command.into(),
        status: 0,
        stderr: "",
        stdout: None,
        changes: &[],
        options: &[],
    }
}

/// A command that has to fail with this status and complaint.
pub fn fails(
    row: &'static str,
    command: impl Into<String>,
    status: i32,
    stderr: &'static str,
) -> Case {
    Case {
        status,
        stderr,
        ..works(row, command)
    }
}

impl Case {
    /// It changes these views.
    pub fn changes(self, changes: &'static [&'static str]) -> Case {
        Case { changes, ..self }
    }

    /// It complains, but succeeds.
    pub fn complains(self, stderr: &'static str) -> Case {
        Case { stderr, ..self }
    }

    /// It prints this.
    pub fn prints(self, stdout: &'static str) -> Case {
        let stdout = Some(stdout);
        Case { stdout, ..self }
    }

    /// It does so with these options of the mount.
    pub fn mounted_with(self, options: &'static [&'static str]) -> Case {
        Case { options, ..self }
    }
}
