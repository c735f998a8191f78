//! Opening and closing files: whether the kernel is to ask for each read and
//! write, to use its page cache, or to go to the backing file itself, and what
//! ends with the last use.

use std::io;
use std::mem;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fuser::BackingId;

use super::error::FsError;
use super::negotiation::{Capabilities, Offer};
use super::operations::ArrayFs;
use super::{Cache, Options};
use crate::platform;
use crate::tree::Node;
use crate::vfile::VirtualFile;

/// How the kernel reads and writes an open file.
#[derive(Debug)]
pub(super) enum IoMode {
    /// By a request each time.
    Direct,
    /// Through its page cache, of which it may keep what it has.
    Cached {
        /// Whether it may.
        keep: bool,
    },
    /// In the backing file itself.
    Passthrough(Arc<BackingId>),
}

impl ArrayFs {
    /// Opens a file, and returns its handle number and how the kernel is to read
    /// and write it. `register` has the kernel learn of the backing file.
    pub(super) fn open(
        &self,
        inode: u64,
        writes: bool,
        register: impl FnOnce(BorrowedFd<'_>) -> io::Result<BackingId>,
    ) -> Result<(u64, IoMode), FsError> {
        let node = self.node(inode)?;
        if node.is_directory() {
            return Err(FsError::IsDirectory);
        }
        if writes && !self.node_attributes(node)?.writable {
            return Err(FsError::NotWritable);
        }
        if node.is_stats() {
            let report = VirtualFile::literal(self.report().into_bytes().into());
            let number = self.handles.open(inode, report, None, false, None);
            return Ok((number, IoMode::Direct));
        }
        let (file, pin) = self.tree.open(node).ok_or(FsError::Stale)?;
        let opened = OpenInode::new(self, inode, writes);
        let mut dropping = None;
        let io_mode = match self.open_passthrough(node, writes, &file, register) {
            Some(backing) => {
                if writes {
                    // What is written from now on is not heard of.
                    self.truncations.drop_all();
                }
                IoMode::Passthrough(backing)
            }
            // What is written must be seen by the daemon before the pages.
            None if !writes && self.may_cache(&file) => {
                dropping = self.page_cache.opened(inode, || {
                    // Whoever reads what was truncated has to be heard of.
                    let is_marked = self.truncations.is_marked(inode);
                    let stamp = self.tree.mapping().stamp().ok();
                    stamp.filter(|_| !is_marked)
                });
                let keep = dropping.is_none();
                IoMode::Cached { keep }
            }
            None => IoMode::Direct,
        };
        let pin = Some(pin);
        let number = self.handles.open(inode, file, pin, writes, dropping);
        opened.leave_to_handle();
        Ok((number, io_mode))
    }

    /// Whether a file may be read through the kernel's page cache, whose pages fail as a
    /// whole where the backing file has been cut short.
    fn may_cache(&self, file: &VirtualFile) -> bool {
        let end = file.covering_range(&(0..file.len())).end;
        self.page_cache.caches() && self.tree.mapping().reaches(end)
    }

    fn open_passthrough(
        &self,
        node: Node,
        writes: bool,
        file: &VirtualFile,
        register: impl FnOnce(BorrowedFd<'_>) -> io::Result<BackingId>,
    ) -> Option<Arc<BackingId>> {
        // A header must not be overwritten.
        let is_fixed = self.appearance.writable && file.has_literals();
        if !self.passthrough.allowed() || is_fixed || !self.tree.is_in_place(node, file) {
            return None;
        }
        let (inode, mapping) = (self.tree.inode(node), self.tree.mapping());
        // What is written past the daemon takes no set-user-id bit away.
        let may = || {
            mapping.has_size(file.len())
                && !self.truncations.is_marked(inode)
                && !(self.appearance.writable && mapping.has_set_id())
        };
        self.passthrough
            .opened(inode, writes, mapping, may, register)
    }

    /// What the kernel is asked for.
    ///
    /// Views can be mapped shared where pages can be dropped that have become old. Of
    /// what is written past the daemon it does not hear, and a page that was stored to
    /// would later be written back over it.
    pub(super) fn capabilities(&self) -> Capabilities {
        let passthrough = self.passthrough.allowed();
        Capabilities {
            passthrough,
            shared: platform::NOTIFIES && !(passthrough && self.appearance.writable),
        }
    }

    /// The kernel has made its `offer`: caches from now on what `options` say. By default
    /// that is nothing, but where it is needed to map files shared, and no writes through
    /// the mount are in the way.
    pub(super) fn decide_caching(&self, options: &Options, offer: Offer) {
        let default = match offer.direct_mappings || self.appearance.writable {
            true => Cache::Never,
            false => Cache::Auto,
        };
        let cache = options.cache.unwrap_or(default);
        if cache != Cache::Never {
            let alone = cache == Cache::Always;
            let mapping = self.tree.mapping();
            mapping.count_changes();
            mapping.enable_column_cache(options.cache_size, alone);
        }
        self.page_cache.decide(cache);
        // The first and only time.
        let _ = self.offer.set(offer);
    }

    /// Whether the kernel refuses to map any file shared, although pages could be dropped.
    pub(super) fn refuses_mappings(&self) -> bool {
        let offer = self.offer.get();
        let is_offered = offer.is_some_and(|offer| offer.direct_mappings);
        platform::NOTIFIES && !is_offered && !self.page_cache.caches()
    }

    /// Whether the kernel may have pages of files that nobody has open.
    pub(super) fn keeps_pages(&self) -> bool {
        self.page_cache.caches()
    }

    /// A descriptor of an open file has been closed.
    pub(super) fn flushed(&self, handle: u64) -> Result<(), FsError> {
        let handle = self.handles.get(handle)?;
        self.truncations.flushed(&handle);
        if handle.writes {
            self.show_times();
        }
        Ok(())
    }

    /// The last use of an open file is over.
    pub(super) fn release(&self, handle: u64) {
        if let Some(handle) = self.handles.close(handle) {
            drop(OpenInode {
                fs: self,
                inode: handle.inode,
                writes: handle.writes,
                idle: handle.idle.load(Ordering::SeqCst),
            });
        }
    }
}

/// An inode that is open once more, until this is dropped or left to a handle.
struct OpenInode<'a> {
    fs: &'a ArrayFs,
    inode: u64,
    writes: bool,
    /// Closed by the one who used it last.
    idle: bool,
}

impl OpenInode<'_> {
    fn new(fs: &ArrayFs, inode: u64, writes: bool) -> OpenInode<'_> {
        if writes {
            fs.truncations.opened(inode);
        }
        fs.coherence.opened(inode);
        OpenInode {
            fs,
            inode,
            writes,
            idle: false,
        }
    }

    fn leave_to_handle(self) {
        mem::forget(self);
    }
}

impl Drop for OpenInode<'_> {
    fn drop(&mut self) {
        let OpenInode { fs, inode, .. } = *self;
        if self.writes {
            fs.truncations.released(inode, self.idle);
            fs.show_times();
        }
        fs.coherence.released(inode, || fs.page_cache.has(inode));
        fs.passthrough.released(inode, self.writes);
    }
}
