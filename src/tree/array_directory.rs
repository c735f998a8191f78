//! The array directories of a mount and the encodings in each, enumerated once:
//! the array itself, its transpose, and the arrays of its fields.

use std::sync::Arc;

use super::name;
use super::node::{Folder, Node};
use crate::array::View;
use crate::source::Meta;
use crate::vfile::{CsvForm, Encoding, encodings};

/// A directory that shows one array in one encoding.
#[derive(Debug)]
pub(super) struct ArrayDirectory {
    pub(super) array: usize,
    pub(super) encoding: &'static Encoding,
    pub(super) name: String,
    /// The directory that lists it.
    pub(super) parent: Node,
    /// The places that its top directory lists: encodings, and `T`.
    pub(super) nested: Vec<usize>,
    /// The places of its fields, in the order of the type.
    pub(super) fields: Vec<usize>,
}

/// An array of the mount, and what its `meta.json` says.
#[derive(Debug)]
pub(super) struct Array {
    pub(super) view: View,
    pub(super) meta: Arc<[u8]>,
}

/// All array directories of a mount; the first place is the root.
#[derive(Debug)]
pub(super) struct ArrayDirectories {
    pub(super) arrays: Vec<Array>,
    pub(super) list: Vec<ArrayDirectory>,
    encodings: &'static [Encoding],
}

impl ArrayDirectories {
    /// Those of the array that `meta` describes, with text in the form `csv`.
    pub(super) fn of(meta: &Meta, csv: CsvForm) -> ArrayDirectories {
        let mut directories = ArrayDirectories {
            arrays: Vec::new(),
            list: Vec::new(),
            encodings: encodings(csv),
        };
        directories.add(meta, String::new(), Node::folder(0, Folder::Top));
        directories
    }

    /// Adds the array directory of an array and all those in it.
    fn add(&mut self, meta: &Meta, name: String, parent: Node) -> usize {
        let top = self.add_encodings(meta, name, parent);
        if meta.view.ndim() >= 2 {
            let parent = Node::folder(top, Folder::Top);
            let transposed = self.add_encodings(&meta.transposed(), "T".into(), parent);
            self.list[top].nested.push(transposed);
        }
        for (position, field) in meta.view.dtype().fields().iter().enumerate() {
            if let Some(meta) = meta.field(field) {
                let parent = Node::folder(top, Folder::Fields);
                let directory = self.add(&meta, name::field(position, field.name()), parent);
                self.list[top].fields.push(directory);
            }
        }
        top
    }

    /// Adds the places of an array in each encoding that can show it, and
    /// returns the first, which is the array directory itself.
    fn add_encodings(&mut self, meta: &Meta, name: String, parent: Node) -> usize {
        let array = self.arrays.len();
        self.arrays.push(Array {
            view: meta.view.clone(),
            meta: meta.to_json().into_bytes().into(),
        });
        let top = self.list.len();
        let directory = |encoding, name, parent| ArrayDirectory {
            array,
            encoding,
            name,
            parent,
            nested: Vec::new(),
            fields: Vec::new(),
        };
        let encodings = self.encodings;
        self.list.push(directory(&encodings[0], name, parent));
        let dtype = meta.view.dtype();
        for encoding in encodings.iter().filter(|encoding| encoding.shows(dtype)) {
            let Some(folder) = encoding.folder else {
                continue;
            };
            let nested = self.list.len();
            self.list[top].nested.push(nested);
            let parent = Node::folder(top, Folder::Top);
            self.list.push(directory(encoding, folder.into(), parent));
        }
        top
    }
}
