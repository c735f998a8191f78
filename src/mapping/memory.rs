//! Limits on the address space of this process, checked before work that could not complete
//! without enough of it.

use std::num::NonZero;

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
