//! What the kernel keeps of a file in its page cache after the last close
//! (`--cache`), and how that is known to be good at the next open: under
//! `always` by the user's promise, under `auto` by the backing file's times.
//! What is written through the mount drops the pages concerned in any case,
//! which is the business of `coherence`.

use std::num::NonZero;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::Cache;
use crate::mapping::Stamp;
use crate::platform;

/// How many files the kernel keeps pages of that nobody has open.
const MOST: NonZero<usize> = NonZero::new(4096).expect("is not zero");

/// The files that the kernel may keep pages of.
#[derive(Debug)]
pub(super) struct Kept {
    cache: Cache,
    /// When each was read first, by inode number; `None` if the file below has
    /// changed since.
    files: Mutex<LruCache<u64, Option<Stamp>>>,
}

impl Kept {
    /// No file yet.
    pub(super) fn new(cache: Cache) -> Kept {
        // Pages that cannot be dropped must not be kept.
        let cache = match platform::NOTIFIES {
            true => cache,
            false => Cache::Never,
        };
        Kept {
            cache,
            files: Mutex::new(LruCache::new(MOST)),
        }
    }

    /// Whether files that are only read may be read through the page cache.
    pub(super) fn caches(&self) -> bool {
        self.cache != Cache::Never
    }

    /// What may be cached.
    pub(super) fn mode(&self) -> Cache {
        self.cache
    }

    /// How many files the kernel may keep pages of.
    pub(super) fn count(&self) -> usize {
        self.files().len()
    }

    fn files(&self) -> MutexGuard<'_, LruCache<u64, Option<Stamp>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pages of `inode` are about to be filled, and the backing file is as `now`
    /// says. Returns the file that is no longer kept because of that.
    pub(super) fn filled(&self, inode: u64, now: Stamp) -> Option<u64> {
        if !self.caches() {
            return None;
        }
        let mut files = self.files();
        if let Some(stamp) = files.get_mut(&inode) {
            *stamp = stamp.filter(|&stamp| stamp == now || self.cache == Cache::Always);
            return None;
        }
        let gone = files.push(inode, Some(now));
        gone.map(|(inode, _)| inode)
    }

    /// Whether pages of `inode`, which is being opened, are still good; those of
    /// one for which they are not count as dropped from now on.
    pub(super) fn are_good(&self, inode: u64, now: impl FnOnce() -> Option<Stamp>) -> bool {
        if !self.caches() {
            return false;
        }
        let mut files = self.files();
        let good = match (files.get(&inode), self.cache) {
            (None, _) => return false,
            (Some(_), Cache::Always) => true,
            (Some(stamp), _) => stamp.is_some() && *stamp == now(),
        };
        if !good {
            files.pop(&inode);
        }
        good
    }

    /// Whether pages of `inode` are kept when nobody has it open.
    pub(super) fn has(&self, inode: u64) -> bool {
        self.caches() && self.files().contains(&inode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_good_as_long_as_the_file_has_not_changed() {
        for (cache, unchanged, changed) in [
            (Cache::Never, false, false),
            (Cache::Auto, true, false),
            (Cache::Always, true, true),
        ] {
            let kept = Kept::new(cache);
            assert!(!kept.are_good(7, || Some(Stamp::after(1))));
            kept.filled(7, Stamp::after(1));
            kept.filled(7, Stamp::after(1));
            assert_eq!(kept.has(7), unchanged && platform::NOTIFIES);
            let good = kept.are_good(7, || Some(Stamp::after(1)));
            assert_eq!(good, unchanged && platform::NOTIFIES, "{cache:?}");
            let good = kept.are_good(7, || Some(Stamp::after(2)));
            assert_eq!(good, changed && platform::NOTIFIES, "{cache:?}");
            // They have been dropped, whatever the file looks like now.
            let good = kept.are_good(7, || Some(Stamp::after(1)));
            assert_eq!(good, changed && platform::NOTIFIES, "{cache:?}");
        }
    }

    #[test]
    fn pages_that_were_filled_before_and_after_a_change_are_not_good() {
        let kept = Kept::new(Cache::Auto);
        kept.filled(7, Stamp::after(1));
        kept.filled(7, Stamp::after(2));
        assert!(!kept.are_good(7, || Some(Stamp::after(2))));
        assert!(!kept.are_good(7, || None));
    }

    #[test]
    fn the_file_that_was_used_least_lately_is_no_longer_kept() {
        if !platform::NOTIFIES {
            return;
        }
        let kept = Kept::new(Cache::Auto);
        for inode in 0..MOST.get() as u64 {
            assert_eq!(kept.filled(inode, Stamp::after(1)), None);
        }
        assert!(kept.are_good(0, || Some(Stamp::after(1))));
        assert_eq!(kept.filled(MOST.get() as u64, Stamp::after(1)), Some(1));
        assert!(kept.has(0) && !kept.has(1) && kept.has(2));
    }
}
