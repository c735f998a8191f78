//! What the answers to requests have in common: the buffer that a worker reads
//! into, replies to outcomes, and changes that may have to be put off.

use std::cell::RefCell;
use std::ops::Range;

use fuser::{Errno, ReplyXattr};

use super::error::FsError;
use super::operations::ArrayFs;
use super::protocol::Protocol;

/// The most bytes in a request, and so the largest buffer of a worker.
pub(super) const MAX_REQUEST: u32 = 1 << 20;

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
    ($reply:ident, $outcome:expr, $value:pat => $ok:expr) => {
        match $outcome {
            Ok($value) => $ok,
            Err(error) => $reply.error(error.errno()),
        }
    };
}
pub(super) use reply;

/// Defines requests that are always answered with the same errno, by the types
/// of their parameters.
macro_rules! refuse {
    ($($request:ident($($parameter:ty),*) $reply:ty: $errno:expr,)*) => {
        $(fn $request(&self, _: &Request, $(_: $parameter,)* reply: $reply) {
            reply.error($errno);
        })*
    };
}
pub(super) use refuse;

impl Protocol {
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
        reply: ReplyXattr,
        size: u32,
        find: impl FnOnce() -> Result<Vec<u8>, FsError>,
    ) {
        if !self.fs.serves_xattrs() {
            return reply.error(Errno::ENOSYS);
        }
        let found = find().and_then(|bytes| match u32::try_from(bytes.len()) {
            Ok(len) if size == 0 || len <= size => Ok((bytes, len)),
            _ => Err(FsError::SmallBuffer),
        });
        reply!(reply, found, (bytes, len) => match size {
            0 => reply.size(len),
            _ => reply.data(&bytes),
        });
    }
}
