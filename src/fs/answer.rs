//! What the answers to requests have in common: the buffer that a worker reads
//! into, replies to outcomes, and changes that may have to be put off.

use std::cell::RefCell;
use std::ops::Range;

use fuser::{Errno, ReplyXattr};

use super::contained::aside;
use super::error::FsError;
use super::operations::ArrayFs;
use super::protocol::Protocol;
use super::request::Asked;
use super::stats::Kind;

/// The most bytes in a request, and so the largest buffer of a worker.
pub const MAX_REQUEST: u32 = 1 << 20;

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
    ($asked:ident, $reply:ident, $outcome:expr, $value:pat => $ok:expr) => {
        match $outcome {
            Ok($value) => $ok,
            Err(error) => failed!($asked, $reply, error.errno()),
        }
    };
}
pub(super) use reply;

/// Sends how many bytes were written, or the errno.
macro_rules! written {
    ($asked:ident, $reply:ident, $outcome:expr) => {
        reply!($asked, $reply, $outcome, taken => {
            $asked.moved(taken);
            $reply.written(taken as u32);
        })
    };
}
pub(super) use written;

/// Sends an errno.
macro_rules! failed {
    ($asked:ident, $reply:ident, $errno:expr) => {{
        let errno: Errno = $errno;
        $asked.failed(errno.code());
        $reply.error(errno)
    }};
}
pub(super) use failed;

/// Defines requests that are always answered with the same errno, by the types
/// of their parameters.
macro_rules! refuse {
    ($($request:ident($($parameter:ty),*) $reply:ty: $errno:expr,)*) => {
        $(fn $request(&self, _: &Request, $(_: $parameter,)* reply: $reply) {
            let asked = self.asked(Kind::Refused, 0);
            failed!(asked, reply, $errno);
        })*
    };
}
pub(super) use refuse;

impl Protocol {
    /// A request about the node `inode` has come.
    pub(super) fn asked(&self, kind: Kind, inode: u64) -> Asked {
        Asked::new(&self.fs, kind, inode)
    }

    /// Has `inode` count as truncated, which `answer` does and answers. Where the kernel
    /// keeps pages of it they are dropped afterwards, so that whoever reads next is heard
    /// of: until the answer it writes none of them back, and whoever has them dropped
    /// waits.
    pub(super) fn truncate(&self, inode: u64, answer: impl FnOnce(&ArrayFs) + Send + 'static) {
        let bytes = self.fs.bytes_of_node(inode);
        let is_busy = self.fs.coherence.is_busy(&bytes);
        let truncate = move |fs: &ArrayFs| {
            answer(fs);
            if fs.keeps_pages() {
                fs.coherence.refresh(None, bytes);
            }
        };
        if is_busy {
            let fs = self.fs.clone();
            return aside(move || truncate(&fs));
        }
        truncate(&self.fs);
    }

    /// Gives `inode` its size, which `answer` does and answers.
    pub(super) fn resize(
        &self,
        inode: u64,
        answer: impl FnOnce(&ArrayFs, Result<(), FsError>) + Send + 'static,
    ) {
        let (reaching, fs) = (self.fs.clone(), self.fs.clone());
        let reach = move || reaching.reach_of_node(inode);
        self.fs.coherence.resize(inode, reach, move |passage| {
            let bytes = fs.reach_of_node(inode);
            answer(&fs, passage);
            fs.coherence.refresh(None, bytes);
        });
    }

    /// Makes a change of the bytes of the backing file that `reach` gives, at
    /// once or, where pages are in the way, when they are gone.
    pub(super) fn change(
        &self,
        reach: impl Fn(&ArrayFs) -> Range<u64> + Send + 'static,
        change: impl FnOnce(&ArrayFs, Result<(), FsError>) + Send + 'static,
    ) {
        let coherence = &self.fs.coherence;
        if let Some(_passage) = coherence.enter(|| reach(&self.fs)) {
            return change(&self.fs, Ok(()));
        }
        let (reaching, changing) = (self.fs.clone(), self.fs.clone());
        coherence.put_off(
            move || reach(&reaching),
            move |passage| change(&changing, passage),
        );
    }

    /// Answers a request for extended attributes with what `find` finds, for a
    /// buffer of `size` bytes; 0 asks how many there would be.
    ///
    /// Where none are served ENOSYS tells the kernel so, once and for all. Any
    /// other answer makes `ls -l` ask for several of every file.
    pub(super) fn answer(
        &self,
        asked: &Asked,
        reply: ReplyXattr,
        size: u32,
        find: impl FnOnce() -> Result<Vec<u8>, FsError>,
    ) {
        if !self.fs.serves_xattrs() {
            return failed!(asked, reply, Errno::ENOSYS);
        }
        let found = find().and_then(|bytes| match u32::try_from(bytes.len()) {
            Ok(len) if size == 0 || len <= size => Ok((bytes, len)),
            _ => Err(FsError::SmallBuffer),
        });
        reply!(asked, reply, found, (bytes, len) => match size {
            0 => reply.size(len),
            _ => reply.data(&bytes),
        });
    }
}
