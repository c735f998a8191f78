//! Sockets whose names are no paths (unix(7), "abstract"). Every user can take any such
//! name that is free, so that whoever relies on one has to ask whose it is.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink, socket_with};

/// Sends a datagram to a socket whose name is no path.
///
/// # Errors
///
/// What the system reports, such as that nobody has it.
pub fn send_to_abstract(name: &[u8], bytes: &[u8]) -> io::Result<()> {
    let address = SocketAddr::from_abstract_name(name)?;
    UnixDatagram::unbound()?.send_to_addr(bytes, &address)?;
    Ok(())
}

/// A name that others find among [`abstract_sockets`] until this is dropped, or no thread
/// of the process is left.
#[derive(Debug)]
pub struct AbstractName(#[expect(dead_code, reason = "kept open")] UnixDatagram);

impl AbstractName {
    /// Takes this name.
    ///
    /// # Errors
    ///
    /// When somebody has it.
    pub fn new(name: &str) -> io::Result<AbstractName> {
        let address = SocketAddr::from_abstract_name(name)?;
        Ok(AbstractName(UnixDatagram::bind_addr(&address)?))
    }
}

/// A socket whose name is no path.
#[derive(Debug, PartialEq, Eq)]
pub struct AbstractSocket {
    /// Its name.
    pub name: String,
    /// Who has made it, as the kernel knows.
    pub user: u32,
}

/// As much of an answer as the kernel gives at once (netlink(7)).
const ANSWER: usize = 1 << 16;

/// What sock_diag(7) has and libc does not.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const UDIAG_SHOW_NAME: u32 = 1;
const UDIAG_SHOW_UID: u32 = 1 << 6;
const UNIX_DIAG_NAME: u16 = 0;
const UNIX_DIAG_UID: u16 = 7;

/// How long the heads of a message, of a socket in it, and of a fact about that are.
const MESSAGE_HEAD: usize = 16;
const SOCKET_HEAD: usize = 16;
const FACT_HEAD: usize = 4;

/// All sockets whose names are no paths, as sock_diag(7) tells everybody.
///
/// # Errors
///
/// When the kernel does not tell.
pub fn abstract_sockets() -> io::Result<Vec<AbstractSocket>> {
    let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
    let protocol = Some(netlink::SOCK_DIAG);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?;
    let mut kernel = File::from(socket);
    kernel.write_all(&request())?;
    let (mut found, mut answer) = (Vec::new(), vec![0; ANSWER]);
    loop {
        let length = kernel.read(&mut answer)?;
        let mut rest = &answer[..length];
        if rest.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while let Some((kind, body)) = next(&mut rest, MESSAGE_HEAD) {
            match i32::from(kind) {
                libc::NLMSG_DONE => return Ok(found),
                libc::NLMSG_ERROR => return Err(refusal(body)),
                _ => found.extend(abstract_socket(body)),
            }
        }
    }
}

/// Asks for the names and makers of all sockets of this kind: a `nlmsghdr` with a
/// `unix_diag_req`.
fn request() -> Vec<u8> {
    const LENGTH: u32 = 40;
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
    let mut request = Vec::with_capacity(LENGTH as usize);
    request.extend(LENGTH.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    // Number and sender, which are for those who ask more than once.
    request.extend([0; 8]);
    request.extend([libc::AF_UNIX as u8, 0, 0, 0]);
    // In every state, of every inode, with these facts, and whatever its cookie.
    for word in [u32::MAX, 0, UDIAG_SHOW_NAME | UDIAG_SHOW_UID, 0, 0] {
        request.extend(word.to_ne_bytes());
    }
    request
}

/// The errno of an `nlmsgerr`.
fn refusal(body: &[u8]) -> io::Error {
    match body.first_chunk() {
        Some(negative) => io::Error::from_raw_os_error(-i32::from_ne_bytes(*negative)),
        None => io::ErrorKind::InvalidData.into(),
    }
}

/// Reads a `unix_diag_msg` and the facts that follow it; `None` if the name is a path or
/// none.
fn abstract_socket(body: &[u8]) -> Option<AbstractSocket> {
    let mut rest = body.get(SOCKET_HEAD..)?;
    let (mut name, mut user) = (None, None);
    while let Some((kind, fact)) = next(&mut rest, FACT_HEAD) {
        match kind {
            UNIX_DIAG_NAME => name = fact.strip_prefix(b"\0"),
            UNIX_DIAG_UID => user = fact.first_chunk(),
            _ => {}
        }
    }
    Some(AbstractSocket {
        name: String::from_utf8_lossy(name?).into_owned(),
        user: u32::from_ne_bytes(*user?),
    })
}

/// Takes the first message, or fact, from `rest`: its kind and what it holds. Its length
/// and kind are 32 and 16 bits of a message, and 16 each of a fact.
fn next<'a>(rest: &mut &'a [u8], head: usize) -> Option<(u16, &'a [u8])> {
    let half = |at: usize| Some(u16::from_ne_bytes(*rest.get(at..)?.first_chunk()?));
    let (length, kind) = if head == MESSAGE_HEAD {
        (u32::from_ne_bytes(*rest.first_chunk()?) as usize, half(4)?)
    } else {
        (half(0)?.into(), half(2)?)
    };
    let body = rest.get(head..length)?;
    *rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, body))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_name_is_found_with_who_has_taken_it_until_it_is_dropped() {
        let name = format!("arrayfs-test/{}", std::process::id());
        let find = || {
            let sockets = abstract_sockets().unwrap();
            sockets.into_iter().find(|socket| socket.name == name)
        };
        let taken = AbstractName::new(&name).unwrap();
        let user = std::fs::metadata("/proc/self").unwrap().uid();
        let expected = AbstractSocket {
            name: name.clone(),
            user,
        };
        assert_eq!(find(), Some(expected));
        assert!(AbstractName::new(&name).is_err());
        drop(taken);
        assert_eq!(find(), None);
    }

    #[test]
    fn messages_that_are_cut_off_are_none() {
        for length in 0..MESSAGE_HEAD + 4 {
            let mut message = 20_u32.to_ne_bytes().to_vec();
            message.resize(length.max(4), 0);
            message.truncate(length);
            assert_eq!(next(&mut &message[..], MESSAGE_HEAD), None, "{length}");
            assert_eq!(abstract_socket(&message), None, "{length}");
        }
    }
}
