//! Which process serves a mount, and whether it still can. Where the daemon and its
//! watchdog are killed at once, a thread that waits for an answer of its own can keep
//! the connection open, and every call on the mount waits. Whoever unmounts has to tell
//! that from a mount that is busy or slow without asking it anything.

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
        let name = format!("{}{}", prefix(mount)?, process::id());
        let name = AbstractName::new(&name).ok()?;
        Some(Server { _name: name })
    }
}

/// Whether every process that serves `mount` has been killed, and the mount is not dead
/// yet. One that is slow, stopped or out of this process's sight has not.
pub(super) fn is_hung(mount: &Mount) -> bool {
    let (Some(prefix), Ok(names)) = (prefix(mount), platform::abstract_names()) else {
        return false;
    };
    let mut servers = names
        .iter()
        .filter_map(|name| name.strip_prefix(&prefix)?.parse().ok())
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

fn prefix(mount: &Mount) -> Option<String> {
    let device = mount.device.as_ref()?;
    Some(format!("arrayfs/{device}/"))
}
