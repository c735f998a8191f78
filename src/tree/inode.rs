//! Inode numbers, computed from what a node is and back:
//!
//! ```text
//! number - 1  =  | place | group | index |
//!
//! place   which array directory and encoding, as enumerated at mount
//! group   0: the fixed nodes of the place, 1 + K: the elements of axis K
//! index   which fixed node, or which element
//! ```
//!
//! The widths are worked out for the array at hand. The root is place 0, group
//! 0, index 0, so that its number is 1 as FUSE wants it. The numbers that are
//! left at the end are those of selections, in the order of their table.

use super::node::{Folder, Node, NodeKind};

/// The most bits that an inode number has: programs take it for an `off_t`.
const MAX_BITS: u32 = 63;

/// The largest inode number.
const MAX: u64 = low(MAX_BITS);

/// The fewest numbers that are left for selections: many more than a process
/// can have files open.
const MIN_SELECTIONS: u64 = 1 << 32;

/// The widths of the fields, in bits, and the last number that has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inodes {
    directory: u32,
    group: u32,
    index: u32,
    last: u64,
}

impl Inodes {
    /// Widths for `places` places of arrays with at most `ndim` axes of at
    /// most `longest` elements; the bits needed where they are too many.
    pub(super) fn new(directories: usize, ndim: usize, longest: u64) -> Result<Inodes, u32> {
        let last_fixed = Folder::Axis(ndim).number();
        let mut inodes = Inodes {
            directory: bits(directories as u64 - 1),
            group: bits(ndim as u64),
            index: bits(longest.saturating_sub(1).max(last_fixed)),
            last: 0,
        };
        let needed = inodes.directory + inodes.group + inodes.index;
        if needed > MAX_BITS {
            return Err(needed);
        }
        let directory = directories as u64 - 1;
        let packed = (directory << inodes.group | ndim as u64) << inodes.index | low(inodes.index);
        inodes.last = 1 + packed;
        if inodes.last > MAX - MIN_SELECTIONS {
            return Err(MAX_BITS + 1);
        }
        Ok(inodes)
    }

    /// How many selections can be numbered.
    pub(super) fn selections(self) -> u64 {
        MAX - self.last
    }

    /// The number in the table of the selection with this inode number, if it is
    /// one of a selection.
    pub(super) fn selection(self, number: u64) -> Option<u64> {
        number.checked_sub(self.last + 1)
    }

    /// The inode number of `node`.
    pub(super) fn number(self, node: Node) -> u64 {
        let (group, index) = match node.kind {
            NodeKind::Folder(folder) => (0, folder.number()),
            NodeKind::Meta => (0, META),
            NodeKind::Data => (0, DATA),
            NodeKind::Readme => (0, README),
            NodeKind::Stats => (0, STATS),
            NodeKind::Element { axis, index } => (1 + axis as u64, index),
            NodeKind::Selection(number) => return self.last + 1 + number,
        };
        let directory = node.directory as u64;
        1 + ((directory << self.group | group) << self.index | index)
    }

    /// The node with this number that is no selection, if its fields could be
    /// those of one. Whether there is such a node is for the tree to say.
    pub(super) fn node(self, number: u64) -> Option<Node> {
        let packed = number.checked_sub(1)?;
        let index = packed & low(self.index);
        let group = packed >> self.index & low(self.group);
        let directory = packed >> self.index >> self.group;
        let kind = match (group, index) {
            (0, META) => NodeKind::Meta,
            (0, DATA) => NodeKind::Data,
            (0, README) => NodeKind::Readme,
            (0, STATS) => NodeKind::Stats,
            (0, folder) => NodeKind::Folder(Folder::from_number(folder)?),
            (axis, index) => NodeKind::Element {
                axis: axis as usize - 1,
                index,
            },
        };
        let directory = usize::try_from(directory).ok()?;
        Some(Node { directory, kind })
    }
}

const META: u64 = 1;
const DATA: u64 = 2;
const README: u64 = 3;
const STATS: u64 = 10;

impl Folder {
    fn number(self) -> u64 {
        match self {
            Folder::Top => 0,
            Folder::Rows => 4,
            Folder::Cols => 5,
            Folder::Axes => 6,
            Folder::Slices => 7,
            Folder::Fields => 8,
            Folder::Control => 9,
            Folder::Axis(axis) => 11 + axis as u64,
        }
    }

    fn from_number(number: u64) -> Option<Folder> {
        Some(match number {
            0 => Folder::Top,
            4 => Folder::Rows,
            5 => Folder::Cols,
            6 => Folder::Axes,
            7 => Folder::Slices,
            8 => Folder::Fields,
            9 => Folder::Control,
            axis => Folder::Axis(axis.checked_sub(11)? as usize),
        })
    }
}

/// The number of bits that hold every number up to `largest`.
fn bits(largest: u64) -> u32 {
    u64::BITS - largest.leading_zeros()
}

/// A mask of the `width` lowest bits.
const fn low(width: u32) -> u64 {
    (1 << width) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_are_distinct_and_lead_back_to_their_nodes() {
        let (directories, ndim, longest) = (3, 4, 9);
        let inodes = Inodes::new(directories, ndim, longest).unwrap();
        let mut seen = HashSet::new();
        for directory in 0..directories {
            use Folder::*;
            let mut kinds = vec![NodeKind::Meta, NodeKind::Data, NodeKind::Readme];
            kinds.extend([Top, Rows, Cols, Axes, Slices, Fields].map(NodeKind::Folder));
            for axis in 0..ndim {
                kinds.push(NodeKind::Folder(Axis(axis)));
                kinds.extend((0..longest).map(|index| NodeKind::Element { axis, index }));
            }
            for kind in kinds {
                let node = Node { directory, kind };
                let number = inodes.number(node);
                assert!(seen.insert(number), "{node:?}");
                assert_eq!(inodes.selection(number), None);
                assert_eq!(inodes.node(number), Some(node));
            }
        }
        for k in [0, 1, inodes.selections() - 1] {
            let (directory, kind) = (0, NodeKind::Selection(k));
            let number = inodes.number(Node { directory, kind });
            assert!(seen.insert(number) && number <= MAX);
            assert_eq!(inodes.selection(number), Some(k));
        }
    }

    #[test]
    fn the_root_is_inode_one() {
        let root = Node {
            directory: 0,
            kind: NodeKind::Folder(Folder::Top),
        };
        assert_eq!(Inodes::new(2, 3, 100).unwrap().number(root), 1);
        assert_eq!(Inodes::new(2, 3, 100).unwrap().node(0), None);
    }

    #[test]
    fn the_largest_array_that_fits_63_bits_is_told_from_the_next() {
        // One bit for T, two for the axes: 60 are left for the index.
        assert!(Inodes::new(2, 2, 1 << 60).is_ok());
        assert_eq!(Inodes::new(2, 2, (1 << 60) + 1), Err(64));
        // The numbers of all fields are used up, and none is left for selections.
        assert_eq!(Inodes::new(2, 3, 1 << 60), Err(64));
        let largest = Inodes::new(2, 2, 1 << 60).unwrap();
        let node = Node {
            directory: 1,
            kind: NodeKind::Element {
                axis: 1,
                index: (1 << 60) - 1,
            },
        };
        assert_eq!(largest.node(largest.number(node)), Some(node));
    }
}
