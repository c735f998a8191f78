//! Inode numbers: computed from a node, and decoded back into one. Whether a decoded node
//! exists is for the tree to decide.
//!
//! ```text
//! inode - 1  =  | directory | group | index |
//!
//! directory   number of the directory of an array or a group
//! group       0: fixed nodes of the directory; 1: numbered files; 2 + K: slices along axis K
//! index       which fixed node, the number of the file, or the index along the axis
//! ```
//!
//! - The bit widths are chosen for the mounted arrays.
//! - The root has directory 0, group 0 and index 0, so its inode number is `FUSE_ROOT_ID`, 1.
//! - The numbers above the largest computed one belong to selections, in the order of their
//!   table.
//! - The largest numbers are not of the tree. `fs` gives them to scratch files.

use std::ops::Range;

use super::node::{Folder, Node, NodeKind};
use crate::vfile::MAX_SUBDIRECTORIES;

/// The most bits of an inode number. Some programs store it in an `off_t`, which is
/// signed.
const MAX_BITS: u32 = 63;

/// The largest inode number.
const MAX_INODE: u64 = low_mask(MAX_BITS);

/// The inode numbers that no node has.
pub(super) const FREE: Range<u64> = MAX_INODE - (1 << 32) + 1..MAX_INODE + 1;

/// The least number of inode numbers to leave for selections: far more than can be open at
/// once.
const MIN_SELECTIONS: u64 = 1 << 32;

/// The layout of the inode numbers of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inodes {
    directory_bits: u32,
    group_bits: u32,
    index_bits: u32,
    /// The largest computed inode number.
    last_computed: u64,
}

impl Inodes {
    /// The layout for `directory_count` directories of arrays with at most `ndim` axes
    /// of length `max_length` or less, and at most `max_length` numbered files.
    ///
    /// # Errors
    ///
    /// The number of bits needed, when it exceeds [`MAX_BITS`].
    pub(super) fn new(directory_count: usize, ndim: usize, max_length: u64) -> Result<Inodes, u32> {
        let last_fixed = Folder::Axis(ndim).fixed_index();
        let mut inodes = Inodes {
            directory_bits: bit_length(directory_count as u64 - 1),
            group_bits: bit_length(1 + ndim as u64),
            index_bits: bit_length(max_length.saturating_sub(1).max(last_fixed)),
            last_computed: 0,
        };
        let needed = inodes.directory_bits + inodes.group_bits + inodes.index_bits;
        if needed > MAX_BITS {
            return Err(needed);
        }
        let last_directory = directory_count as u64 - 1;
        let packed = (last_directory << inodes.group_bits | (1 + ndim as u64)) << inodes.index_bits
            | low_mask(inodes.index_bits);
        inodes.last_computed = 1 + packed;
        if inodes.last_computed > FREE.start - 1 - MIN_SELECTIONS {
            return Err(MAX_BITS + 1);
        }
        Ok(inodes)
    }

    /// The largest length of an axis of arrays with at most `ndim` axes in `directory_count`
    /// directories.
    pub(super) fn longest_axis(directory_count: usize, ndim: usize) -> u64 {
        // One bit is left for selections.
        let taken = 1 + bit_length(directory_count as u64) + bit_length(1 + ndim as u64);
        1 << MAX_BITS.saturating_sub(taken)
    }

    /// The most numbered files of a directory that there are inode numbers for, with more bits
    /// for them than this layout may have.
    pub(super) fn most_files(self) -> u64 {
        // One bit is left for selections.
        1 << (MAX_BITS - 1 - self.directory_bits - self.group_bits)
    }

    /// How many inode numbers there are for selections.
    pub(super) fn selection_capacity(self) -> u64 {
        FREE.start - 1 - self.last_computed
    }

    /// The selection number that belongs to `inode`; `None` for a computed inode number.
    pub(super) fn selection_number(self, inode: u64) -> Option<u64> {
        inode.checked_sub(self.last_computed + 1)
    }

    /// The inode number of `node`.
    pub(super) fn inode_of(self, node: Node) -> u64 {
        let (group, index) = match node.kind {
            NodeKind::Folder(folder) => (0, folder.fixed_index()),
            NodeKind::Meta => (0, META),
            NodeKind::Data => (0, DATA),
            NodeKind::Readme => (0, README),
            NodeKind::Header => (0, HEADER),
            NodeKind::Page => (0, PAGE),
            NodeKind::Stats => (0, STATS),
            NodeKind::File(number) => (FILES, number),
            NodeKind::Element { axis, index } => (FILES + 1 + axis as u64, index),
            NodeKind::Selection(number) => return self.last_computed + 1 + number,
        };
        let directory_index = node.directory_index as u64;
        1 + ((directory_index << self.group_bits | group) << self.index_bits | index)
    }

    /// The node that `inode`, a computed inode number, encodes. `None` if it encodes no kind
    /// of node. The node need not exist.
    pub(super) fn node_of(self, inode: u64) -> Option<Node> {
        let packed = inode.checked_sub(1)?;
        let index = packed & low_mask(self.index_bits);
        let group = packed >> self.index_bits & low_mask(self.group_bits);
        let directory_index = packed >> self.index_bits >> self.group_bits;
        let kind = match (group, index) {
            (0, META) => NodeKind::Meta,
            (0, DATA) => NodeKind::Data,
            (0, README) => NodeKind::Readme,
            (0, HEADER) => NodeKind::Header,
            (0, PAGE) => NodeKind::Page,
            (0, STATS) => NodeKind::Stats,
            (0, folder) => NodeKind::Folder(Folder::from_fixed_index(folder)?),
            (FILES, number) => NodeKind::File(number),
            (group, index) => NodeKind::Element {
                axis: (group - FILES - 1) as usize,
                index,
            },
        };
        let directory_index = usize::try_from(directory_index).ok()?;
        Some(Node {
            directory_index,
            kind,
        })
    }
}

/// The group of numbered files.
const FILES: u64 = 1;

const META: u64 = 1;
const DATA: u64 = 2;
const README: u64 = 3;
const STATS: u64 = 10;
const HEADER: u64 = 11;
const PAGE: u64 = 12;
const NUMBERED: u64 = 13;
const AXES: u64 = NUMBERED + MAX_SUBDIRECTORIES as u64;

impl Folder {
    fn fixed_index(self) -> u64 {
        match self {
            Folder::Top => 0,
            Folder::Rows => 4,
            Folder::Cols => 5,
            Folder::Axes => 6,
            Folder::Slices => 7,
            Folder::Fields => 8,
            Folder::Control => 9,
            Folder::Numbered(position) => NUMBERED + position as u64,
            Folder::Axis(axis) => AXES + axis as u64,
        }
    }

    fn from_fixed_index(fixed_index: u64) -> Option<Folder> {
        Some(match fixed_index {
            0 => Folder::Top,
            4 => Folder::Rows,
            5 => Folder::Cols,
            6 => Folder::Axes,
            7 => Folder::Slices,
            8 => Folder::Fields,
            9 => Folder::Control,
            NUMBERED..AXES => Folder::Numbered((fixed_index - NUMBERED) as usize),
            axis => Folder::Axis(axis.checked_sub(AXES)? as usize),
        })
    }
}

/// The number of bits that represent every number up to `largest`.
fn bit_length(largest: u64) -> u32 {
    u64::BITS - largest.leading_zeros()
}

/// A mask of the `width` lowest bits.
const fn low_mask(width: u32) -> u64 {
    (1 << width) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn inode_numbers_are_distinct_and_map_back_to_their_nodes() {
        let (directories, ndim, longest) = (3, 4, 9);
        let inodes = Inodes::new(directories, ndim, longest).unwrap();
        let mut seen = HashSet::new();
        for directory_index in 0..directories {
            use Folder::*;
            let mut kinds = vec![NodeKind::Meta, NodeKind::Data, NodeKind::Readme];
            kinds.extend([NodeKind::Header, NodeKind::Stats, NodeKind::Page]);
            kinds.extend((0..longest).map(NodeKind::File));
            kinds.extend([Top, Rows, Cols, Axes, Slices, Fields].map(NodeKind::Folder));
            kinds.extend((0..MAX_SUBDIRECTORIES).map(|k| NodeKind::Folder(Numbered(k))));
            for axis in 0..ndim {
                kinds.push(NodeKind::Folder(Axis(axis)));
                kinds.extend((0..longest).map(|index| NodeKind::Element { axis, index }));
            }
            for kind in kinds {
                let node = Node {
                    directory_index,
                    kind,
                };
                let number = inodes.inode_of(node);
                assert!(seen.insert(number), "{node:?}");
                assert_eq!(inodes.selection_number(number), None);
                assert_eq!(inodes.node_of(number), Some(node));
            }
        }
        for k in [0, 1, inodes.selection_capacity() - 1] {
            let (directory_index, kind) = (0, NodeKind::Selection(k));
            let number = inodes.inode_of(Node {
                directory_index,
                kind,
            });
            assert!(seen.insert(number) && number < FREE.start);
            assert_eq!(inodes.selection_number(number), Some(k));
        }
    }

    #[test]
    fn the_root_has_inode_number_one() {
        let root = Node {
            directory_index: 0,
            kind: NodeKind::Folder(Folder::Top),
        };
        assert_eq!(Inodes::new(2, 3, 100).unwrap().inode_of(root), 1);
        assert_eq!(Inodes::new(2, 3, 100).unwrap().node_of(0), None);
    }

    #[test]
    fn arrays_of_more_than_63_bits_are_refused() {
        // One bit for T, two for the groups: 60 are left for the index.
        assert!(Inodes::new(2, 1, 1 << 60).is_ok());
        assert_eq!(Inodes::new(2, 1, (1 << 60) + 1), Err(64));
        // All 63 bits are in use: no inode number is left for selections.
        assert_eq!(Inodes::new(2, 2, 1 << 60), Err(64));
        let largest = Inodes::new(2, 1, 1 << 60).unwrap();
        assert_eq!(Inodes::new(2, 1, 5).unwrap().most_files(), 1 << 59);
        let node = Node {
            directory_index: 1,
            kind: NodeKind::Element {
                axis: 0,
                index: (1 << 60) - 1,
            },
        };
        assert_eq!(largest.node_of(largest.inode_of(node)), Some(node));
    }
}
