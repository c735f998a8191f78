//! The path of a node, for log lines and `stats`. Lookups by path do not need it.

use super::Tree;
use super::name;
use super::node::{Folder, Node, NodeKind};

impl Tree {
    /// The path of `node` from the root, without leading or trailing slash. Where there are
    /// several, it is the shortest: `rows/3`, not `axes/0/3`.
    pub fn path(&self, node: Node) -> String {
        let mut names = vec![self.name(node)];
        let mut ancestor = match node.kind {
            NodeKind::Element { axis: 0, .. } => Node::folder(node.directory_index, Folder::Rows),
            NodeKind::Element { axis: 1, .. } => Node::folder(node.directory_index, Folder::Cols),
            _ => self.parent(node),
        };
        while ancestor != Tree::ROOT {
            names.push(self.name(ancestor));
            ancestor = self.parent(ancestor);
        }
        names.retain(|name| !name.is_empty());
        names.reverse();
        names.join("/")
    }

    fn name(&self, node: Node) -> String {
        let directory = self.array_directory(node);
        let suffix = directory.map_or("", |found| found.suffix());
        match node.kind {
            NodeKind::Folder(Folder::Top) => self.directory_name(node),
            NodeKind::Folder(Folder::Rows) => "rows".into(),
            NodeKind::Folder(Folder::Cols) => "cols".into(),
            NodeKind::Folder(Folder::Axes) => "axes".into(),
            NodeKind::Folder(Folder::Slices) => "slices".into(),
            NodeKind::Folder(Folder::Fields) => "fields".into(),
            NodeKind::Folder(Folder::Control) => ".arrayfs".into(),
            NodeKind::Folder(Folder::Axis(axis)) => axis.to_string(),
            NodeKind::Folder(Folder::Numbered(position)) => {
                let subdirectory = self.subdirectory(node, position);
                subdirectory.map_or_else(String::new, |(name, _)| name)
            }
            NodeKind::Readme => "README.txt".into(),
            NodeKind::Meta => "meta.json".into(),
            NodeKind::Page => "index.html".into(),
            NodeKind::Header => "header.txt".into(),
            NodeKind::Stats => "stats".into(),
            NodeKind::Data => format!("data{suffix}"),
            NodeKind::Element { axis, index } => {
                let length = directory.map_or(0, |found| found.view().length(axis));
                name::listed(index, length, self.pad) + suffix
            }
            NodeKind::File(number) => self.file_name(node, number).unwrap_or_default(),
            NodeKind::Selection(number) => match self.selections.name(number) {
                Some(name) => name.into(),
                None => format!("#{number}"),
            },
        }
    }
}
