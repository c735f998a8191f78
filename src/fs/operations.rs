//! The operations on a mounted array, in terms of inode numbers and handles:
//! they know no requests and no replies, and can be called without a kernel.

use std::ffi::OsStr;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use fuser::FileAttr;
use nix::sys::time::TimeSpec;

use super::acl::AclLimit;
use super::attr::Appearance;
use super::backing_monitor::BackingFileMonitor;
use super::coherence::Coherence;
use super::dentry_eviction::Waker;
use super::error::FsError;
use super::handle::{Handle, Handles};
use super::negotiation::Offer;
use super::page_cache::PageCacheValidity;
use super::passthrough::PassthroughFiles;
use super::stats::Stats;
use super::times::WriteTimes;
use super::truncation::Truncations;
use super::xattr;
use crate::mapping::AccessError;
use crate::platform;
use crate::tree::{Node, NodeAttributes, Tree};

/// The most bytes in a name, as everywhere else.
pub(super) const MAX_NAME: usize = 255;

/// A mounted array.
#[derive(Debug)]
pub(super) struct ArrayFs {
    pub(super) tree: Tree,
    pub(super) appearance: Appearance,
    pub(super) handles: Handles,
    pub(super) passthrough: PassthroughFiles,
    pub(super) page_cache: PageCacheValidity,
    /// What the kernel can do, once it is known.
    pub(super) offer: OnceLock<Offer>,
    pub(super) truncations: Truncations,
    monitor: BackingFileMonitor,
    /// Keeps the pages that the kernel fills like the file.
    pub(super) coherence: Arc<Coherence>,
    /// Rung when names may have been looked up that the kernel should forget.
    eviction: Waker,
    /// Whether extended attributes are served.
    xattr: bool,
    /// The last write through the mount.
    times: WriteTimes,
    /// What the backing file's access control list leaves of its bits.
    acl: AclLimit,
    /// What it has done so far.
    pub(super) stats: Stats,
}

/// What a client asks to change of a node.
#[derive(Debug, Default)]
pub(super) struct AttributeChange {
    /// The permission bits.
    pub(super) mode: Option<u32>,
    /// The owner.
    pub(super) uid: Option<u32>,
    /// The group.
    pub(super) gid: Option<u32>,
    /// The size in bytes.
    pub(super) size: Option<u64>,
    /// The time of the last access, or that it is now.
    pub(super) atime: Option<TimeSpec>,
    /// The time of the last modification, or that it is now.
    pub(super) mtime: Option<TimeSpec>,
}

/// What `statfs` shows, in blocks of 512 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    /// Blocks of the array, all of them used.
    pub(super) blocks: u64,
    /// Files and directories.
    pub(super) nodes: u64,
}

impl ArrayFs {
    pub(super) fn new(
        tree: Tree,
        appearance: Appearance,
        passthrough: PassthroughFiles,
        coherence: Arc<Coherence>,
        eviction: Waker,
        xattr: bool,
    ) -> ArrayFs {
        ArrayFs {
            tree,
            appearance,
            handles: Handles::default(),
            passthrough,
            page_cache: PageCacheValidity::new(),
            offer: OnceLock::new(),
            truncations: Truncations::default(),
            monitor: BackingFileMonitor::default(),
            coherence,
            eviction,
            xattr,
            times: WriteTimes::default(),
            acl: AclLimit::default(),
            stats: Stats::new(),
        }
    }

    pub(super) fn node(&self, inode: u64) -> Result<Node, FsError> {
        self.tree.node(inode).ok_or(FsError::Stale)
    }

    /// What tells the node `inode` from one of an earlier mount with the same number.
    pub(super) fn generation(&self, inode: u64) -> u32 {
        self.tree
            .node(inode)
            .map_or(0, |node| self.tree.generation(node))
    }

    pub(super) fn node_attributes(&self, node: Node) -> Result<NodeAttributes, FsError> {
        self.tree.node_attributes(node).ok_or(FsError::Stale)
    }

    pub(super) fn attributes_of(&self, node: Node) -> Result<FileAttr, FsError> {
        let attrs = self.node_attributes(node)?;
        let mapping = self.tree.mapping();
        let backing = mapping.metadata()?;
        self.monitor.watch(mapping);
        let bits = match self.appearance.shows_bits() {
            true => self.acl.bits(mapping, &backing, &self.monitor),
            false => 0,
        };
        let (inode, last) = (self.tree.inode(node), self.times.last());
        let appearance = &self.appearance;
        Ok(appearance.attributes(inode, &attrs, &backing, bits, last))
    }

    /// The node called `name` in the directory `parent`.
    pub(super) fn lookup(&self, parent: u64, name: &OsStr) -> Result<FileAttr, FsError> {
        // The kernel passes longer ones on.
        if name.len() > MAX_NAME {
            return Err(FsError::NameTooLong);
        }
        let parent = self.node(parent)?;
        let node = self.tree.lookup(parent, name).ok_or(FsError::NotFound)?;
        if self.tree.exceeds_name_limit(node) {
            self.eviction.wake();
        }
        self.attributes_of(node)
    }

    /// A directory and a name in it that the kernel should forget.
    pub(super) fn pop_excess_name(&self) -> Option<(u64, Box<str>)> {
        self.tree.pop_excess_name()
    }

    /// The value of an extended attribute.
    pub(super) fn xattr(&self, inode: u64, name: &OsStr) -> Result<Vec<u8>, FsError> {
        let array = self.tree.represented_view(self.node(inode)?);
        let name = name.to_str().ok_or(FsError::NoAttribute)?;
        Ok(xattr::value(array.as_ref(), name)?.into_bytes())
    }

    /// The names of all extended attributes, each ended by a NUL.
    pub(super) fn xattrs(&self, inode: u64) -> Result<Vec<u8>, FsError> {
        let array = self.tree.represented_view(self.node(inode)?);
        Ok(xattr::names(array.as_ref()))
    }

    /// Sets an extended attribute, which can only be to what it is.
    pub(super) fn set_xattr(
        &self,
        inode: u64,
        name: &OsStr,
        value: Option<&[u8]>,
    ) -> Result<(), FsError> {
        match (self.xattr(inode, name), value) {
            (Ok(shown), Some(value)) if shown == value => Ok(()),
            (Ok(_), _) => Err(FsError::NotPermitted),
            (Err(FsError::NoAttribute), None) => Err(FsError::NoAttribute),
            // As file systems say that cannot keep any; tools that copy go on.
            (Err(FsError::NoAttribute), Some(_)) => Err(FsError::Unsupported),
            (Err(error), _) => Err(error),
        }
    }

    /// Whether extended attributes are served.
    pub(super) fn serves_xattrs(&self) -> bool {
        self.xattr
    }

    /// What `stat` shows of a node.
    pub(super) fn attributes(&self, inode: u64) -> Result<FileAttr, FsError> {
        self.attributes_of(self.node(inode)?)
    }

    /// Changes what can be changed of a node: its times, which are those of
    /// the backing file, and whether it counts as truncated. All else must be
    /// as it is already, or it is accepted and stays as it is.
    pub(super) fn change(&self, inode: u64, change: &AttributeChange) -> Result<FileAttr, FsError> {
        let node = self.node(inode)?;
        let shown = self.attributes_of(node)?;
        let same = |wanted: Option<u32>, shown| wanted.is_none_or(|wanted| wanted == shown);
        let is_same = same(change.mode.map(|mode| mode & 0o7777), u32::from(shown.perm))
            && same(change.uid, shown.uid)
            && same(change.gid, shown.gid);
        if !is_same && !self.appearance.quiet {
            return Err(FsError::NotPermitted);
        }
        if let Some(size) = change.size {
            self.resize(node, size)?;
        }
        self.set_times(change)?;
        self.attributes_of(node)
    }

    fn resize(&self, node: Node, size: u64) -> Result<(), FsError> {
        let attrs = self.node_attributes(node)?;
        if !attrs.writable {
            return Err(FsError::NotWritable);
        }
        let inode = self.tree.inode(node);
        if size == attrs.len {
            let (file, _pin) = self.tree.open(node).ok_or(FsError::Stale)?;
            if self.truncations.is_marked(inode) {
                while let Some(gap) = self.gap(inode, &file, size) {
                    let _guard = self.coherence.change_at_once(&gap.backing());
                    self.fill_gap(&gap)?;
                }
                self.truncations.read(inode);
                self.page_cache.forget(inode);
                self.touch();
                self.show_times();
            }
            Ok(())
        } else if size == 0 {
            let (file, _pin) = self.tree.open(node).ok_or(FsError::Stale)?;
            let mark = || self.truncations.truncated(inode, file);
            self.passthrough.unless_written(inode, mark);
            Ok(())
        } else {
            Err(FsError::NotPermitted)
        }
    }

    fn set_times(&self, change: &AttributeChange) -> Result<(), FsError> {
        if change.atime.is_none() && change.mtime.is_none() {
            return Ok(());
        }
        let mapping = self.tree.mapping();
        Ok(self.times.set(mapping, change.atime, change.mtime)?)
    }

    /// Reads from byte `at` into `out`; fewer bytes only at the end, or before
    /// bytes that cannot be read. Those a page must not leave out: the kernel
    /// would take the file to end there, so it is told of the error at once.
    pub(super) fn read(
        &self,
        handle: u64,
        at: u64,
        out: &mut [u8],
        into_page_cache: bool,
    ) -> Result<usize, FsError> {
        let handle = self.handles.get(handle)?;
        if let Some(dropping) = &handle.dropping {
            // It has opened the file, since it asks for bytes of it.
            dropping.end();
        }
        self.truncations.read(handle.inode);
        self.log_backing_errors(|| {
            let mut count = handle.file.read_at(at, out)?;
            while into_page_cache && count < out.len() {
                let next = at + count as u64;
                match handle.file.read_at(next, &mut out[count..])? {
                    0 => break,
                    more => count += more,
                }
            }
            Ok(count)
        })
    }

    /// Notes that `count` bytes of an open file from `at` are about to be read into pages,
    /// and has `answer` read them when no change of them is under way.
    pub(super) fn fill(
        &self,
        handle: u64,
        at: u64,
        count: usize,
        answer: impl FnOnce() + Send + 'static,
    ) {
        let handle = match self.handles.get(handle) {
            Ok(handle) if platform::NOTIFIES => handle,
            _ => return answer(),
        };
        self.keep(handle.inode);
        let range = at..at.saturating_add(count as u64);
        self.coherence
            .fill(handle.inode, &handle.file, &range, answer);
    }

    /// Notes that pages of `inode`, which are about to be read, may be kept.
    fn keep(&self, inode: u64) {
        if !self.page_cache.caches() {
            return;
        }
        let stamp = self.tree.mapping().stamp().ok();
        let gone = stamp.and_then(|stamp| self.page_cache.filled(inode, stamp));
        if let Some(gone) = gone {
            self.coherence
                .no_longer_kept(gone, || self.page_cache.has(gone));
        }
    }

    /// Does `operation`, and has the log tell of trouble with the backing file.
    pub(super) fn log_backing_errors<T>(
        &self,
        operation: impl FnOnce() -> Result<T, FsError>,
    ) -> Result<T, FsError> {
        operation().inspect_err(|error| {
            self.monitor.note(self.tree.mapping().path(), error);
        })
    }

    /// The number of bytes that a read of `size` bytes from `at` returns.
    pub(super) fn readable(&self, handle: u64, at: u64, size: u32) -> Result<usize, FsError> {
        let rest = self.handles.get(handle)?.file.len().saturating_sub(at);
        Ok(rest.min(u64::from(size)) as usize)
    }

    /// Notes that the array has been written now.
    pub(super) fn touch(&self) {
        self.note_trouble(self.times.written(self.tree.mapping()));
    }

    /// Has the backing file's mtime show what has been written.
    pub(super) fn show_times(&self) {
        self.note_trouble(self.times.show(self.tree.mapping()));
    }

    /// Has the log tell of trouble with the backing file's times, which are no reason
    /// for what was written to count as lost.
    fn note_trouble(&self, outcome: std::io::Result<()>) {
        // The log is all that comes of it.
        let _ = self.log_backing_errors(|| Ok(outcome?));
    }

    pub(super) fn flush_range(&self, handle: &Handle, range: Range<u64>) -> Result<(), FsError> {
        self.show_times();
        let outcome = handle.file.flush(range).map_err(FsError::from);
        self.handles.note(outcome);
        self.handles.report(handle)
    }

    /// Writes the bytes that a file covers to the disk.
    pub(super) fn sync(&self, handle: u64) -> Result<(), FsError> {
        let handle = self.handles.get(handle)?;
        self.flush_range(&handle, 0..handle.file.len())
    }

    /// Writes the whole array to the disk.
    pub(super) fn sync_all(&self) -> std::io::Result<()> {
        self.show_times();
        let outcome = self.tree.mapping().flush_all();
        if let Err(error) = &outcome {
            let copy = error
                .raw_os_error()
                .map_or_else(|| error.kind().into(), std::io::Error::from_raw_os_error);
            self.handles.note(Err(AccessError::Io(copy).into()));
        }
        outcome
    }

    /// Reserves space for the bytes `range` of an open file, which can lie past the
    /// end only if the size is to be kept. If not, the [gap](Self::gap) before their end has
    /// been filled: then a truncated file has its full size once it reaches so far.
    pub(super) fn reserve(
        &self,
        handle: u64,
        range: Range<u64>,
        keep_size: bool,
    ) -> Result<(), FsError> {
        let handle = self.handles.get(handle)?;
        if range.end > handle.file.len() && !keep_size {
            return Err(FsError::PastEnd);
        }
        if range.end == handle.file.len() && !keep_size {
            self.truncations.read(handle.inode);
        }
        self.log_backing_errors(|| Ok(handle.file.allocate(range)?))
    }

    /// Where data or a hole begins at or after `at`, as `lseek` asks with
    /// `SEEK_DATA` and `SEEK_HOLE`: the whole file is data.
    pub(super) fn seek(&self, handle: u64, at: i64, whence: i32) -> Result<i64, FsError> {
        let len = self.handles.get(handle)?.file.len();
        let inside = u64::try_from(at).is_ok_and(|at| at < len);
        match whence {
            libc::SEEK_DATA | libc::SEEK_HOLE if !inside => Err(FsError::NothingThere),
            libc::SEEK_DATA => Ok(at),
            libc::SEEK_HOLE => i64::try_from(len).map_err(|_| FsError::Invalid),
            _ => Err(FsError::Invalid),
        }
    }

    /// What `statfs` shows: a file system of just this array, full.
    pub(super) fn usage(&self) -> Usage {
        let bytes = self
            .tree
            .node_attributes(self.tree.whole())
            .map_or(0, |attrs| attrs.len);
        Usage {
            blocks: bytes.div_ceil(512),
            nodes: self.tree.nodes(),
        }
    }
}
