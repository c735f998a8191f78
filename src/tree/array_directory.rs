//! The array directories of a mount, enumerated once: those of the array itself, of its
//! transpose and of its fields, each in every encoding. Their names are in `name`; the nodes in
//! an array directory are the business of the tree.

use std::sync::Arc;

use super::name;
use super::node::{Folder, Node};
use crate::array::View;
use crate::source::Meta;
use crate::vfile::{CsvForm, Encoding, encodings};

/// A directory that shows one array in one encoding.
#[derive(Debug)]
pub(super) struct ArrayDirectory {
    /// The index of the array in [`ArrayDirectories::arrays`].
    pub(super) array_index: usize,
    pub(super) encoding: &'static Encoding,
    /// The name in the parent directory; empty for the root.
    pub(super) name: String,
    /// The parent directory. The root is its own parent.
    pub(super) parent: Node,
    /// The indices of the array directories that this one lists: encodings and `T`.
    pub(super) nested: Vec<usize>,
    /// The indices of the array directories of the fields, in the order of the dtype.
    pub(super) fields: Vec<usize>,
}

/// An array of the mount, and the content of its `meta.json`.
#[derive(Debug)]
pub(super) struct Array {
    pub(super) view: View,
    pub(super) meta: Arc<[u8]>,
}

/// All array directories of a mount. Index 0 is the root.
#[derive(Debug)]
pub(super) struct ArrayDirectories {
    pub(super) arrays: Vec<Array>,
    pub(super) list: Vec<ArrayDirectory>,
    encodings: &'static [Encoding],
}

impl ArrayDirectories {
    /// The array directories of the array that `meta` describes.
    pub(super) fn of(meta: &Meta, csv: CsvForm) -> ArrayDirectories {
        let mut directories = ArrayDirectories {
            arrays: Vec::new(),
            list: Vec::new(),
            encodings: encodings(csv),
        };
        directories.add(meta, String::new(), Node::folder(0, Folder::Top));
        directories
    }

    /// Adds the array directories of an array, its transpose and its fields, recursively.
    /// Returns the index of the first, which lists the others.
    fn add(&mut self, meta: &Meta, name: String, parent: Node) -> usize {
        let top_index = self.add_encodings(meta, name, parent);
        if meta.view.ndim() >= 2 {
            let parent = Node::folder(top_index, Folder::Top);
            let nested_index = self.add_encodings(&meta.transposed(), "T".into(), parent);
            self.list[top_index].nested.push(nested_index);
        }
        for (position, field) in meta.view.dtype().fields().iter().enumerate() {
            if let Some(meta) = meta.field(field) {
                let parent = Node::folder(top_index, Folder::Fields);
                let field_index = self.add(&meta, name::field(position, field.name()), parent);
                self.list[top_index].fields.push(field_index);
            }
        }
        top_index
    }

    /// Adds the array directories of one array, one for each encoding of its dtype. Returns
    /// the index of the first, which is in the raw encoding and lists the others.
    fn add_encodings(&mut self, meta: &Meta, name: String, parent: Node) -> usize {
        let array_index = self.arrays.len();
        self.arrays.push(Array {
            view: meta.view.clone(),
            meta: meta.to_json().into_bytes().into(),
        });
        let top_index = self.list.len();
        let array_directory = |encoding, name, parent| ArrayDirectory {
            array_index,
            encoding,
            name,
            parent,
            nested: Vec::new(),
            fields: Vec::new(),
        };
        let encodings = self.encodings;
        self.list.push(array_directory(&encodings[0], name, parent));
        let dtype = meta.view.dtype();
        for encoding in encodings.iter().filter(|encoding| encoding.shows(dtype)) {
            let Some(folder) = encoding.folder else {
                continue;
            };
            let nested_index = self.list.len();
            self.list[top_index].nested.push(nested_index);
            let parent = Node::folder(top_index, Folder::Top);
            self.list
                .push(array_directory(encoding, folder.into(), parent));
        }
        top_index
    }
}
