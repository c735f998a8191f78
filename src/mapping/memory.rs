//! The address space of this process: whether there is enough, before anything is
//! begun that could not be ended well without it.

use std::num::NonZero;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

/// Whether this process could map so many bytes more. None are taken.
pub fn has_address_space(bytes: u64) -> bool {
    let Some(length) = usize::try_from(bytes).ok().and_then(NonZero::new) else {
        return bytes == 0;
    };
    // Memory that nobody can access counts as address space, and as nothing else.
    let (none, private) = (ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE);
    // SAFETY: a new mapping, at an address of the system's choice.
    match unsafe { mmap_anonymous(None, length, none, private) } {
        // SAFETY: it is the mapping just made, whole, and nobody knows of it.
        Ok(address) => unsafe { munmap(address, length.get()) }.is_ok(),
        Err(_) => false,
    }
}

/// How many bytes of address space this process may have, if that is limited
/// (`ulimit -v`).
pub fn address_space_limit() -> Option<u64> {
    let (limit, _) = getrlimit(Resource::RLIMIT_AS).ok()?;
    (limit != RLIM_INFINITY).then_some(limit)
}

/// Where this process may have so much address space and no more, has all threads
/// share one heap: otherwise glibc reserves 64 MiB for that of each, and what is
/// left to the last ones cannot be foretold. To be called before there is a thread.
pub fn share_heap() {
    let limited = address_space_limit().is_some();
    #[cfg(target_env = "gnu")]
    if limited {
        // SAFETY: it sets a number in the allocator, and there is one thread.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }
    // Others have one heap anyway.
    #[cfg(not(target_env = "gnu"))]
    let _ = limited;
}
