//! The guard around a request, from its arrival to its reply. It counts and times the request,
//! and logs it at debug level.

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

/// A request in progress. Dropping it counts the request as answered.
pub(super) struct RequestGuard {
    fs: Arc<ArrayFs>,
    kind: RequestKind,
    inode: u64,
    /// The name in the directory `inode`, for the log.
    name: Option<OsString>,
    /// The bytes of the file that are read, written or reserved.
    range: Option<Range<u64>>,
    arrived: Instant,
    /// Whether debug messages were enabled on arrival. A later change of the level applies to
    /// later requests.
    is_logged: bool,
    errno: Cell<Option<i32>>,
}

impl RequestGuard {
    /// A request for the node `inode` that has just arrived.
    pub(super) fn new(fs: &Arc<ArrayFs>, kind: RequestKind, inode: u64) -> RequestGuard {
        RequestGuard {
            fs: fs.clone(),
            kind,
            inode,
            name: None,
            range: None,
            arrived: Instant::now(),
            is_logged: log::log_enabled!(log::Level::Debug),
            errno: Cell::new(None),
        }
    }

    /// Adds the name in the directory.
    pub(super) fn with_name(mut self, name: &OsStr) -> RequestGuard {
        self.name = self.is_logged.then(|| name.to_owned());
        self
    }

    /// Adds a range of `len` bytes at offset `offset`.
    pub(super) fn with_range(mut self, offset: u64, len: u64) -> RequestGuard {
        self.range = Some(offset..offset.saturating_add(len));
        self
    }

    /// Adds `bytes` to the bytes moved by requests of this kind.
    pub(super) fn moved(&self, bytes: usize) {
        self.fs.stats.moved(self.kind, bytes);
    }

    /// Records the errno of the reply.
    pub(super) fn failed(&self, errno: i32) {
        self.errno.set(Some(errno));
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let (latency, errno) = (self.arrived.elapsed(), self.errno.get());
        let is_panicking = thread::panicking();
        self.fs
            .stats
            .answered(self.kind, latency, errno.is_some() || is_panicking);
        // A panic of the logger during another panic would abort the process.
        if !self.is_logged || is_panicking {
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
        let name_in_directory = self
            .name
            .as_ref()
            .map_or(String::new(), |name_in_directory| {
                format!(" {name_in_directory:?}")
            });
        log::debug!("{name} {inode} /{path}{name_in_directory}{bytes}, {latency:?}{outcome}");
    }
}
