//! The operations on a mounted array, by inode number and handle number. They are independent of
//! requests and replies, so they can be called without a kernel.

use std::ffi::OsStr;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};

use fuser::{FileAttr, Generation, INodeNo};

use super::acl::AclLimit;
use super::attr::{Appearance, AttributeChange};
use super::backing_monitor::BackingFileMonitor;
use super::coherence::Coherence;
use super::error::FsError;
use super::handle::{Handle, Handles, OpenFile};
use super::housekeeping::Waker;
use super::negotiation::KernelFeatures;
use super::page_cache::PageCacheValidity;
use super::passthrough::PassthroughFiles;
use super::scratch::{PageFill, ScratchFiles};
use super::stats::{Report, Stats};
use super::times::WriteTimes;
use super::truncation::Truncations;
use crate::mapping::AccessError;
use crate::platform;
use crate::tree::{Node, NodeAttributes, Tree};

/// The longest name in bytes, as in other file systems.
pub(super) const MAX_NAME: usize = 255;

/// A mounted array.
#[derive(Debug)]
pub(super) struct ArrayFs {
    pub(super) tree: Tree,
    pub(super) appearance: Appearance,
    pub(super) handles: Handles,
    pub(super) passthrough: PassthroughFiles,
    pub(super) page_cache: PageCacheValidity,
    /// The optional features of the kernel. Unset until INIT.
    pub(super) features: OnceLock<KernelFeatures>,
    pub(super) truncations: Truncations,
    monitor: BackingFileMonitor,
    /// Keeps the kernel's pages coherent with the backing file.
    pub(super) coherence: Arc<Coherence>,
    /// The files that were made beside those of the tree.
    pub(super) scratch: ScratchFiles,
    /// Wakes the thread that evicts dentries and ends scratch files.
    pub(super) housekeeping: Waker,
    /// Whether extended attributes are served.
    pub(super) xattr: bool,
    /// The time of the last write through the mount.
    times: WriteTimes,
    /// The limit that the backing file's access control list sets to its permission bits.
    acl: AclLimit,
    /// Request statistics.
    pub(super) stats: Stats,
    /// The last contents of `.arrayfs/stats`, if the kernel sends no OPEN.
    pub(super) report: Mutex<Report>,
}

/// The result of STATFS, in blocks of 512 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    /// The blocks of the array, all in use.
    pub(super) blocks: u64,
    /// The number of files and directories.
    pub(super) nodes: u64,
}

impl ArrayFs {
    pub(super) fn new(
        tree: Tree,
        appearance: Appearance,
        passthrough: PassthroughFiles,
        coherence: Arc<Coherence>,
        scratch: ScratchFiles,
        housekeeping: Waker,
        xattr: bool,
    ) -> ArrayFs {
        ArrayFs {
            tree,
            appearance,
            handles: Handles::default(),
            passthrough,
            page_cache: PageCacheValidity::new(),
            features: OnceLock::new(),
            truncations: Truncations::default(),
            monitor: BackingFileMonitor::default(),
            coherence,
            scratch,
            housekeeping,
            xattr,
            times: WriteTimes::default(),
            acl: AclLimit::default(),
            stats: Stats::new(),
            report: Mutex::new(Report::new()),
        }
    }

    /// The node with this inode number: its own, or that of a scratch file which has become the
    /// node.
    pub(super) fn node(&self, inode: u64) -> Result<Node, FsError> {
        match self.scratch.get(inode) {
            Some((scratch, _)) => Ok(scratch.target().ok_or(FsError::Stale)?.node),
            None => self.tree.node(inode).ok_or(FsError::Stale),
        }
    }

    /// Distinguishes the node `inode` from nodes of earlier mounts with the same number.
    pub(super) fn generation(&self, inode: INodeNo) -> Generation {
        let node = self.tree.node(inode.0);
        Generation(node.map_or(0, |node| self.tree.generation(node).into()))
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
        let attr = appearance.attributes(inode, &attrs, &backing, bits, last);
        match node.is_stats() && self.omits_opens() {
            true => Ok(self.report_attributes(attr)),
            false => Ok(attr),
        }
    }

    /// The attributes of the node `name` in the directory `parent`.
    ///
    /// # Errors
    ///
    /// `NotFound` when the parent has no such name, `NameTooLong`, and errors of the backing file.
    pub(super) fn lookup(&self, parent: u64, name: &OsStr) -> Result<FileAttr, FsError> {
        // The kernel passes longer names on.
        if name.len() > MAX_NAME {
            return Err(FsError::NameTooLong);
        }
        let directory = self.node(parent)?;
        let Some(node) = self.tree.lookup(directory, name) else {
            let scratch = self.scratch.find(parent, name);
            return self.attributes(scratch.ok_or(FsError::NotFound)?.inode());
        };
        if self.tree.exceeds_name_limit(node) {
            self.housekeeping.wake();
        }
        if node.is_stats() && self.omits_opens() {
            self.renew_report();
        }
        let attributes = self.attributes_of(node)?;
        // Without OPEN, only the kernel's lookup count tells which inodes are in use.
        match !self.omits_opens() || self.tree.count_lookup(node) {
            true => Ok(attributes),
            false => Err(FsError::Stale),
        }
    }

    /// Handles FORGET: the kernel drops `count` LOOKUPs of an inode.
    pub(super) fn forget(&self, inode: u64, count: u64) {
        self.tree.forget(inode, count);
    }

    /// A directory and a name in it that the kernel should forget. `None` if there are few
    /// enough.
    pub(super) fn pop_excess_name(&self) -> Option<(u64, Box<str>)> {
        self.tree.pop_excess_name()
    }

    /// The attributes of a node or a scratch file.
    pub(super) fn attributes(&self, inode: u64) -> Result<FileAttr, FsError> {
        let scratch = self.scratch.get(inode);
        match scratch.and_then(|(scratch, links)| scratch.attributes(links)) {
            Some(attributes) => Ok(attributes),
            None => self.attributes_as(inode, self.node(inode)?),
        }
    }

    /// The attributes of `node` under the inode number `inode`.
    fn attributes_as(&self, inode: u64, node: Node) -> Result<FileAttr, FsError> {
        let attr = self.attributes_of(node)?;
        let ino = INodeNo(inode);
        Ok(FileAttr { ino, ..attr })
    }

    /// Changes the attributes of a node or a scratch file. Those of a scratch file can have any
    /// values. Of a node, times are set on the backing file; a size of 0
    /// truncates; the full size ends a truncation. Other values must equal the current ones,
    /// unless `quiet` is set, which ignores them.
    ///
    /// # Errors
    ///
    /// `NotPermitted` for other values and other sizes, `NotWritable` for the size of a read-only
    /// file, and errors of the backing file.
    pub(super) fn set_attributes(
        &self,
        inode: u64,
        change: &AttributeChange,
    ) -> Result<FileAttr, FsError> {
        if let Some((scratch, _)) = self.scratch.get(inode)
            && scratch.change(change)?
        {
            return self.attributes(inode);
        }
        let node = self.node(inode)?;
        let current = self.attributes_of(node)?;
        let is_same = |wanted: Option<u32>, current| wanted.is_none_or(|wanted| wanted == current);
        let is_unchanged = is_same(
            change.mode.map(|mode| mode & 0o7777),
            u32::from(current.perm),
        ) && is_same(change.uid, current.uid)
            && is_same(change.gid, current.gid);
        if !is_unchanged && !self.appearance.quiet {
            return Err(FsError::NotPermitted);
        }
        if let Some(size) = change.size {
            self.resize(inode, node, size)?;
        }
        self.set_times(change)?;
        self.attributes_as(inode, node)
    }

    fn resize(&self, inode: u64, node: Node, size: u64) -> Result<(), FsError> {
        let attrs = self.node_attributes(node)?;
        if !attrs.writable {
            return Err(FsError::NotWritable);
        }
        if size == attrs.len {
            let file = self.tree.open(node).ok_or(FsError::Stale)?;
            if self.truncations.is_truncated(inode) {
                while let Some(gap) = self.gap(inode, &file, size) {
                    let _guard = self.coherence.change_at_once(&gap.extent());
                    self.fill_gap(&gap)?;
                }
                self.truncations.end(inode);
                self.page_cache.forget(inode);
                self.record_write_time();
                self.update_mtime();
            }
            Ok(())
        } else if size == 0 {
            let file = self.tree.open(node).ok_or(FsError::Stale)?;
            let begin = || self.truncations.begin(inode, file);
            self.passthrough.run_unless_bypassed(inode, begin);
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

    /// The open file `number` of `inode`. If the kernel sends no OPEN, it is made anew for each
    /// request.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(super) fn handle(&self, inode: u64, number: u64) -> Result<Arc<Handle>, FsError> {
        if !self.omits_opens() {
            return self.handles.get(number);
        }
        let node = self.node(inode)?;
        let file = match node.is_stats() {
            true => self.reported(),
            false => self.tree.open(node).ok_or(FsError::Stale)?,
        };
        let file = OpenFile::Tree(file);
        Ok(Arc::new(self.handles.of_one_request(inode, file)))
    }

    /// Reads into `out` from the byte `offset`, and returns the number of bytes: fewer than asked
    /// only at the end of the file or before bytes that cannot be read. A fill of a page fails
    /// at such bytes instead, since the kernel takes a short page for the end of the file.
    ///
    /// # Errors
    ///
    /// When not even the first byte, or for a page not every byte, can be read.
    pub(super) fn read(
        &self,
        handle: &Handle,
        offset: u64,
        out: &mut [u8],
        into_page_cache: bool,
    ) -> Result<usize, FsError> {
        if let Some(invalidation) = &handle.open_invalidation {
            // The first READ by a handle shows that the kernel has finished its OPEN.
            invalidation.finish();
        }
        let file = match &handle.file {
            OpenFile::Scratch(scratch) if scratch.target().is_none() => {
                return self.log_backing_errors(|| scratch.read(offset, out));
            }
            _ => handle.tree_file()?,
        };
        self.truncations.end(handle.inode);
        self.log_backing_errors(|| {
            let mut count = file.read_at(offset, out)?;
            while into_page_cache && count < out.len() {
                let next = offset + count as u64;
                match file.read_at(next, &mut out[count..])? {
                    0 => break,
                    more => count += more,
                }
            }
            Ok(count)
        })
    }

    /// Records that `count` bytes of an open file from `offset` are being read into pages. Then
    /// calls `answer`, which reads them, once no change of these bytes is in progress.
    pub(super) fn fill(
        &self,
        handle: &Handle,
        offset: u64,
        count: usize,
        answer: impl FnOnce() + Send + 'static,
    ) {
        // Where the kernel sends no OPEN, nothing writes.
        if !platform::NOTIFIES || self.omits_opens() {
            return answer();
        }
        let file = match &handle.file {
            OpenFile::Tree(file) => file.clone(),
            OpenFile::Scratch(scratch) => match scratch.fill_pages() {
                PageFill::InMemory => return answer(),
                PageFill::In(target) => target.file.clone(),
            },
        };
        self.record_page_fill(handle.inode);
        let range = offset..offset.saturating_add(count as u64);
        self.coherence.fill(handle.inode, &file, &range, answer);
    }

    /// Records that the kernel may keep the pages of `inode` that are about to be filled.
    fn record_page_fill(&self, inode: u64) {
        if !self.page_cache.is_enabled() {
            return;
        }
        let stamp = self.tree.mapping().stamp().ok();
        let evicted = stamp.and_then(|stamp| self.page_cache.filled(inode, stamp));
        if let Some(evicted) = evicted {
            self.coherence
                .forget_if_closed(evicted, || self.page_cache.contains(evicted));
        }
    }

    /// Runs `operation`, and logs a failure that the backing file caused.
    pub(super) fn log_backing_errors<T>(
        &self,
        operation: impl FnOnce() -> Result<T, FsError>,
    ) -> Result<T, FsError> {
        operation().inspect_err(|error| {
            self.monitor.log_error(self.tree.mapping().path(), error);
        })
    }

    /// Records the time of a write to the array.
    pub(super) fn record_write_time(&self) {
        self.log_times_error(self.times.record_write(self.tree.mapping()));
    }

    /// Updates the backing file's mtime to the last write.
    pub(super) fn update_mtime(&self) {
        self.log_times_error(self.times.update_mtime(self.tree.mapping()));
    }

    /// Logs a failure to read or set the backing file's times. The write itself has succeeded.
    fn log_times_error(&self, outcome: std::io::Result<()>) {
        // Logging is the only effect.
        let _ = self.log_backing_errors(|| Ok(outcome?));
    }

    pub(super) fn flush_range(&self, handle: &Handle, range: Range<u64>) -> Result<(), FsError> {
        let Some(file) = handle.file.tree_file() else {
            return Ok(());
        };
        self.update_mtime();
        let outcome = file.flush(range).map_err(FsError::from);
        self.handles.record_write_back(outcome);
        self.handles.take_error(handle)
    }

    /// Writes the bytes of an open file to the disk.
    pub(super) fn sync(&self, handle: &Handle) -> Result<(), FsError> {
        self.flush_range(handle, 0..handle.file.len())
    }

    /// Writes the whole array to the disk.
    pub(super) fn sync_all(&self) -> std::io::Result<()> {
        self.update_mtime();
        let outcome = self.tree.mapping().flush_all();
        if let Err(error) = &outcome {
            let copy = error
                .raw_os_error()
                .map_or_else(|| error.kind().into(), std::io::Error::from_raw_os_error);
            self.handles
                .record_write_back(Err(AccessError::Io(copy).into()));
        }
        outcome
    }

    /// Reserves space for the bytes `range` of an open file. With `keep_size` the range may
    /// extend past the end of the file. Without it, the [gap](Self::gap) before the end of the
    /// range is filled already; the truncated state ends if the range reaches the end of the
    /// file.
    ///
    /// # Errors
    ///
    /// `PastEnd` when the file would grow, and errors of the backing file.
    pub(super) fn reserve(
        &self,
        handle: u64,
        range: Range<u64>,
        keep_size: bool,
    ) -> Result<(), FsError> {
        let handle = self.handles.get(handle)?;
        if let OpenFile::Scratch(scratch) = &handle.file {
            let len = if keep_size { 0 } else { range.end };
            if scratch.extend(len)? {
                return Ok(());
            }
        }
        let file = handle.tree_file()?;
        if range.end > file.len() && !keep_size {
            return Err(FsError::PastEnd);
        }
        if range.end == file.len() && !keep_size {
            self.truncations.end(handle.inode);
        }
        self.log_backing_errors(|| Ok(file.allocate(range)?))
    }

    /// Implements `lseek` with `SEEK_DATA` and `SEEK_HOLE`: the whole file is data, with a hole
    /// at its end.
    ///
    /// # Errors
    ///
    /// `NothingThere` when the offset is not within the file, `Invalid` for other values of
    /// `whence`.
    pub(super) fn seek(&self, handle: &Handle, offset: i64, whence: i32) -> Result<i64, FsError> {
        let len = handle.file.len();
        let inside = u64::try_from(offset).is_ok_and(|offset| offset < len);
        match whence {
            libc::SEEK_DATA | libc::SEEK_HOLE if !inside => Err(FsError::NothingThere),
            libc::SEEK_DATA => Ok(offset),
            libc::SEEK_HOLE => i64::try_from(len).map_err(|_| FsError::Invalid),
            _ => Err(FsError::Invalid),
        }
    }

    /// The result of STATFS: a full file system that holds only the arrays.
    pub(super) fn usage(&self) -> Usage {
        let bytes = self.tree.nbytes();
        Usage {
            blocks: bytes.div_ceil(512),
            nodes: self.tree.nodes(),
        }
    }
}
