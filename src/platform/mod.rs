//! System interfaces that differ between Linux and other Unix systems: disk space, the mount
//! table, unmounting, FUSE features, locks and process control. `linux` and `portable` provide
//! the same functions. Nothing here depends on arrays.

mod command;
mod hint;
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

pub use hint::{BELOW_DEAD_MOUNT, DETACH, DETACH_ANY, LIST_USERS, quoted};
pub use lock::{Lock, Purpose};
pub use mount::{Mount, mounted_at, new_mount};

/// The supplementary groups of this process; empty if they cannot be determined.
#[cfg(not(target_os = "macos"))]
pub fn supplementary_groups() -> Vec<nix::unistd::Gid> {
    nix::unistd::getgroups().unwrap_or_default()
}

/// Always empty: on macOS the list of a process may differ from that of its user,
/// getgroups(2).
#[cfg(target_os = "macos")]
pub fn supplementary_groups() -> Vec<nix::unistd::Gid> {
    Vec::new()
}

/// Whether an error means that a FUSE mount has lost its daemon. Linux returns ENOTCONN, or
/// ECONNABORTED for a call that was waiting; macOS returns ENXIO.
pub fn is_of_dead_mount(error: &std::io::Error) -> bool {
    match error.raw_os_error() {
        Some(libc::ENOTCONN | libc::ECONNABORTED) => true,
        // On Linux a device without its driver returns it, too.
        Some(libc::ENXIO) => cfg!(target_os = "macos"),
        _ => false,
    }
}

/// The operating system's message for an error, in lower case and without Rust's
/// "(os error N)". Other errors give their text unchanged.
pub fn os_error_message(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}
