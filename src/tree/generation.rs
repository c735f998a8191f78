//! Generation numbers: what tells a handle to a file of this mount, which an NFS server
//! gives its clients, from one to another file that had the same inode number in an
//! earlier mount.

use std::time::{SystemTime, UNIX_EPOCH};

use super::node::{Folder, Node, NodeKind};

/// The generation numbers of a mount.
#[derive(Debug, Clone, Copy)]
pub(super) struct Generations {
    /// Of what is computed from the array: the same whenever it is mounted so.
    computed: u32,
    /// Of selections, whose numbers are given out in the order of their use.
    selections: u32,
}

impl Generations {
    /// Those of the mount of an array that is described by `meta`.
    pub(super) fn new(meta: &[u8]) -> Generations {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_nanos());
        Generations {
            computed: digest(meta),
            selections: digest(&now.to_le_bytes()),
        }
    }

    /// That of `node`; of the root it has to be 0.
    pub(super) fn of(self, node: Node) -> u32 {
        match node.kind {
            NodeKind::Folder(Folder::Top) if node.directory == 0 => 0,
            NodeKind::Selection(_) => self.selections,
            _ => self.computed,
        }
    }
}

/// FNV-1a, as <https://www.rfc-editor.org/rfc/rfc9923> has it: the same for ever.
fn digest(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        for (bytes, expected) in [
            (&b""[..], 0x811c_9dc5),
            (b"a", 0xe40c_292c),
            (b"foobar", 0xbf9c_f968),
        ] {
            assert_eq!(digest(bytes), expected);
        }
    }
}
