//! Which files the kernel may keep pages of after the last close (`--cache`), and whether these
//! pages are still valid at the next open. Under `always` they are valid by the user's promise;
//! under `auto`, if the backing file's timestamps have not changed and are past their
//! granularity. Invalidation after writes through the mount is left to `coherence`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lru::LruCache;

use super::Cache;
use crate::mapping::Stamp;
use crate::platform;

/// The most files of which the kernel keeps pages while they are not open.
const MAX_FILES: NonZero<usize> = NonZero::new(4096).expect("is not zero");

/// The files of which the kernel may keep pages.
#[derive(Debug)]
pub(super) struct PageCacheValidity {
    /// The cache mode. Unset until INIT, which counts as `never`.
    cache: OnceLock<Cache>,
    files: Arc<Mutex<Files>>,
}

/// An OPEN without `FOPEN_KEEP_CACHE`, at which the kernel invalidates the pages of the inode.
/// It may not have done so yet, until this is [finished](Self::finish) or dropped.
#[derive(Debug)]
pub(super) struct OpenInvalidation {
    files: Arc<Mutex<Files>>,
    inode: u64,
    is_finished: AtomicBool,
}

#[derive(Debug)]
struct Files {
    /// The stamp of the backing file when the pages of each inode were filled. `None` if the
    /// stamp was not past timestamp granularity, or if it has changed between fills.
    stamps: LruCache<u64, Option<Stamp>>,
    /// The number of pending [`OpenInvalidation`]s of each inode. While there are any, its pages
    /// are not valid.
    pending: HashMap<u64, usize>,
}

impl PageCacheValidity {
    /// No files yet.
    pub(super) fn new() -> PageCacheValidity {
        PageCacheValidity {
            cache: OnceLock::new(),
            files: Arc::new(Mutex::new(Files {
                stamps: LruCache::new(MAX_FILES),
                pending: HashMap::new(),
            })),
        }
    }

    /// Sets the cache mode. Only the first call has an effect.
    pub(super) fn decide(&self, cache: Cache) {
        // The kernel must not keep pages that cannot be invalidated.
        let cache = match platform::NOTIFIES {
            true => cache,
            false => Cache::Never,
        };
        self.cache.get_or_init(|| cache);
    }

    /// Whether files opened for reading go through the page cache.
    pub(super) fn is_enabled(&self) -> bool {
        self.mode() != Cache::Never
    }

    /// The cache mode.
    pub(super) fn mode(&self) -> Cache {
        self.cache.get().copied().unwrap_or(Cache::Never)
    }

    /// The number of files of which the kernel may keep pages.
    pub(super) fn count(&self) -> usize {
        self.files().stamps.len()
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        lock(&self.files)
    }

    /// Records that pages of `inode` are being filled while the backing file has the stamp
    /// `now`. Returns the inode that is evicted for it, if any.
    pub(super) fn filled(&self, inode: u64, now: Stamp) -> Option<u64> {
        if !self.is_enabled() {
            return None;
        }
        let is_promised = self.mode() == Cache::Always;
        let now = (is_promised || now.is_past_timestamp_granularity()).then_some(now);
        let mut files = self.files();
        if let Some(stamp) = files.stamps.get_mut(&inode) {
            *stamp = stamp.filter(|_| is_promised || *stamp == now);
            return None;
        }
        let evicted = files.stamps.push(inode, now);
        evicted.map(|(inode, _)| inode)
    }

    /// Checks the pages of `inode` at OPEN. `now` is the stamp of the backing file, or `None` if
    /// pages cannot be valid at all. Returns `None` if the pages are still valid. Otherwise the
    /// kernel has to invalidate them at this OPEN.
    pub(super) fn opened(
        &self,
        inode: u64,
        now: impl FnOnce() -> Option<Stamp>,
    ) -> Option<OpenInvalidation> {
        let mut files = self.files();
        let is_pending = files.pending.contains_key(&inode);
        let is_valid = match (files.stamps.get(&inode), self.mode()) {
            (Some(_), Cache::Always) => now().is_some(),
            (Some(Some(stamp)), _) => !is_pending && Some(*stamp) == now(),
            _ => false,
        };
        if is_valid {
            return None;
        }
        files.stamps.pop(&inode);
        *files.pending.entry(inode).or_default() += 1;
        Some(OpenInvalidation {
            files: self.files.clone(),
            inode,
            is_finished: AtomicBool::new(false),
        })
    }

    /// Forgets `inode`, whose pages have become invalid.
    pub(super) fn forget(&self, inode: u64) {
        self.files().stamps.pop(&inode);
    }

    /// Whether the pages of `inode` are kept while it is not open.
    pub(super) fn contains(&self, inode: u64) -> bool {
        self.is_enabled() && self.files().stamps.contains(&inode)
    }
}

impl OpenInvalidation {
    /// Notes that the kernel has invalidated the pages, since it has used the new handle.
    pub(super) fn finish(&self) {
        if self.is_finished.load(Ordering::Relaxed) || self.is_finished.swap(true, Ordering::SeqCst)
        {
            return;
        }
        if let Entry::Occupied(mut found) = lock(&self.files).pending.entry(self.inode) {
            *found.get_mut() -= 1;
            if *found.get() == 0 {
                found.remove();
            }
        }
    }
}

impl Drop for OpenInvalidation {
    fn drop(&mut self) {
        self.finish();
    }
}

fn lock(files: &Mutex<Files>) -> MutexGuard<'_, Files> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No files yet, under the mode `cache`.
    fn new(cache: Cache) -> PageCacheValidity {
        let validity = PageCacheValidity::new();
        validity.decide(cache);
        validity
    }

    /// Opens a file and uses it. Whether its pages were valid.
    fn open(validity: &PageCacheValidity, now: Option<Stamp>) -> bool {
        validity.opened(7, || now).is_none()
    }

    #[test]
    fn pages_are_valid_while_the_file_is_unchanged() {
        for (cache, changed) in [(Cache::Auto, false), (Cache::Always, true)] {
            if !platform::NOTIFIES {
                return;
            }
            let validity = new(cache);
            assert!(!open(&validity, Some(Stamp::after(1))));
            validity.filled(7, Stamp::after(1));
            validity.filled(7, Stamp::after(1));
            assert!(validity.contains(7));
            assert!(open(&validity, Some(Stamp::after(1))), "{cache:?}");
            assert_eq!(open(&validity, Some(Stamp::after(2))), changed, "{cache:?}");
            // The pages are invalidated, even if the stamp matches again.
            assert_eq!(open(&validity, Some(Stamp::after(1))), changed, "{cache:?}");
        }
        let never = new(Cache::Never);
        assert_eq!(never.filled(7, Stamp::after(1)), None);
        assert!(!never.is_enabled() && !never.contains(7));
    }

    #[test]
    fn pages_filled_before_and_after_a_change_are_not_valid() {
        let validity = new(Cache::Auto);
        validity.filled(7, Stamp::after(1));
        validity.filled(7, Stamp::after(2));
        assert!(!open(&validity, Some(Stamp::after(2))));
        assert!(!open(&validity, None));
    }

    #[test]
    fn pages_filled_within_timestamp_granularity_are_not_valid() {
        if !platform::NOTIFIES {
            return;
        }
        let now = Stamp::of_a_new_file();
        for (cache, is_valid) in [(Cache::Auto, false), (Cache::Always, true)] {
            let validity = new(cache);
            validity.filled(7, now);
            assert_eq!(open(&validity, Some(now)), is_valid, "{cache:?}");
        }
    }

    #[test]
    fn pages_are_not_valid_while_an_open_invalidates_them() {
        if !platform::NOTIFIES {
            return;
        }
        let validity = new(Cache::Auto);
        let now = || Some(Stamp::after(2));
        validity.filled(7, Stamp::after(1));
        let first = validity.opened(7, now).unwrap();
        // By a handle that was opened earlier.
        validity.filled(7, Stamp::after(2));
        let second = validity.opened(7, now).unwrap();
        // An OPEN counts once, however often the handle is used.
        first.finish();
        first.finish();
        validity.filled(7, Stamp::after(2));
        let third = validity.opened(7, now).unwrap();
        drop((first, second));
        // A panic during OPEN leaves no entry behind.
        let opening = || {
            let _invalidation = validity.opened(7, now);
            panic!("in the midst of an open");
        };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(opening));
        assert!(outcome.is_err());
        drop(third);
        validity.filled(7, Stamp::after(2));
        assert!(validity.opened(7, now).is_none());
        assert!(validity.files().pending.is_empty());
    }

    #[test]
    fn the_least_recently_used_file_is_evicted() {
        if !platform::NOTIFIES {
            return;
        }
        let validity = new(Cache::Auto);
        for inode in 0..MAX_FILES.get() as u64 {
            assert_eq!(validity.filled(inode, Stamp::after(1)), None);
        }
        assert!(validity.opened(0, || Some(Stamp::after(1))).is_none());
        assert_eq!(
            validity.filled(MAX_FILES.get() as u64, Stamp::after(1)),
            Some(1)
        );
        assert!(validity.contains(0) && !validity.contains(1) && validity.contains(2));
    }
}
