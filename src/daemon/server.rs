//! Detecting hung mounts. If the daemon and its watchdog are killed at the same time, a daemon
//! thread that waits for a request to its own mount keeps the FUSE connection open, and every
//! call on the mount blocks. `-u` has to tell a hung mount from a busy or slow one without a call
//! on the mount. So each daemon binds an abstract socket whose name tells mount and process.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::process;

use crate::platform::{self, AbstractName, Mount};

/// Announces that this process serves a mount, until its last thread has exited.
#[derive(Debug)]
pub(super) struct Server {
    /// The bound socket; other processes find its name in `/proc/net/unix`.
    _name: AbstractName,
}

impl Server {
    /// Announces this process as the server of `mount`. `None` if the device number or the PID
    /// namespace is unknown, or the socket cannot be bound.
    pub(super) fn announce(mount: &Mount) -> Option<Server> {
        // Any user can bind any abstract name, so a predictable one could be taken beforehand.
        let nonce = RandomState::new().hash_one(());
        let name = format!("{}{}/{nonce:x}", prefix(mount)?, process::id());
        let name = AbstractName::new(&name).ok()?;
        Some(Server { _name: name })
    }
}

/// Whether `mount` is hung: all processes that serve it have been killed, but not all of their
/// threads have exited. False if a server is slow, stopped or invisible to this process. Only
/// sockets of the user who mounted count. Otherwise the sockets of other users could make a live
/// mount look hung, or a hung one alive.
pub(super) fn is_hung(mount: &Mount) -> bool {
    let (Some(prefix), Some(user)) = (prefix(mount), mount.user) else {
        return false;
    };
    let Ok(sockets) = platform::abstract_sockets() else {
        return false;
    };
    let mut servers = sockets
        .iter()
        .filter(|socket| socket.user == user)
        .filter_map(|socket| socket.name.strip_prefix(&prefix))
        .filter_map(|rest| rest.split_once('/')?.0.parse().ok())
        .peekable();
    servers.peek().is_some() && servers.all(platform::is_dying)
}

/// If `mount` is hung, aborts its FUSE connection, which ends all blocked calls, and detaches it.
/// Returns whether it was hung.
///
/// # Errors
///
/// When this user may not abort the connection or detach the mount.
pub(super) fn free_hung(mount: &Mount) -> io::Result<bool> {
    if !is_hung(mount) {
        return Ok(false);
    }
    let Some(device) = mount.device_number() else {
        return Ok(false);
    };
    let mut switch = platform::abort_switch(device)?;
    // If the mount has ended meanwhile, its device number may belong to another mount.
    if !is_hung(mount) {
        return Ok(false);
    }
    switch.write_all(b"1")?;
    platform::detach(&mount.point)?;
    Ok(true)
}

/// The prefix of the socket names of the processes that serve `mount`, before the PID. It contains
/// the PID namespace, since a PID of another namespace denotes another process here. `None` if the
/// device number or the namespace is unknown.
fn prefix(mount: &Mount) -> Option<String> {
    let (device, namespace) = (mount.device.as_ref()?, platform::process_namespace()?);
    Some(format!("arrayfs/{device}/{namespace}/"))
}
