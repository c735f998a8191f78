//! The files of the tree: which elements each shows, what `stat` tells of it, and the
//! virtual file that it is when it is opened.

use std::sync::Arc;

use super::Tree;
use super::node::{Folder, Node, NodeAttributes, NodeKind};
use super::selection::Selection;
use crate::array::{Order, View};
use crate::vfile::{Segment, VirtualFile};

/// Keeps the inode number of an open file.
#[derive(Debug)]
pub struct Pin {
    _selection: Option<Arc<Selection>>,
}

impl Tree {
    /// The elements that the file `node` shows, if it shows elements.
    pub(super) fn elements(&self, node: Node) -> Option<View> {
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
    pub(super) fn len_of(&self, node: Node, view: &View) -> Option<u64> {
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

    /// Whether each byte of `file`, the file of `node`, is the byte at the same offset of
    /// the backing file. The backing file can be longer.
    ///
    /// - The elements are where they are contiguous and begin at their own offset.
    /// - A header is only in the file that shows the backing file itself. Every other
    ///   header is made for its view.
    pub fn is_in_place(&self, node: Node, file: &VirtualFile) -> bool {
        file.is_in_place() && (!file.has_literals() || self.is_verbatim(node))
    }
}
