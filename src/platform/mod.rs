//! What only Linux has, behind one set of functions with a portable twin:
//! reserving space, the mount table, unmounting, how many workers a session can
//! have, and the system's words for its errors. It knows no arrays.

mod command;
mod lock;
mod mount;

#[cfg(all(target_os = "linux", not(arrayfs_portable)))]
mod acl;

#[cfg(all(target_os = "linux", not(arrayfs_portable)))]
mod linux;
#[cfg(all(target_os = "linux", not(arrayfs_portable)))]
mod sockets;
#[cfg(all(target_os = "linux", not(arrayfs_portable)))]
pub use acl::acl_limit;
#[cfg(all(target_os = "linux", not(arrayfs_portable)))]
pub use linux::*;
#[cfg(all(target_os = "linux", not(arrayfs_portable)))]
pub use sockets::*;

#[cfg(not(all(target_os = "linux", not(arrayfs_portable))))]
mod portable;
#[cfg(not(all(target_os = "linux", not(arrayfs_portable))))]
pub use portable::*;

pub use lock::{Lock, Purpose};
pub use mount::{Mount, mounted_at};

/// The groups of this process beside its own.
#[cfg(not(target_os = "macos"))]
pub fn supplementary_groups() -> Vec<nix::unistd::Gid> {
    nix::unistd::getgroups().unwrap_or_default()
}

/// None: the list that a process has need not be that of its user, getgroups(2).
#[cfg(target_os = "macos")]
pub fn supplementary_groups() -> Vec<nix::unistd::Gid> {
    Vec::new()
}

/// The system's words for an error, for messages: in lower case and without
/// Rust's "(os error N)".
pub fn os_error_message(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}
