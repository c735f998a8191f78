//! Directories of numbered files: the stores in `zarr/` and `ome.zarr/`. The store of an array has
//! the files and subdirectories of its encoding. That of a group has files of metadata and the
//! stores of what is in the group.

use std::ops::Range;
use std::sync::Arc;

use super::Tree;
use super::group::Group;
use super::node::{Entry, Folder, Node, NodeKind};
use crate::array::View;
use crate::vfile::{FileSet, VirtualFile, zarr};

/// The number of `.zmetadata` among the files of a group.
const CONSOLIDATED: usize = 3;

impl Tree {
    /// The group whose store `node` is in; `None` for other nodes.
    pub(super) fn group_of_store(&self, node: Node) -> Option<&Group> {
        let directories = &self.layout.directories;
        let group = directories.group_of_store(node.directory_index)?;
        directories.groups.get(group)
    }

    /// Whether the directory `top` has numbered files.
    pub(super) fn is_store(&self, top: Node) -> bool {
        let directory = self.array_directory(top);
        directory.is_some_and(|directory| directory.encoding.of_views().is_none())
            || self.group_of_store(top).is_some()
    }

    /// What `read` gives for the numbered files of the array directory of `node`. `None` if
    /// it has none.
    fn with_files<T>(&self, node: Node, read: impl FnOnce(&dyn FileSet) -> T) -> Option<T> {
        let directory = self.array_directory(node)?;
        directory.encoding.of_views().is_none().then_some(())?;
        let view: &View = &directory.view();
        let files = directory.files(view)?;
        Some(read(&*files))
    }

    /// The number of files of the store of a group.
    fn group_files(&self, node: Node) -> usize {
        match self.layout.directories.root_store() == Some(node.directory_index) {
            true if self.group_text(node, CONSOLIDATED).is_some() => zarr::GROUP_FILES.len(),
            _ => CONSOLIDATED,
        }
    }

    /// The text of a file of the store of a group. `None` if there is no such file.
    fn group_text(&self, node: Node, number: usize) -> Option<Arc<[u8]>> {
        let group = self.group_of_store(node)?;
        let is_root = self.layout.directories.root_store() == Some(node.directory_index);
        let make = || {
            let members = is_root.then(|| self.stored_members());
            let text = zarr::group_text(number, &group.attributes, members)?;
            Some(text.into_bytes().into())
        };
        match self.store_texts.get(number).filter(|_| is_root) {
            Some(kept) => kept.get_or_init(make).clone(),
            None => make(),
        }
    }

    /// All groups and arrays below the root, as they are in its store, with their paths.
    fn stored_members(&self) -> impl Iterator<Item = (String, zarr::Member<'_>)> {
        let directories = &self.layout.directories;
        let groups = directories.groups.iter().enumerate().skip(1);
        let groups = groups.map(|(number, group)| {
            let path = self.layout.group_path(number);
            (path, zarr::Member::Group(&group.attributes))
        });
        let arrays = directories.stored_arrays().filter_map(|directory| {
            let files = directory.files(&directory.array.meta.view)?;
            let path = self.layout.array_path(directory.array);
            Some((path, zarr::Member::Array(files)))
        });
        groups.chain(arrays)
    }

    /// Whether the directory of `node` has a numbered file of this number.
    pub(super) fn has_file(&self, node: Node, number: u64) -> bool {
        match self.group_of_store(node) {
            Some(_) => number < self.group_files(node) as u64,
            None => self.with_files(node, |files| number < files.count()) == Some(true),
        }
    }

    /// The name of a numbered file.
    pub(super) fn file_name(&self, node: Node, number: u64) -> Option<String> {
        match self.group_of_store(node) {
            Some(_) => {
                let name = zarr::GROUP_FILES.get(usize::try_from(number).ok()?)?;
                Some((*name).to_owned())
            }
            None => self.with_files(node, |files| files.name(number)),
        }
    }

    /// The node called `name` in the store `top`. `None` if there is none, or `top` is no store.
    pub(super) fn stored_node(&self, top: Node, name: &str) -> Option<Node> {
        let directory_index = top.directory_index;
        let file = |number: u64| Node {
            directory_index,
            kind: NodeKind::File(number),
        };
        let Some(group) = self.group_of_store(top) else {
            if let Some(number) = self.with_files(top, |files| files.find(name))? {
                return Some(file(number));
            }
            let mut names = self.numbered_subdirectories(top).into_iter();
            let position = names.position(|(subdirectory, _)| subdirectory == name)?;
            return Some(Node::folder(directory_index, Folder::Numbered(position)));
        };
        let files = &zarr::GROUP_FILES[..self.group_files(top)];
        if let Some(number) = files.iter().position(|file| *file == name) {
            return Some(file(number as u64));
        }
        let child = group.children.get(name)?;
        let number = self.layout.directories.stored(child)?;
        Some(Node::folder(number, Folder::Top))
    }

    /// Entry `k` of the store `top`.
    pub(super) fn stored_entry(&self, top: Node, k: u64) -> Option<Entry> {
        let directory_index = top.directory_index;
        let Some(group) = self.group_of_store(top) else {
            return self.with_files(top, |files| {
                let subdirectories = files.subdirectories();
                let first = subdirectories.first().map(|(_, numbers)| numbers.start);
                let own = first.unwrap_or_else(|| files.count());
                let Some(position) = k.checked_sub(own) else {
                    return Some(file_entry(directory_index, k, files.name(k)));
                };
                let position = usize::try_from(position).ok()?;
                let (name, _) = subdirectories.into_iter().nth(position)?;
                let node = Node::folder(directory_index, Folder::Numbered(position));
                Some(Entry { name, node })
            })?;
        };
        let files = self.group_files(top);
        let position = usize::try_from(k).ok()?;
        match position.checked_sub(files) {
            None => {
                let name = zarr::GROUP_FILES[position].to_owned();
                Some(file_entry(directory_index, k, name))
            }
            Some(position) => Some(self.directory_entry(*group.stored.get(position)?)),
        }
    }

    /// The subdirectories of the directory of numbered files that `node` is in: their names, and
    /// the numbers of their files.
    pub(super) fn numbered_subdirectories(&self, node: Node) -> Vec<(String, Range<u64>)> {
        let subdirectories = self.with_files(node, |files| files.subdirectories());
        subdirectories.unwrap_or_default()
    }

    /// The subdirectory at `position` among them; `None` if there is none.
    pub(super) fn subdirectory(&self, node: Node, position: usize) -> Option<(String, Range<u64>)> {
        let subdirectories = self.numbered_subdirectories(node).into_iter();
        { subdirectories }.nth(position)
    }

    /// Entry `k` of the subdirectory at `position`.
    pub(super) fn entry_of_subdirectory(
        &self,
        node: Node,
        position: usize,
        k: u64,
    ) -> Option<Entry> {
        self.with_files(node, |files| {
            let (_, numbers) = files.subdirectories().into_iter().nth(position)?;
            let number = numbers.start.checked_add(k)?;
            let name = (number < numbers.end).then(|| files.name(number))?;
            Some(file_entry(node.directory_index, number, name))
        })?
    }

    /// The file called `name` in the subdirectory at `position`.
    pub(super) fn file_in_subdirectory(
        &self,
        node: Node,
        position: usize,
        name: &str,
    ) -> Option<NodeKind> {
        let number = self.with_files(node, |files| files.find_in(position, name))??;
        Some(NodeKind::File(number))
    }

    /// The folder that a numbered file is in.
    pub(super) fn folder_of_file(&self, node: Node, number: u64) -> Folder {
        let mut subdirectories = self.numbered_subdirectories(node).into_iter();
        let position = subdirectories.position(|(_, numbers)| numbers.contains(&number));
        position.map_or(Folder::Top, Folder::Numbered)
    }

    /// The text of a numbered file; `None` for one of elements.
    fn numbered_text(&self, node: Node, number: u64) -> Option<Arc<[u8]>> {
        match self.group_of_store(node) {
            Some(_) => self.group_text(node, usize::try_from(number).ok()?),
            None => {
                let text = self.with_files(node, |files| files.text(number))??;
                Some(text.into_bytes().into())
            }
        }
    }

    /// Whether a numbered file holds elements.
    pub(super) fn is_chunk(&self, node: Node, number: u64) -> bool {
        self.with_files(node, |files| !files.is_text(number)) == Some(true)
    }

    /// The size of a numbered file in bytes.
    pub(super) fn numbered_len(&self, node: Node, number: u64) -> Option<u64> {
        match self.is_chunk(node, number) {
            true => self.with_files(node, |files| files.len(number)),
            false => Some(self.numbered_text(node, number)?.len() as u64),
        }
    }

    /// The virtual file of a numbered file.
    pub(super) fn numbered_file(&self, node: Node, number: u64) -> Option<VirtualFile> {
        match self.is_chunk(node, number) {
            true => {
                let mapping = &self.mapping;
                let contents = self.with_files(node, |files| files.contents(number, mapping))?;
                Some(VirtualFile::new(contents))
            }
            false => Some(VirtualFile::literal(self.numbered_text(node, number)?)),
        }
    }
}

fn file_entry(directory_index: usize, number: u64, name: String) -> Entry {
    let kind = NodeKind::File(number);
    Entry {
        name,
        node: Node {
            directory_index,
            kind,
        },
    }
}
