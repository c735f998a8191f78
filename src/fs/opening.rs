//! OPEN and RELEASE: the I/O mode of each open file, the features asked of the kernel for it,
//! and the bookkeeping at the last release. Whether cached pages are still valid is left to
//! `page_cache`, the backing files of passthrough to `passthrough`.

use std::io;
use std::mem;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fuser::BackingId;

use super::error::FsError;
use super::handle::OpenFile;
use super::negotiation::{Capabilities, KernelFeatures};
use super::operations::ArrayFs;
use super::{Cache, Options};
use crate::platform;
use crate::tree::Node;
use crate::vfile::VirtualFile;

/// How the kernel reads and writes an open file.
#[derive(Debug)]
pub(super) enum IoMode {
    /// Direct I/O: a request for each read and write.
    Direct,
    /// Through the page cache.
    Cached {
        /// Whether pages from earlier opens stay valid.
        keep: bool,
    },
    /// Passthrough: on the backing file, without the daemon.
    Passthrough(Arc<BackingId>),
}

impl ArrayFs {
    /// Opens a file. Returns its handle number and I/O mode. `register` registers the backing
    /// file with the kernel for passthrough.
    ///
    /// # Errors
    ///
    /// When the kernel can do without OPEN, or when the inode is stale, is a directory, or is
    /// opened for writing and not writable.
    pub(super) fn open(
        &self,
        inode: u64,
        writes: bool,
        register: impl FnOnce(BorrowedFd<'_>) -> io::Result<BackingId>,
    ) -> Result<(u64, IoMode), FsError> {
        self.needs_opens()?;
        if self.scratch.owns(inode) {
            return Ok((self.open_scratch(inode, writes)?, IoMode::Direct));
        }
        let node = self.node(inode)?;
        if node.is_directory() {
            return Err(FsError::IsDirectory);
        }
        if writes && !self.node_attributes(node)?.writable {
            return Err(FsError::NotWritable);
        }
        if node.is_stats() {
            let report = VirtualFile::literal(self.report().into_bytes().into());
            let report = OpenFile::Tree(report);
            let number = self.handles.open(inode, report, None, false, None);
            return Ok((number, IoMode::Direct));
        }
        let pin = self.tree.pin(node).ok_or(FsError::Stale)?;
        let file = self.tree.open(node).ok_or(FsError::Stale)?;
        let guard = OpenGuard::new(self, inode, writes);
        let mut open_invalidation = None;
        let io_mode = match self.open_passthrough(node, writes, &file, register) {
            Some(backing) => {
                if writes {
                    // The daemon does not see writes by passthrough.
                    self.truncations.end_all();
                }
                IoMode::Passthrough(backing)
            }
            // Writes must reach the daemon before they change pages, so writers get direct I/O.
            None if !writes && self.may_cache(&file) => {
                open_invalidation = self.page_cache.opened(inode, || {
                    // Reads must reach the daemon to end the truncated state.
                    let is_truncated = self.truncations.is_truncated(inode);
                    let stamp = self.tree.mapping().stamp().ok();
                    stamp.filter(|_| !is_truncated)
                });
                let keep = open_invalidation.is_none();
                IoMode::Cached { keep }
            }
            None => IoMode::Direct,
        };
        let (file, pin) = (OpenFile::Tree(file), Some(pin));
        let number = self
            .handles
            .open(inode, file, pin, writes, open_invalidation);
        guard.disarm();
        Ok((number, io_mode))
    }

    /// Opens a scratch file, which may have become a file of the array. Returns its handle
    /// number.
    ///
    /// # Errors
    ///
    /// When the inode is stale.
    pub(super) fn open_scratch(&self, inode: u64, writes: bool) -> Result<u64, FsError> {
        let file = OpenFile::Scratch(self.scratch.opened(inode)?);
        let guard = OpenGuard::new(self, inode, writes);
        let number = self.handles.open(inode, file, None, writes, None);
        guard.disarm();
        Ok(number)
    }

    /// Whether a file may be read through the page cache. Not if the backing file is too short
    /// for it: a page fails as a whole.
    fn may_cache(&self, file: &VirtualFile) -> bool {
        let end = file.covering_range(&(0..file.len())).end;
        self.page_cache.is_enabled() && self.tree.mapping().reaches(end)
    }

    fn open_passthrough(
        &self,
        node: Node,
        writes: bool,
        file: &VirtualFile,
        register: impl FnOnce(BorrowedFd<'_>) -> io::Result<BackingId>,
    ) -> Option<Arc<BackingId>> {
        // A header must not be overwritten.
        let has_header = self.appearance.writable && file.has_literals();
        if !self.passthrough.is_enabled() || has_header || !self.tree.is_in_place(node, file) {
            return None;
        }
        let (inode, mapping) = (self.tree.inode(node), self.tree.mapping());
        // Writes by passthrough do not clear the set-user-id bit.
        let is_eligible = || {
            mapping.has_size(file.len())
                && !self.truncations.is_truncated(inode)
                && !(self.appearance.writable && mapping.has_set_id())
        };
        self.passthrough
            .opened(inode, writes, mapping, is_eligible, register)
    }

    /// The features to ask the kernel for.
    ///
    /// Shared mappings need page invalidation, which passthrough writes bypass: the daemon does
    /// not see them, and a dirty page would later be written back over them.
    pub(super) fn capabilities(&self, options: &Options) -> Capabilities {
        let passthrough = self.passthrough.is_enabled();
        Capabilities {
            passthrough,
            shared_mappings: platform::NOTIFIES && !(passthrough && self.appearance.writable),
            omits_opens: options.omits_opens(self.tree.mapping().mode()),
        }
    }

    /// Whether the kernel opens files and directories without the daemon. It sends neither OPEN
    /// nor FLUSH nor RELEASE then, and keeps all pages and listings.
    pub(super) fn omits_opens(&self) -> bool {
        let features = self.features.get();
        features.is_some_and(|features| features.omits_opens)
    }

    /// # Errors
    ///
    /// `Omitted` when the kernel can open and close files without the daemon. It learns that
    /// from the errno of the first such request.
    pub(super) fn needs_opens(&self) -> Result<(), FsError> {
        match self.omits_opens() {
            true => Err(FsError::Omitted),
            false => Ok(()),
        }
    }

    /// Decides the cache mode from `options` and the `features` of the kernel. The default is
    /// `auto` where shared mappings need it and the mount is read-only, otherwise `never`.
    pub(super) fn decide_caching(&self, options: &Options, features: KernelFeatures) {
        let default = match features.direct_mappings || self.appearance.writable {
            true => Cache::Never,
            false => Cache::Auto,
        };
        let cache = options.cache.unwrap_or(default);
        if cache != Cache::Never {
            let is_sole_writer = cache == Cache::Always;
            let mapping = self.tree.mapping();
            mapping.count_changes();
            mapping.enable_column_cache(options.cache_size, is_sole_writer);
        }
        self.page_cache.decide(cache);
        // INIT comes once, so the cell is empty.
        let _ = self.features.set(features);
    }

    /// Whether the kernel refuses every shared mapping: it cannot map files open for direct I/O,
    /// and files do not go through the page cache.
    pub(super) fn refuses_mappings(&self) -> bool {
        let features = self.features.get();
        let can_map_direct = features.is_some_and(|features| features.direct_mappings);
        platform::NOTIFIES && !can_map_direct && !self.page_cache.is_enabled()
    }

    /// Whether the kernel may hold pages of files that are not open.
    pub(super) fn keeps_pages(&self) -> bool {
        self.page_cache.is_enabled()
    }

    /// Handles FLUSH: a descriptor of an open file was closed.
    pub(super) fn flushed(&self, handle: u64) -> Result<(), FsError> {
        self.needs_opens()?;
        let handle = self.handles.get(handle)?;
        self.truncations.flushed(&handle);
        if handle.writes {
            self.update_mtime();
        }
        Ok(())
    }

    /// Handles RELEASE: all descriptors and mappings of an open file are gone.
    pub(super) fn release(&self, handle: u64) {
        if let Some(handle) = self.handles.close(handle) {
            drop(OpenGuard {
                fs: self,
                inode: handle.inode,
                writes: handle.writes,
                idle: handle.idle.load(Ordering::SeqCst),
            });
        }
    }
}

/// Counts an inode as open, until this is dropped or handed over to a handle.
struct OpenGuard<'a> {
    fs: &'a ArrayFs,
    inode: u64,
    writes: bool,
    /// Whether no write came after the last FLUSH.
    idle: bool,
}

impl OpenGuard<'_> {
    fn new(fs: &ArrayFs, inode: u64, writes: bool) -> OpenGuard<'_> {
        if writes {
            fs.truncations.opened(inode);
        }
        fs.coherence.opened(inode);
        OpenGuard {
            fs,
            inode,
            writes,
            idle: false,
        }
    }

    fn disarm(self) {
        mem::forget(self);
    }
}

impl Drop for OpenGuard<'_> {
    fn drop(&mut self) {
        let OpenGuard { fs, inode, .. } = *self;
        if self.writes {
            fs.truncations.released(inode, self.idle);
            fs.update_mtime();
        }
        fs.coherence
            .released(inode, || fs.page_cache.contains(inode));
        fs.passthrough.released(inode, self.writes);
        if fs.scratch.owns(inode) {
            fs.scratch.released(inode);
            fs.housekeeping.wake();
        }
    }
}
