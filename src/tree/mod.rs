//! The tree of names: which nodes there are, what they are called, which inode
//! numbers they have and which virtual file each file is. All of it is worked
//! out from the array; only selections are stored, and few of them. It does not
//! know FUSE.

mod array_directory;
mod generation;
mod inode;
mod name;
mod node;
mod path;
mod readme;
mod selection;

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use crate::array::{Index, Order, Shape, View};
use crate::mapping::{Mapping, Pending};
use crate::source::{Meta, Source};
use crate::vfile::{CsvForm, Segment, VirtualFile};
use array_directory::{ArrayDirectories, ArrayDirectory};
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

/// Keeps the inode number of an open file.
#[derive(Debug)]
pub struct Pin {
    _selection: Option<Arc<Selection>>,
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

    /// The tree of the array of `source` as it is mounted on `mountpoint`, index
    /// names listed padded with zeros if `pad` is set, text in the form `csv`; and
    /// what is still to be done to the backing file.
    ///
    /// # Errors
    ///
    /// When the array has more slices than there are inode numbers.
    pub fn new(
        source: Source,
        mountpoint: &Path,
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
            readme: readme::text(&meta, mountpoint, pad, csv)
                .into_bytes()
                .into(),
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

    /// The elements that the file `node` shows, if it shows elements.
    fn elements(&self, node: Node) -> Option<View> {
        match node.kind {
            NodeKind::Folder(_) | NodeKind::Readme | NodeKind::Meta | NodeKind::Stats => None,
            NodeKind::Data => Some(self.array(node).clone()),
            NodeKind::Element { axis, index } => self.array(node).take(axis, index),
            NodeKind::Selection(number) => Some(self.selections.get(number)?.view.clone()),
        }
    }

    /// The array that `node` stands for: the elements of a file, or the array
    /// of an array directory.
    pub fn represented_view(&self, node: Node) -> Option<View> {
        match node.kind {
            NodeKind::Folder(Folder::Top) => Some(self.array(node).clone()),
            _ => self.elements(node),
        }
    }

    /// Whether `node` is the backing file as it stands, what it begins with to
    /// say what it holds included.
    fn is_verbatim(&self, node: Node) -> bool {
        let directory = self.directory(node);
        let in_format = directory.encoding.folder == Some(self.meta.format);
        in_format && directory.array == 0 && node.kind == NodeKind::Data
    }

    /// The size of the file `node`, which shows `view`.
    fn len_of(&self, node: Node, view: &View) -> Option<u64> {
        if self.is_verbatim(node) {
            return (self.preamble.len() as u64).checked_add(view.nbytes());
        }
        (self.directory(node).encoding.len)(view)
    }

    /// What there is to know of `node` without opening it; `None` if it is no
    /// longer known.
    pub fn node_attributes(&self, node: Node) -> Option<NodeAttributes> {
        let array = self.directory(node).array;
        let directories = || {
            let entries = (0..).map_while(|k| self.entry(node, k));
            entries.filter(|entry| entry.node.is_directory()).count() as u32
        };
        let (len, links) = match node.kind {
            NodeKind::Folder(Folder::Top | Folder::Axes) => (0, 2 + directories()),
            NodeKind::Folder(Folder::Fields) => (0, 2 + self.directory(node).fields.len() as u32),
            NodeKind::Folder(_) => (0, 2),
            NodeKind::Readme => (self.readme.len() as u64, 1),
            // As in /proc, what it holds is not known before it is opened.
            NodeKind::Stats => (0, 1),
            NodeKind::Meta => (self.directories.arrays[array].meta.len() as u64, 1),
            NodeKind::Data | NodeKind::Element { .. } | NodeKind::Selection(_) => {
                let view = self.elements(node)?;
                (self.len_of(node, &view)?, 1)
            }
        };
        let elements = matches!(
            node.kind,
            NodeKind::Data | NodeKind::Element { .. } | NodeKind::Selection(_)
        );
        Some(NodeAttributes {
            is_directory: node.is_directory(),
            len,
            shows_elements: elements,
            writable: elements && self.directory(node).encoding.writable,
            links,
        })
    }

    /// The virtual file that `node` is, and what keeps its inode number as long
    /// as it is held; `None` for a directory.
    pub fn open(&self, node: Node) -> Option<(VirtualFile, Pin)> {
        let selection = match node.kind {
            NodeKind::Selection(number) => Some(self.selections.get(number)?),
            _ => None,
        };
        let file = self.file(node)?;
        let pin = Pin {
            _selection: selection,
        };
        Some((file, pin))
    }

    fn file(&self, node: Node) -> Option<VirtualFile> {
        let directory = self.directory(node);
        match node.kind {
            NodeKind::Readme => return Some(VirtualFile::literal(self.readme.clone())),
            NodeKind::Meta => {
                let meta = self.directories.arrays[directory.array].meta.clone();
                return Some(VirtualFile::literal(meta));
            }
            _ => {}
        }
        let view = self.elements(node)?;
        if self.is_verbatim(node) {
            let preamble = Segment::Literal {
                bytes: self.preamble.clone(),
                is_equivalent: directory.encoding.is_equivalent,
            };
            let view = match self.meta.order {
                Order::C => view,
                Order::F => view.transposed(),
            };
            return Some(VirtualFile::new([
                preamble,
                Segment::view(&self.mapping, &view),
            ]));
        }
        let segments = (directory.encoding.segments)(&self.mapping, &view);
        Some(VirtualFile::new(segments))
    }

    /// Whether `file`, the node `node`, begins like the backing file and goes on
    /// like it to its own end.
    pub fn is_in_place(&self, node: Node, file: &VirtualFile) -> bool {
        file.is_in_place() && (!file.has_literals() || self.is_verbatim(node))
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
