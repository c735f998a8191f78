//! The tree of names: which nodes there are, what they are called, which inode
//! numbers they have and which virtual file each file is. All of it is worked
//! out from the array; only selections are stored, and few of them. It does not
//! know FUSE.

mod generation;
mod inode;
mod name;
mod node;
mod path;
mod place;
mod readme;
mod selection;

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use crate::array::{Index, Order, Shape, View};
use crate::mapping::{Mapping, Pending};
use crate::source::{Meta, Source};
use crate::vfile::{Segment, VirtualFile};
use generation::Generations;
use inode::Inodes;
pub use node::{Entry, Facts, Node};
use node::{Folder, Kind};
use place::{Place, Places};
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
    numbered(meta, &Places::of(meta)).map(|_| ())
}

/// How the inode numbers of an array's nodes are made up.
fn numbered(meta: &Meta, places: &Places) -> Result<Inodes, TreeError> {
    let views = places.arrays.iter().map(|array| &array.view);
    let ndim = views.clone().map(View::ndim).max().unwrap_or(0);
    let lengths = views.flat_map(|view| view.shape().lengths());
    let longest = lengths.copied().max().unwrap_or(0);
    Inodes::new(places.places.len(), ndim, longest).map_err(|needed| {
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
    places: Places,
    inodes: Inodes,
    generations: Generations,
    selections: Selections,
    pad: bool,
}

impl Tree {
    /// The root directory.
    pub const ROOT: Node = Node {
        place: 0,
        kind: Kind::Folder(Folder::Top),
    };

    /// The tree of the array of `source` as it is mounted on `mountpoint`, index
    /// names listed padded with zeros if `pad` is set; and what is still to be
    /// done to the backing file.
    ///
    /// # Errors
    ///
    /// When the array has more slices than there are inode numbers.
    pub fn new(source: Source, mountpoint: &Path, pad: bool) -> Result<(Tree, Pending), TreeError> {
        let Source {
            mapping,
            pending,
            meta,
            preamble,
        } = source;
        let places = Places::of(&meta);
        let inodes = numbered(&meta, &places)?;
        let tree = Tree {
            mapping: Arc::new(mapping),
            readme: readme::text(&meta, mountpoint, pad).into_bytes().into(),
            meta,
            preamble,
            generations: Generations::new(&places.arrays[0].meta),
            places,
            inodes,
            selections: Selections::new(inodes.selections()),
            pad,
        };
        Ok((tree, pending))
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

    /// The generation number of `node`: what tells it from another that had its inode
    /// number in an earlier mount.
    pub fn generation(&self, node: Node) -> u32 {
        self.generations.of(node)
    }

    /// The node with this inode number.
    pub fn node(&self, inode: u64) -> Option<Node> {
        if let Some(number) = self.inodes.selection(inode) {
            let place = self.selections.get(number)?.place;
            let kind = Kind::Selection(number);
            return Some(Node { place, kind });
        }
        let node = self.inodes.node(inode)?;
        self.places.places.get(node.place)?;
        let exists = match node.kind {
            Kind::Folder(folder) => self.has_folder(node.place, folder),
            Kind::Readme | Kind::Stats => node.place == 0,
            Kind::Meta => self.has_meta(node.place),
            Kind::Data | Kind::Element { .. } => {
                let view = self.elements(node);
                view.is_some_and(|view| self.len_of(node, &view).is_some())
            }
            Kind::Selection(_) => false,
        };
        exists.then_some(node)
    }

    fn place(&self, node: Node) -> &Place {
        &self.places.places[node.place]
    }

    /// The array of the place of `node`.
    fn array(&self, node: Node) -> &View {
        &self.places.arrays[self.place(node).array].view
    }

    fn has_meta(&self, place: usize) -> bool {
        self.places.places[place].encoding.folder.is_none()
    }

    fn has_folder(&self, place: usize, folder: Folder) -> bool {
        let view = self.array(Node::folder(place, folder));
        match folder {
            Folder::Top | Folder::Slices => true,
            Folder::Control => place == 0,
            Folder::Fields => !self.places.places[place].fields.is_empty(),
            Folder::Axes => view.ndim() >= 1 && self.has_folder(place, Folder::Axis(0)),
            Folder::Rows | Folder::Cols | Folder::Axis(_) => folder
                .axis()
                .and_then(|axis| view.like_taken(axis))
                .is_some_and(|element| {
                    (self.places.places[place].encoding.len)(&element).is_some()
                }),
        }
    }

    /// The directory that holds `node`; of the directories that list an element,
    /// its axis' own. The root holds itself.
    pub fn parent(&self, node: Node) -> Node {
        let folder = match node.kind {
            Kind::Folder(Folder::Top) => return self.place(node).parent,
            Kind::Folder(Folder::Axis(_)) => Folder::Axes,
            Kind::Folder(_) | Kind::Readme | Kind::Meta | Kind::Data => Folder::Top,
            Kind::Stats => Folder::Control,
            Kind::Element { axis, .. } => Folder::Axis(axis),
            Kind::Selection(_) => Folder::Slices,
        };
        Node::folder(node.place, folder)
    }

    /// The node called `name` in `directory`. `.` and `..` are those of any node, also
    /// of a file, which holds nothing else.
    pub fn lookup(&self, directory: Node, name: &OsStr) -> Option<Node> {
        let name = name.to_str()?;
        match name {
            "." => return Some(directory),
            ".." => return Some(self.parent(directory)),
            _ => {}
        }
        let Kind::Folder(folder) = directory.kind else {
            return None;
        };
        let place = directory.place;
        let kind = match folder {
            Folder::Top if place == 0 && name == ".arrayfs" => Kind::Folder(Folder::Control),
            Folder::Control if name == "stats" => Kind::Stats,
            Folder::Control => return None,
            Folder::Top => {
                let mut entries = self.named(place);
                return entries
                    .find(|entry| entry.name == name)
                    .map(|entry| entry.node);
            }
            Folder::Fields => {
                let mut fields = self.place(directory).fields.iter();
                let field = fields.find(|&&field| self.places.places[field].name == name)?;
                return Some(Node::folder(*field, Folder::Top));
            }
            Folder::Axes => {
                let axes = self.array(directory).ndim() as u64;
                // An axis has no padded or negative name.
                let axis = name::index(name, axes).filter(|axis| axis.to_string() == name)?;
                Kind::Folder(Folder::Axis(axis as usize))
            }
            Folder::Slices => self.select(directory, name)?,
            Folder::Rows | Folder::Cols | Folder::Axis(_) => {
                let axis = folder.axis()?;
                let name = name.strip_suffix(self.place(directory).encoding.suffix)?;
                let index = name::index(name, self.array(directory).length(axis))?;
                Kind::Element { axis, index }
            }
        };
        Some(Node { place, kind })
    }

    /// What the basic index `name` selects of the array that has `slices`.
    fn select(&self, slices: Node, name: &str) -> Option<Kind> {
        let encoding = self.place(slices).encoding;
        let index: Index = name.strip_suffix(encoding.suffix)?.parse().ok()?;
        let array = self.array(slices);
        let indexed = array.index(&index)?;
        (encoding.len)(&indexed.view)?;
        if let Some((axis, index)) = indexed.element {
            return Some(Kind::Element { axis, index });
        }
        let view = indexed.view.canonical();
        if view == array.canonical() {
            return Some(Kind::Data);
        }
        if let Some((axis, index)) = array.element_like(&view) {
            return Some(Kind::Element { axis, index });
        }
        let place = slices.place;
        let number = self.selections.number(Selection { place, view }, name);
        Some(Kind::Selection(number))
    }

    /// Whether looking up `node` can have made the names too many.
    pub fn has_surplus_names(&self, node: Node) -> bool {
        matches!(node.kind, Kind::Selection(_)) && self.selections.has_surplus()
    }

    /// The inode number of a `slices` directory and a name in it that whoever
    /// caches names should forget, if there are too many.
    pub fn surplus_name(&self) -> Option<(u64, Box<str>)> {
        let (place, name) = self.selections.surplus()?;
        let directory = Node::folder(place, Folder::Slices);
        Some((self.inode(directory), name))
    }

    /// The `k`-th entry of `directory`, without `.` and `..`; `None` past the
    /// last.
    pub fn entry(&self, directory: Node, k: u64) -> Option<Entry> {
        let Kind::Folder(folder) = directory.kind else {
            return None;
        };
        let place = directory.place;
        match folder {
            Folder::Top => self.named(place).nth(usize::try_from(k).ok()?),
            Folder::Fields => {
                let fields = &self.place(directory).fields;
                fields
                    .get(usize::try_from(k).ok()?)
                    .map(|&field| self.entry_of(field))
            }
            Folder::Axes => (k < self.array(directory).ndim() as u64).then(|| Entry {
                name: k.to_string(),
                node: Node::folder(place, Folder::Axis(k as usize)),
            }),
            Folder::Slices => None,
            Folder::Control => (k == 0).then(|| Entry {
                name: "stats".into(),
                node: Node {
                    place,
                    kind: Kind::Stats,
                },
            }),
            Folder::Rows | Folder::Cols | Folder::Axis(_) => {
                let axis = folder.axis()?;
                let length = self.array(directory).length(axis);
                let suffix = self.place(directory).encoding.suffix;
                (k < length).then(|| Entry {
                    name: name::listed(k, length, self.pad) + suffix,
                    node: Node {
                        place,
                        kind: Kind::Element { axis, index: k },
                    },
                })
            }
        }
    }

    /// The entry of a place in the directory that lists it.
    fn entry_of(&self, place: usize) -> Entry {
        Entry {
            name: self.places.places[place].name.clone(),
            node: Node::folder(place, Folder::Top),
        }
    }

    /// The entries of the top directory of a place, in the order of listing.
    fn named(&self, place: usize) -> impl Iterator<Item = Entry> {
        let Place {
            encoding, nested, ..
        } = &self.places.places[place];
        let data = Node {
            place,
            kind: Kind::Data,
        };
        let own = [
            (place == 0, "README.txt".to_string(), Kind::Readme),
            (self.has_meta(place), "meta.json".to_string(), Kind::Meta),
            (
                (encoding.len)(self.array(data)).is_some(),
                format!("data{}", encoding.suffix),
                Kind::Data,
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
            let exists = self.has_folder(place, folder);
            (exists, name.to_string(), Kind::Folder(folder))
        });
        let own = own.into_iter().chain(folders);
        let own = own.filter(|(exists, ..)| *exists);
        let own = own.map(move |(_, name, kind)| Entry {
            name,
            node: Node { place, kind },
        });
        own.chain(nested.iter().map(|&place| self.entry_of(place)))
    }

    /// The elements that the file `node` shows, if it shows elements.
    fn elements(&self, node: Node) -> Option<View> {
        match node.kind {
            Kind::Folder(_) | Kind::Readme | Kind::Meta | Kind::Stats => None,
            Kind::Data => Some(self.array(node).clone()),
            Kind::Element { axis, index } => self.array(node).take(axis, index),
            Kind::Selection(number) => Some(self.selections.get(number)?.view.clone()),
        }
    }

    /// The array that `node` stands for: the elements of a file, or the array
    /// of an array directory.
    pub fn stands_for(&self, node: Node) -> Option<View> {
        match node.kind {
            Kind::Folder(Folder::Top) => Some(self.array(node).clone()),
            _ => self.elements(node),
        }
    }

    /// Whether `node` is the backing file as it stands, what it begins with to
    /// say what it holds included.
    fn is_verbatim(&self, node: Node) -> bool {
        let place = self.place(node);
        let in_format = place.encoding.folder == Some(self.meta.format);
        in_format && place.array == 0 && node.kind == Kind::Data
    }

    /// The size of the file `node`, which shows `view`.
    fn len_of(&self, node: Node, view: &View) -> Option<u64> {
        if self.is_verbatim(node) {
            return (self.preamble.len() as u64).checked_add(view.nbytes());
        }
        (self.place(node).encoding.len)(view)
    }

    /// What there is to know of `node` without opening it; `None` if it is no
    /// longer known.
    pub fn facts(&self, node: Node) -> Option<Facts> {
        let array = self.place(node).array;
        let directories = || {
            let entries = (0..).map_while(|k| self.entry(node, k));
            entries.filter(|entry| entry.node.is_directory()).count() as u32
        };
        let (len, links) = match node.kind {
            Kind::Folder(Folder::Top | Folder::Axes) => (0, 2 + directories()),
            Kind::Folder(Folder::Fields) => (0, 2 + self.place(node).fields.len() as u32),
            Kind::Folder(_) => (0, 2),
            Kind::Readme => (self.readme.len() as u64, 1),
            // As in /proc, what it holds is not known before it is opened.
            Kind::Stats => (0, 1),
            Kind::Meta => (self.places.arrays[array].meta.len() as u64, 1),
            Kind::Data | Kind::Element { .. } | Kind::Selection(_) => {
                let view = self.elements(node)?;
                (self.len_of(node, &view)?, 1)
            }
        };
        let elements = matches!(
            node.kind,
            Kind::Data | Kind::Element { .. } | Kind::Selection(_)
        );
        Some(Facts {
            directory: node.is_directory(),
            len,
            shows_elements: elements,
            writable: elements && self.place(node).encoding.writable,
            links,
        })
    }

    /// The virtual file that `node` is, and what keeps its inode number as long
    /// as it is held; `None` for a directory.
    pub fn open(&self, node: Node) -> Option<(VirtualFile, Pin)> {
        let selection = match node.kind {
            Kind::Selection(number) => Some(self.selections.get(number)?),
            _ => None,
        };
        let file = self.file(node)?;
        let pin = Pin {
            _selection: selection,
        };
        Some((file, pin))
    }

    fn file(&self, node: Node) -> Option<VirtualFile> {
        let place = self.place(node);
        match node.kind {
            Kind::Readme => return Some(VirtualFile::literal(self.readme.clone())),
            Kind::Meta => {
                let meta = self.places.arrays[place.array].meta.clone();
                return Some(VirtualFile::literal(meta));
            }
            _ => {}
        }
        let view = self.elements(node)?;
        if self.is_verbatim(node) {
            let preamble = Segment::Literal {
                bytes: self.preamble.clone(),
                stands_for: place.encoding.stands_for,
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
        let segments = (place.encoding.segments)(&self.mapping, &view);
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
        let counts = self.places.places.iter().map(|place| {
            let lengths = self.places.arrays[place.array].view.shape().lengths();
            lengths.iter().fold(6u64, |sum, &n| sum.saturating_add(n))
        });
        counts.fold(0, u64::saturating_add)
    }
}
