//! What the answers to requests have in common: the guard that each has, the buffer
//! that a worker reads into, replies to outcomes, and changes that may have to be
//! deferred.

use std::cell::RefCell;
use std::sync::Arc;

use fuser::{Errno, ReplyXattr};

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
        let guard = self.coherence.change_at_once(&bytes);
        answer(self);
        drop(guard);
        self.coherence.invalidate_later(None, &bytes);
    }

    /// Makes a write that the kernel sends back from its page cache, which waits for
    /// nobody. Pages of other inodes that it makes old are invalidated afterwards.
    pub(super) fn write_back(&self, inode: u64, handle: u64, write: &Write<'_>) -> Outcome {
        let plan = self.plan(handle, &write.range())?;
        let guard = self.coherence.change_at_once(&plan.backing);
        let written = self.write(handle, write);
        drop(guard);
        // Before the answer, for who waits for what has been deferred until then.
        let coherence = &self.coherence;
        coherence.invalidate_later(Some(inode), &plan.backing);
        written
    }

    /// Makes a write and gives its outcome to `answer`, at once or, where pages are in the
    /// way, when they are gone. What is deferred may be taken short.
    pub(super) fn write_through(
        self: &Arc<ArrayFs>,
        handle: u64,
        write: &Write<'_>,
        answer: impl FnOnce(Outcome) + Send + 'static,
    ) {
        let plan = match self.plan(handle, &write.range()) {
            Ok(plan) => plan,
            Err(error) => return answer(Err(error)),
        };
        let fills_gap = plan.fills_gap;
        if let Some(guard) = self.coherence.try_change(&plan.backing) {
            let written = self.write(
                handle,
                &Write {
                    fills_gap,
                    ..*write
                },
            );
            drop(guard);
            return answer(written);
        }
        let data = match self.keep_data(handle, write.at, write.data) {
            Ok(data) => data,
            Err(error) => return answer(Err(error)),
        };
        let (fs, at, flags) = (self.clone(), write.at, write.flags);
        self.coherence.defer(plan.backing, move |guard| {
            let written = guard.and_then(|guard| {
                let write = Write {
                    at,
                    data: data.bytes(),
                    flags,
                    from_page_cache: false,
                    fills_gap,
                };
                let written = fs.write(handle, &write);
                drop(guard);
                written
            });
            drop(data);
            answer(written);
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
