//! The access control lists of Linux, acl(5): what one leaves of a file's permission
//! bits, for whoever shows only bits.

use std::fs::File;
use std::io;

use rustix::fs::fgetxattr;
use rustix::io::Errno;

/// The attribute that holds the list, and the version of its form; from
/// `linux/posix_acl_xattr.h`.
const ATTRIBUTE: &str = "system.posix_acl_access";
const VERSION: [u8; 4] = 2u32.to_le_bytes();

/// The most bytes of an attribute, `XATTR_SIZE_MAX`.
const MAX_BYTES: usize = 1 << 16;

/// Whom an entry is about.
const NAMED_USER: u16 = 0x02;
const GROUP: u16 = 0x04;
const NAMED_GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// The permission bits of `file` that do not let anybody do what its access control
/// list forbids. In the bits of a file that has a list the group's are its mask, and
/// nothing tells of the users and groups that it names, who count here as members
/// of the group and as others. All bits if it has none.
///
/// # Errors
///
/// When the list cannot be read or understood.
pub fn acl_limit(file: &File) -> io::Result<u32> {
    // Most lists are short, and most files have none.
    let mut short = [0; 512];
    match fgetxattr(file, ATTRIBUTE, &mut short) {
        Ok(count) => limit(&short[..count]),
        Err(Errno::RANGE) => {
            let mut long = vec![0; MAX_BYTES];
            let count = fgetxattr(file, ATTRIBUTE, &mut long[..])?;
            limit(&long[..count])
        }
        // None, or none on this file system.
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(0o777),
        Err(error) => Err(error.into()),
    }
}

/// What the list in these bytes leaves.
fn limit(bytes: &[u8]) -> io::Result<u32> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let entries = bytes.strip_prefix(&VERSION).ok_or_else(malformed)?;
    let (entries, rest) = entries.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(malformed());
    }
    let (mut group, mut other) = (0o7, 0o7);
    for &[tag0, tag1, permissions0, permissions1, ..] in entries {
        let permissions = u32::from(u16::from_le_bytes([permissions0, permissions1]));
        match u16::from_le_bytes([tag0, tag1]) {
            NAMED_USER | NAMED_GROUP | MASK => {
                group &= permissions;
                other &= permissions;
            }
            GROUP => group &= permissions,
            OTHER => other &= permissions,
            _ => {}
        }
    }
    Ok(0o700 | group << 3 | other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of these entries: whom each is about, and the permissions.
    fn list(entries: &[(u16, u16)]) -> Vec<u8> {
        let mut bytes = VERSION.to_vec();
        for (tag, permissions) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(permissions.to_le_bytes());
            bytes.extend(77u32.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn a_list_leaves_what_all_of_its_entries_let() {
        const OWNER: u16 = 0x01;
        for (entries, expected) in [
            (&[][..], 0o777),
            (&[(OWNER, 6), (GROUP, 4), (OTHER, 0)], 0o740),
            (&[(OWNER, 0), (GROUP, 6), (MASK, 4), (OTHER, 6)], 0o744),
            (&[(GROUP, 0), (NAMED_USER, 6), (MASK, 6), (OTHER, 0)], 0o700),
            (&[(GROUP, 6), (NAMED_USER, 4), (MASK, 6), (OTHER, 6)], 0o744),
            (
                &[(GROUP, 6), (NAMED_GROUP, 2), (MASK, 7), (OTHER, 4)],
                0o720,
            ),
        ] {
            assert_eq!(limit(&list(entries)).unwrap(), expected, "{entries:?}");
        }
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for bytes in [
            &b""[..],
            b"\x02\0\0",
            b"\x01\0\0\0",
            b"\x02\0\0\0\x01\0\x06\0",
        ] {
            assert!(limit(bytes).is_err(), "{bytes:?}");
        }
    }
}
