//! What the kernel says about memory: limits on the address space of this process, checked
//! before work that could not complete without enough of it, and pages that are in memory. And
//! advice on pages that only Linux takes.

use std::num::NonZero;
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

/// Whether the page of byte `at` of a mapping is known to be outside the page cache: mincore(2),
/// which reads nothing. Of a file that this user can neither write nor owns, Linux does not tell.
pub(super) fn is_missing(map: &MmapRaw, at: u64) -> bool {
    const PAGE: u64 = 4096;
    let Ok(start) = usize::try_from(at - at % PAGE) else {
        return false;
    };
    if start >= map.len() {
        return false;
    }
    let mut residency = [1u8];
    // SAFETY: the byte is in the mapping, whose start is a page. The kernel writes one byte into
    // `residency`, since one byte is asked for. Where pages are larger, the call fails.
    let told = unsafe {
        let page = map.as_mut_ptr().add(start);
        libc::mincore(page.cast(), 1, residency.as_mut_ptr().cast())
    };
    told == 0 && residency[0] & 1 == 0
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
