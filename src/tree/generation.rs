//! Generation numbers, which together with inode numbers make up NFS file handles. A handle of
//! an earlier mount must not open another file that now has the same inode number.

use std::time::{SystemTime, UNIX_EPOCH};

use super::node::{Folder, Node, NodeKind};
use crate::vfile::EncodingOptions;

/// The generation numbers of a mount.
#[derive(Debug, Clone, Copy)]
pub(super) struct Generations {
    /// Of nodes with a computed inode number: equal in every mount with the same `meta.json`.
    computed: u32,
    /// Of selections: different in each mount, since their inode numbers depend on the order
    /// of lookups.
    selections: u32,
}

impl Generations {
    /// The generation numbers of a mount whose `meta.json` is `meta`.
    pub(super) fn new(meta: &str, options: &EncodingOptions) -> Generations {
        // The number of a chunk depends on the shape of the chunks.
        let chunks = options.zarr_chunks.as_ref();
        let chunks = chunks.map_or(String::new(), |chunks| chunks.to_string());
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_nanos());
        Generations {
            computed: digest(format!("{meta}{chunks}").as_bytes()),
            selections: digest(&now.to_le_bytes()),
        }
    }

    /// The generation number of `node`. FUSE expects 0 for the root.
    pub(super) fn of(self, node: Node) -> u32 {
        match node.kind {
            NodeKind::Folder(Folder::Top) if node.directory_index == 0 => 0,
            NodeKind::Selection(_) => self.selections,
            _ => self.computed,
        }
    }
}

/// The 32-bit FNV-1a hash (<https://www.rfc-editor.org/rfc/rfc9923>). Unlike the hashes of the
/// standard library, it does not change between releases.
fn digest(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_equal_the_vectors_of_the_rfc() {
        for (bytes, expected) in [
            (&b""[..], 0x811c_9dc5),
            (b"a", 0xe40c_292c),
            (b"foobar", 0xbf9c_f968),
        ] {
            assert_eq!(digest(bytes), expected);
        }
    }
}
