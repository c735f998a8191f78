//! The portable implementation of the platform functions: system calls and commands that all
//! Unix systems have. A function that cannot be implemented portably says so.

use std::ffi::{CStr, OsString};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::Duration;

use memmap2::{Advice, MmapRaw};
#[cfg(not(target_os = "linux"))]
use nix::mount::MntFlags;
use nix::sys::signal::Signal;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{User, fsync, geteuid};

use super::Mount;
#[cfg(target_os = "linux")]
use super::command::fusermount as unmount_as_user;
use super::command::{option_value, run};

/// Not implemented: there is no portable call to allocate disk space.
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

/// Not implemented: there is no portable call to zero a range.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn zero(_file: &File, _range: Range<u64>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not implemented: there is no portable call to punch a hole.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn punch(_file: &File, _range: Range<u64>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not implemented: every portable call that extends a file can also truncate it, if another
/// process appends at the same time.
///
/// # Errors
///
/// `Unsupported`, unless `end` is 0.
pub fn extend(file: &File, end: u64) -> io::Result<()> {
    reserve(file, 0..end)
}

/// Asks the drive to write the contents of `file` from its cache to the medium. On macOS neither
/// msync(2) nor fsync(2) does so; `sync_all` does, by `fcntl(F_FULLFSYNC)`. Where the file system
/// does not support that, it is fsync(2).
///
/// # Errors
///
/// When the write-back fails.
pub fn flush_drive(file: &File) -> io::Result<()> {
    match file.sync_all() {
        // SMB, WebDAV and others, each with its own number. fcntl(2) names none.
        Err(error)
            if matches!(
                error.raw_os_error(),
                Some(libc::ENOTSUP | libc::ENOTTY | libc::EINVAL)
            ) =>
        {
            Ok(fsync(file)?)
        }
        outcome => outcome,
    }
}

/// All permission bits: access control lists are not supported portably.
///
/// # Errors
///
/// Never.
pub fn acl_limit(_file: &File) -> io::Result<u32> {
    Ok(0o777)
}

/// The current time of the clock that file systems use for timestamps.
pub fn clock_tick() -> TimeSpec {
    let time = clock_gettime(ClockId::CLOCK_REALTIME);
    // POSIX requires this clock.
    time.unwrap_or(TimeSpec::new(0, 0))
}

/// The mounts that the `mount` command lists. Of several mounts on one mount point, the topmost
/// comes last.
///
/// # Errors
///
/// When the command fails.
pub fn mount_table() -> io::Result<Vec<Mount>> {
    let listed = run("mount", &[])?.stdout;
    Ok(listed
        .split(|&byte| byte == b'\n')
        .filter_map(parse_mount)
        .collect())
}

/// Parses a line `SOURCE on POINT type TYPE (OPTIONS)`, or `SOURCE on POINT (TYPE, OPTIONS)` of
/// macOS and the BSDs. `None` if it is malformed.
fn parse_mount(line: &[u8]) -> Option<Mount> {
    let (source, rest) = split(line, b" on /", false)?;
    // The slash belongs to the mount point.
    let rest = &line[line.len() - rest.len() - 1..];
    let (rest, options) = split(rest, b" (", true)?;
    let options = options.strip_suffix(b")").unwrap_or(options);
    let mut options = options.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    let (point, kind, user) = match split(rest, b" type ", true) {
        Some((point, kind)) => (point, kind, user_by_id(options)),
        None => (rest, options.next()?, user_by_name(options)),
    };
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    Some(Mount {
        id: None,
        device: None,
        point: text(point).into(),
        kind: text(kind),
        source: text(source),
        user,
    })
}

/// The user who mounted a FUSE file system, from the option `user_id=ID` of Linux.
fn user_by_id<'a>(mut options: impl Iterator<Item = &'a [u8]>) -> Option<u32> {
    let id = options.find_map(|option| option.strip_prefix(b"user_id="))?;
    str::from_utf8(id).ok()?.parse().ok()
}

/// The user who mounted a file system, from the words `mounted by NAME` of macOS and the BSDs.
/// They name no root. A user without a name is shown by ID.
fn user_by_name<'a>(mut options: impl Iterator<Item = &'a [u8]>) -> Option<u32> {
    let Some(name) = options.find_map(|option| option.strip_prefix(b"mounted by ")) else {
        return Some(0);
    };
    let name = str::from_utf8(name).ok()?;
    match User::from_name(name) {
        Ok(Some(user)) => Some(user.uid.as_raw()),
        _ => name.parse().ok(),
    }
}

/// The bytes before and after the first `separator`, or the last one if `last` is set. `None` if
/// there is none.
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

/// Unmounts the file system on `point`.
///
/// # Errors
///
/// `ResourceBusy` while it is in use.
pub fn unmount(point: &Path) -> io::Result<()> {
    unmount_as_user(point, false)
}

/// Detaches the file system on `point`, busy or not.
///
/// # Errors
///
/// When the unmount fails.
pub fn detach(point: &Path) -> io::Result<()> {
    unmount_as_user(point, true)
}

/// Unmounts with `unmount(2)`: outside Linux, users may unmount their own mounts.
///
/// # Errors
///
/// When the system call fails.
#[cfg(not(target_os = "linux"))]
fn unmount_as_user(point: &Path, even_busy: bool) -> io::Result<()> {
    let flags = match even_busy {
        true => MntFlags::MNT_FORCE,
        false => MntFlags::empty(),
    };
    Ok(nix::mount::unmount(point, flags)?)
}

/// `text` as the value of a mount option. Commas and backslashes are escaped, except
/// for root on Linux, since `fusermount3` and libfuse parse a list of options.
pub fn mount_option_value(text: &str) -> String {
    if cfg!(target_os = "linux") && geteuid().is_root() {
        text.to_owned()
    } else {
        option_value(text)
    }
}

/// Whether `statvfs` fails on a FUSE mount without its daemon. macFUSE's kernel extension answers
/// for it.
pub const STATVFS_ASKS_DAEMON: bool = false;

/// How long a new mount can take to appear in the mount table. macFUSE's library starts a program
/// that mounts, and does not wait for its end.
pub const MOUNT_DELAY: Duration = match cfg!(target_os = "macos") {
    true => Duration::from_secs(10),
    false => Duration::ZERO,
};

/// The default number of worker threads.
pub fn default_threads() -> usize {
    1
}

/// Whether a session can have several worker threads: fuser has one outside Linux.
pub const SEVERAL_WORKERS: bool = cfg!(target_os = "linux");

/// Whether each worker thread gets its own clone of the FUSE device descriptor: Linux only.
pub fn clone_fd() -> bool {
    false
}

/// Always false: there is no portable test of the page cache that does not read.
pub fn is_missing(_file: &File, _at: u64) -> bool {
    false
}

/// Advises the kernel to read `bytes` bytes at offset `at` of a mapping (`MADV_WILLNEED`,
/// posix_madvise(3)). Errors are ignored.
pub fn advise_willneed(map: &MmapRaw, at: usize, bytes: usize) {
    let _ = map.advise_range(Advice::WillNeed, at, bytes);
}

/// Not implemented: there is no portable way to abort a FUSE connection.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn abort_switch(_device: u64) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not implemented: there is no portable parent-death signal.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn signal_at_end_of_parent(_signal: Signal) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A no-op: without a parent-death signal no process waits for the end of the daemon.
pub fn forbid_core_dumps() {}

/// Always false: there is no portable way to see a pending SIGKILL.
pub fn is_dying(_process: u32) -> bool {
    false
}

/// Always `None`: PID namespaces are Linux only.
pub fn process_namespace() -> Option<u64> {
    None
}

/// A no-op: there is no portable way to rename a process.
pub fn name_process(_name: &CStr) {}

/// Not implemented: there is no portable way to set the readahead window of a mount.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn read_ahead(_mount: &Mount, _bytes: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Always true, the safe answer: the file system type cannot be determined portably.
pub fn is_on_fuse(_file: &File) -> bool {
    true
}

/// Whether the kernel supports FUSE passthrough: Linux only.
pub const PASSTHROUGH: bool = false;

/// Whether the kernel honours FUSE notifications that invalidate pages and dentries: not
/// reliably outside Linux.
pub const NOTIFIES: bool = false;

/// Not implemented: abstract sockets are Linux only.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn send_to_abstract(_name: &[u8], _bytes: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A bound abstract socket, which cannot be made portably.
#[derive(Debug)]
pub struct AbstractName(());

impl AbstractName {
    /// Not implemented: abstract sockets are Linux only.
    ///
    /// # Errors
    ///
    /// Always `Unsupported`.
    pub fn new(_name: &str) -> io::Result<AbstractName> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// An abstract socket.
#[derive(Debug)]
pub struct AbstractSocket {
    /// The name.
    pub name: String,
    /// The ID of the user who created it.
    pub user: u32,
}

/// Not implemented: abstract sockets are Linux only.
///
/// # Errors
///
/// Always `Unsupported`.
pub fn abstract_sockets() -> io::Result<Vec<AbstractSocket>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A watch for writes and truncations of a file, which cannot be made portably.
#[derive(Debug)]
pub struct Watch(());

impl Watch {
    /// Always `None`.
    pub fn new(_file: &File) -> Option<Watch> {
        None
    }

    /// Always false.
    pub fn is_told(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_mount_command_are_parsed_on_linux_and_macos() {
        for (line, point, kind, source, user) in [
            (
                "/data/a.bin on /mnt/a b type fuse.arrayfs (rw,nosuid,user_id=33,group_id=0)",
                "/mnt/a b",
                "fuse.arrayfs",
                "/data/a.bin",
                Some(33),
            ),
            (
                "proc on /proc type proc (rw)",
                "/proc",
                "proc",
                "proc",
                None,
            ),
            (
                // On all systems the ID of this user is 1.
                "/data/a.bin on /Volumes/a (macfuse, nodev, nosuid, mounted by daemon)",
                "/Volumes/a",
                "macfuse",
                "/data/a.bin",
                Some(1),
            ),
            (
                "/data/a.bin on /Volumes/a (macfuse, mounted by 4711)",
                "/Volumes/a",
                "macfuse",
                "/data/a.bin",
                Some(4711),
            ),
            (
                "a on /Volumes/a (macfuse, mounted by no-such-user)",
                "/Volumes/a",
                "macfuse",
                "a",
                None,
            ),
            (
                "/data/a.bin on /Volumes/a (macfuse)",
                "/Volumes/a",
                "macfuse",
                "/data/a.bin",
                Some(0),
            ),
        ] {
            let expected = Mount {
                id: None,
                device: None,
                point: point.into(),
                kind: kind.into(),
                source: source.into(),
                user,
            };
            assert_eq!(parse_mount(line.as_bytes()), Some(expected), "{line}");
        }
        assert_eq!(parse_mount(b"what is this"), None);
    }
}
