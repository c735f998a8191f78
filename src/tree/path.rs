//! The path of a node, for people to read.

use super::Tree;
use super::name;
use super::node::{Folder, Node, NodeKind};

impl Tree {
    /// A path from the root that leads to `node`, without a slash at either end.
    /// Of several it is the one that users are shown: `rows/3`, not `axes/0/3`.
    pub fn path(&self, node: Node) -> String {
        let mut names = vec![self.name(node)];
        let mut folder = match node.kind {
            NodeKind::Element { axis: 0, .. } => Node::folder(node.directory, Folder::Rows),
            NodeKind::Element { axis: 1, .. } => Node::folder(node.directory, Folder::Cols),
            _ => self.parent(node),
        };
        while folder != Tree::ROOT {
            names.push(self.name(folder));
            folder = self.parent(folder);
        }
        names.retain(|name| !name.is_empty());
        names.reverse();
        names.join("/")
    }

    fn name(&self, node: Node) -> String {
        let directory = self.directory(node);
        let suffix = directory.encoding.suffix;
        match node.kind {
            NodeKind::Folder(Folder::Top) => directory.name.clone(),
            NodeKind::Folder(Folder::Rows) => "rows".into(),
            NodeKind::Folder(Folder::Cols) => "cols".into(),
            NodeKind::Folder(Folder::Axes) => "axes".into(),
            NodeKind::Folder(Folder::Slices) => "slices".into(),
            NodeKind::Folder(Folder::Fields) => "fields".into(),
            NodeKind::Folder(Folder::Control) => ".arrayfs".into(),
            NodeKind::Folder(Folder::Axis(axis)) => axis.to_string(),
            NodeKind::Readme => "README.txt".into(),
            NodeKind::Meta => "meta.json".into(),
            NodeKind::Stats => "stats".into(),
            NodeKind::Data => format!("data{suffix}"),
            NodeKind::Element { axis, index } => {
                let length = self.array(node).length(axis);
                name::listed(index, length, self.pad) + suffix
            }
            NodeKind::Selection(number) => match self.selections.name(number) {
                Some(name) => name.into(),
                None => format!("#{number}"),
            },
        }
    }
}
