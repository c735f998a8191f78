//! Replies to requests: the guard around each request, a worker's read buffer, the macros that
//! send an outcome, and the order of change, reply and page invalidation. The changes themselves
//! are made by `operations` and `writing`.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use fuser::{Errno, FileAttr, FileHandle, FopenFlags, ReplyData, ReplyOpen, ReplyXattr};

use super::coherence::WriteGuard;
use super::error::FsError;
use super::opening::IoMode;
use super::operations::ArrayFs;
use super::panics::catch_panic;
use super::request::RequestGuard;
use super::stats::RequestKind;
use super::writing::{Outcome, Write};
use crate::tree::Tree;

/// How long the kernel may cache dentries. Names and sizes never change.
const ENTRY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the kernel may cache attributes. Other processes can change the owner, permission
/// bits and times of the backing file.
const ATTRIBUTE_LIFETIME: Duration = Duration::from_secs(1);

/// The flags of a file that is open for direct I/O.
pub(super) const DIRECT: FopenFlags =
    FopenFlags::FOPEN_DIRECT_IO.union(FopenFlags::FOPEN_PARALLEL_DIRECT_WRITES);

thread_local! {
    /// A worker's buffer for the data of a READ.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with `count` bytes of the worker's buffer.
fn with_buffer<T>(count: usize, work: impl FnOnce(&mut [u8]) -> T) -> T {
    BUFFER.with_borrow_mut(|buffer| {
        if buffer.len() < count {
            buffer.resize(count, 0);
        }
        work(&mut buffer[..count])
    })
}

/// Replies with the value of an outcome by `ok`, or with its errno.
macro_rules! reply {
    ($request:ident, $reply:ident, $outcome:expr, $value:pat => $ok:expr) => {
        match $outcome {
            Ok($value) => $ok,
            Err(error) => failed!($request, $reply, error.errno()),
        }
    };
}
pub(super) use reply;

/// Replies with the number of bytes written, or with an errno.
macro_rules! written {
    ($request:ident, $reply:ident, $outcome:expr) => {
        reply!($request, $reply, $outcome, count => {
            $request.moved(count);
            $reply.written(count as u32);
        })
    };
}
pub(super) use written;

/// Replies with an errno.
macro_rules! failed {
    ($request:ident, $reply:ident, $errno:expr) => {{
        let errno: Errno = $errno;
        $request.failed(errno.code());
        $reply.error(errno)
    }};
}
pub(super) use failed;

/// Defines requests that always fail with the same errno, by their parameter types.
macro_rules! refuse {
    ($($request:ident($($parameter:ty),*) $reply:ty: $errno:expr,)*) => {
        $(fn $request(&self, _: &Request, $(_: $parameter,)* reply: $reply) {
            self.fs.serve(RequestKind::Refused, 0, |request| failed!(request, reply, $errno));
        })*
    };
}
pub(super) use refuse;

/// Defines the requests that only macFUSE sends; none on other systems. fuser always declares
/// that a volume can be renamed and has the additional times, and never that files can be
/// exchanged.
macro_rules! macfuse_requests {
    () => {
        #[cfg(target_os = "macos")]
        refuse! {
            setvolname(&OsStr) ReplyEmpty: Errno::ENOTSUP,
            exchange(INodeNo, &OsStr, INodeNo, &OsStr, u64) ReplyEmpty: Errno::ENOTSUP,
        }

        // The times of the last backup, which is not known, and of the creation.
        #[cfg(target_os = "macos")]
        fn getxtimes(&self, _req: &Request, ino: INodeNo, reply: fuser::ReplyXTimes) {
            self.fs.serve(RequestKind::Attributes, ino.0, |request| {
                reply!(request, reply, self.fs.attributes(ino.0), attr => {
                    reply.xtimes(SystemTime::UNIX_EPOCH, attr.crtime);
                });
            });
        }
    };
}
pub(super) use macfuse_requests;

/// Replies to an OPEN with a handle number and an I/O mode. `writes` says whether the file is
/// open for writing.
pub(super) fn send_opened(reply: ReplyOpen, number: u64, io_mode: IoMode, writes: bool) {
    let (number, flags) = (
        FileHandle(number),
        match writes {
            true => FopenFlags::empty(),
            false => FopenFlags::FOPEN_NOFLUSH,
        },
    );
    match io_mode {
        IoMode::Passthrough(backing) => reply.opened_passthrough(number, flags, &backing),
        IoMode::Cached { keep: true } => {
            reply.opened(number, flags | FopenFlags::FOPEN_KEEP_CACHE);
        }
        IoMode::Cached { keep: false } => reply.opened(number, flags),
        IoMode::Direct => reply.opened(number, flags | DIRECT),
    }
}

impl ArrayFs {
    /// How long the kernel may cache these attributes, and a name of their file. Those of a
    /// scratch file not at all: after a rename they are of another file. Nor those of
    /// `.arrayfs/stats` where only they show the kernel that its pages are old.
    pub(super) fn lifetimes(&self, attr: &FileAttr) -> (Duration, Duration) {
        let inode = attr.ino.0;
        match self.omits_opens() {
            true if inode == self.tree.inode(Tree::STATS) => (Duration::ZERO, Duration::ZERO),
            true => (ENTRY_LIFETIME, ENTRY_LIFETIME),
            false if self.scratch.owns(inode) => (Duration::ZERO, Duration::ZERO),
            false => (ATTRIBUTE_LIFETIME, ENTRY_LIFETIME),
        }
    }

    /// Calls `answer` to answer a request for the node `inode`. The reply is EIO if it panics.
    pub(super) fn serve(
        self: &Arc<ArrayFs>,
        kind: RequestKind,
        inode: u64,
        answer: impl FnOnce(RequestGuard),
    ) {
        catch_panic(|| answer(RequestGuard::new(self, kind, inode)));
    }

    /// Answers a READ of `size` bytes from `offset` of the open file `number` of `inode`.
    /// `into_page_cache` says whether the kernel keeps them.
    pub(super) fn answer_read(
        self: &Arc<ArrayFs>,
        request: RequestGuard,
        reply: ReplyData,
        inode: u64,
        (number, offset, size): (u64, u64, u32),
        into_page_cache: bool,
    ) {
        let handle = match self.handle(inode, number) {
            Ok(handle) => handle,
            Err(error) => return failed!(request, reply, error.errno()),
        };
        let count = handle.readable(offset, size);
        let (fs, reading) = (self.clone(), handle.clone());
        let answer = move || {
            with_buffer(count, |buffer| {
                let read = fs.read(&reading, offset, buffer, into_page_cache);
                reply!(request, reply, read, count => {
                    request.moved(count);
                    reply.data(&buffer[..count]);
                });
            });
        };
        match into_page_cache {
            true => self.fill(&handle, offset, count, answer),
            false => answer(),
        }
    }

    /// Answers a truncation of `inode` to size 0. `answer` marks the inode as truncated and
    /// replies.
    ///
    /// Cached pages of the inode are invalidated after the reply, so that the next read of them
    /// reaches the daemon and ends the truncated state. Not before the reply: during
    /// SETATTR(size) the kernel suspends write-back of that inode, and the invalidation of a
    /// dirty page waits for its write-back.
    pub(super) fn answer_truncation(&self, inode: u64, answer: impl FnOnce(&ArrayFs)) {
        answer(self);
        if self.keeps_pages() {
            let bytes = self.node_extent(inode);
            self.coherence.invalidate_later(None, &bytes);
        }
    }

    /// Answers a resize of `inode` to its full size. `answer` fills the gap with zeros and
    /// replies.
    ///
    /// Stale pages are invalidated after the reply, since during SETATTR(size) the kernel
    /// suspends write-back of that inode.
    pub(super) fn answer_resize(&self, inode: u64, answer: impl FnOnce(&ArrayFs)) {
        let bytes = self.resize_extent(inode);
        answer(self);
        self.coherence.invalidate_later(None, &bytes);
    }

    /// Reserves space for the bytes `range` of an open file, and calls `answer` with the
    /// outcome. Unless `keep_size` is set, the file then extends to the end of the range, so the
    /// gap before it is filled first.
    pub(super) fn answer_reservation(
        self: &Arc<ArrayFs>,
        handle: u64,
        range: Range<u64>,
        keep_size: bool,
        answer: impl FnOnce(Result<(), FsError>) + Send + 'static,
    ) {
        let fs = self.clone();
        let end = if keep_size { 0 } else { range.end };
        fill_gap(self.clone(), handle, end, move |filled| {
            answer(filled.and_then(|()| fs.reserve(handle, range, keep_size)));
        });
    }

    /// Applies a write-back of the kernel at once. Stale pages of other inodes are invalidated
    /// afterwards.
    pub(super) fn write_back(&self, inode: u64, handle: u64, write: &Write<'_>) -> Outcome {
        if let Some(outcome) = self.write_scratch(handle, write) {
            return outcome;
        }
        let (bytes, _) = self.write_extent(handle, &write.range())?;
        let coherence = &self.coherence;
        coherence.write_back(inode, &bytes, || self.write(handle, write))
    }

    /// Writes, and calls `answer` with the outcome: at once, or after a gap has been filled and
    /// pages that show the bytes have been invalidated. A deferred write may be short.
    pub(super) fn write_through(
        self: &Arc<ArrayFs>,
        handle: u64,
        write: &Write<'_>,
        answer: impl FnOnce(Outcome) + Send + 'static,
    ) {
        if let Some(outcome) = self.write_scratch(handle, write) {
            return answer(outcome);
        }
        let (bytes, has_gap) = match self.write_extent(handle, &write.range()) {
            Ok(write_extent) => write_extent,
            Err(error) => return answer(Err(error)),
        };
        if !has_gap && let Some(guard) = self.coherence.try_change(&bytes) {
            let written = self.write(handle, write);
            drop(guard);
            return answer(written);
        }
        let data = match self.copy_data(handle, write.offset, write.data) {
            Ok(data) => data,
            Err(error) => return answer(Err(error)),
        };
        let (fs, offset, flags) = (self.clone(), write.offset, write.flags);
        let apply = move |guard: Result<WriteGuard<'_>, FsError>| {
            let written = guard.and_then(|guard| {
                let write = Write {
                    offset,
                    data: data.bytes(),
                    flags,
                    from_page_cache: false,
                };
                let written = fs.write(handle, &write);
                drop(guard);
                written
            });
            drop(data);
            answer(written);
        };
        if !has_gap {
            return self.coherence.defer(bytes, apply);
        }
        let coherence = self.coherence.clone();
        fill_gap(self.clone(), handle, offset, move |filled| match filled {
            Ok(()) => coherence.change(bytes, apply),
            Err(error) => apply(Err(error)),
        });
    }

    /// Answers GETXATTR and LISTXATTR with the bytes from `find`, for a buffer of `size` bytes.
    /// A size of 0 asks for the length.
    ///
    /// Without `--xattr` the reply is ENOSYS, which makes the kernel stop asking. After any
    /// other errno, `ls -l` asks for several attributes of every file.
    pub(super) fn answer_xattr(
        &self,
        request: &RequestGuard,
        reply: ReplyXattr,
        size: u32,
        find: impl FnOnce() -> Result<Vec<u8>, FsError>,
    ) {
        if !self.serves_xattrs() {
            return failed!(request, reply, Errno::ENOSYS);
        }
        let found = find().and_then(|bytes| match u32::try_from(bytes.len()) {
            Ok(len) if size == 0 || len <= size => Ok((bytes, len)),
            _ => Err(FsError::SmallBuffer),
        });
        reply!(request, reply, found, (bytes, len) => match size {
            0 => reply.size(len),
            _ => reply.data(&bytes),
        });
    }
}

/// Fills the gap before byte `end` of an open file, step by step, then calls `done`. The steps
/// run at once, or from the first step whose bytes a page shows, on the invalidation thread,
/// between its other tasks.
fn fill_gap(
    fs: Arc<ArrayFs>,
    handle: u64,
    end: u64,
    done: impl FnOnce(Result<(), FsError>) + Send + 'static,
) {
    loop {
        let gap = match fs.gap_of_handle(handle, end) {
            Ok(Some(gap)) => gap,
            outcome => return done(outcome.map(drop)),
        };
        let Some(guard) = fs.coherence.try_change(&gap.extent()) else {
            return fill_gap_later(fs, handle, end, done);
        };
        if let Err(error) = fs.fill_gap(&gap) {
            drop(guard);
            return done(Err(error));
        }
    }
}

/// Like [`fill_gap`], on the invalidation thread.
fn fill_gap_later(
    fs: Arc<ArrayFs>,
    handle: u64,
    end: u64,
    done: impl FnOnce(Result<(), FsError>) + Send + 'static,
) {
    let gap = match fs.gap_of_handle(handle, end) {
        Ok(Some(gap)) => gap,
        outcome => return done(outcome.map(drop)),
    };
    let coherence = fs.coherence.clone();
    coherence.defer(gap.extent(), move |guard| {
        match guard.and_then(|_guard| fs.fill_gap(&gap)) {
            Ok(()) => fill_gap_later(fs, handle, end, done),
            Err(error) => done(Err(error)),
        }
    });
}
