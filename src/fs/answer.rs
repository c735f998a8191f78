//! What the answers to requests have in common: the guard that each has, the buffer
//! that a worker reads into, replies to outcomes, and changes that may have to be
//! deferred.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use fuser::{Errno, ReplyXattr};

use super::coherence::WriteGuard;
use super::error::FsError;
use super::operations::ArrayFs;
use super::panics::catch_panic;
use super::request::RequestGuard;
use super::stats::RequestKind;
use super::writing::Write;

/// How many bytes were written.
pub(super) type Outcome = Result<usize, FsError>;

thread_local! {
    /// What a worker reads into before it replies.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Hands `count` bytes of the worker's buffer to `work`.
pub(super) fn with_buffer<T>(count: usize, work: impl FnOnce(&mut [u8]) -> T) -> T {
    BUFFER.with_borrow_mut(|buffer| {
        if buffer.len() < count {
            buffer.resize(count, 0);
        }
        work(&mut buffer[..count])
    })
}

/// Sends the outcome of an operation: `ok` with its value, or the errno.
macro_rules! reply {
    ($request:ident, $reply:ident, $outcome:expr, $value:pat => $ok:expr) => {
        match $outcome {
            Ok($value) => $ok,
            Err(error) => failed!($request, $reply, error.errno()),
        }
    };
}
pub(super) use reply;

/// Sends how many bytes were written, or the errno.
macro_rules! written {
    ($request:ident, $reply:ident, $outcome:expr) => {
        reply!($request, $reply, $outcome, taken => {
            $request.moved(taken);
            $reply.written(taken as u32);
        })
    };
}
pub(super) use written;

/// Sends an errno.
macro_rules! failed {
    ($request:ident, $reply:ident, $errno:expr) => {{
        let errno: Errno = $errno;
        $request.failed(errno.code());
        $reply.error(errno)
    }};
}
pub(super) use failed;

/// Defines requests that are always answered with the same errno, by the types
/// of their parameters.
macro_rules! refuse {
    ($($request:ident($($parameter:ty),*) $reply:ty: $errno:expr,)*) => {
        $(fn $request(&self, _: &Request, $(_: $parameter,)* reply: $reply) {
            self.fs.serve(RequestKind::Refused, 0, |request| failed!(request, reply, $errno));
        })*
    };
}
pub(super) use refuse;

impl ArrayFs {
    /// Has `answer` answer a request about the node `inode` that has come. Should it
    /// panic, the answer is EIO.
    pub(super) fn serve(
        self: &Arc<ArrayFs>,
        kind: RequestKind,
        inode: u64,
        answer: impl FnOnce(RequestGuard),
    ) {
        catch_panic(|| answer(RequestGuard::new(self, kind, inode)));
    }

    /// Has `inode` count as truncated, which `answer` does and answers. Where the kernel
    /// keeps pages of it they are invalidated afterwards, so that whoever reads next is heard
    /// of: until the answer it writes none of them back, and whoever invalidates them
    /// waits.
    pub(super) fn answer_truncation(&self, inode: u64, answer: impl FnOnce(&ArrayFs)) {
        answer(self);
        if self.keeps_pages() {
            let bytes = self.bytes_of_node(inode);
            self.coherence.invalidate_later(None, &bytes);
        }
    }

    /// Gives `inode` its size, which `answer` does and answers. Until then the kernel writes
    /// none of its pages back, so the pages that are made old are invalidated afterwards.
    pub(super) fn answer_resize(&self, inode: u64, answer: impl FnOnce(&ArrayFs)) {
        let bytes = self.reach_of_node(inode);
        answer(self);
        self.coherence.invalidate_later(None, &bytes);
    }

    /// Reserves space for the bytes `range` of an open file, and gives the outcome to
    /// `answer`. Unless the size is to be kept, a truncated file then reaches to their end, so
    /// the gap before it is filled.
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

    /// Makes a write that the kernel sends back from its page cache, which waits for
    /// nobody. Pages of other inodes that it makes old are invalidated afterwards.
    pub(super) fn write_back(&self, inode: u64, handle: u64, write: &Write<'_>) -> Outcome {
        let (bytes, _) = self.touched(handle, &write.range())?;
        let coherence = &self.coherence;
        coherence.write_back(inode, &bytes, || self.write(handle, write))
    }

    /// Makes a write and gives its outcome to `answer`, at once or, where a gap is to be
    /// filled or pages are in the way, after that. What is deferred may be taken short.
    pub(super) fn write_through(
        self: &Arc<ArrayFs>,
        handle: u64,
        write: &Write<'_>,
        answer: impl FnOnce(Outcome) + Send + 'static,
    ) {
        let (bytes, has_gap) = match self.touched(handle, &write.range()) {
            Ok(touched) => touched,
            Err(error) => return answer(Err(error)),
        };
        if !has_gap && let Some(guard) = self.coherence.try_change(&bytes) {
            let written = self.write(handle, write);
            drop(guard);
            return answer(written);
        }
        let data = match self.keep_data(handle, write.at, write.data) {
            Ok(data) => data,
            Err(error) => return answer(Err(error)),
        };
        let (fs, at, flags) = (self.clone(), write.at, write.flags);
        let apply = move |guard: Result<WriteGuard<'_>, FsError>| {
            let written = guard.and_then(|guard| {
                let write = Write {
                    at,
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
        fill_gap(self.clone(), handle, at, move |filled| match filled {
            Ok(()) => coherence.change(bytes, apply),
            Err(error) => apply(Err(error)),
        });
    }

    /// Answers a request for extended attributes with what `find` finds, for a
    /// buffer of `size` bytes; 0 asks how many there would be.
    ///
    /// Where none are served ENOSYS tells the kernel so, once and for all. Any
    /// other answer makes `ls -l` ask for several of every file.
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

/// Fills the gap before byte `end` of an open file, step by step, then calls `done`: all of
/// it at once, or where pages are in the way by the invalidation thread, which does what
/// else is deferred in between.
fn fill_gap(
    fs: Arc<ArrayFs>,
    handle: u64,
    end: u64,
    done: impl FnOnce(Result<(), FsError>) + Send + 'static,
) {
    loop {
        let gap = match fs.gap_of(handle, end) {
            Ok(Some(gap)) => gap,
            outcome => return done(outcome.map(drop)),
        };
        let Some(guard) = fs.coherence.try_change(&gap.backing()) else {
            return fill_gap_later(fs, handle, end, done);
        };
        if let Err(error) = fs.fill_gap(&gap) {
            drop(guard);
            return done(Err(error));
        }
    }
}

/// The same by the invalidation thread.
fn fill_gap_later(
    fs: Arc<ArrayFs>,
    handle: u64,
    end: u64,
    done: impl FnOnce(Result<(), FsError>) + Send + 'static,
) {
    let gap = match fs.gap_of(handle, end) {
        Ok(Some(gap)) => gap,
        outcome => return done(outcome.map(drop)),
    };
    let coherence = fs.coherence.clone();
    coherence.defer(gap.backing(), move |guard| {
        match guard.and_then(|_guard| fs.fill_gap(&gap)) {
            Ok(()) => fill_gap_later(fs, handle, end, done),
            Err(error) => done(Err(error)),
        }
    });
}
