//! Directory listings: from any cursor, in bounded memory. Attributes are read only for entries
//! that need them.

use fuser::{FileAttr, FileType};

use super::attr::kind;
use super::error::FsError;
use super::operations::ArrayFs;
use crate::tree::Node;

impl ArrayFs {
    /// Passes the entries of a directory to `add`, from index `cursor` on, until `add` returns
    /// true because its buffer is full. Each entry has the cursor of the next.
    ///
    /// # Errors
    ///
    /// When the inode is stale or is not a directory.
    pub(super) fn list(
        &self,
        inode: u64,
        cursor: u64,
        mut add: impl FnMut(DirectoryEntry<'_>) -> bool,
    ) -> Result<(), FsError> {
        let directory = self.node(inode)?;
        if !directory.is_directory() {
            return Err(FsError::NotDirectory);
        }
        let dots = [(".", directory), ("..", self.tree.parent(directory))];
        let first = usize::try_from(cursor)
            .unwrap_or(usize::MAX)
            .min(dots.len());
        for (k, (name, node)) in dots.into_iter().enumerate().skip(first) {
            if add(self.directory_entry(name, node, k as u64 + 1)) {
                return Ok(());
            }
        }
        let children = cursor.saturating_sub(dots.len() as u64)..;
        for k in children {
            let Some(entry) = self.tree.entry(directory, k) else {
                return Ok(());
            };
            let next = k + 1 + dots.len() as u64;
            if add(self.directory_entry(&entry.name, entry.node, next)) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn directory_entry<'a>(&'a self, name: &'a str, node: Node, next: u64) -> DirectoryEntry<'a> {
        DirectoryEntry {
            fs: self,
            name,
            node,
            next,
        }
    }
}

/// An entry of a directory.
#[derive(Debug)]
pub(super) struct DirectoryEntry<'a> {
    fs: &'a ArrayFs,
    /// The name.
    pub(super) name: &'a str,
    node: Node,
    /// The cursor of the next entry.
    pub(super) next: u64,
}

impl DirectoryEntry<'_> {
    /// The inode number.
    pub(super) fn inode(&self) -> u64 {
        self.fs.tree.inode(self.node)
    }

    /// The file type.
    pub(super) fn kind(&self) -> FileType {
        kind(self.node.is_directory())
    }

    /// The attributes.
    pub(super) fn attributes(&self) -> Result<FileAttr, FsError> {
        self.fs.attributes_of(self.node)
    }
}
