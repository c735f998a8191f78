//! Files that the kernel reads and writes in the backing file itself, past the
//! daemon ("passthrough", Linux' Documentation/filesystems/fuse/fuse-passthrough.rst):
//! those that show all of it, from its first byte to its last. Which of them are
//! is decided here, once for all who have one open together, since the kernel
//! takes no other of the same inode meanwhile.

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

/// Which files are open past the daemon.
#[derive(Debug)]
pub(super) struct PassthroughFiles {
    /// Whether any may be.
    allowed: bool,
    /// Whether the log says which way was taken.
    told: AtomicBool,
    /// Files that could be, by inode number.
    open: Mutex<HashMap<u64, Opens>>,
}

/// How a file is open.
#[derive(Debug)]
struct Opens {
    count: usize,
    /// How many of them write.
    writers: usize,
    /// The backing file as the kernel knows it, if it serves the file itself.
    backing: Option<Arc<BackingId>>,
}

impl PassthroughFiles {
    /// None yet, in a mount of `mapping` that can be written if it is `writable`.
    pub(super) fn new(options: &Options, mapping: &Mapping, writable: bool) -> PassthroughFiles {
        let wanted = match options.passthrough {
            Passthrough::Never => false,
            Passthrough::Auto => !writable,
            // What is cached would not follow what is written past the daemon.
            Passthrough::ReadWrite => {
                !writable || matches!(options.cache, None | Some(Cache::Never))
            }
        };
        // What copies on write must not reach the file; and a FUSE file system
        // below might take a truncation at its word.
        let allowed = platform::PASSTHROUGH
            && wanted
            && mapping.mode() != Mode::CopyOnWrite
            && mapping.can_be_reopened();
        PassthroughFiles {
            allowed,
            told: AtomicBool::new(false),
            open: Mutex::default(),
        }
    }

    /// Whether any file may be open past the daemon.
    pub(super) fn allowed(&self) -> bool {
        self.allowed
    }

    /// How many files the kernel serves itself at the moment.
    pub(super) fn count(&self) -> usize {
        let opens = self.opens();
        opens
            .values()
            .filter(|opens| opens.backing.is_some())
            .count()
    }

    fn opens(&self) -> MutexGuard<'_, HashMap<u64, Opens>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `inode`, which shows all of the file below, has been opened: the backing
    /// file to give the kernel, or `None` if the daemon serves it. The first who
    /// opens it decides, by whether it `may` be served so now, and whether the
    /// kernel takes what `register` gives it.
    pub(super) fn opened(
        &self,
        inode: u64,
        writes: bool,
        mapping: &Mapping,
        may: impl FnOnce() -> bool,
        register: impl FnOnce(BorrowedFd<'_>) -> io::Result<BackingId>,
    ) -> Option<Arc<BackingId>> {
        let mut opens = self.opens();
        let opens = match opens.entry(inode) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => {
                let backing = may().then(|| self.registered(mapping, register));
                let backing = backing.flatten();
                place.insert(Opens {
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

    fn registered(
        &self,
        mapping: &Mapping,
        register: impl FnOnce(BorrowedFd<'_>) -> io::Result<BackingId>,
    ) -> Option<Arc<BackingId>> {
        let outcome = register(mapping.descriptor());
        if !self.told.swap(true, Ordering::Relaxed) {
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

    /// An open file of `inode`, and all mappings of it, are gone.
    pub(super) fn released(&self, inode: u64, writes: bool) {
        if !self.allowed {
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

    /// Does `work` unless `inode` is open past the daemon, or any file that can be written
    /// so: the daemon would not hear of what is written.
    pub(super) fn unless_written(&self, inode: u64, work: impl FnOnce()) {
        if !self.allowed {
            return work();
        }
        let opens = self.opens();
        let mut served = opens.iter().filter(|(_, opens)| opens.backing.is_some());
        if !served.any(|(other, opens)| *other == inode || opens.writers > 0) {
            work();
        }
    }
}
