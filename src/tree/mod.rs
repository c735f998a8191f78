//! The directory tree of a mounted array: nodes, their names, inode numbers and virtual files.
//! Everything is computed from the array, except for a bounded table of selections. The FUSE
//! protocol, including what the kernel caches, is the business of `fs`.

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
    /// The nodes need more than 63 bits of inode number.
    #[error("shape {shape}: inode numbers would need {needed} bits, and have 63")]
    TooManyNodes {
        /// The array's shape.
        shape: Shape,
        /// The number of bits needed.
        needed: u32,
    },
}

/// Checks that an array can be shown as a tree.
///
/// # Errors
///
/// As [`Tree::new`].
pub fn check(meta: &Meta) -> Result<(), TreeError> {
    inode_layout(meta, &ArrayDirectories::of(meta, CsvForm::default())).map(|_| ())
}

/// The layout of the inode numbers of an array's nodes.
fn inode_layout(meta: &Meta, directories: &ArrayDirectories) -> Result<Inodes, TreeError> {
    let views = directories.arrays.iter().map(|array| &array.view);
    let ndim = views.clone().map(View::ndim).max().unwrap_or(0);
    let lengths = views.flat_map(|view| view.shape().lengths());
    let max_length = lengths.copied().max().unwrap_or(0);
    Inodes::new(directories.list.len(), ndim, max_length).map_err(|needed| {
        let shape = meta.view.shape().clone();
        TreeError::TooManyNodes { shape, needed }
    })
}

/// The names, nodes and files of a mounted array.
#[derive(Debug)]
pub struct Tree {
    mapping: Arc<Mapping>,
    meta: Meta,
    /// The header of the backing file; empty in the raw format.
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
        directory_index: 0,
        kind: NodeKind::Folder(Folder::Top),
    };

    /// The tree of the array of `source`, and the pending changes of the backing file.
    ///
    /// - `readme`: the content of `README.txt`.
    /// - `pad`: whether index names are listed padded with zeros.
    /// - `csv`: the form of text files.
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
        let inodes = inode_layout(&meta, &directories)?;
        let tree = Tree {
            mapping: Arc::new(mapping),
            readme: readme.into_bytes().into(),
            meta,
            preamble,
            generations: Generations::new(&directories.arrays[0].meta),
            directories,
            inodes,
            selections: Selections::new(inodes.selection_capacity()),
            pad,
        };
        Ok((tree, pending))
    }

    /// The file of the whole array, `data` of the root.
    pub fn whole(&self) -> Node {
        let kind = NodeKind::Data;
        Node {
            directory_index: 0,
            kind,
        }
    }

    /// The inode number of `node`.
    pub fn inode(&self, node: Node) -> u64 {
        self.inodes.inode_of(node)
    }

    /// The generation number of `node`, which differs from that of another node that had the
    /// same inode number in an earlier mount.
    pub fn generation(&self, node: Node) -> u32 {
        self.generations.of(node)
    }

    /// The node with this inode number; `None` if there is none, or if it was a selection that
    /// has been evicted.
    pub fn node(&self, inode: u64) -> Option<Node> {
        if let Some(number) = self.inodes.selection_number(inode) {
            let directory_index = self.selections.get(number)?.directory_index;
            let kind = NodeKind::Selection(number);
            return Some(Node {
                directory_index,
                kind,
            });
        }
        let node = self.inodes.node_of(inode)?;
        self.directories.list.get(node.directory_index)?;
        let exists = match node.kind {
            NodeKind::Folder(folder) => self.has_folder(node.directory_index, folder),
            NodeKind::Readme | NodeKind::Stats => node.directory_index == 0,
            NodeKind::Meta => self.has_meta(node.directory_index),
            NodeKind::Data | NodeKind::Element { .. } => {
                let view = self.elements(node);
                view.is_some_and(|view| self.file_len(node, &view).is_some())
            }
            NodeKind::Selection(_) => false,
        };
        exists.then_some(node)
    }

    fn array_directory(&self, node: Node) -> &ArrayDirectory {
        &self.directories.list[node.directory_index]
    }

    /// The whole array of the array directory that `node` belongs to.
    fn array_view(&self, node: Node) -> &View {
        &self.directories.arrays[self.array_directory(node).array_index].view
    }

    fn has_meta(&self, directory_index: usize) -> bool {
        self.directories.list[directory_index]
            .encoding
            .folder
            .is_none()
    }

    fn has_folder(&self, directory_index: usize, folder: Folder) -> bool {
        let view = self.array_view(Node::folder(directory_index, folder));
        match folder {
            Folder::Top | Folder::Slices => true,
            Folder::Control => directory_index == 0,
            Folder::Fields => !self.directories.list[directory_index].fields.is_empty(),
            Folder::Axes => view.ndim() >= 1 && self.has_folder(directory_index, Folder::Axis(0)),
            Folder::Rows | Folder::Cols | Folder::Axis(_) => folder
                .axis()
                .and_then(|axis| view.like_taken(axis))
                .is_some_and(|element| {
                    (self.directories.list[directory_index].encoding.len)(&element).is_some()
                }),
        }
    }

    /// The parent directory of `node`. For a slice along axis K it is `axes/K`, even if `rows`
    /// or `cols` lists the slice too. The root is its own parent.
    pub fn parent(&self, node: Node) -> Node {
        let folder = match node.kind {
            NodeKind::Folder(Folder::Top) => return self.array_directory(node).parent,
            NodeKind::Folder(Folder::Axis(_)) => Folder::Axes,
            NodeKind::Folder(_) | NodeKind::Readme | NodeKind::Meta | NodeKind::Data => Folder::Top,
            NodeKind::Stats => Folder::Control,
            NodeKind::Element { axis, .. } => Folder::Axis(axis),
            NodeKind::Selection(_) => Folder::Slices,
        };
        Node::folder(node.directory_index, folder)
    }

    /// The node called `name` in the directory `parent`; `None` if there is none. The names
    /// `.` and `..` are resolved in files too: the kernel does so for NFS file handles.
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
        let directory_index = parent.directory_index;
        let kind = match folder {
            Folder::Top if directory_index == 0 && name == ".arrayfs" => {
                NodeKind::Folder(Folder::Control)
            }
            Folder::Control if name == "stats" => NodeKind::Stats,
            Folder::Control => return None,
            Folder::Top => {
                let mut entries = self.top_entries(directory_index);
                return entries
                    .find(|entry| entry.name == name)
                    .map(|entry| entry.node);
            }
            Folder::Fields => {
                let mut fields = self.array_directory(parent).fields.iter();
                let field = fields.find(|&&field| self.directories.list[field].name == name)?;
                return Some(Node::folder(*field, Folder::Top));
            }
            Folder::Axes => {
                let ndim = self.array_view(parent).ndim() as u64;
                // Directories of axes have neither padded nor negative names.
                let axis = name::parse_index(name, ndim).filter(|axis| axis.to_string() == name)?;
                NodeKind::Folder(Folder::Axis(axis as usize))
            }
            Folder::Slices => self.parse_selection(parent, name)?,
            Folder::Rows | Folder::Cols | Folder::Axis(_) => {
                let axis = folder.axis()?;
                let name = name.strip_suffix(self.array_directory(parent).encoding.suffix)?;
                let index = name::parse_index(name, self.array_view(parent).length(axis))?;
                NodeKind::Element { axis, index }
            }
        };
        Some(Node {
            directory_index,
            kind,
        })
    }

    /// The node that the basic index `name` selects in a `slices` directory. `None` if `name`
    /// is no valid index of the array, or the encoding has no file of the result.
    fn parse_selection(&self, slices: Node, name: &str) -> Option<NodeKind> {
        let encoding = self.array_directory(slices).encoding;
        let index: Index = name.strip_suffix(encoding.suffix)?.parse().ok()?;
        let array = self.array_view(slices);
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
        let directory_index = slices.directory_index;
        let number = self.selections.number(
            Selection {
                directory_index,
                view,
            },
            name,
        );
        Some(NodeKind::Selection(number))
    }

    /// Whether the lookup of `node` may have exceeded the limit of names that the kernel keeps.
    pub fn exceeds_name_limit(&self, node: Node) -> bool {
        matches!(node.kind, NodeKind::Selection(_)) && self.selections.exceeds_limit()
    }

    /// The inode number of a `slices` directory, and the name of a dentry in it that the kernel
    /// should drop. `None` while the number of names is within the limit.
    pub fn pop_excess_name(&self) -> Option<(u64, Box<str>)> {
        let (directory_index, name) = self.selections.pop_excess()?;
        let parent = Node::folder(directory_index, Folder::Slices);
        Some((self.inode(parent), name))
    }

    /// Entry `k` of the directory `parent`, counted from 0 without `.` and `..`; `None` past
    /// the last.
    pub fn entry(&self, parent: Node, k: u64) -> Option<Entry> {
        let NodeKind::Folder(folder) = parent.kind else {
            return None;
        };
        let directory_index = parent.directory_index;
        match folder {
            Folder::Top => self
                .top_entries(directory_index)
                .nth(usize::try_from(k).ok()?),
            Folder::Fields => {
                let fields = &self.array_directory(parent).fields;
                fields
                    .get(usize::try_from(k).ok()?)
                    .map(|&field| self.top_entry(field))
            }
            Folder::Axes => (k < self.array_view(parent).ndim() as u64).then(|| Entry {
                name: k.to_string(),
                node: Node::folder(directory_index, Folder::Axis(k as usize)),
            }),
            Folder::Slices => None,
            Folder::Control => (k == 0).then(|| Entry {
                name: "stats".into(),
                node: Node {
                    directory_index,
                    kind: NodeKind::Stats,
                },
            }),
            Folder::Rows | Folder::Cols | Folder::Axis(_) => {
                let axis = folder.axis()?;
                let length = self.array_view(parent).length(axis);
                let suffix = self.array_directory(parent).encoding.suffix;
                (k < length).then(|| Entry {
                    name: name::listed(k, length, self.pad) + suffix,
                    node: Node {
                        directory_index,
                        kind: NodeKind::Element { axis, index: k },
                    },
                })
            }
        }
    }

    /// The entry of an array directory in its parent directory.
    fn top_entry(&self, directory_index: usize) -> Entry {
        Entry {
            name: self.directories.list[directory_index].name.clone(),
            node: Node::folder(directory_index, Folder::Top),
        }
    }

    /// The entries of an array directory, in the order of listing.
    fn top_entries(&self, directory_index: usize) -> impl Iterator<Item = Entry> {
        let ArrayDirectory {
            encoding, nested, ..
        } = &self.directories.list[directory_index];
        let data = Node {
            directory_index,
            kind: NodeKind::Data,
        };
        let fixed = [
            (
                directory_index == 0,
                "README.txt".to_string(),
                NodeKind::Readme,
            ),
            (
                self.has_meta(directory_index),
                "meta.json".to_string(),
                NodeKind::Meta,
            ),
            (
                (encoding.len)(self.array_view(data)).is_some(),
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
            let exists = self.has_folder(directory_index, folder);
            (exists, name.to_string(), NodeKind::Folder(folder))
        });
        let fixed = fixed.into_iter().chain(folders);
        let fixed = fixed.filter(|(exists, ..)| *exists);
        let fixed = fixed.map(move |(_, name, kind)| Entry {
            name,
            node: Node {
                directory_index,
                kind,
            },
        });
        fixed.chain(nested.iter().map(|&nested| self.top_entry(nested)))
    }

    /// The mapping that all files of the tree share.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The description of the tree's array.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The approximate number of files and directories, without selections, for `statfs`.
    pub fn nodes(&self) -> u64 {
        let counts = self.directories.list.iter().map(|array_directory| {
            let lengths = self.directories.arrays[array_directory.array_index]
                .view
                .shape()
                .lengths();
            lengths.iter().fold(6u64, |sum, &n| sum.saturating_add(n))
        });
        counts.fold(0, u64::saturating_add)
    }
}
