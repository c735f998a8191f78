//! Lookup: the node that a name denotes in a directory.

use std::ffi::OsStr;

use super::Tree;
use super::name;
use super::node::{Folder, Node, NodeKind};
use super::selection::Selection;
use crate::array::Index;

impl Tree {
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
            Folder::Top => return self.lookup_in_top(parent, name),
            Folder::Fields => {
                let number = self.array_directory(parent)?.array.fields.get(name)?;
                return Some(Node::folder(number, Folder::Top));
            }
            Folder::Axes => {
                // Directories of axes have neither padded nor negative names.
                let mut axes = self.axes(directory_index);
                let axis = axes.find(|axis| axis.to_string() == name)?;
                NodeKind::Folder(Folder::Axis(axis))
            }
            Folder::Slices => self.parse_selection(parent, name)?,
            Folder::Numbered(position) => self.file_in_subdirectory(parent, position, name)?,
            Folder::Rows | Folder::Cols | Folder::Axis(_) => {
                let axis = folder.axis()?;
                let directory = self.array_directory(parent)?;
                let name = name.strip_suffix(directory.suffix())?;
                let index = name::parse_index(name, directory.view().length(axis))?;
                NodeKind::Element { axis, index }
            }
        };
        Some(Node {
            directory_index,
            kind,
        })
    }

    /// The node called `name` in the directory of an array or group.
    fn lookup_in_top(&self, top: Node, name: &str) -> Option<Node> {
        if let Some(number) = self.group(top).and_then(|group| group.children.get(name)) {
            return Some(Node::folder(number, Folder::Top));
        }
        if let Some(node) = self.stored_node(top, name) {
            return Some(node);
        }
        let mut entries = self.fixed_entries(top);
        let entry = entries.find(|entry| entry.name == name)?;
        Some(entry.node)
    }

    /// The node that the basic index `name` selects in a `slices` directory. `None` if `name`
    /// is no valid index of the array, or the encoding has no file of the result.
    fn parse_selection(&self, slices: Node, name: &str) -> Option<NodeKind> {
        let directory = self.array_directory(slices)?;
        let index = parse_index(name.strip_suffix(directory.suffix())?)?;
        let array = directory.view();
        let indexed = array.index(&index)?;
        directory.len_of(&indexed.view)?;
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

    /// Whether a file of this name that is not the tree's can be made in the directory `parent`:
    /// where there are array files that can be written. Refused are
    ///
    /// - names that read as an index, or have only characters of one, since whoever writes `rows/100`
    ///   of 100 rows means a row. Those of chunks are among them;
    /// - names that macOS makes in every directory that it shows.
    pub fn takes_other_file(&self, parent: Node, name: &OsStr) -> bool {
        let NodeKind::Folder(folder) = parent.kind else {
            return false;
        };
        let file = Node {
            kind: NodeKind::Data,
            ..parent
        };
        let has_files = match folder {
            Folder::Top => self.exists(file) || self.is_store(parent),
            Folder::Rows | Folder::Cols | Folder::Axis(_) | Folder::Slices => true,
            Folder::Axes | Folder::Fields | Folder::Control | Folder::Numbered(_) => false,
        };
        let Some(directory) = self.array_directory(parent).filter(|_| has_files) else {
            return false;
        };
        let is_free = |name: &str| {
            let stem = name.strip_suffix(directory.suffix()).unwrap_or(name);
            let is_digits = |name: &str| name.chars().all(|c| "0123456789-+:_,.".contains(c));
            let is_index = is_digits(stem) && !stem.is_empty() || parse_index(stem).is_some();
            !is_index && !name.starts_with("._") && name != ".DS_Store"
        };
        directory.encoding.is_writable()
            && directory.coding.is_writable()
            && name.to_str().is_none_or(is_free)
    }

    /// Counts a LOOKUP of `node`, whose inode number is not reused until the kernel
    /// [forgets](Self::forget) it. False for a selection that has been evicted.
    pub fn count_lookup(&self, node: Node) -> bool {
        match node.kind {
            NodeKind::Selection(number) => self.selections.count_lookup(number),
            _ => true,
        }
    }

    /// Takes `count` LOOKUPs of `inode` back: the kernel has forgotten them.
    pub fn forget(&self, inode: u64, count: u64) {
        if let Some(number) = self.layout.inodes.selection_number(inode) {
            self.selections.forget(number, count);
        }
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
}

/// The basic index that `text` spells, which can have `_` for each `:`. That is for programs to
/// which a colon means something else.
fn parse_index(text: &str) -> Option<Index> {
    text.replace('_', ":").parse().ok()
}
