//! Groups: directories of named arrays and of other groups. Which there are is decided in
//! `directory`.

use std::collections::HashMap;

use crate::source::Attributes;

/// A directory of named arrays and of other such directories.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The name in the parent directory; empty for the root.
    pub(super) name: String,
    /// The number of the parent. The root is its own parent.
    pub(super) parent: usize,
    /// The arrays and groups in it, in the order of the file.
    pub(super) children: NamedDirectories,
    /// The directories in the store of the group: arrays and groups, in the same order.
    pub(super) stored: Vec<usize>,
    pub(super) attributes: Attributes,
}

/// The numbers of directories, by name.
#[derive(Debug, Default)]
pub(super) struct NamedDirectories {
    list: Vec<usize>,
    by_name: HashMap<Box<str>, usize>,
}

impl NamedDirectories {
    /// The numbers of the directories, in the order of listing.
    pub(super) fn list(&self) -> &[usize] {
        &self.list
    }

    /// The number of the directory called `name`, also by an alias.
    pub(super) fn get(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Adds a directory, the last in the order of listing.
    pub(super) fn push(&mut self, name: &str, number: usize) {
        self.list.push(number);
        self.by_name.insert(name.into(), number);
    }

    /// Gives a directory another name, by which lookups find it.
    pub(super) fn add_alias(&mut self, alias: &str, number: usize) {
        self.by_name.entry(alias.into()).or_insert(number);
    }
}
