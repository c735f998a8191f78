//! Files that the kernel reads and writes without the daemon ("passthrough", see
//! Documentation/filesystems/fuse/fuse-passthrough.rst in Linux). Eligible are files that show
//! the whole backing file in place. The first OPEN of an inode decides for all its open handles,
//! since the kernel does not mix passthrough and other handles of one inode.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fuser::BackingId;

use super::{Cache, Options, Passthrough};
use crate::mapping::{Mapping, Mode};
use crate::platform;

/// The files that are open in passthrough mode.
#[derive(Debug)]
pub(super) struct PassthroughFiles {
    /// Whether passthrough is enabled for the mount.
    is_enabled: bool,
    /// Whether the outcome of the first registration has been logged.
    has_logged: AtomicBool,
    /// The open eligible files, by inode number.
    open: Mutex<HashMap<u64, OpenHandles>>,
}

/// The open handles of a file.
#[derive(Debug)]
struct OpenHandles {
    count: usize,
    /// The number of handles opened for writing.
    writers: usize,
    /// The backing file as registered with the kernel. `None` if the daemon serves the file.
    backing: Option<Arc<BackingId>>,
}

impl PassthroughFiles {
    /// No open files. `writable` says whether the mount of `mapping` is writable.
    pub(super) fn new(options: &Options, mapping: &Mapping, writable: bool) -> PassthroughFiles {
        let wanted = match options.passthrough {
            Passthrough::Never => false,
            Passthrough::Auto => !writable,
            // Passthrough writes do not invalidate cached pages.
            Passthrough::ReadWrite => {
                !writable || matches!(options.cache, None | Some(Cache::Never))
            }
        };
        // Copy-on-write changes must not reach the backing file. A FUSE file system below might
        // really truncate the file.
        let is_enabled = platform::PASSTHROUGH
            && wanted
            && !options.omits_opens(mapping.mode())
            && mapping.mode() != Mode::CopyOnWrite
            && mapping.can_be_reopened();
        PassthroughFiles {
            is_enabled,
            has_logged: AtomicBool::new(false),
            open: Mutex::default(),
        }
    }

    /// Whether passthrough is enabled for the mount.
    pub(super) fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// The number of files that the kernel serves at present.
    pub(super) fn count(&self) -> usize {
        let opens = self.opens();
        opens
            .values()
            .filter(|opens| opens.backing.is_some())
            .count()
    }

    fn opens(&self) -> MutexGuard<'_, HashMap<u64, OpenHandles>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an OPEN of `inode`, which shows the whole backing file. Returns the backing id for
    /// the reply, or `None` if the daemon serves the file. The first OPEN decides: by
    /// `is_eligible`, and by whether the kernel accepts the file from `register`.
    pub(super) fn opened(
        &self,
        inode: u64,
        writes: bool,
        mapping: &Mapping,
        is_eligible: impl FnOnce() -> bool,
        register: impl FnOnce(BorrowedFd<'_>) -> io::Result<BackingId>,
    ) -> Option<Arc<BackingId>> {
        let mut opens = self.opens();
        let opens = match opens.entry(inode) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(vacant) => {
                let backing = is_eligible().then(|| self.register(mapping, register));
                let backing = backing.flatten();
                vacant.insert(OpenHandles {
                    count: 0,
                    writers: 0,
                    backing,
                })
            }
        };
        opens.count += 1;
        opens.writers += usize::from(writes);
        opens.backing.clone()
    }

    fn register(
        &self,
        mapping: &Mapping,
        register: impl FnOnce(BorrowedFd<'_>) -> io::Result<BackingId>,
    ) -> Option<Arc<BackingId>> {
        let outcome = register(mapping.descriptor());
        if !self.has_logged.swap(true, Ordering::Relaxed) {
            let path = mapping.path().display();
            match &outcome {
                Ok(_) => log::info!("{path}: the kernel reads whole-file views itself"),
                Err(error) => {
                    let why = platform::os_error_message(error);
                    log::info!("{path}: the kernel does not read whole-file views itself: {why}");
                }
            }
        }
        outcome.ok().map(Arc::new)
    }

    /// Counts the RELEASE of a handle of `inode`.
    pub(super) fn released(&self, inode: u64, writes: bool) {
        if !self.is_enabled {
            return;
        }
        if let Entry::Occupied(mut found) = self.opens().entry(inode) {
            found.get_mut().count -= 1;
            found.get_mut().writers -= usize::from(writes);
            if found.get().count == 0 {
                found.remove();
            }
        }
    }

    /// Runs `work` unless the kernel serves `inode`, or serves any file that is open for
    /// writing. The daemon would not see those writes.
    pub(super) fn run_unless_bypassed(&self, inode: u64, work: impl FnOnce()) {
        if !self.is_enabled {
            return work();
        }
        let opens = self.opens();
        let mut served = opens.iter().filter(|(_, opens)| opens.backing.is_some());
        if !served.any(|(other, opens)| *other == inode || opens.writers > 0) {
            work();
        }
    }
}
