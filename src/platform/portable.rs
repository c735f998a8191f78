//! What any Unix has: system calls that all share, and otherwise the commands
//! that each has under the same name.

use std::ffi::{CStr, OsString};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use memmap2::{Advice, MmapRaw};
#[cfg(not(target_os = "linux"))]
use nix::mount::MntFlags;
use nix::sys::signal::Signal;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::geteuid;

use super::Mount;
#[cfg(target_os = "linux")]
use super::command::fusermount as unmount_as_user;
use super::command::{option_value, run};

/// Space cannot be reserved portably.
///
/// # Errors
///
/// `Unsupported`, unless `range` is empty.
pub fn reserve(_file: &File, range: Range<u64>) -> io::Result<()> {
    if range.is_empty() {
        return Ok(());
    }
    Err(io::ErrorKind::Unsupported.into())
}

/// Ranges cannot be zeroed portably.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn zero(_file: &File, _range: Range<u64>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Holes cannot be punched portably.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn punch(_file: &File, _range: Range<u64>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nothing extends a file portably that could not cut it as well, when others
/// append to it meanwhile.
///
/// # Errors
///
/// `Unsupported`, unless `end` is 0.
pub fn extend(file: &File, end: u64) -> io::Result<()> {
    reserve(file, 0..end)
}

/// The permission bits of a file that do not let anybody do what its access control
/// list forbids: all of them, as lists are not looked at portably.
///
/// # Errors
///
/// None.
pub fn acl_limit(_file: &File) -> io::Result<u32> {
    Ok(0o777)
}

/// The time by the clock that file systems have the times of files from.
pub fn clock_tick() -> TimeSpec {
    let time = clock_gettime(ClockId::CLOCK_REALTIME);
    // There is such a clock.
    time.unwrap_or(TimeSpec::new(0, 0))
}

/// What the `mount` command lists; of several mounts on one point, the
/// uppermost comes last.
///
/// # Errors
///
/// When the command fails.
pub fn mount_table() -> io::Result<Vec<Mount>> {
    let listed = run("mount", &[])?.stdout;
    Ok(listed
        .split(|&byte| byte == b'\n')
        .filter_map(mount)
        .collect())
}

/// Reads `SOURCE on POINT type TYPE (OPTIONS)`, or, as macOS and the BSDs have
/// it, `SOURCE on POINT (TYPE, OPTIONS)`.
fn mount(line: &[u8]) -> Option<Mount> {
    let (source, rest) = split(line, b" on /", false)?;
    // The slash is the point's first byte.
    let rest = &line[line.len() - rest.len() - 1..];
    let (rest, options) = split(rest, b" (", true)?;
    let (point, kind) = match split(rest, b" type ", true) {
        Some(found) => found,
        None => (
            rest,
            options.split(|&byte| matches!(byte, b',' | b')')).next()?,
        ),
    };
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    Some(Mount {
        id: None,
        device: None,
        point: text(point).into(),
        kind: text(kind),
        source: text(source),
        user: None,
    })
}

/// What stands before and after the first, or the last, `separator`.
fn split<'a>(bytes: &'a [u8], separator: &[u8], last: bool) -> Option<(&'a [u8], &'a [u8])> {
    let mut windows = bytes.windows(separator.len());
    let found = |window: &[u8]| window == separator;
    let at = if last {
        windows.rposition(found)
    } else {
        windows.position(found)
    }?;
    Some((&bytes[..at], &bytes[at + separator.len()..]))
}

/// Unmounts what is mounted on `point`.
///
/// # Errors
///
/// `ResourceBusy` while it is in use.
pub fn unmount(point: &Path) -> io::Result<()> {
    unmount_as_user(point, false)
}

/// Takes what is mounted on `point` out of the tree, busy or not.
///
/// # Errors
///
/// What the system reports.
pub fn detach(point: &Path) -> io::Result<()> {
    unmount_as_user(point, true)
}

/// Elsewhere than on Linux users may unmount what they have mounted.
#[cfg(not(target_os = "linux"))]
fn unmount_as_user(point: &Path, even_busy: bool) -> io::Result<()> {
    let flags = match even_busy {
        true => MntFlags::MNT_FORCE,
        false => MntFlags::empty(),
    };
    Ok(nix::mount::unmount(point, flags)?)
}

/// The name that the mount table shall show, as the mount call wants it: on
/// Linux, users other than root mount by `fusermount3`; elsewhere libfuse reads
/// a list of options.
pub fn mount_source(name: &str) -> String {
    if cfg!(target_os = "linux") && geteuid().is_root() {
        name.to_owned()
    } else {
        option_value(name)
    }
}

/// The workers of a session without `--threads`.
pub fn default_threads() -> usize {
    1
}

/// Whether a session can have several workers: fuser has one outside Linux.
pub const SEVERAL_WORKERS: bool = cfg!(target_os = "linux");

/// Whether each worker gets a descriptor of the FUSE device of its own: not
/// outside Linux.
pub fn clone_fd() -> bool {
    false
}

/// Whether a byte of a file is in memory cannot be told portably without reading it.
pub fn is_missing(_file: &File, _at: u64) -> bool {
    false
}

/// Has the system begin to read `bytes` bytes from byte `at` of a mapping, if it likes
/// (`MADV_WILLNEED`, posix_madvise(3)).
pub fn advise_willneed(map: &MmapRaw, at: usize, bytes: usize) {
    let _ = map.advise_range(Advice::WillNeed, at, bytes);
}

/// A FUSE file system cannot be cut off from its daemon portably.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn abort_switch(_device: u64) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// There is no such signal portably.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn signal_at_end_of_parent(_signal: Signal) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Core dumps are in nobody's way where no process watches the daemon.
pub fn forbid_core_dumps() {}

/// What has become of a process cannot be told portably.
pub fn is_dying(_process: u32) -> bool {
    false
}

/// There are no such namespaces portably.
pub fn process_namespace() -> Option<u64> {
    None
}

/// Processes keep their names.
pub fn name_process(_name: &CStr) {}

/// How far a file is read ahead cannot be said portably.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn read_ahead(_mount: &Mount, _bytes: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether `file` is on a FUSE file system, which cannot be told portably.
pub fn is_on_fuse(_file: &File) -> bool {
    true
}

/// Whether the kernel can read and write files past the daemon: not outside
/// Linux.
pub const PASSTHROUGH: bool = false;

/// Whether the kernel drops pages and names that it has cached when it is told
/// to: not to be relied on outside Linux.
pub const NOTIFIES: bool = false;

/// Sends a datagram to a socket whose name is no path, of which there are none portably.
///
/// # Errors
///
/// Always.
pub fn send_to_abstract(_name: &[u8], _bytes: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A name that others find; there are none portably.
#[derive(Debug)]
pub struct AbstractName(());

impl AbstractName {
    /// None.
    ///
    /// # Errors
    ///
    /// Always `Unsupported`.
    pub fn new(_name: &str) -> io::Result<AbstractName> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A socket whose name is no path.
#[derive(Debug)]
pub struct AbstractSocket {
    /// Its name.
    pub name: String,
    /// Who has made it.
    pub user: u32,
}

/// The names that others have taken.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn abstract_sockets() -> io::Result<Vec<AbstractSocket>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Tells that a file is written or truncated; nothing does so portably.
#[derive(Debug)]
pub struct Watch(());

impl Watch {
    /// None.
    pub fn new(_file: &File) -> Option<Watch> {
        None
    }

    /// Never asked.
    pub fn is_told(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_mount_command_are_read_on_linux_and_macos() {
        for (line, point, kind, source) in [
            (
                "/data/a.bin on /mnt/a b type fuse.arrayfs (rw,nosuid,user_id=0)",
                "/mnt/a b",
                "fuse.arrayfs",
                "/data/a.bin",
            ),
            (
                "/data/a.bin on /Volumes/a (macfuse, nodev, nosuid, mounted by me)",
                "/Volumes/a",
                "macfuse",
                "/data/a.bin",
            ),
        ] {
            let expected = Mount {
                id: None,
                device: None,
                point: point.into(),
                kind: kind.into(),
                source: source.into(),
                user: None,
            };
            assert_eq!(mount(line.as_bytes()), Some(expected), "{line}");
        }
        assert_eq!(mount(b"what is this"), None);
    }
}
