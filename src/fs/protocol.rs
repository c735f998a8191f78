//! The FUSE protocol: each request becomes a call of one operation, and its outcome one reply.
//! All methods whose default in fuser logs a warning and replies ENOSYS are implemented. The
//! operations know nothing of requests and replies.

use std::ffi::OsStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    AccessFlags, BsdFileFlags, CopyFileRangeFlags, Errno, FileHandle, Filesystem, FopenFlags,
    INodeNo, IoctlFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, PollEvents, PollFlags,
    PollNotifier, RenameFlags, ReplyAttr, ReplyBmap, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyLock, ReplyLseek, ReplyOpen,
    ReplyPoll, ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};

use super::Options;
use super::admission::Admission;
use super::answer::{DIRECT, failed, macfuse_requests, refuse, reply, send_opened, written};
use super::attr::{AttributeChange, time_spec};
use super::negotiation::{MAX_REQUEST, negotiate};
use super::operations::{ArrayFs, MAX_NAME};
use super::panics::catch_panic;
use super::scratch::Owner;
use super::stats::RequestKind;
use super::writing::Write;

/// Answers FUSE requests on an array.
pub(super) struct Protocol {
    fs: Arc<ArrayFs>,
    admission: Arc<Admission>,
    options: Options,
    on_end: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Protocol {
    /// Answers by the operations of `fs`. `options` decide the cache mode at INIT. Calls `on_end`
    /// after the last request.
    pub(super) fn new(
        fs: Arc<ArrayFs>,
        admission: Arc<Admission>,
        options: Options,
        on_end: impl FnOnce() + Send + 'static,
    ) -> Protocol {
        Protocol {
            fs,
            admission,
            options,
            on_end: Mutex::new(Some(Box::new(on_end))),
        }
    }
}

impl Filesystem for Protocol {
    fn init(&mut self, _req: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let features = negotiate(config, self.fs.capabilities(&self.options));
        self.fs.decide_caching(&self.options, features);
        Ok(())
    }

    fn destroy(&mut self) {
        let on_end = self
            .on_end
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(on_end) = on_end.take() {
            on_end();
        }
    }

    fn lookup(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.fs.serve(RequestKind::Lookup, parent.0, |request| {
            let request = request.with_name(name);
            reply!(request, reply, self.fs.lookup(parent.0, name), attr => {
                let generation = self.fs.generation(attr.ino);
                let (attributes, entry) = self.fs.lifetimes(&attr);
                reply.entry_with_ttls(&attributes, &entry, &attr, generation);
            });
        });
    }

    fn forget(&self, _req: &Request, ino: INodeNo, nlookup: u64) {
        catch_panic(|| self.fs.forget(ino.0, nlookup));
    }

    fn getattr(&self, _req: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        self.fs.serve(RequestKind::Attributes, ino.0, |request| {
            reply!(request, reply, self.fs.attributes(ino.0), attr => {
                reply.attr(&self.fs.lifetimes(&attr).0, &attr);
            });
        });
    }

    fn setattr(
        &self,
        _req: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        self.fs.serve(RequestKind::Change, ino.0, |request| {
            let change = AttributeChange {
                mode,
                uid,
                gid,
                size,
                atime: atime.map(time_spec),
                // The kernel sends a new mtime with a truncation; it is not to be set.
                mtime: mtime.filter(|_| size.is_none()).map(time_spec),
            };
            let answer = move |fs: &ArrayFs| {
                let changed = fs.set_attributes(ino.0, &change);
                reply!(request, reply, changed, attr => {
                    reply.attr(&fs.lifetimes(&attr).0, &attr);
                });
            };
            match size {
                None => answer(&self.fs),
                Some(0) => self.fs.answer_truncation(ino.0, answer),
                // Only a resize to the full size can change bytes.
                Some(_) => self.fs.answer_resize(ino.0, answer),
            }
        });
    }

    fn open(&self, _req: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        self.fs.serve(RequestKind::Open, ino.0, |request| {
            let writes = flags.acc_mode() != OpenAccMode::O_RDONLY;
            let fs = self.fs.clone();
            self.admission.run_when_admitted(move || {
                let register = |file: BorrowedFd<'_>| reply.open_backing(file);
                let opened = fs.open(ino.0, writes, register);
                reply!(request, reply, opened, (number, io_mode) => {
                    send_opened(reply, number, io_mode, writes);
                });
            });
        });
    }

    fn read(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.fs.serve(RequestKind::Read, ino.0, |request| {
            let request = request.with_range(offset, size.into());
            // Linux sends no lock owner if it fills the page cache, macFUSE never. There all files
            // are open for direct I/O, which fills no pages.
            let into_page_cache = lock_owner.is_none() && !cfg!(target_os = "macos");
            let place = (fh.0, offset, size);
            self.fs
                .answer_read(request, reply, ino.0, place, into_page_cache);
        });
    }

    fn write(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        write_flags: WriteFlags,
        flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        self.fs.serve(RequestKind::Write, ino.0, |request| {
            let request = request.with_range(offset, data.len() as u64);
            let write = Write {
                offset,
                data,
                flags: flags.0,
                from_page_cache: write_flags.contains(WriteFlags::FUSE_WRITE_CACHE),
            };
            if write.from_page_cache {
                return written!(request, reply, self.fs.write_back(ino.0, fh.0, &write));
            }
            self.fs.write_through(fh.0, &write, move |outcome| {
                written!(request, reply, outcome)
            });
        });
    }

    fn flush(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        _lock_owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        self.fs.serve(RequestKind::Flush, ino.0, |request| {
            reply!(request, reply, self.fs.flushed(fh.0), () => reply.ok());
        });
    }

    fn release(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.fs.serve(RequestKind::Release, ino.0, |_request| {
            self.fs.release(fh.0);
            reply.ok();
        });
    }

    fn fsync(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        _datasync: bool,
        reply: ReplyEmpty,
    ) {
        self.fs.serve(RequestKind::Sync, ino.0, |request| {
            let handle = self.fs.handle(ino.0, fh.0);
            let synced = handle.and_then(|handle| self.fs.sync(&handle));
            let answer = move || reply!(request, reply, synced, () => reply.ok());
            if !self.fs.keeps_pages() {
                return answer();
            }
            // After fsync of a mapping, no stale page may show the bytes before the stores.
            self.fs.coherence.answer_after(answer);
        });
    }

    fn opendir(&self, _req: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        self.fs.serve(RequestKind::Open, ino.0, |request| {
            reply!(request, reply, self.fs.needs_opens(), () => {
                reply.opened(FileHandle(0), FopenFlags::empty());
            });
        });
    }

    fn fsyncdir(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        _datasync: bool,
        reply: ReplyEmpty,
    ) {
        self.fs.serve(RequestKind::Sync, ino.0, |request| {
            match self.fs.sync_all() {
                Ok(()) => reply.ok(),
                Err(error) => failed!(request, reply, error.into()),
            }
        });
    }

    fn readdir(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        self.fs.serve(RequestKind::List, ino.0, |request| {
            let listed = self.fs.list(ino.0, offset, |entry| {
                reply.add(INodeNo(entry.inode()), entry.next, entry.kind(), entry.name)
            });
            reply!(request, reply, listed, () => reply.ok());
        });
    }

    fn readdirplus(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        self.fs.serve(RequestKind::List, ino.0, |request| {
            let mut outcome = Ok(());
            let listed = self
                .fs
                .list(ino.0, offset, |entry| match entry.attributes() {
                    Ok(attr) => reply.add(
                        INodeNo(entry.inode()),
                        entry.next,
                        entry.name,
                        &self.fs.lifetimes(&attr).0,
                        &attr,
                        self.fs.generation(attr.ino),
                    ),
                    Err(error) => {
                        outcome = Err(error);
                        true
                    }
                });
            reply!(request, reply, listed.and(outcome), () => reply.ok());
        });
    }

    fn statfs(&self, _req: &Request, ino: INodeNo, reply: ReplyStatfs) {
        self.fs.serve(RequestKind::Usage, ino.0, |_request| {
            let usage = self.fs.usage();
            let name = MAX_NAME as u32;
            reply.statfs(usage.blocks, 0, 0, usage.nodes, 0, MAX_REQUEST, name, 512);
        });
    }

    fn fallocate(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        self.fs.serve(RequestKind::Allocate, ino.0, |request| {
            let request = request.with_range(offset, length);
            // As in <linux/falloc.h>. Requests of other systems have a mode of 0.
            const KEEP_SIZE: i32 = 0x01;
            // After punching a hole or zeroing a range, the kernel zeroes its own pages of the
            // range. That would undo stores and writes that came meanwhile.
            if mode & !KEEP_SIZE != 0 {
                return failed!(request, reply, Errno::ENOTSUP);
            }
            let range = offset..offset.saturating_add(length);
            self.fs
                .answer_reservation(fh.0, range, mode & KEEP_SIZE != 0, move |reserved| {
                    reply!(request, reply, reserved, () => reply.ok());
                });
        });
    }

    fn lseek(
        &self,
        _req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        self.fs.serve(RequestKind::Seek, ino.0, |request| {
            let handle = self.fs.handle(ino.0, fh.0);
            let found = handle.and_then(|handle| self.fs.seek(&handle, offset, whence));
            reply!(request, reply, found, at => reply.offset(at));
        });
    }

    fn getxattr(&self, _req: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        self.fs.serve(RequestKind::Xattr, ino.0, |request| {
            self.fs
                .answer_xattr(&request, reply, size, || self.fs.xattr(ino.0, name));
        });
    }

    fn listxattr(&self, _req: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        self.fs.serve(RequestKind::Xattr, ino.0, |request| {
            self.fs
                .answer_xattr(&request, reply, size, || self.fs.xattrs(ino.0));
        });
    }

    fn setxattr(
        &self,
        _req: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        _flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        self.fs.serve(RequestKind::Xattr, ino.0, |request| {
            if !self.fs.serves_xattrs() {
                return failed!(request, reply, Errno::ENOSYS);
            }
            let set = self.fs.set_xattr(ino.0, name, Some(value));
            reply!(request, reply, set, () => reply.ok());
        });
    }

    fn removexattr(&self, _req: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.fs.serve(RequestKind::Xattr, ino.0, |request| {
            if !self.fs.serves_xattrs() {
                return failed!(request, reply, Errno::ENOSYS);
            }
            reply!(request, reply, self.fs.set_xattr(ino.0, name, None), () => reply.ok());
        });
    }

    // The kernel checks the permission bits itself (`default_permissions`).
    fn access(&self, _req: &Request, _ino: INodeNo, _mask: AccessFlags, reply: ReplyEmpty) {
        reply.ok();
    }

    fn create(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        self.fs.serve(RequestKind::Create, parent.0, |request| {
            let request = request.with_name(name);
            let owner = Owner::new(req.uid(), req.gid(), mode, umask);
            let writes = OpenFlags(flags).acc_mode() != OpenAccMode::O_RDONLY;
            let created = self.fs.create((parent.0, name), owner, writes);
            reply!(request, reply, created, (attr, number) => {
                let generation = self.fs.generation(attr.ino);
                reply.created(&Duration::ZERO, &attr, generation, FileHandle(number), DIRECT);
            });
        });
    }

    fn unlink(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.fs.serve(RequestKind::Remove, parent.0, |request| {
            let request = request.with_name(name);
            reply!(request, reply, self.fs.unlink((parent.0, name)), () => reply.ok());
        });
    }

    fn rename(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        self.fs.serve(RequestKind::Rename, parent.0, |request| {
            let request = request.with_name(name);
            let (fs, flags) = (self.fs.clone(), flags.bits());
            let from = (parent.0, name.to_owned());
            let to = (newparent.0, newname.to_owned());
            // The bytes of the array are written.
            self.admission.run_when_admitted(move || {
                fs.rename((from.0, &from.1), (to.0, &to.1), flags, move |renamed| {
                    reply!(request, reply, renamed, () => reply.ok());
                });
            });
        });
    }

    refuse! {
        // The array determines the tree. Only scratch files can be made.
        mknod(INodeNo, &OsStr, u32, u32, u32) ReplyEntry: Errno::EPERM,
        mkdir(INodeNo, &OsStr, u32, u32) ReplyEntry: Errno::EPERM,
        symlink(INodeNo, &OsStr, &Path) ReplyEntry: Errno::EPERM,
        link(INodeNo, INodeNo, &OsStr) ReplyEntry: Errno::EPERM,
        rmdir(INodeNo, &OsStr) ReplyEmpty: Errno::EPERM,
        // ENOSYS makes the kernel copy by READ and WRITE. After a copy by the daemon, the kernel
        // would drop its pages of the range, including pages stored to meanwhile.
        copy_file_range(
            INodeNo, FileHandle, u64, INodeNo, FileHandle, u64, u64, CopyFileRangeFlags
        ) ReplyWrite: Errno::ENOSYS,
        // There are no symbolic links.
        readlink(INodeNo) ReplyData: Errno::EINVAL,
        // ENOSYS makes the kernel handle locks itself and report every file as ready.
        getlk(INodeNo, FileHandle, LockOwner, u64, u64, i32, u32) ReplyLock: Errno::ENOSYS,
        setlk(INodeNo, FileHandle, LockOwner, u64, u64, i32, u32, bool) ReplyEmpty: Errno::ENOSYS,
        poll(INodeNo, FileHandle, PollNotifier, PollEvents, PollFlags) ReplyPoll: Errno::ENOSYS,
        // There is no block device, and there are no controls.
        bmap(INodeNo, u32, u64) ReplyBmap: Errno::ENOSYS,
        ioctl(INodeNo, FileHandle, IoctlFlags, u32, &[u8], u32) ReplyIoctl: Errno::ENOTTY,
    }

    macfuse_requests! {}
}
