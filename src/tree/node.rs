//! What there is in the tree: directories and files, told apart by a few
//! numbers, and what can be known of each.

/// A directory or file of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Node {
    /// Which array directory and encoding, an index into the tree's directories.
    pub(super) directory: usize,
    pub(super) kind: NodeKind,
}

/// What a node is within its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum NodeKind {
    Folder(Folder),
    /// `README.txt`
    Readme,
    /// `meta.json`
    Meta,
    /// `.arrayfs/stats` of the root, whose bytes are not the tree's to know.
    Stats,
    /// `data`, the whole array.
    Data,
    /// The elements with one index along one axis.
    Element {
        axis: usize,
        index: u64,
    },
    /// What a basic index selects that is neither of these, by its number in
    /// the table of selections.
    Selection(u64),
}

/// A directory within its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Folder {
    /// The directory of the place itself.
    Top,
    /// `rows`, the elements of axis 0.
    Rows,
    /// `cols`, the elements of axis 1.
    Cols,
    /// `axes`, a folder an axis.
    Axes,
    /// `slices`, which lists nothing.
    Slices,
    /// `fields`, an array directory a field.
    Fields,
    /// `.arrayfs` of the root, which is not listed.
    Control,
    /// `axes/K`
    Axis(usize),
}

impl Folder {
    /// The axis whose elements the directory lists.
    pub(super) fn axis(self) -> Option<usize> {
        match self {
            Folder::Rows => Some(0),
            Folder::Cols => Some(1),
            Folder::Axis(axis) => Some(axis),
            Folder::Top | Folder::Axes | Folder::Slices | Folder::Fields | Folder::Control => None,
        }
    }
}

impl Node {
    /// The directory `folder` of a place.
    pub(super) fn folder(directory: usize, folder: Folder) -> Node {
        let kind = NodeKind::Folder(folder);
        Node { directory, kind }
    }

    /// Whether it is the file that tells what the mount has done.
    pub fn is_stats(self) -> bool {
        self.kind == NodeKind::Stats
    }

    /// Whether it is a directory.
    pub fn is_directory(self) -> bool {
        matches!(self.kind, NodeKind::Folder(_))
    }
}

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, without a slash.
    pub name: String,
    /// The node of that name.
    pub node: Node,
}

/// What there is to know of a node without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeAttributes {
    /// Whether it is a directory.
    pub is_directory: bool,
    /// The size of a file, in bytes.
    pub len: u64,
    /// Whether its bytes are an array's, in whatever form.
    pub shows_elements: bool,
    /// Whether they can be written through it, if the array can.
    pub writable: bool,
    /// The link count of `stat`. A file has one, although `rows/3` is
    /// `axes/0/3` too: from others, tools would conclude that it can be parted
    /// from its other name, and try to.
    pub links: u32,
}
