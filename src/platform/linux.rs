//! The Linux implementation of the platform functions.

use std::ffi::{CStr, OsString};
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::num::NonZero;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use memmap2::{Advice, MmapRaw};
use nix::fcntl::{FallocateFlags, OFlag, fallocate, openat};
use nix::mount::{MntFlags, umount2};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::statfs::{FUSE_SUPER_MAGIC, fstatfs};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::geteuid;
use rustix::fs::inotify;
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

use super::Mount;
use super::command::{fusermount, option_value};

/// Allocates disk space for the bytes `range` of `file` without changing its size, so that
/// stores to them do not fail with ENOSPC. This is the system call `fallocate(2)`: the C
/// library's `posix_fallocate` writes zeros if the file system has none.
///
/// # Errors
///
/// `Unsupported` if the file system cannot allocate space; ENOSPC, EDQUOT and EFBIG as in
/// `fallocate(2)`.
pub fn reserve(file: &File, range: Range<u64>) -> io::Result<()> {
    call_fallocate(file, range, FallocateFlags::FALLOC_FL_KEEP_SIZE)
}

/// Sets the bytes `range` of `file` to zero and keeps their disk space, with
/// `FALLOC_FL_ZERO_RANGE`.
///
/// # Errors
///
/// `Unsupported` if the file system cannot do that.
pub fn zero(file: &File, range: Range<u64>) -> io::Result<()> {
    let flags = FallocateFlags::FALLOC_FL_ZERO_RANGE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    call_fallocate(file, range, flags)
}

/// Punches a hole for the bytes `range` of `file`, which reads as zeros and takes no disk space.
///
/// # Errors
///
/// `Unsupported` if the file system has no holes.
pub fn punch(file: &File, range: Range<u64>) -> io::Result<()> {
    let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    call_fallocate(file, range, flags)
}

/// A no-op: `msync(MS_SYNC)` flushes the drive's cache, too.
///
/// # Errors
///
/// Never.
pub fn flush_drive(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Extends `file` to at least `end` bytes. Never truncates it or changes a byte, even if other
/// processes write it at the same time. Only the last new block is allocated.
///
/// # Errors
///
/// As [`reserve`].
pub fn extend(file: &File, end: u64) -> io::Result<()> {
    call_fallocate(file, end.saturating_sub(1)..end, FallocateFlags::empty())
}

/// Calls `fallocate(2)` for the bytes `range` of `file`, repeating it when interrupted. A no-op
/// for an empty range.
///
/// # Errors
///
/// `Unsupported` if the file system lacks the operation; EFBIG if the range exceeds 63 bits;
/// otherwise as `fallocate(2)`.
fn call_fallocate(file: &File, range: Range<u64>, flags: FallocateFlags) -> io::Result<()> {
    let too_far = |_| io::Error::from_raw_os_error(libc::EFBIG);
    let offset = i64::try_from(range.start).map_err(too_far)?;
    let length = i64::try_from(range.end.saturating_sub(range.start)).map_err(too_far)?;
    if length == 0 {
        return Ok(());
    }
    loop {
        match fallocate(file, flags, offset, length) {
            Ok(()) => return Ok(()),
            Err(nix::Error::EINTR) => {}
            Err(nix::Error::EOPNOTSUPP | nix::Error::ENOSYS) => {
                return Err(io::ErrorKind::Unsupported.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The mounts that this process sees, from `/proc/self/mountinfo`. Of several mounts on one
/// mount point, the topmost comes last.
///
/// # Errors
///
/// When the table cannot be read.
pub fn mount_table() -> io::Result<Vec<Mount>> {
    let table = std::fs::read("/proc/self/mountinfo")?;
    Ok(table
        .split(|&byte| byte == b'\n')
        .filter_map(parse_mount)
        .collect())
}

/// Parses a line of proc_pid_mountinfo(5): `ID PARENT DEVICE ROOT POINT OPTIONS [OPTIONAL...] -
/// TYPE SOURCE OPTIONS`. `None` if it is malformed.
fn parse_mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let device = str::from_utf8(fields.nth(1)?).ok()?.to_owned();
    let point = unescape(fields.nth(1)?).into();
    fields.find(|&field| field == b"-")?;
    Some(Mount {
        id: Some(id),
        device: Some(device),
        point,
        kind: unescape(fields.next()?),
        source: unescape(fields.next()?),
        user: fields.next().and_then(user_id),
    })
}

/// The `user_id` in the options of a FUSE file system.
fn user_id(options: &[u8]) -> Option<u32> {
    let options = str::from_utf8(options).ok()?;
    let mut options = options.split(',');
    options.find_map(|option| option.strip_prefix("user_id=")?.parse().ok())
}

/// Decodes the `\ooo` escapes of the table, which stand for blanks and backslashes.
fn unescape(field: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let octal = |digits: &[u8]| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok();
        match after.get(..3).filter(|_| first == b'\\').and_then(octal) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes)
}

/// Unmounts the file system on `point`, with `umount(2)`, or with `fusermount3` for users other
/// than root.
///
/// # Errors
///
/// `ResourceBusy` while it is in use.
pub fn unmount(point: &Path) -> io::Result<()> {
    match umount2(point, MntFlags::UMOUNT_NOFOLLOW) {
        Err(nix::Error::EPERM) => fusermount(point, false),
        other => Ok(other?),
    }
}

/// Detaches the file system on `point`, busy or not (`MNT_DETACH`, lazy unmount).
///
/// # Errors
///
/// When the system call or `fusermount3` fails.
pub fn detach(point: &Path) -> io::Result<()> {
    match umount2(point, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
        Err(nix::Error::EPERM) => fusermount(point, true),
        other => Ok(other?),
    }
}

/// `text` as the value of a mount option. Commas and backslashes are escaped for
/// users other than root, who mount with `fusermount3`.
pub fn mount_option_value(text: &str) -> String {
    if geteuid().is_root() {
        text.to_owned()
    } else {
        option_value(text)
    }
}

/// Whether `statvfs` fails on a FUSE mount without its daemon.
pub const STATVFS_ASKS_DAEMON: bool = true;

/// How long a new mount can take to appear in the mount table.
pub const MOUNT_DELAY: Duration = Duration::ZERO;

/// The default number of worker threads: one per core, from 2 to 4. More were measured to be
/// no faster.
pub fn default_threads() -> usize {
    std::thread::available_parallelism()
        .map_or(2, NonZero::get)
        .clamp(2, 4)
}

/// Whether a session can have several worker threads.
pub const SEVERAL_WORKERS: bool = true;

/// Whether each worker thread gets its own clone of the FUSE device descriptor, to avoid
/// contention.
pub fn clone_fd() -> bool {
    true
}

/// Whether the byte at offset `at` of a file is known to be outside the page cache. Uses
/// `preadv2(2)` with `RWF_NOWAIT`; false on file systems without it.
pub fn is_missing(file: &File, at: u64) -> bool {
    let mut byte = [0];
    let buffers = &mut [IoSliceMut::new(&mut byte)];
    preadv2(file, buffers, at, ReadWriteFlags::NOWAIT) == Err(Errno::AGAIN)
}

/// Advises the kernel to read `bytes` bytes at offset `at` of a mapping (`MADV_WILLNEED`,
/// madvise(2)). Errors are ignored.
pub fn advise_willneed(map: &MmapRaw, at: usize, bytes: usize) {
    let _ = map.advise_range(Advice::WillNeed, at, bytes);
}

/// Opens the `abort` file of the FUSE connection with this device number. A write to it aborts
/// the connection: all pending and later requests fail. The open file stays bound to this
/// connection, even if its device number is reused. See "Control filesystem" in Linux's
/// Documentation/filesystems/fuse/fuse.rst.
///
/// # Errors
///
/// When there is no such connection, or this user may not abort it.
pub fn abort_switch(device: u64) -> io::Result<File> {
    let name = format!("{}/abort", libc::minor(device));
    let path = Path::new("/sys/fs/fuse/connections").join(&name);
    match File::options().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    // The control file system is not mounted. Root can open it without mounting it.
    let context = fsopen("fusectl", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let root = fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::empty(),
    )?;
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    Ok(openat(root, &*name, flags, nix::sys::stat::Mode::empty())?.into())
}

/// Requests `signal` for this process when the thread that forked it ends
/// (`PR_SET_PDEATHSIG`). It is sent even if other threads of the parent process hang.
///
/// # Errors
///
/// When `prctl(2)` fails.
pub fn signal_at_end_of_parent(signal: Signal) -> io::Result<()> {
    Ok(prctl::set_pdeathsig(signal)?)
}

/// Disables core dumps of this process (`PR_SET_DUMPABLE`). Before a core dump the kernel waits
/// for every thread to stop. A thread that waits for an answer of this very process never
/// stops, and until it does, children get no parent-death signal.
pub fn forbid_core_dumps() {
    // It fails only for invalid values.
    let _ = prctl::set_dumpable(false);
}

/// Whether a process has ended or has a pending SIGKILL, even if some of its threads still wait
/// in the kernel (proc_pid_status(5)). False for a process that this one cannot see.
pub fn is_dying(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let field = |name: &str| {
        let mut lines = status.lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let has_ended = field("State:").is_some_and(|state| state.starts_with(['Z', 'X']));
    let pending = field("SigPnd:").and_then(|set| u64::from_str_radix(set, 16).ok());
    let is_killed = pending.is_some_and(|set| set & (1 << (libc::SIGKILL - 1)) != 0);
    has_ended || is_killed
}

/// The inode number of this process's PID namespace, in which its process ID is valid
/// (pid_namespaces(7)). `None` if it cannot be determined.
pub fn process_namespace() -> Option<u64> {
    let namespace = std::fs::metadata("/proc/self/ns/pid").ok()?;
    Some(namespace.ino())
}

/// Sets the name of this process in process lists. The kernel keeps 15 bytes of it.
pub fn name_process(name: &CStr) {
    // The name is cosmetic.
    let _ = prctl::set_name(name);
}

/// Sets the kernel's readahead window for files of a mount to `bytes` bytes, in place of the
/// default for disks.
///
/// # Errors
///
/// When this user may not set it, or /sys is not mounted.
pub fn read_ahead(mount: &Mount, bytes: u64) -> io::Result<()> {
    let device = mount.device.as_ref().ok_or(io::ErrorKind::NotFound)?;
    let setting = Path::new("/sys/class/bdi")
        .join(device)
        .join("read_ahead_kb");
    std::fs::write(setting, (bytes / 1024).to_string())
}

/// Whether `file` is on a FUSE file system. True if that cannot be determined.
pub fn is_on_fuse(file: &File) -> bool {
    !fstatfs(file).is_ok_and(|found| found.filesystem_type() != FUSE_SUPER_MAGIC)
}

/// A watch for writes and truncations of a file by any process, with `inotify(7)`. The event
/// arrives before the writer's system call returns. There is none for stores to mappings, nor
/// for writes by other machines.
#[derive(Debug)]
pub struct Watch(OwnedFd);

impl Watch {
    /// A watch of `file`; `None` if the user's limit is reached or the kernel lacks inotify.
    pub fn new(file: &File) -> Option<Watch> {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let watch = inotify::init(flags).ok()?;
        let file = format!("/proc/self/fd/{}", file.as_raw_fd());
        inotify::add_watch(&watch, file, inotify::WatchFlags::MODIFY).ok()?;
        Some(Watch(watch))
    }

    /// Whether the file was written or truncated since the last call, or shortly before it.
    pub fn is_told(&self) -> bool {
        // inotify merges equal pending events into one. 32 bytes hold no second event.
        rustix::io::read(&self.0, &mut [0_u8; 32]).is_ok()
    }
}

/// The current time of the clock that file systems use for timestamps. It advances a few
/// hundred times a second.
pub fn clock_tick() -> TimeSpec {
    let time = clock_gettime(ClockId::CLOCK_REALTIME_COARSE);
    // Linux always has this clock.
    time.unwrap_or(TimeSpec::new(0, 0))
}

/// Whether the kernel supports FUSE passthrough.
pub const PASSTHROUGH: bool = true;

/// Whether the kernel honours FUSE notifications that invalidate pages and dentries.
pub const NOTIFIES: bool = true;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_mount_table_are_parsed_with_their_escapes() {
        for (line, id, device, point, kind, source, user) in [
            (
                r"43 27 0:40 / /mnt/a rw,nosuid - fuse.arrayfs /data/a.bin rw,user_id=0",
                43,
                "0:40",
                "/mnt/a",
                "fuse.arrayfs",
                "/data/a.bin",
                Some(0),
            ),
            (
                r"7 1 0:5 / /mnt/a\040b\134c rw shared:3 master:1 - fuse.arrayfs /d\011e\012\043 rw",
                7,
                "0:5",
                "/mnt/a b\\c",
                "fuse.arrayfs",
                "/d\te\n#",
                None,
            ),
            (
                r"1 1 8:1 / / rw - ext4 /dev/\09 rw",
                1,
                "8:1",
                "/",
                "ext4",
                r"/dev/\09",
                None,
            ),
        ] {
            let expected = Mount {
                id: Some(id),
                device: Some(device.into()),
                point: point.into(),
                kind: kind.into(),
                source: source.into(),
                user,
            };
            assert_eq!(parse_mount(line.as_bytes()), Some(expected), "{line}");
        }
        for line in ["", "x", "1 2 3 4 5 6", "1 2 3 4 5 6 - ext4"] {
            assert_eq!(parse_mount(line.as_bytes()), None, "{line}");
        }
    }
}
