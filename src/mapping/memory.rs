//! What the kernel says about memory: limits on the address space of this process, checked
//! before work that could not complete without enough of it, and pages that are in memory. And
//! advice on pages that only Linux takes.

use std::num::NonZero;
use std::ops::Range;
#[cfg(target_os = "linux")]
use std::ptr::NonNull;

use memmap2::MmapRaw;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

/// Whether this process could map `bytes` more bytes. None stay mapped.
pub fn has_address_space(bytes: u64) -> bool {
    let Some(length) = usize::try_from(bytes).ok().and_then(NonZero::new) else {
        return bytes == 0;
    };
    // A mapping with `PROT_NONE` counts only as address space.
    let (none, private) = (ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE);
    // SAFETY: a new mapping, at an address of the kernel's choice.
    match unsafe { mmap_anonymous(None, length, none, private) } {
        // SAFETY: it is the whole mapping just made, and nothing refers to it.
        Ok(address) => unsafe { munmap(address, length.get()) }.is_ok(),
        Err(_) => false,
    }
}

/// Whether a page of the bytes `range` of a mapping is known to be outside the page cache. Of more
/// than [`MAX_ASKED`] pages only the first and the last are asked for.
pub(super) fn is_missing(map: &MmapRaw, range: &Range<u64>) -> bool {
    let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else {
        return false;
    };
    let (start, end) = (start / PAGE * PAGE, end.min(map.len()));
    if start >= end {
        return false;
    }
    let last = (end - 1) / PAGE * PAGE;
    match (last - start) / PAGE < MAX_ASKED {
        true => is_missing_of_few(map, start..end),
        false => is_missing_of_few(map, start..start + PAGE) || is_missing_of_few(map, last..end),
    }
}

/// The most pages that are asked for at once.
const MAX_ASKED: usize = 16;

/// The smallest page size of any supported kernel, in bytes.
const PAGE: usize = 4096;

/// Whether a page of the bytes `range` of a mapping is known to be outside the page cache:
/// mincore(2), which reads nothing. The range begins with a page, contains a byte and ends in the
/// mapping. Of a file that this user can neither write nor owns, Linux does not tell.
fn is_missing_of_few(map: &MmapRaw, range: Range<usize>) -> bool {
    let mut residency = [1u8; MAX_ASKED];
    let bytes = range.len().min(MAX_ASKED * PAGE);
    // SAFETY: the bytes are in the mapping. The kernel writes a byte into `residency` for each of
    // their pages, no more than it holds. Where pages are larger, there are fewer, or the call
    // fails.
    let told = unsafe {
        let start = map.as_mut_ptr().add(range.start);
        libc::mincore(start.cast(), bytes, residency.as_mut_ptr().cast())
    };
    told == 0 && residency.iter().any(|page| page & 1 == 0)
}

/// Advises the kernel that `bytes` bytes at offset `at` of a mapping are not needed soon
/// (`MADV_COLD`, madvise(2)). It splits the large folios that they cover in part. Errors are
/// ignored.
#[cfg(target_os = "linux")]
pub(super) fn advise_cold(map: &MmapRaw, at: usize, bytes: usize) {
    use nix::sys::mman::{MmapAdvise, madvise};
    if at >= map.len() {
        return;
    }
    let bytes = bytes.min(map.len() - at);
    // SAFETY: the bytes are in the mapping, and the advice changes none of them.
    let _ = unsafe {
        let start = NonNull::new_unchecked(map.as_mut_ptr().add(at));
        madvise(start.cast(), bytes, MmapAdvise::MADV_COLD)
    };
}

/// Not implemented: other systems have no `MADV_COLD`.
#[cfg(not(target_os = "linux"))]
pub(super) fn advise_cold(_map: &MmapRaw, _at: usize, _bytes: usize) {}

/// The limit on this process's address space in bytes (`RLIMIT_AS`, `ulimit -v`); `None` if it
/// is unlimited.
pub fn address_space_limit() -> Option<u64> {
    let (limit, _) = getrlimit(Resource::RLIMIT_AS).ok()?;
    (limit != RLIM_INFINITY).then_some(limit)
}

/// Makes all threads share one heap if the address space is limited. By default glibc reserves
/// 64 MiB of address space for each thread's heap, which makes the free rest unpredictable.
/// Must be called before a thread is started.
pub fn share_heap() {
    let limited = address_space_limit().is_some();
    #[cfg(target_env = "gnu")]
    if limited {
        // SAFETY: it sets a parameter of the allocator, and there is only one thread.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }
    // Other C libraries have one heap anyway.
    #[cfg(not(target_env = "gnu"))]
    let _ = limited;
}
