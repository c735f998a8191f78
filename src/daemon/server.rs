//! Which process serves a mount, and whether it still can. Where the daemon and its
//! watchdog are killed at once, a thread that waits for an answer of its own can keep
//! the connection open, and every call on the mount waits. Whoever unmounts has to tell
//! that from a mount that is busy or slow without asking it anything.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::process;

use crate::platform::{self, AbstractName, Mount};

/// Tells others that this process serves a mount, for as long as a thread of it is left.
#[derive(Debug)]
pub(super) struct Server {
    /// Kept for others to find.
    _name: AbstractName,
}

impl Server {
    /// This process, as the one that serves `mount`; `None` where that cannot be told.
    pub(super) fn announce(mount: &Mount) -> Option<Server> {
        // Names are anybody's to take: one that can be foreseen could be taken first.
        let unforeseen = RandomState::new().hash_one(());
        let name = format!("{}{}/{unforeseen:x}", prefix(mount)?, process::id());
        let name = AbstractName::new(&name).ok()?;
        Some(Server { _name: name })
    }
}

/// Whether every process that serves `mount` has been killed, and the mount is not dead
/// yet. One that is slow, stopped or out of this process's sight has not. Only names that
/// the mount's user has taken count: others could free what is alive by theirs, or keep
/// what hangs.
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

/// Takes a mount that hangs out of the tree, and ends all calls that wait for it.
/// Whether it was one.
///
/// # Errors
///
/// When the system does not let this user.
pub(super) fn free_hung(mount: &Mount) -> io::Result<bool> {
    if !is_hung(mount) {
        return Ok(false);
    }
    let Some(device) = mount.device_number() else {
        return Ok(false);
    };
    let mut switch = platform::abort_switch(device)?;
    // The number is that of another mount by now if this one has come to its end.
    if !is_hung(mount) {
        return Ok(false);
    }
    switch.write_all(b"1")?;
    platform::detach(&mount.point)?;
    Ok(true)
}

/// How the names begin by which the processes that serve `mount` are known, before their
/// numbers. Numbers from another namespace are those of other processes here.
fn prefix(mount: &Mount) -> Option<String> {
    let (device, namespace) = (mount.device.as_ref()?, platform::process_namespace()?);
    Some(format!("arrayfs/{device}/{namespace}/"))
}
