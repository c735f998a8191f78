//! System interfaces that differ between Linux and other Unix systems: disk space, the mount
//! table, unmounting, FUSE features, locks and process control. `linux` and `portable` provide
//! the same functions. Nothing here depends on arrays.

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

/// The operating system's message for an error, in lower case and without Rust's
/// "(os error N)". Other errors give their text unchanged.
pub fn os_error_message(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}
