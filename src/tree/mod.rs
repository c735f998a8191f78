//! The directory tree of a mount: nodes, their names, inode numbers and virtual files.
//! Everything is computed from the arrays, except for a bounded table of selections. The FUSE
//! protocol, including what the kernel caches, is the business of `fs`.

mod array_directory;
mod directory;
mod entries;
mod existence;
mod file;
mod form;
mod generation;
mod group;
mod inode;
mod lookup;
mod member_path;
pub mod name;
mod node;
mod page;
mod path;
mod selection;
mod store;

use std::borrow::Cow;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::array::{Shape, View};
use crate::dtype::DType;
use crate::mapping::{Mapping, Pending};
use crate::source::{Contents, Member, Meta, Origin, Skipped, Source, group_json};
use crate::vfile::{EncodingOptions, zarr};
use array_directory::{Array, ArrayDirectory};
use directory::Directories;
pub use file::Pin;
use generation::Generations;
use group::Group;
use inode::Inodes;
pub use node::{Entry, Node, NodeAttributes};
use node::{Folder, NodeKind};
use selection::Selections;

/// Why arrays cannot be shown as a tree.
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

/// The texts of `README.txt`, which are made when they are read.
pub trait Readme: Debug + Send + Sync {
    /// The text for the array that `meta` describes, whose directory is at `path` in the mount.
    fn of_array(&self, meta: &Meta, path: &str) -> String;

    /// The text for the root of a mount with several arrays, each with its path in the mount.
    fn of_group(&self, origin: &Origin, contents: &Contents, paths: &[String]) -> String;

    /// The text for a directory of tables that has none of an array of more than two axes.
    fn of_tables(&self, dtype: &DType, shape: &Shape) -> String;
}

/// The names, nodes and files of a mount.
#[derive(Debug)]
pub struct Tree {
    mapping: Arc<Mapping>,
    layout: Layout,
    readme: Box<dyn Readme>,
    /// `README.txt`, `meta.json` and `index.html` of the root, once they have been read.
    root_texts: [OnceLock<Arc<[u8]>>; 3],
    /// The files of the store of the root, once they have been read; `None` for one that there
    /// is not.
    store_texts: [OnceLock<Option<Arc<[u8]>>>; zarr::GROUP_FILES.len()],
    generations: Generations,
    selections: Selections,
    pad: bool,
}

/// The directories of a mount and their inode numbers.
#[derive(Debug)]
pub struct Layout {
    origin: Arc<Origin>,
    contents: Contents,
    directories: Directories,
    inodes: Inodes,
}

impl Layout {
    /// The layout for the arrays that `contents` lists, in the file `origin`. Members of a group
    /// whose nodes would not fit 63 bits are skipped.
    ///
    /// # Errors
    ///
    /// When a single array has more slices than there are inode numbers.
    pub fn new(
        origin: Arc<Origin>,
        mut contents: Contents,
        options: &EncodingOptions,
    ) -> Result<Layout, TreeError> {
        let mut directories = Directories::new(&origin, &contents, options);
        let mut inodes = inodes(&directories, 0);
        if contents.is_group && inodes.is_err() {
            let (ndim, _) = extremes(&directories);
            let limit = Inodes::longest_axis(directories.count(), ndim);
            skip_longer(&mut contents, limit);
            directories = Directories::new(&origin, &contents, options);
            inodes = self::inodes(&directories, 0);
        }
        // Where there are numbers for all slices, but not for all chunks, there are no chunks.
        let inodes = inodes.and_then(|fitting| {
            directories.leave_out_longer(fitting.most_files());
            self::inodes(&directories, directories.most_files())
        });
        let inodes = inodes.map_err(|needed| TreeError::TooManyNodes {
            shape: directories.arrays[0].meta.view.shape().clone(),
            needed,
        })?;
        Ok(Layout {
            origin,
            contents,
            directories,
            inodes,
        })
    }

    /// The content of `meta.json` in the directory of an array or group; `None` if it has none.
    fn meta_json(&self, number: usize) -> Option<String> {
        match self.directories.group(number) {
            Some(group) => Some(self.group_json(number, group)),
            None => {
                let directory = self.directories.array_directory(number)?;
                let has_meta = directory.encoding.folder().is_none();
                has_meta.then(|| directory.meta().to_json())
            }
        }
    }

    fn group_json(&self, number: usize, group: &Group) -> String {
        let is_root = number == 0;
        let path = self.group_path(number);
        let arrays = self.directories.arrays.iter().filter_map(|array| {
            let member = &self.contents.members[array.member?];
            let path_of_array = self.array_path(array);
            let below = match is_root {
                true => path_of_array,
                false => path_of_array
                    .strip_prefix(&path)?
                    .strip_prefix('/')?
                    .to_owned(),
            };
            Some((member, below))
        });
        let arrays: Vec<(&Member, String)> = arrays.collect();
        let skipped: &[Skipped] = match is_root {
            true => &self.contents.skipped,
            false => &[],
        };
        group_json(&self.origin, &arrays, skipped, &group.attributes)
    }

    /// The content of `meta.json` in the root.
    pub fn root_json(&self) -> String {
        self.meta_json(0).unwrap_or_default()
    }

    /// What the mount shows.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The path of the directory of each member, in the order of the file.
    pub fn member_paths(&self) -> Vec<String> {
        let arrays = self.directories.arrays.iter();
        let members = arrays.filter(|array| array.member.is_some());
        members.map(|array| self.array_path(array)).collect()
    }

    fn array_path(&self, array: &Array) -> String {
        let group = array.parent.directory_index;
        match self.group_path(group).as_str() {
            "" => array.name.clone(),
            above => format!("{above}/{}", array.name),
        }
    }

    fn group_path(&self, mut number: usize) -> String {
        let mut names = Vec::new();
        while let Some(group) = self.directories.group(number).filter(|_| number != 0) {
            names.push(group.name.as_str());
            number = group.parent;
        }
        names.reverse();
        names.join("/")
    }
}

/// The most axes of an array, and the length of the longest.
fn extremes(directories: &Directories) -> (usize, u64) {
    let views = || directories.arrays.iter().map(|array| &array.meta.view);
    let ndim = views().map(View::ndim).max().unwrap_or(0);
    let lengths = views().flat_map(|view| view.shape().lengths());
    (ndim, lengths.copied().max().unwrap_or(0))
}

/// The layout of inode numbers, of which a directory needs `files` for numbered files.
///
/// # Errors
///
/// The number of bits needed, if there are too few.
fn inodes(directories: &Directories, files: u64) -> Result<Inodes, u32> {
    let (ndim, longest) = extremes(directories);
    Inodes::new(directories.count(), ndim, longest.max(files))
}

/// Skips members with an axis longer than `limit`.
fn skip_longer(contents: &mut Contents, limit: u64) {
    let fits = |member: &Member| {
        let mut lengths = member.view.shape().lengths().iter();
        lengths.all(|&length| length <= limit)
    };
    let members = std::mem::take(&mut contents.members).into_iter();
    let (kept, longer): (Vec<Member>, Vec<Member>) = members.partition(fits);
    contents.members = kept;
    contents.skipped.extend(longer.iter().map(|member| Skipped {
        name: member.display_name(),
        why: format!("shape {}: too many inode numbers", member.view.shape()),
        remedy: None,
    }));
}

impl Tree {
    /// The root directory.
    pub const ROOT: Node = Node {
        directory_index: 0,
        kind: NodeKind::Folder(Folder::Top),
    };

    /// `.arrayfs/stats`.
    pub const STATS: Node = Node {
        directory_index: 0,
        kind: NodeKind::Stats,
    };

    /// The inode numbers that no node has.
    pub const FREE_INODES: Range<u64> = inode::FREE;

    /// The tree of the arrays of `source`, and the pending changes of the backing file.
    ///
    /// - `readme`: the texts of `README.txt`.
    /// - `pad`: whether index names are listed padded with zeros.
    /// - `options`: those of the encodings.
    ///
    /// # Errors
    ///
    /// As [`Layout::new`].
    pub fn new(
        source: Source,
        readme: Box<dyn Readme>,
        pad: bool,
        options: &EncodingOptions,
    ) -> Result<(Tree, Pending), TreeError> {
        let Source {
            mapping,
            pending,
            origin,
            contents,
        } = source;
        let layout = Layout::new(origin, contents, options)?;
        let tree = Tree {
            mapping: Arc::new(mapping),
            readme,
            root_texts: Default::default(),
            store_texts: Default::default(),
            generations: Generations::new(&layout.root_json(), options),
            selections: Selections::new(layout.inodes.selection_capacity()),
            layout,
            pad,
        };
        Ok((tree, pending))
    }

    /// The inode number of `node`.
    pub fn inode(&self, node: Node) -> u64 {
        self.layout.inodes.inode_of(node)
    }

    /// The generation number of `node`, which differs from that of another node that had the
    /// same inode number in an earlier mount.
    pub fn generation(&self, node: Node) -> u32 {
        self.generations.of(node)
    }

    /// The node with this inode number; `None` if there is none, or if it was a selection that
    /// has been evicted.
    pub fn node(&self, inode: u64) -> Option<Node> {
        if let Some(number) = self.layout.inodes.selection_number(inode) {
            let directory_index = self.selections.get(number)?.directory_index;
            let kind = NodeKind::Selection(number);
            return Some(Node {
                directory_index,
                kind,
            });
        }
        let node = self.layout.inodes.node_of(inode)?;
        self.exists(node).then_some(node)
    }

    /// The group that `node` is in; `None` for nodes of arrays.
    fn group(&self, node: Node) -> Option<&Group> {
        self.layout.directories.group(node.directory_index)
    }

    /// The array directory that `node` belongs to; `None` for nodes of groups.
    fn array_directory(&self, node: Node) -> Option<ArrayDirectory<'_>> {
        self.layout
            .directories
            .array_directory(node.directory_index)
    }

    /// The whole array of the array directory that `node` belongs to; `None` for nodes of groups.
    fn array_view(&self, node: Node) -> Option<Cow<'_, View>> {
        Some(self.array_directory(node)?.view())
    }

    /// The parent directory of `node`. For a slice along axis K it is `axes/K`, even if `rows`
    /// or `cols` lists the slice too. The root is its own parent.
    pub fn parent(&self, node: Node) -> Node {
        let folder = match node.kind {
            NodeKind::Folder(Folder::Top) => {
                return self.layout.directories.parent(node.directory_index);
            }
            NodeKind::Folder(Folder::Axis(_)) => Folder::Axes,
            NodeKind::File(number) => self.folder_of_file(node, number),
            NodeKind::Folder(_)
            | NodeKind::Readme
            | NodeKind::Meta
            | NodeKind::Header
            | NodeKind::Page
            | NodeKind::Data => Folder::Top,
            NodeKind::Stats => Folder::Control,
            NodeKind::Element { axis, .. } => Folder::Axis(axis),
            NodeKind::Selection(_) => Folder::Slices,
        };
        Node::folder(node.directory_index, folder)
    }

    /// The mapping that all files of the tree share.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The size of all arrays in bytes.
    pub fn nbytes(&self) -> u64 {
        let members = self.layout.contents.members.iter();
        let sizes = members.map(|member| member.view.nbytes());
        sizes.fold(0, u64::saturating_add)
    }

    /// The approximate number of files and directories, without selections, for `statfs`.
    pub fn nodes(&self) -> u64 {
        let directories = &self.layout.directories;
        let counts = directories.arrays.iter().map(|array| {
            let lengths = array.meta.view.shape().lengths();
            let one_form = lengths.iter().fold(6u64, |sum, &n| sum.saturating_add(n));
            let elements = one_form.saturating_mul(directories.forms(array));
            elements.saturating_add(array.most_files)
        });
        let groups = 2 * directories.groups.len() as u64;
        counts.fold(groups, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Order;
    use crate::dtype::DType;
    use crate::mapping::Mode;

    /// The layout of an array of this many rows of 1024 bytes with a chunk for each byte, alone or
    /// in a group with a small array.
    fn layout(is_group: bool, rows: u64) -> Layout {
        let array = |rows| {
            let shape = Shape::new(vec![rows, 1 << 10]);
            let view = View::strided(DType::BYTE, 0, shape, vec![0, 0]).unwrap();
            Member::new(format!("a{rows}"), view, Order::C)
        };
        let mut contents = Contents::group();
        contents.is_group = is_group;
        contents.members = vec![array(rows), array(2)];
        let origin = Origin {
            file: "/file".into(),
            data_file: None,
            format: "raw",
            mode: Mode::ReadOnly,
            writable: false,
        };
        let options = EncodingOptions {
            zarr_chunks: Some(Shape::new(vec![1, 1])),
            ..EncodingOptions::default()
        };
        Layout::new(Arc::new(origin), contents, &options).unwrap()
    }

    #[test]
    fn arrays_with_more_chunks_than_inode_numbers_have_no_store() {
        for (is_group, rows, expected) in [
            (false, 1 << 40, true),
            (false, 1 << 50, false),
            (true, 1 << 40, true),
            (true, 1 << 50, false),
        ] {
            let layout = layout(is_group, rows);
            let directories = &layout.directories;
            let number = directories.first_array();
            let plain = directories.array_directory(number).unwrap();
            let has_store = directories.nested(plain).any(|(name, _)| name == "zarr");
            assert_eq!(has_store, expected, "{is_group} {rows}");
            assert_eq!(directories.stored(number).is_some(), is_group && expected);
            assert_eq!(directories.root_store().is_some(), is_group);
        }
    }
}
