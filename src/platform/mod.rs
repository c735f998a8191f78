//! What only Linux has, behind one set of functions with a portable twin:
//! reserving space, the mount table, unmounting, how many workers a session can
//! have, and the system's words for its errors. It knows no arrays.

mod command;
mod mount;

#[cfg(all(target_os = "linux", not(arrayfs_portable)))]
mod linux;
#[cfg(all(target_os = "linux", not(arrayfs_portable)))]
pub use linux::*;

#[cfg(not(all(target_os = "linux", not(arrayfs_portable))))]
mod portable;
#[cfg(not(all(target_os = "linux", not(arrayfs_portable))))]
pub use portable::*;

use std::num::NonZero;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

pub use mount::{Mount, mounted_at};

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

/// The system's words for an error, for messages: in lower case and without
/// Rust's "(os error N)".
pub fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}
