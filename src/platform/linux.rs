//! What Linux has.

use std::ffi::{CStr, OsString};
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::num::NonZero;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

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

/// Reserves the bytes `range` of `file` without changing its size, so that
/// storing to them will not run out of space: `fallocate(2)`, the system call
/// itself, since the C library's `posix_fallocate` writes zeros instead where
/// the file system cannot.
///
/// # Errors
///
/// `Unsupported` where the file system cannot reserve space; ENOSPC, EDQUOT
/// and EFBIG as the manual page has them.
pub fn reserve(file: &File, range: Range<u64>) -> io::Result<()> {
    change(file, range, FallocateFlags::FALLOC_FL_KEEP_SIZE)
}

/// Turns the bytes `range` of `file` into zeros and keeps their space.
///
/// # Errors
///
/// `Unsupported` where the file system cannot do that.
pub fn zero(file: &File, range: Range<u64>) -> io::Result<()> {
    let flags = FallocateFlags::FALLOC_FL_ZERO_RANGE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    change(file, range, flags)
}

/// Turns the bytes `range` of `file` into a hole, which reads as zeros and takes no space.
///
/// # Errors
///
/// `Unsupported` where the file system has no holes.
pub fn punch(file: &File, range: Range<u64>) -> io::Result<()> {
    let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    change(file, range, flags)
}

/// Makes `file` at least `end` bytes long. It is never made shorter and no byte
/// that it has is changed, whoever else writes it meanwhile. Of what is new only
/// the last block is allocated.
///
/// # Errors
///
/// As [`reserve`].
pub fn extend(file: &File, end: u64) -> io::Result<()> {
    change(file, end.saturating_sub(1)..end, FallocateFlags::empty())
}

fn change(file: &File, range: Range<u64>, flags: FallocateFlags) -> io::Result<()> {
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

/// What this process sees mounted, `/proc/self/mountinfo`; of several mounts
/// on one point, the uppermost comes last.
///
/// # Errors
///
/// When it cannot be read.
pub fn mount_table() -> io::Result<Vec<Mount>> {
    let table = std::fs::read("/proc/self/mountinfo")?;
    Ok(table
        .split(|&byte| byte == b'\n')
        .filter_map(mount)
        .collect())
}

/// Reads a line as proc_pid_mountinfo(5) has it: `ID PARENT DEVICE ROOT POINT
/// OPTIONS [OPTIONAL...] - TYPE SOURCE OPTIONS`.
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let device = str::from_utf8(fields.nth(1)?).ok()?.to_owned();
    let point = unescaped(fields.nth(1)?).into();
    fields.find(|&field| field == b"-")?;
    Some(Mount {
        id: Some(id),
        device: Some(device),
        point,
        kind: unescaped(fields.next()?),
        source: unescaped(fields.next()?),
        user: fields.next().and_then(user),
    })
}

/// Whom a FUSE file system's options name as the one who has mounted it.
fn user(options: &[u8]) -> Option<u32> {
    let options = str::from_utf8(options).ok()?;
    let mut options = options.split(',');
    options.find_map(|option| option.strip_prefix("user_id=")?.parse().ok())
}

/// Blanks and backslashes are `\ooo` in the table.
fn unescaped(field: &[u8]) -> OsString {
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

/// Unmounts what is mounted on `point`, `umount(2)`; users other than root do
/// it by `fusermount3`.
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

/// Takes what is mounted on `point` out of the tree, busy or not, with
/// `MNT_DETACH`.
///
/// # Errors
///
/// What the system reports.
pub fn detach(point: &Path) -> io::Result<()> {
    match umount2(point, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
        Err(nix::Error::EPERM) => fusermount(point, true),
        other => Ok(other?),
    }
}

/// The name that the mount table shall show, as the mount call wants it: users
/// other than root mount by `fusermount3`, which reads a list of options.
pub fn mount_source(name: &str) -> String {
    if geteuid().is_root() {
        name.to_owned()
    } else {
        option_value(name)
    }
}

/// The workers of a session without `--threads`: one beside the client's
/// processor, and no more than speed anything up.
pub fn default_threads() -> usize {
    std::thread::available_parallelism()
        .map_or(2, NonZero::get)
        .clamp(2, 4)
}

/// Whether a session can have several workers.
pub const SEVERAL_WORKERS: bool = true;

/// Whether each worker gets a descriptor of the FUSE device of its own, so
/// that they do not contend for one.
pub fn clone_fd() -> bool {
    true
}

/// Whether the byte at `at` of a file is known not to be in memory: `preadv2(2)` with
/// `RWF_NOWAIT`, which not every file system can do.
pub fn is_missing(file: &File, at: u64) -> bool {
    let mut byte = [0];
    let buffers = &mut [IoSliceMut::new(&mut byte)];
    preadv2(file, buffers, at, ReadWriteFlags::NOWAIT) == Err(Errno::AGAIN)
}

/// Has the system begin to read `bytes` bytes from byte `at` of a mapping, if it likes
/// (`MADV_WILLNEED`, madvise(2)).
pub fn advise_willneed(map: &MmapRaw, at: usize, bytes: usize) {
    let _ = map.advise_range(Advice::WillNeed, at, bytes);
}

/// The file that cuts the FUSE file system with this device number off from its
/// daemon once anything is written to it, so that nobody waits for an answer any
/// longer. It stays that of this one file system, whatever gets its number later.
/// Linux' Documentation/filesystems/fuse/fuse.rst, "Control filesystem".
///
/// # Errors
///
/// When there is no such file system, or this user may not end it.
pub fn abort_switch(device: u64) -> io::Result<File> {
    let name = format!("{}/abort", libc::minor(device));
    let path = Path::new("/sys/fs/fuse/connections").join(&name);
    match File::options().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    // Nobody has mounted the files, and they need not be: root can open them.
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

/// Has this process sent `signal` when the thread ends that has split it off,
/// even if other threads of its process cannot end.
///
/// # Errors
///
/// What the system reports.
pub fn signal_at_end_of_parent(signal: Signal) -> io::Result<()> {
    Ok(prctl::set_pdeathsig(signal)?)
}

/// Has a fatal signal end this process at once (`PR_SET_DUMPABLE`). Before a core dump
/// the kernel first waits until every thread is at rest, which one that waits for this
/// process to answer never is; and nothing that ends a process tells its children of it
/// before that.
pub fn forbid_core_dumps() {
    // The kernel refuses values only that it does not know.
    let _ = prctl::set_dumpable(false);
}

/// Whether a process has been ended for good, although threads of it may still wait in
/// the kernel (proc_pid_status(5)). One that this process cannot see is not.
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

/// The number of the namespace that has given this process its number: only in the same
/// one are numbers those of the same processes (pid_namespaces(7)).
pub fn process_namespace() -> Option<u64> {
    let namespace = std::fs::metadata("/proc/self/ns/pid").ok()?;
    Some(namespace.ino())
}

/// Shows another name of this process in lists of processes; at most 15 bytes
/// of it.
pub fn name_process(name: &CStr) {
    // Nothing depends on it.
    let _ = prctl::set_name(name);
}

/// Has files of a mount read ahead by so many bytes, which the kernel otherwise
/// keeps to what it does for disks.
///
/// # Errors
///
/// When this user may not say so, or /sys is not mounted.
pub fn read_ahead(mount: &Mount, bytes: u64) -> io::Result<()> {
    let device = mount.device.as_ref().ok_or(io::ErrorKind::NotFound)?;
    let setting = Path::new("/sys/class/bdi")
        .join(device)
        .join("read_ahead_kb");
    std::fs::write(setting, (bytes / 1024).to_string())
}

/// Whether `file` is on a FUSE file system; also where that cannot be told.
pub fn is_on_fuse(file: &File) -> bool {
    !fstatfs(file).is_ok_and(|found| found.filesystem_type() != FUSE_SUPER_MAGIC)
}

/// Tells that a file is written or truncated, by whomever: `inotify(7)`, which says so
/// before the call returns. It does not tell of stores to mappings, nor of what happens
/// on other machines.
#[derive(Debug)]
pub struct Watch(OwnedFd);

impl Watch {
    /// A watch of `file`; `None` where this user has too many, or the kernel none.
    pub fn new(file: &File) -> Option<Watch> {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let watch = inotify::init(flags).ok()?;
        let file = format!("/proc/self/fd/{}", file.as_raw_fd());
        inotify::add_watch(&watch, file, inotify::WatchFlags::MODIFY).ok()?;
        Some(Watch(watch))
    }

    /// Whether that has happened since it was last asked, or shortly before.
    pub fn is_told(&self) -> bool {
        // Events that are alike are one, until it is read. Too few bytes for one more.
        rustix::io::read(&self.0, &mut [0_u8; 32]).is_ok()
    }
}

/// The time by the clock that file systems have the times of files from, which moves
/// on a few hundred times a second.
pub fn clock_tick() -> TimeSpec {
    let time = clock_gettime(ClockId::CLOCK_REALTIME_COARSE);
    // There is such a clock.
    time.unwrap_or(TimeSpec::new(0, 0))
}

/// Whether the kernel can read and write files past the daemon.
pub const PASSTHROUGH: bool = true;

/// Whether the kernel drops pages and names that it has cached when it is told to.
pub const NOTIFIES: bool = true;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_mount_table_are_read_with_their_escapes() {
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
            assert_eq!(mount(line.as_bytes()), Some(expected), "{line}");
        }
        for line in ["", "x", "1 2 3 4 5 6", "1 2 3 4 5 6 - ext4"] {
            assert_eq!(mount(line.as_bytes()), None, "{line}");
        }
    }
}
