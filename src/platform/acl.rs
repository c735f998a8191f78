//! POSIX access control lists on Linux, acl(5). They are reduced to permission bits, for file
//! systems that show only bits.

use std::fs::File;
use std::io;

use rustix::fs::fgetxattr;
use rustix::io::Errno;

/// The extended attribute that holds the list, and the version of its format; from
/// `linux/posix_acl_xattr.h`.
const ATTRIBUTE: &str = "system.posix_acl_access";
const VERSION: [u8; 4] = 2u32.to_le_bytes();

/// The largest extended attribute in bytes, `XATTR_SIZE_MAX`.
const MAX_BYTES: usize = 1 << 16;

/// The tags of entries.
const NAMED_USER: u16 = 0x02;
const GROUP: u16 = 0x04;
const NAMED_GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// Permission bits for `file` that grant no more than its access control list does; 0o777
/// without a list.
///
/// The mode of a file with a list shows the mask as the group's bits, and nothing of named
/// users and groups. So their entries limit both the group's and the others' bits here.
///
/// # Errors
///
/// When the list cannot be read or parsed.
pub fn acl_limit(file: &File) -> io::Result<u32> {
    // Most files have no list, and most lists are short.
    let mut short = [0; 512];
    match fgetxattr(file, ATTRIBUTE, &mut short) {
        Ok(count) => allowed_bits(&short[..count]),
        Err(Errno::RANGE) => {
            let mut long = vec![0; MAX_BYTES];
            let count = fgetxattr(file, ATTRIBUTE, &mut long[..])?;
            allowed_bits(&long[..count])
        }
        // No list, or no support for lists on this file system.
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(0o777),
        Err(error) => Err(error.into()),
    }
}

/// The permission bits that an encoded list allows.
///
/// # Errors
///
/// When the encoding is malformed.
fn allowed_bits(bytes: &[u8]) -> io::Result<u32> {
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

    /// An encoded list of `(tag, permissions)` entries.
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
    fn a_list_is_reduced_to_the_bits_that_every_entry_allows() {
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
            assert_eq!(
                allowed_bits(&list(entries)).unwrap(),
                expected,
                "{entries:?}"
            );
        }
    }

    #[test]
    fn a_malformed_list_is_an_error() {
        for bytes in [
            &b""[..],
            b"\x02\0\0",
            b"\x01\0\0\0",
            b"\x02\0\0\0\x01\0\x06\0",
        ] {
            assert!(allowed_bits(bytes).is_err(), "{bytes:?}");
        }
    }
}
