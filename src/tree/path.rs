//! The path of a node, for people to read.

use super::Tree;
use super::name;
use super::node::{Folder, Kind, Node};

impl Tree {
    /// A path from the root that leads to `node`, without a slash at either end.
    /// Of several it is the one that users are shown: `rows/3`, not `axes/0/3`.
    pub fn path(&self, node: Node) -> String {
        let mut names = vec![self.name(node)];
        let mut folder = match node.kind {
            Kind::Element { axis: 0, .. } => Node::folder(node.place, Folder::Rows),
            Kind::Element { axis: 1, .. } => Node::folder(node.place, Folder::Cols),
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
        let place = self.place(node);
        let suffix = place.encoding.suffix;
        match node.kind {
            Kind::Folder(Folder::Top) => place.name.clone(),
            Kind::Folder(Folder::Rows) => "rows".into(),
            Kind::Folder(Folder::Cols) => "cols".into(),
            Kind::Folder(Folder::Axes) => "axes".into(),
            Kind::Folder(Folder::Slices) => "slices".into(),
            Kind::Folder(Folder::Fields) => "fields".into(),
            Kind::Folder(Folder::Control) => ".arrayfs".into(),
            Kind::Folder(Folder::Axis(axis)) => axis.to_string(),
            Kind::Readme => "README.txt".into(),
            Kind::Meta => "meta.json".into(),
            Kind::Stats => "stats".into(),
            Kind::Data => format!("data{suffix}"),
            Kind::Element { axis, index } => {
                let length = self.array(node).length(axis);
                name::listed(index, length, self.pad) + suffix
            }
            Kind::Selection(number) => match self.selections.name(number) {
                Some(name) => name.into(),
                None => format!("#{number}"),
            },
        }
    }
}
