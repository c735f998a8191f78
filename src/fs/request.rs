//! A request from its arrival to its answer: counted, timed and, if asked for,
//! logged.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::operations::ArrayFs;
use super::stats::RequestKind;
use crate::platform::os_error_message;

/// A request that is being answered. It counts as answered when it is dropped.
pub(super) struct RequestGuard {
    fs: Arc<ArrayFs>,
    kind: RequestKind,
    inode: u64,
    /// The name that is looked for in the directory that the inode is, for the log.
    name: Option<OsString>,
    /// The bytes of the file that it is about.
    range: Option<Range<u64>>,
    came: Instant,
    /// Whether the log told of requests when it came: a level that is raised
    /// meanwhile is about those that follow.
    logged: bool,
    errno: Cell<Option<i32>>,
}

impl RequestGuard {
    /// A request about the node `inode` that has just come.
    pub(super) fn new(fs: &Arc<ArrayFs>, kind: RequestKind, inode: u64) -> RequestGuard {
        RequestGuard {
            fs: fs.clone(),
            kind,
            inode,
            name: None,
            range: None,
            came: Instant::now(),
            logged: log::log_enabled!(log::Level::Debug),
            errno: Cell::new(None),
        }
    }

    /// The same, about what is called `name` there.
    pub(super) fn named(mut self, name: &OsStr) -> RequestGuard {
        self.name = self.logged.then(|| name.to_owned());
        self
    }

    /// The same, about `len` bytes from `at`.
    pub(super) fn of(mut self, at: u64, len: u64) -> RequestGuard {
        self.range = Some(at..at.saturating_add(len));
        self
    }

    /// It has moved so many bytes.
    pub(super) fn moved(&self, bytes: usize) {
        self.fs.stats.moved(self.kind, bytes);
    }

    /// Its answer is an error.
    pub(super) fn failed(&self, errno: i32) {
        self.errno.set(Some(errno));
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let (took, errno) = (self.came.elapsed(), self.errno.get());
        let panics = thread::panicking();
        self.fs
            .stats
            .answered(self.kind, took, errno.is_some() || panics);
        // A second panic would end the process.
        if !self.logged || panics {
            return;
        }
        let (name, inode, path) = (self.kind.name(), self.inode, self.fs.path(self.inode));
        let bytes = self.range.as_ref().map_or(String::new(), |range| {
            format!(", {} bytes at {}", range.end - range.start, range.start)
        });
        let outcome = errno.map_or(String::new(), |errno| {
            format!(
                ": {}",
                os_error_message(&io::Error::from_raw_os_error(errno))
            )
        });
        let below = self
            .name
            .as_ref()
            .map_or(String::new(), |below| format!(" {below:?}"));
        log::debug!("{name} {inode} /{path}{below}{bytes}, {took:?}{outcome}");
    }
}
