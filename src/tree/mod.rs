//! The tree of names: which nodes there are, what they are called, which inode
//! numbers they have and which virtual file each file is. All of it is worked
//! out from the array; nothing is stored for an entry. It does not know FUSE.

mod inode;
mod name;

use std::ffi::OsStr;
use std::sync::Arc;

use crate::array::{Shape, View};
use crate::mapping::Mapping;
use crate::source::Meta;
use crate::vfile::{ENCODINGS, Encoding, VirtualFile};
use inode::Inodes;

/// Why an array cannot be shown as a tree.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// There are more nodes than inode numbers.
    #[error("shape {shape}: inode numbers would need {needed} bits, and have 63")]
    TooManyNodes {
        /// The array's shape.
        shape: Shape,
        /// The bits that would be needed.
        needed: u32,
    },
}

/// A directory or file of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Node {
    /// Which array directory and encoding, an index into the tree's places.
    place: usize,
    kind: Kind,
}

/// What a node is within its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Folder(Folder),
    /// `meta.json`
    Meta,
    /// `data`, the whole array.
    Data,
    /// The elements with one index along one axis.
    Slice {
        axis: usize,
        index: u64,
    },
}

/// A directory within its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Folder {
    /// The directory of the place itself.
    Top,
    /// `rows`, the elements of axis 0.
    Rows,
    /// `cols`, the elements of axis 1.
    Cols,
    /// `axes`, a folder an axis.
    Axes,
    /// `axes/K`
    Axis(usize),
}

impl Folder {
    /// The axis whose elements the directory lists.
    fn axis(self) -> Option<usize> {
        match self {
            Folder::Top | Folder::Axes => None,
            Folder::Rows => Some(0),
            Folder::Cols => Some(1),
            Folder::Axis(axis) => Some(axis),
        }
    }
}

/// A directory that shows one array in one encoding.
#[derive(Debug)]
struct Place {
    array: usize,
    encoding: &'static Encoding,
    name: &'static str,
    parent: usize,
}

/// An array of the mount, and what its `meta.json` says.
#[derive(Debug)]
struct Array {
    view: View,
    meta: Arc<[u8]>,
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
pub struct Facts {
    /// Whether it is a directory.
    pub directory: bool,
    /// The size of a file, in bytes.
    pub len: u64,
    /// Whether its bytes are an array's, and not a description.
    pub elements: bool,
    /// The link count of `stat`. A file has one, although `rows/3` is
    /// `axes/0/3` too: from others, tools would conclude that it can be parted
    /// from its other name, and try to.
    pub links: u32,
}

/// The names, nodes and files of a mounted array.
#[derive(Debug)]
pub struct Tree {
    mapping: Arc<Mapping>,
    arrays: Vec<Array>,
    places: Vec<Place>,
    inodes: Inodes,
    pad: bool,
}

impl Tree {
    /// The root directory.
    pub const ROOT: Node = Node {
        place: 0,
        kind: Kind::Folder(Folder::Top),
    };

    /// The tree of the array that `meta` describes and `mapping` holds, index
    /// names listed padded with zeros if `pad` is set.
    ///
    /// # Errors
    ///
    /// When the array has more slices than there are inode numbers.
    pub fn new(mapping: Arc<Mapping>, meta: &Meta, pad: bool) -> Result<Tree, TreeError> {
        let array_of = |meta: &Meta| Array {
            view: meta.view.clone(),
            meta: meta.to_json().into_bytes().into(),
        };
        let mut arrays = vec![array_of(meta)];
        // Each array directory: the array, its name, and the place it lies in.
        let mut directories = vec![(0, "", 0)];
        if meta.view.ndim() >= 2 {
            arrays.push(array_of(&meta.transposed()));
            directories.push((1, "T", 0));
        }
        let mut places = Vec::new();
        for (array, name, parent) in directories {
            let top = places.len();
            places.extend(ENCODINGS.iter().map(|encoding| Place {
                array,
                encoding,
                name: encoding.folder.unwrap_or(name),
                parent: encoding.folder.map_or(parent, |_| top),
            }));
        }
        let shape = meta.view.shape();
        let longest = shape.lengths().iter().copied().max().unwrap_or(0);
        let inodes = Inodes::new(places.len(), shape.ndim(), longest).map_err(|needed| {
            let shape = shape.clone();
            TreeError::TooManyNodes { shape, needed }
        })?;
        Ok(Tree {
            mapping,
            arrays,
            places,
            inodes,
            pad,
        })
    }

    /// The file of the whole array.
    pub fn whole(&self) -> Node {
        let kind = Kind::Data;
        Node { place: 0, kind }
    }

    /// The inode number of `node`.
    pub fn inode(&self, node: Node) -> u64 {
        self.inodes.number(node)
    }

    /// The node with this inode number.
    pub fn node(&self, inode: u64) -> Option<Node> {
        let node = self.inodes.node(inode)?;
        let view = &self.arrays[self.places.get(node.place)?.array].view;
        let exists = match node.kind {
            Kind::Meta => self.has_meta(node.place),
            Kind::Data | Kind::Folder(Folder::Top) => true,
            Kind::Folder(Folder::Axes) => view.ndim() >= 1,
            Kind::Folder(folder) => folder.axis().is_some_and(|axis| axis < view.ndim()),
            Kind::Slice { axis, index } => index < view.length(axis),
        };
        exists.then_some(node)
    }

    fn view(&self, node: Node) -> &View {
        &self.arrays[self.places[node.place].array].view
    }

    fn has_meta(&self, place: usize) -> bool {
        self.places[place].encoding.folder.is_none()
    }

    /// The directory that holds `node`; of the directories that list a slice,
    /// its axis' own. The root holds itself.
    pub fn parent(&self, node: Node) -> Node {
        let (place, folder) = match node.kind {
            Kind::Folder(Folder::Top) => (self.places[node.place].parent, Folder::Top),
            Kind::Folder(Folder::Axis(_)) => (node.place, Folder::Axes),
            Kind::Folder(_) | Kind::Meta | Kind::Data => (node.place, Folder::Top),
            Kind::Slice { axis, .. } => (node.place, Folder::Axis(axis)),
        };
        let kind = Kind::Folder(folder);
        Node { place, kind }
    }

    /// The node called `name` in `directory`.
    pub fn lookup(&self, directory: Node, name: &OsStr) -> Option<Node> {
        let name = name.to_str()?;
        let Kind::Folder(folder) = directory.kind else {
            return None;
        };
        let place = directory.place;
        let kind = match folder {
            Folder::Top => {
                let mut children = self.fixed(place);
                return children
                    .find(|child| child.name == name)
                    .map(|child| child.node);
            }
            Folder::Axes => {
                let axes = self.view(directory).ndim() as u64;
                // An axis has no padded or negative name.
                let axis = name::index(name, axes).filter(|axis| axis.to_string() == name)?;
                Kind::Folder(Folder::Axis(axis as usize))
            }
            Folder::Rows | Folder::Cols | Folder::Axis(_) => {
                let axis = folder.axis()?;
                let name = name.strip_suffix(self.places[place].encoding.suffix)?;
                let index = name::index(name, self.view(directory).length(axis))?;
                Kind::Slice { axis, index }
            }
        };
        Some(Node { place, kind })
    }

    /// The `k`-th entry of `directory`, without `.` and `..`; `None` past the
    /// last.
    pub fn entry(&self, directory: Node, k: u64) -> Option<Entry> {
        let Kind::Folder(folder) = directory.kind else {
            return None;
        };
        let place = directory.place;
        let view = self.view(directory);
        match folder {
            Folder::Top => self.fixed(place).nth(usize::try_from(k).ok()?),
            Folder::Axes => (k < view.ndim() as u64).then(|| Entry {
                name: k.to_string(),
                node: Node {
                    place,
                    kind: Kind::Folder(Folder::Axis(k as usize)),
                },
            }),
            Folder::Rows | Folder::Cols | Folder::Axis(_) => {
                let axis = folder.axis()?;
                let length = view.length(axis);
                let suffix = self.places[place].encoding.suffix;
                (k < length).then(|| Entry {
                    name: name::listed(k, length, self.pad) + suffix,
                    node: Node {
                        place,
                        kind: Kind::Slice { axis, index: k },
                    },
                })
            }
        }
    }

    /// The entries of the top directory of a place, in the order of listing.
    fn fixed(&self, place: usize) -> impl Iterator<Item = Entry> {
        let Place {
            array, encoding, ..
        } = self.places[place];
        let ndim = self.arrays[array].view.ndim();
        let own = [
            (self.has_meta(place), "meta.json".to_string(), Kind::Meta),
            (true, format!("data{}", encoding.suffix), Kind::Data),
            (ndim >= 1, "rows".to_string(), Kind::Folder(Folder::Rows)),
            (ndim >= 2, "cols".to_string(), Kind::Folder(Folder::Cols)),
            (ndim >= 1, "axes".to_string(), Kind::Folder(Folder::Axes)),
        ];
        let own = own.into_iter().filter(|(exists, ..)| *exists);
        let own = own.map(move |(_, name, kind)| Entry {
            name,
            node: Node { place, kind },
        });
        let nested = self.places.iter().enumerate().skip(1);
        let nested = nested.filter(move |(_, other)| other.parent == place);
        own.chain(nested.map(|(place, other)| Entry {
            name: other.name.to_string(),
            node: Node {
                place,
                kind: Kind::Folder(Folder::Top),
            },
        }))
    }

    /// The array's elements that the file `node` shows, if it shows elements.
    fn elements(&self, node: Node) -> Option<View> {
        match node.kind {
            Kind::Folder(_) | Kind::Meta => None,
            Kind::Data => Some(self.view(node).clone()),
            Kind::Slice { axis, index } => self.view(node).take(axis, index),
        }
    }

    /// What there is to know of `node` without opening it.
    pub fn facts(&self, node: Node) -> Facts {
        let Place {
            array, encoding, ..
        } = self.places[node.place];
        let directories = |node| {
            let entries = (0..).map_while(|k| self.entry(node, k));
            entries
                .filter(|e| matches!(e.node.kind, Kind::Folder(_)))
                .count() as u32
        };
        let (len, links) = match node.kind {
            Kind::Folder(Folder::Top | Folder::Axes) => (0, 2 + directories(node)),
            Kind::Folder(_) => (0, 2),
            Kind::Meta => (self.arrays[array].meta.len() as u64, 1),
            Kind::Data => ((encoding.len)(self.view(node)), 1),
            Kind::Slice { .. } => {
                let len = self.elements(node).map_or(0, |view| (encoding.len)(&view));
                (len, 1)
            }
        };
        Facts {
            directory: matches!(node.kind, Kind::Folder(_)),
            len,
            elements: matches!(node.kind, Kind::Data | Kind::Slice { .. }),
            links,
        }
    }

    /// The virtual file that `node` is; `None` for a directory.
    pub fn open(&self, node: Node) -> Option<VirtualFile> {
        let place = &self.places[node.place];
        if node.kind == Kind::Meta {
            let meta = self.arrays[place.array].meta.clone();
            return Some(VirtualFile::literal(meta));
        }
        let view = self.elements(node)?;
        Some(VirtualFile::new((place.encoding.segments)(
            &self.mapping,
            &view,
        )))
    }

    /// The mapping that all files of the tree share.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// How many files and directories there are.
    pub fn nodes(&self) -> u64 {
        let counts = self.places.iter().map(|place| {
            let lengths = self.arrays[place.array].view.shape().lengths();
            lengths.iter().fold(5u64, |sum, &n| sum.saturating_add(n))
        });
        counts.fold(0, u64::saturating_add)
    }
}
