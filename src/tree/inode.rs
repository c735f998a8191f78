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
//! 0, index 0, so that its number is 1 as FUSE wants it.

use super::{Folder, Kind, Node};

/// The most bits that an inode number has: programs take it for an `off_t`.
const MAX_BITS: u32 = 63;

/// The largest inode number.
const MAX: u64 = low(MAX_BITS);

/// The widths of the fields, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inodes {
    place: u32,
    group: u32,
    index: u32,
}

impl Inodes {
    /// Widths for `places` places of arrays with at most `ndim` axes of at
    /// most `longest` elements; the bits needed where they are too many.
    pub(super) fn new(places: usize, ndim: usize, longest: u64) -> Result<Inodes, u32> {
        let last_fixed = Folder::Axis(ndim).number();
        let inodes = Inodes {
            place: bits(places as u64 - 1),
            group: bits(ndim as u64),
            index: bits(longest.saturating_sub(1).max(last_fixed)),
        };
        let needed = inodes.place + inodes.group + inodes.index;
        if needed > MAX_BITS {
            return Err(needed);
        }
        let last = Node {
            place: places - 1,
            kind: Kind::Slice {
                axis: ndim.saturating_sub(1),
                index: longest.saturating_sub(1),
            },
        };
        if inodes.number(last) > MAX {
            return Err(MAX_BITS + 1);
        }
        Ok(inodes)
    }

    /// The inode number of `node`.
    pub(super) fn number(self, node: Node) -> u64 {
        let (group, index) = match node.kind {
            Kind::Folder(folder) => (0, folder.number()),
            Kind::Meta => (0, META),
            Kind::Data => (0, DATA),
            Kind::Slice { axis, index } => (1 + axis as u64, index),
        };
        let place = node.place as u64;
        1 + ((place << self.group | group) << self.index | index)
    }

    /// The node with this number, if its fields could be those of one. Whether
    /// there is such a node is for the tree to say.
    pub(super) fn node(self, number: u64) -> Option<Node> {
        let packed = number.checked_sub(1)?;
        let index = packed & low(self.index);
        let group = packed >> self.index & low(self.group);
        let place = packed >> self.index >> self.group;
        let kind = match (group, index) {
            (0, META) => Kind::Meta,
            (0, DATA) => Kind::Data,
            (0, folder) => Kind::Folder(Folder::from_number(folder)?),
            (axis, index) => Kind::Slice {
                axis: axis as usize - 1,
                index,
            },
        };
        let place = usize::try_from(place).ok()?;
        Some(Node { place, kind })
    }
}

const META: u64 = 1;
const DATA: u64 = 2;

impl Folder {
    fn number(self) -> u64 {
        match self {
            Folder::Top => 0,
            Folder::Rows => 3,
            Folder::Cols => 4,
            Folder::Axes => 5,
            Folder::Axis(axis) => 6 + axis as u64,
        }
    }

    fn from_number(number: u64) -> Option<Folder> {
        Some(match number {
            0 => Folder::Top,
            META | DATA => return None,
            3 => Folder::Rows,
            4 => Folder::Cols,
            5 => Folder::Axes,
            axis => Folder::Axis(axis as usize - 6),
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
        let (places, ndim, longest) = (3, 4, 9);
        let inodes = Inodes::new(places, ndim, longest).unwrap();
        let mut seen = HashSet::new();
        for place in 0..places {
            let mut kinds = vec![Kind::Meta, Kind::Data];
            kinds.extend([Folder::Top, Folder::Rows, Folder::Cols, Folder::Axes].map(Kind::Folder));
            for axis in 0..ndim {
                kinds.push(Kind::Folder(Folder::Axis(axis)));
                kinds.extend((0..longest).map(|index| Kind::Slice { axis, index }));
            }
            for kind in kinds {
                let node = Node { place, kind };
                let number = inodes.number(node);
                assert!(seen.insert(number), "{node:?}");
                assert_eq!(inodes.node(number), Some(node));
            }
        }
    }

    #[test]
    fn the_root_is_inode_one() {
        let root = Node {
            place: 0,
            kind: Kind::Folder(Folder::Top),
        };
        assert_eq!(Inodes::new(2, 3, 100).unwrap().number(root), 1);
        assert_eq!(Inodes::new(2, 3, 100).unwrap().node(0), None);
    }

    #[test]
    fn the_largest_array_that_fits_63_bits_is_told_from_the_next() {
        // One bit for T, two for the axes: 60 are left for the index.
        assert!(Inodes::new(2, 2, 1 << 60).is_ok());
        assert_eq!(Inodes::new(2, 2, (1 << 60) + 1), Err(64));
        // All bits of all fields, and one more is added to that.
        assert_eq!(Inodes::new(2, 3, 1 << 60), Err(64));
        assert!(Inodes::new(2, 3, (1 << 60) - 1).is_ok());
        let largest = Inodes::new(2, 2, 1 << 60).unwrap();
        let node = Node {
            place: 1,
            kind: Kind::Slice {
                axis: 1,
                index: (1 << 60) - 1,
            },
        };
        assert_eq!(largest.node(largest.number(node)), Some(node));
    }
}
