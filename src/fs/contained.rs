//! Requests that panic cost their client an EIO and nobody else anything. There
//! should be none; but one that got away would end the worker and with it the
//! mount.

use std::ffi::OsStr;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::SystemTime;

use fuser::{
    AccessFlags, BsdFileFlags, CopyFileRangeFlags, FileHandle, Filesystem, INodeNo, IoctlFlags,
    KernelConfig, LockOwner, OpenFlags, PollEvents, PollFlags, PollNotifier, RenameFlags,
    ReplyAttr, ReplyBmap, ReplyCreate, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty,
    ReplyEntry, ReplyIoctl, ReplyLock, ReplyLseek, ReplyOpen, ReplyPoll, ReplyStatfs, ReplyWrite,
    ReplyXattr, Request, TimeOrNow, WriteFlags,
};

/// A file system that outlives its panics.
pub(super) struct Contained<F>(pub(super) F);

/// Does `work`, and goes on if it panics. The panic itself is in the log by
/// then, and a reply that was not sent is an EIO.
pub(super) fn contained(work: impl FnOnce()) {
    // What is shared is kept behind locks, none of which is given up as poisoned:
    // each holds a map or a number that is changed in one step.
    let outcome = catch_unwind(AssertUnwindSafe(work));
    if outcome.is_err() {
        log::error!("a request was ended by the panic above; the mount goes on");
    }
}

/// Passes requests on, by the names and types of their parameters.
macro_rules! pass_on {
    ($($request:ident($($name:ident: $parameter:ty),*) $reply:ty;)*) => {
        $(fn $request(&self, req: &Request, $($name: $parameter,)* reply: $reply) {
            contained(|| self.0.$request(req, $($name,)* reply));
        })*
    };
}

impl<F: Filesystem> Filesystem for Contained<F> {
    fn init(&mut self, req: &Request, config: &mut KernelConfig) -> io::Result<()> {
        self.0.init(req, config)
    }

    fn destroy(&mut self) {
        self.0.destroy();
    }

    #[rustfmt::skip]
    pass_on! {
        lookup(parent: INodeNo, name: &OsStr) ReplyEntry;
        getattr(ino: INodeNo, fh: Option<FileHandle>) ReplyAttr;
        setattr(
            ino: INodeNo, mode: Option<u32>, uid: Option<u32>, gid: Option<u32>, size: Option<u64>,
            atime: Option<TimeOrNow>, mtime: Option<TimeOrNow>, ctime: Option<SystemTime>,
            fh: Option<FileHandle>, crtime: Option<SystemTime>, chgtime: Option<SystemTime>,
            bkuptime: Option<SystemTime>, flags: Option<BsdFileFlags>
        ) ReplyAttr;
        open(ino: INodeNo, flags: OpenFlags) ReplyOpen;
        read(
            ino: INodeNo, fh: FileHandle, offset: u64, size: u32, flags: OpenFlags,
            lock_owner: Option<LockOwner>
        ) ReplyData;
        write(
            ino: INodeNo, fh: FileHandle, offset: u64, data: &[u8], write_flags: WriteFlags,
            flags: OpenFlags, lock_owner: Option<LockOwner>
        ) ReplyWrite;
        flush(ino: INodeNo, fh: FileHandle, lock_owner: LockOwner) ReplyEmpty;
        release(
            ino: INodeNo, fh: FileHandle, flags: OpenFlags, lock_owner: Option<LockOwner>,
            flush: bool
        ) ReplyEmpty;
        fsync(ino: INodeNo, fh: FileHandle, datasync: bool) ReplyEmpty;
        fsyncdir(ino: INodeNo, fh: FileHandle, datasync: bool) ReplyEmpty;
        opendir(ino: INodeNo, flags: OpenFlags) ReplyOpen;
        readdir(ino: INodeNo, fh: FileHandle, offset: u64) ReplyDirectory;
        readdirplus(ino: INodeNo, fh: FileHandle, offset: u64) ReplyDirectoryPlus;
        releasedir(ino: INodeNo, fh: FileHandle, flags: OpenFlags) ReplyEmpty;
        statfs(ino: INodeNo) ReplyStatfs;
        fallocate(ino: INodeNo, fh: FileHandle, offset: u64, length: u64, mode: i32) ReplyEmpty;
        copy_file_range(
            ino_in: INodeNo, fh_in: FileHandle, offset_in: u64, ino_out: INodeNo,
            fh_out: FileHandle, offset_out: u64, len: u64, flags: CopyFileRangeFlags
        ) ReplyWrite;
        lseek(ino: INodeNo, fh: FileHandle, offset: i64, whence: i32) ReplyLseek;
        access(ino: INodeNo, mask: AccessFlags) ReplyEmpty;
        create(parent: INodeNo, name: &OsStr, mode: u32, umask: u32, flags: i32) ReplyCreate;
        mknod(parent: INodeNo, name: &OsStr, mode: u32, umask: u32, rdev: u32) ReplyEntry;
        mkdir(parent: INodeNo, name: &OsStr, mode: u32, umask: u32) ReplyEntry;
        symlink(parent: INodeNo, name: &OsStr, target: &Path) ReplyEntry;
        link(ino: INodeNo, parent: INodeNo, name: &OsStr) ReplyEntry;
        unlink(parent: INodeNo, name: &OsStr) ReplyEmpty;
        rmdir(parent: INodeNo, name: &OsStr) ReplyEmpty;
        rename(
            parent: INodeNo, name: &OsStr, new_parent: INodeNo, new_name: &OsStr, flags: RenameFlags
        ) ReplyEmpty;
        readlink(ino: INodeNo) ReplyData;
        getxattr(ino: INodeNo, name: &OsStr, size: u32) ReplyXattr;
        listxattr(ino: INodeNo, size: u32) ReplyXattr;
        setxattr(ino: INodeNo, name: &OsStr, value: &[u8], flags: i32, position: u32) ReplyEmpty;
        removexattr(ino: INodeNo, name: &OsStr) ReplyEmpty;
        getlk(
            ino: INodeNo, fh: FileHandle, lock_owner: LockOwner, start: u64, end: u64, typ: i32,
            pid: u32
        ) ReplyLock;
        setlk(
            ino: INodeNo, fh: FileHandle, lock_owner: LockOwner, start: u64, end: u64, typ: i32,
            pid: u32, sleep: bool
        ) ReplyEmpty;
        poll(
            ino: INodeNo, fh: FileHandle, notifier: PollNotifier, events: PollEvents,
            flags: PollFlags
        ) ReplyPoll;
        bmap(ino: INodeNo, blocksize: u32, block: u64) ReplyBmap;
        ioctl(
            ino: INodeNo, fh: FileHandle, flags: IoctlFlags, cmd: u32, in_data: &[u8], out_size: u32
        ) ReplyIoctl;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuser::{Config, Errno, Session};

    struct Panics;

    impl Filesystem for Panics {
        fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
            assert_ne!(name, "panic");
            reply.error(Errno::ENOENT);
        }
    }

    #[test]
    fn a_request_that_panics_fails_alone() {
        if !Path::new("/dev/fuse").exists() || !nix::unistd::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let session = Session::new(Contained(Panics), dir.path(), &Config::default()).unwrap();
        let background = session.spawn().unwrap();
        for _ in 0..3 {
            for (name, errno) in [("panic", libc::EIO), ("other", libc::ENOENT)] {
                let error = std::fs::metadata(dir.path().join(name)).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(errno), "{name}");
            }
        }
        drop(background);
    }
}
