//! Which nodes exist: an inode number can encode more. Names, listings and look-ups all ask here.

use std::sync::Arc;

use super::Tree;
use super::array_directory::ArrayDirectory;
use super::node::{Folder, Node, NodeKind};

impl Tree {
    /// Whether there is a node that a computed inode number encodes.
    pub(super) fn exists(&self, node: Node) -> bool {
        match node.kind {
            NodeKind::Folder(folder) => self.has_folder(node.directory_index, folder),
            NodeKind::Readme => self.has_readme(node.directory_index),
            NodeKind::Stats | NodeKind::Page => node.directory_index == 0,
            NodeKind::Meta => self.has_meta(node.directory_index),
            NodeKind::Header => self.header(node.directory_index).is_some(),
            NodeKind::Element { axis, .. }
                if !self.has_folder(node.directory_index, Folder::Axis(axis)) =>
            {
                false
            }
            NodeKind::Data | NodeKind::Element { .. } => {
                let view = self.elements(node);
                view.is_some_and(|view| self.file_len(node, &view).is_some())
            }
            NodeKind::File(number) => self.has_file(node, number),
            NodeKind::Selection(_) => false,
        }
    }

    /// Whether the directory has a `meta.json`: all but those of encodings.
    pub(super) fn has_meta(&self, number: usize) -> bool {
        let directories = &self.layout.directories;
        let array = || directories.array_directory(number);
        directories.group(number).is_some()
            || array().is_some_and(|directory| directory.encoding.folder().is_none())
    }

    /// Whether the directory has a `README.txt`: the root, those of members, and `csv/` where it
    /// has no `data.csv`.
    pub(super) fn has_readme(&self, number: usize) -> bool {
        let directory = self.layout.directories.array_directory(number);
        let is_member =
            |found: ArrayDirectory<'_>| found.form.is_plain() && found.array.member.is_some();
        number == 0 || directory.is_some_and(|found| is_member(found) || found.exceeds_max_ndim())
    }

    /// The header that the file has for the member or group of a directory.
    pub(super) fn header(&self, number: usize) -> Option<&Arc<[u8]>> {
        match self.layout.directories.array_directory(number) {
            None if number == 0 => self.layout.contents.header.as_ref(),
            None => None,
            Some(directory) => {
                let is_member = directory.form.is_plain() && directory.array.member.is_some();
                let header = directory.array.meta.details.header.as_ref();
                header.filter(|_| is_member)
            }
        }
    }

    /// Whether a directory has this subdirectory, or for `Folder::Top` whether it exists.
    pub(super) fn has_folder(&self, number: usize, folder: Folder) -> bool {
        let directories = &self.layout.directories;
        match (folder, directories.array_directory(number)) {
            (Folder::Control, _) => number == 0,
            (Folder::Top, None) => {
                let store = directories.group_of_store(number);
                directories.group(number).is_some() || store.is_some()
            }
            (_, None) => false,
            (Folder::Top, Some(_)) => true,
            (Folder::Slices, Some(directory)) => directory.encoding.has_slices(),
            (Folder::Fields, Some(directory)) => {
                directory.form.is_plain() && !directory.array.fields.list().is_empty()
            }
            (Folder::Axes, Some(_)) => self.axes(number).next().is_some(),
            (Folder::Numbered(position), Some(_)) => {
                let top = Node::folder(number, Folder::Top);
                self.subdirectory(top, position).is_some()
            }
            (Folder::Rows | Folder::Cols | Folder::Axis(_), Some(directory)) => folder
                .axis()
                .filter(|_| directory.encoding.has_slices())
                .and_then(|axis| directory.view().like_taken(axis))
                .is_some_and(|element| directory.len_of(&element).is_some()),
        }
    }

    /// The axes of an array directory whose slices have files.
    pub(super) fn axes(&self, number: usize) -> impl Iterator<Item = usize> + use<'_> {
        let directory = self.layout.directories.array_directory(number);
        let ndim = directory.map_or(0, |directory| directory.array.meta.view.ndim());
        (0..ndim).filter(move |&axis| self.has_folder(number, Folder::Axis(axis)))
    }
}
