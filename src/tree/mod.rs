//! The tree of names: which nodes there are, what they are called, which inode
//! numbers they have and which virtual file each file is. All of it is worked
//! out from the array; only selections are stored, and few of them. It does not
//! know FUSE.

mod array_directory;
mod file;
mod generation;
mod inode;
pub mod name;
mod node;
mod path;
mod selection;

use std::ffi::OsStr;
use std::sync::Arc;

use crate::array::{Index, Shape, View};
use crate::mapping::{Mapping, Pending};
use crate::source::{Meta, Source};
use crate::vfile::CsvForm;
use array_directory::{ArrayDirectories, ArrayDirectory};
pub use file::Pin;
use generation::Generations;
use inode::Inodes;
pub use node::{Entry, Node, NodeAttributes};
use node::{Folder, NodeKind};
use selection::{Selection, Selections};

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

/// Makes sure that an array can be shown as a tree.
///
/// # Errors
///
/// As [`Tree::new`].
pub fn check(meta: &Meta) -> Result<(), TreeError> {
    numbered(meta, &ArrayDirectories::of(meta, CsvForm::default())).map(|_| ())
}

/// How the inode numbers of an array's nodes are made up.
fn numbered(meta: &Meta, directories: &ArrayDirectories) -> Result<Inodes, TreeError> {
    let views = directories.arrays.iter().map(|array| &array.view);
    let ndim = views.clone().map(View::ndim).max().unwrap_or(0);
    let lengths = views.flat_map(|view| view.shape().lengths());
    let longest = lengths.copied().max().unwrap_or(0);
    Inodes::new(directories.list.len(), ndim, longest).map_err(|needed| {
        let shape = meta.view.shape().clone();
        TreeError::TooManyNodes { shape, needed }
    })
}

/// The names, nodes and files of a mounted array.
#[derive(Debug)]
pub struct Tree {
    mapping: Arc<Mapping>,
    meta: Meta,
    /// What the backing file itself begins with to say what it holds.
    preamble: Arc<[u8]>,
    readme: Arc<[u8]>,
    directories: ArrayDirectories,
    inodes: Inodes,
    generations: Generations,
    selections: Selections,
    pad: bool,
}

impl Tree {
    /// The root directory.
    pub const ROOT: Node = Node {
        directory: 0,
        kind: NodeKind::Folder(Folder::Top),
    };

    /// The tree of the array of `source`, and what is still to be done to the backing
    /// file. `readme` is the content of `README.txt`. Index names are listed padded
    /// with zeros if `pad` is set; text has the form `csv`.
    ///
    /// # Errors
    ///
    /// When the array has more slices than there are inode numbers.
    pub fn new(
        source: Source,
        readme: String,
        pad: bool,
        csv: CsvForm,
    ) -> Result<(Tree, Pending), TreeError> {
        let Source {
            mapping,
            pending,
            meta,
            preamble,
        } = source;
        let directories = ArrayDirectories::of(&meta, csv);
        let inodes = numbered(&meta, &directories)?;
        let tree = Tree {
            mapping: Arc::new(mapping),
            readme: readme.into_bytes().into(),
            meta,
            preamble,
            generations: Generations::new(&directories.arrays[0].meta),
            directories,
            inodes,
            selections: Selections::new(inodes.selections()),
            pad,
        };
        Ok((tree, pending))
    }

    /// The file of the whole array.
    pub fn whole(&self) -> Node {
        let kind = NodeKind::Data;
        Node { directory: 0, kind }
    }

    /// The inode number of `node`.
    pub fn inode(&self, node: Node) -> u64 {
        self.inodes.number(node)
    }

    /// The generation number of `node`: what tells it from another that had its inode
    /// number in an earlier mount.
    pub fn generation(&self, node: Node) -> u32 {
        self.generations.of(node)
    }

    /// The node with this inode number.
    pub fn node(&self, inode: u64) -> Option<Node> {
        if let Some(number) = self.inodes.selection(inode) {
            let directory = self.selections.get(number)?.directory;
            let kind = NodeKind::Selection(number);
            return Some(Node { directory, kind });
        }
        let node = self.inodes.node(inode)?;
        self.directories.list.get(node.directory)?;
        let exists = match node.kind {
            NodeKind::Folder(folder) => self.has_folder(node.directory, folder),
            NodeKind::Readme | NodeKind::Stats => node.directory == 0,
            NodeKind::Meta => self.has_meta(node.directory),
            NodeKind::Data | NodeKind::Element { .. } => {
                let view = self.elements(node);
                view.is_some_and(|view| self.len_of(node, &view).is_some())
            }
            NodeKind::Selection(_) => false,
        };
        exists.then_some(node)
    }

    fn directory(&self, node: Node) -> &ArrayDirectory {
        &self.directories.list[node.directory]
    }

    /// The array of the place of `node`.
    fn array(&self, node: Node) -> &View {
        &self.directories.arrays[self.directory(node).array].view
    }

    fn has_meta(&self, directory: usize) -> bool {
        self.directories.list[directory].encoding.folder.is_none()
    }

    fn has_folder(&self, directory: usize, folder: Folder) -> bool {
        let view = self.array(Node::folder(directory, folder));
        match folder {
            Folder::Top | Folder::Slices => true,
            Folder::Control => directory == 0,
            Folder::Fields => !self.directories.list[directory].fields.is_empty(),
            Folder::Axes => view.ndim() >= 1 && self.has_folder(directory, Folder::Axis(0)),
            Folder::Rows | Folder::Cols | Folder::Axis(_) => folder
                .axis()
                .and_then(|axis| view.like_taken(axis))
                .is_some_and(|element| {
                    (self.directories.list[directory].encoding.len)(&element).is_some()
                }),
        }
    }

    /// The directory that holds `node`; of the directories that list an element,
    /// its axis' own. The root holds itself.
    pub fn parent(&self, node: Node) -> Node {
        let folder = match node.kind {
            NodeKind::Folder(Folder::Top) => return self.directory(node).parent,
            NodeKind::Folder(Folder::Axis(_)) => Folder::Axes,
            NodeKind::Folder(_) | NodeKind::Readme | NodeKind::Meta | NodeKind::Data => Folder::Top,
            NodeKind::Stats => Folder::Control,
            NodeKind::Element { axis, .. } => Folder::Axis(axis),
            NodeKind::Selection(_) => Folder::Slices,
        };
        Node::folder(node.directory, folder)
    }

    /// The node called `name` in `directory`. `.` and `..` are those of any node, also
    /// of a file, which holds nothing else.
    pub fn lookup(&self, parent: Node, name: &OsStr) -> Option<Node> {
        let name = name.to_str()?;
        match name {
            "." => return Some(parent),
            ".." => return Some(self.parent(parent)),
            _ => {}
        }
        let NodeKind::Folder(folder) = parent.kind else {
            return None;
        };
        let directory = parent.directory;
        let kind = match folder {
            Folder::Top if directory == 0 && name == ".arrayfs" => {
                NodeKind::Folder(Folder::Control)
            }
            Folder::Control if name == "stats" => NodeKind::Stats,
            Folder::Control => return None,
            Folder::Top => {
                let mut entries = self.named(directory);
                return entries
                    .find(|entry| entry.name == name)
                    .map(|entry| entry.node);
            }
            Folder::Fields => {
                let mut fields = self.directory(parent).fields.iter();
                let field = fields.find(|&&field| self.directories.list[field].name == name)?;
                return Some(Node::folder(*field, Folder::Top));
            }
            Folder::Axes => {
                let axes = self.array(parent).ndim() as u64;
                // An axis has no padded or negative name.
                let axis = name::index(name, axes).filter(|axis| axis.to_string() == name)?;
                NodeKind::Folder(Folder::Axis(axis as usize))
            }
            Folder::Slices => self.select(parent, name)?,
            Folder::Rows | Folder::Cols | Folder::Axis(_) => {
                let axis = folder.axis()?;
                let name = name.strip_suffix(self.directory(parent).encoding.suffix)?;
                let index = name::index(name, self.array(parent).length(axis))?;
                NodeKind::Element { axis, index }
            }
        };
        Some(Node { directory, kind })
    }

    /// What the basic index `name` selects of the array that has `slices`.
    fn select(&self, slices: Node, name: &str) -> Option<NodeKind> {
        let encoding = self.directory(slices).encoding;
        let index: Index = name.strip_suffix(encoding.suffix)?.parse().ok()?;
        let array = self.array(slices);
        let indexed = array.index(&index)?;
        (encoding.len)(&indexed.view)?;
        if let Some((axis, index)) = indexed.element {
            return Some(NodeKind::Element { axis, index });
        }
        let view = indexed.view.canonical();
        if view == array.canonical() {
            return Some(NodeKind::Data);
        }
        if let Some((axis, index)) = array.element_like(&view) {
            return Some(NodeKind::Element { axis, index });
        }
        let directory = slices.directory;
        let number = self.selections.number(Selection { directory, view }, name);
        Some(NodeKind::Selection(number))
    }

    /// Whether looking up `node` can have made the names too many.
    pub fn exceeds_name_limit(&self, node: Node) -> bool {
        matches!(node.kind, NodeKind::Selection(_)) && self.selections.exceeds_limit()
    }

    /// The inode number of a `slices` directory and a name in it that whoever
    /// caches names should forget, if there are too many.
    pub fn pop_excess_name(&self) -> Option<(u64, Box<str>)> {
        let (directory, name) = self.selections.pop_excess()?;
        let parent = Node::folder(directory, Folder::Slices);
        Some((self.inode(parent), name))
    }

    /// The `k`-th entry of `directory`, without `.` and `..`; `None` past the
    /// last.
    pub fn entry(&self, parent: Node, k: u64) -> Option<Entry> {
        let NodeKind::Folder(folder) = parent.kind else {
            return None;
        };
        let directory = parent.directory;
        match folder {
            Folder::Top => self.named(directory).nth(usize::try_from(k).ok()?),
            Folder::Fields => {
                let fields = &self.directory(parent).fields;
                fields
                    .get(usize::try_from(k).ok()?)
                    .map(|&field| self.entry_of(field))
            }
            Folder::Axes => (k < self.array(parent).ndim() as u64).then(|| Entry {
                name: k.to_string(),
                node: Node::folder(directory, Folder::Axis(k as usize)),
            }),
            Folder::Slices => None,
            Folder::Control => (k == 0).then(|| Entry {
                name: "stats".into(),
                node: Node {
                    directory,
                    kind: NodeKind::Stats,
                },
            }),
            Folder::Rows | Folder::Cols | Folder::Axis(_) => {
                let axis = folder.axis()?;
                let length = self.array(parent).length(axis);
                let suffix = self.directory(parent).encoding.suffix;
                (k < length).then(|| Entry {
                    name: name::listed(k, length, self.pad) + suffix,
                    node: Node {
                        directory,
                        kind: NodeKind::Element { axis, index: k },
                    },
                })
            }
        }
    }

    /// The entry of a place in the directory that lists it.
    fn entry_of(&self, directory: usize) -> Entry {
        Entry {
            name: self.directories.list[directory].name.clone(),
            node: Node::folder(directory, Folder::Top),
        }
    }

    /// The entries of the top directory of a place, in the order of listing.
    fn named(&self, directory: usize) -> impl Iterator<Item = Entry> {
        let ArrayDirectory {
            encoding, nested, ..
        } = &self.directories.list[directory];
        let data = Node {
            directory,
            kind: NodeKind::Data,
        };
        let own = [
            (directory == 0, "README.txt".to_string(), NodeKind::Readme),
            (
                self.has_meta(directory),
                "meta.json".to_string(),
                NodeKind::Meta,
            ),
            (
                (encoding.len)(self.array(data)).is_some(),
                format!("data{}", encoding.suffix),
                NodeKind::Data,
            ),
        ];
        let folders = [
            ("rows", Folder::Rows),
            ("cols", Folder::Cols),
            ("axes", Folder::Axes),
            ("slices", Folder::Slices),
            ("fields", Folder::Fields),
        ];
        let folders = folders.map(|(name, folder)| {
            let exists = self.has_folder(directory, folder);
            (exists, name.to_string(), NodeKind::Folder(folder))
        });
        let own = own.into_iter().chain(folders);
        let own = own.filter(|(exists, ..)| *exists);
        let own = own.map(move |(_, name, kind)| Entry {
            name,
            node: Node { directory, kind },
        });
        own.chain(nested.iter().map(|&directory| self.entry_of(directory)))
    }

    /// The mapping that all files of the tree share.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// What the tree's array is.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// How many files and directories there are, selections aside.
    pub fn nodes(&self) -> u64 {
        let counts = self.directories.list.iter().map(|directory| {
            let lengths = self.directories.arrays[directory.array]
                .view
                .shape()
                .lengths();
            lengths.iter().fold(6u64, |sum, &n| sum.saturating_add(n))
        });
        counts.fold(0, u64::saturating_add)
    }
}
