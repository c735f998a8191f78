//! Listing: the entries of a directory by their position, so that a listing can begin anywhere.

use super::Tree;
use super::name;
use super::node::{Entry, Folder, Node, NodeKind};
use crate::vfile::zarr;

impl Tree {
    /// Entry `k` of the directory `parent`, counted from 0 without `.` and `..`; `None` past
    /// the last.
    pub fn entry(&self, parent: Node, k: u64) -> Option<Entry> {
        let NodeKind::Folder(folder) = parent.kind else {
            return None;
        };
        let directory_index = parent.directory_index;
        match folder {
            Folder::Top => self.top_entry(parent, k),
            Folder::Fields => {
                let fields = self.array_directory(parent)?.array.fields.list();
                let number = *fields.get(usize::try_from(k).ok()?)?;
                Some(self.directory_entry(number))
            }
            Folder::Axes => {
                let axis = self.axes(directory_index).nth(usize::try_from(k).ok()?)?;
                Some(Entry {
                    name: axis.to_string(),
                    node: Node::folder(directory_index, Folder::Axis(axis)),
                })
            }
            Folder::Slices => None,
            Folder::Numbered(position) => self.entry_of_subdirectory(parent, position, k),
            Folder::Control => (k == 0).then(|| Entry {
                name: "stats".into(),
                node: Node {
                    directory_index,
                    kind: NodeKind::Stats,
                },
            }),
            Folder::Rows | Folder::Cols | Folder::Axis(_) => {
                let axis = folder.axis()?;
                let directory = self.array_directory(parent)?;
                let length = directory.view().length(axis);
                (k < length).then(|| Entry {
                    name: name::listed(k, length, self.pad) + directory.suffix(),
                    node: Node {
                        directory_index,
                        kind: NodeKind::Element { axis, index: k },
                    },
                })
            }
        }
    }

    /// Entry `k` of the directory of an array or group.
    fn top_entry(&self, top: Node, k: u64) -> Option<Entry> {
        if self.is_store(top) {
            return self.stored_entry(top, k);
        }
        let k = usize::try_from(k).ok()?;
        let fixed = self.fixed_entries(top);
        let Some(group) = self.group(top) else {
            return { fixed }.nth(k);
        };
        // There can be many children, and few fixed entries.
        let fixed: Vec<Entry> = fixed.collect();
        match k.checked_sub(fixed.len()) {
            None => fixed.into_iter().nth(k),
            Some(k) => Some(self.directory_entry(*group.children.list().get(k)?)),
        }
    }

    /// The entry of the directory of an array or group in its parent directory.
    pub(super) fn directory_entry(&self, number: usize) -> Entry {
        let node = Node::folder(number, Folder::Top);
        Entry {
            name: self.directory_name(node),
            node,
        }
    }

    /// The name of the directory of an array or group; empty for the root.
    pub(super) fn directory_name(&self, top: Node) -> String {
        if self.layout.directories.root_store() == Some(top.directory_index) {
            return zarr::FOLDER.to_owned();
        }
        match (
            self.group(top).or(self.group_of_store(top)),
            self.array_directory(top),
        ) {
            (Some(group), _) => group.name.clone(),
            (None, directory) => directory
                .map_or("", |directory| directory.name())
                .to_owned(),
        }
    }

    /// The entries of the directory of an array or group, in the order of listing; those of a
    /// group without its arrays and groups.
    pub(super) fn fixed_entries(&self, top: Node) -> impl Iterator<Item = Entry> + use<'_> {
        let directory_index = top.directory_index;
        let directory = self.array_directory(top);
        let texts = [
            (
                self.has_readme(directory_index),
                "README.txt",
                NodeKind::Readme,
            ),
            (self.has_meta(directory_index), "meta.json", NodeKind::Meta),
            (directory_index == 0, "index.html", NodeKind::Page),
            (
                self.header(directory_index).is_some(),
                "header.txt",
                NodeKind::Header,
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
            let exists = directory.is_some() && self.has_folder(directory_index, folder);
            (exists, name, NodeKind::Folder(folder))
        });
        let data = directory.and_then(|directory| {
            directory.len_of(&directory.view())?;
            let name = format!("data{}", directory.suffix());
            Some((name, NodeKind::Data))
        });
        let named =
            |(exists, name, kind): (bool, &str, NodeKind)| exists.then(|| (name.to_owned(), kind));
        let fixed = texts.into_iter().filter_map(named).chain(data);
        let fixed = fixed.chain(folders.into_iter().filter_map(named));
        let fixed = fixed.map(move |(name, kind)| Entry {
            name,
            node: Node {
                directory_index,
                kind,
            },
        });
        let directories = &self.layout.directories;
        let nested = directory.map(|directory| directories.nested(directory));
        let store = directories.root_store().filter(|_| directory_index == 0);
        let store = store.map(|number| (zarr::FOLDER, number));
        let nested = nested.into_iter().flatten().chain(store);
        fixed.chain(nested.map(|(name, number)| Entry {
            name: name.to_owned(),
            node: Node::folder(number, Folder::Top),
        }))
    }
}
