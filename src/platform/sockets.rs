//! Abstract Unix sockets, unix(7): sending to them, binding them and listing them. Any user can
//! bind any free name, so the list has the owner of each.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink, socket_with};

/// Sends a datagram to an abstract socket.
///
/// # Errors
///
/// When the send fails, for instance because no socket has the name.
pub fn send_to_abstract(name: &[u8], bytes: &[u8]) -> io::Result<()> {
    let address = SocketAddr::from_abstract_name(name)?;
    UnixDatagram::unbound()?.send_to_addr(bytes, &address)?;
    Ok(())
}

/// A bound abstract socket, listed by [`abstract_sockets`] until it is dropped or the last thread
/// of the process has ended.
#[derive(Debug)]
pub struct AbstractName(#[expect(dead_code, reason = "kept open")] UnixDatagram);

impl AbstractName {
    /// Binds an abstract socket to `name`.
    ///
    /// # Errors
    ///
    /// When the name is in use.
    pub fn new(name: &str) -> io::Result<AbstractName> {
        let address = SocketAddr::from_abstract_name(name)?;
        Ok(AbstractName(UnixDatagram::bind_addr(&address)?))
    }
}

/// An abstract socket.
#[derive(Debug, PartialEq, Eq)]
pub struct AbstractSocket {
    /// The name.
    pub name: String,
    /// The ID of the user who created it, as the kernel reports it.
    pub user: u32,
}

/// The size of the receive buffer in bytes: the kernel sends no larger datagram (netlink(7)).
const BUFFER_SIZE: usize = 1 << 16;

/// Constants of sock_diag(7) that the libc crate lacks.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const UDIAG_SHOW_NAME: u32 = 1;
const UDIAG_SHOW_UID: u32 = 1 << 6;
const UNIX_DIAG_NAME: u16 = 0;
const UNIX_DIAG_UID: u16 = 7;

/// The sizes of `nlmsghdr`, `unix_diag_msg` and `rtattr`, in bytes.
const MESSAGE_HEADER: usize = 16;
const SOCKET_HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;

/// All abstract sockets of the network namespace, from sock_diag(7).
///
/// # Errors
///
/// When the kernel refuses the request or its answer is malformed.
pub fn abstract_sockets() -> io::Result<Vec<AbstractSocket>> {
    let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
    let protocol = Some(netlink::SOCK_DIAG);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?;
    let mut kernel = File::from(socket);
    kernel.write_all(&request())?;
    let (mut found, mut answer) = (Vec::new(), vec![0; BUFFER_SIZE]);
    loop {
        let length = kernel.read(&mut answer)?;
        let mut rest = &answer[..length];
        if rest.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while let Some((kind, body)) = take_record(&mut rest, MESSAGE_HEADER) {
            match i32::from(kind) {
                libc::NLMSG_DONE => return Ok(found),
                libc::NLMSG_ERROR => return Err(netlink_error(body)),
                _ => found.extend(abstract_socket(body)),
            }
        }
    }
}

/// A request for the names and owners of all Unix sockets: a `nlmsghdr` with a `unix_diag_req`.
fn request() -> Vec<u8> {
    const LENGTH: u32 = 40;
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
    let mut request = Vec::with_capacity(LENGTH as usize);
    request.extend(LENGTH.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    // Sequence number and port ID, unused in a single request.
    request.extend([0; 8]);
    request.extend([libc::AF_UNIX as u8, 0, 0, 0]);
    // All states, any inode, the attributes to report, any cookie.
    for word in [u32::MAX, 0, UDIAG_SHOW_NAME | UDIAG_SHOW_UID, 0, 0] {
        request.extend(word.to_ne_bytes());
    }
    request
}

/// The error in an `nlmsgerr`.
fn netlink_error(body: &[u8]) -> io::Error {
    match body.first_chunk() {
        Some(negative) => io::Error::from_raw_os_error(-i32::from_ne_bytes(*negative)),
        None => io::ErrorKind::InvalidData.into(),
    }
}

/// Parses a `unix_diag_msg` and its attributes. `None` if the socket is not abstract, or the
/// message is malformed.
fn abstract_socket(body: &[u8]) -> Option<AbstractSocket> {
    let mut rest = body.get(SOCKET_HEADER..)?;
    let (mut name, mut user) = (None, None);
    while let Some((kind, attribute)) = take_record(&mut rest, ATTRIBUTE_HEADER) {
        match kind {
            UNIX_DIAG_NAME => name = attribute.strip_prefix(b"\0"),
            UNIX_DIAG_UID => user = attribute.first_chunk(),
            _ => {}
        }
    }
    Some(AbstractSocket {
        name: String::from_utf8_lossy(name?).into_owned(),
        user: u32::from_ne_bytes(*user?),
    })
}

/// Takes the first message or attribute from `rest` and returns its type and payload. `header` is
/// the header size, which tells the two apart: a message has a 32-bit length and a 16-bit type,
/// an attribute has 16 bits for each. `None` if `rest` is truncated.
fn take_record<'a>(rest: &mut &'a [u8], header: usize) -> Option<(u16, &'a [u8])> {
    let half = |at: usize| Some(u16::from_ne_bytes(*rest.get(at..)?.first_chunk()?));
    let (length, kind) = if header == MESSAGE_HEADER {
        (u32::from_ne_bytes(*rest.first_chunk()?) as usize, half(4)?)
    } else {
        (half(0)?.into(), half(2)?)
    };
    let body = rest.get(header..length)?;
    *rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, body))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_bound_name_is_listed_with_its_owner_until_it_is_dropped() {
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
    fn truncated_messages_are_rejected() {
        for length in 0..MESSAGE_HEADER + 4 {
            let mut message = 20_u32.to_ne_bytes().to_vec();
            message.resize(length.max(4), 0);
            message.truncate(length);
            assert_eq!(
                take_record(&mut &message[..], MESSAGE_HEADER),
                None,
                "{length}"
            );
            assert_eq!(abstract_socket(&message), None, "{length}");
        }
    }
}
