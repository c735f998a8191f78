//! What the answers to requests have in common: the buffer that a worker reads
//! into, replies to outcomes, and changes that may have to be put off.

use std::cell::RefCell;
use std::ops::Range;

use fuser::{Errno, FileAttr, ReplyAttr, ReplyXattr};

use super::error::FsError;
use super::operations::{ArrayFs, Change};
use super::protocol::{ATTRIBUTE_LIFETIME, Protocol};
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

    /// Has `inode` count as truncated where the kernel keeps pages of it. Whoever
    /// reads next has to be heard of, so they are dropped: before the answer, or
    /// after it if some of them may have been stored to, since until then the
    /// kernel writes none of them back. Opening it for writing has dropped what
    /// was kept until then.
    pub(super) fn truncate(&self, asked: Asked, inode: u64, change: &Change, reply: ReplyAttr) {
        let changed = self.fs.change(inode, change);
        let reach = move |fs: &ArrayFs| fs.bytes_of_node(inode);
        let answer = move |changed: Result<FileAttr, FsError>| {
            reply!(asked, reply, changed, attr => reply.attr(&ATTRIBUTE_LIFETIME, &attr));
        };
        if self.fs.may_be_stored_to(inode) {
            answer(changed);
            return self.fs.coherence.refresh(None, reach(&self.fs));
        }
        self.change(None, reach, move |_, passage| answer(passage.and(changed)));
    }

    /// Makes a change of the bytes of the backing file that `reach` gives, at
    /// once or, where pages are in the way other than those of the inode `own`,
    /// when they are gone.
    pub(super) fn change(
        &self,
        own: Option<u64>,
        reach: impl Fn(&ArrayFs) -> Range<u64> + Send + 'static,
        change: impl FnOnce(&ArrayFs, Result<(), FsError>) + Send + 'static,
    ) {
        let coherence = &self.fs.coherence;
        if let Some(_passage) = coherence.enter(own, || reach(&self.fs)) {
            return change(&self.fs, Ok(()));
        }
        let (reaching, changing) = (self.fs.clone(), self.fs.clone());
        coherence.put_off(
            own,
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
