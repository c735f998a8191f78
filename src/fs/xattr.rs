//! Extended attributes that describe the array of a file or directory: its dtype and shape, and
//! the attributes that the mounted file has for it. Served only under `--xattr`, since tools that
//! find any attribute ask for several on every file.

use std::ffi::OsStr;

use serde_json::Value;

use super::error::FsError;
use super::operations::ArrayFs;
use crate::array::View;
use crate::source::Attributes;

/// A name, and its value for an array.
type Attribute = (&'static str, fn(&View) -> String);

const ATTRIBUTES: [Attribute; 5] = [
    ("user.dtype", |view| view.dtype().to_string()),
    ("user.shape", |view| view.shape().to_string()),
    ("user.ndim", |view| view.ndim().to_string()),
    ("user.size", |view| view.size().to_string()),
    ("user.itemsize", |view| view.dtype().itemsize().to_string()),
];

/// The namespace of all attributes, xattr(7).
const PREFIX: &str = "user.";

/// The limits of the kernel for a name and a value, in bytes.
const MAX_NAME: usize = 255;
const MAX_VALUE: usize = 65536;

/// The attributes of a node.
#[derive(Debug, Default)]
pub(super) struct Xattrs<'a> {
    /// The array that the node represents.
    pub(super) array: Option<View>,
    /// The attributes in the mounted file.
    pub(super) attributes: Option<&'a Attributes>,
}

impl Xattrs<'_> {
    /// The value of an attribute.
    ///
    /// # Errors
    ///
    /// When there is no such attribute.
    pub(super) fn value(&self, name: &str) -> Result<String, FsError> {
        let found = ATTRIBUTES.iter().find(|(known, _)| *known == name);
        if let (Some((_, value)), Some(array)) = (found, &self.array) {
            return Ok(value(array));
        }
        let mut others = self.others();
        let other = others.find(|(other, _)| other == name);
        other.map(|(_, value)| value).ok_or(FsError::NoAttribute)
    }

    /// The names of all attributes, each terminated by a NUL, as for `listxattr(2)`.
    pub(super) fn names(&self) -> Vec<u8> {
        let own = ATTRIBUTES.iter().filter(|_| self.array.is_some());
        let own = own.map(|(name, _)| (*name).to_owned());
        let names = own.chain(self.others().map(|(name, _)| name));
        names
            .flat_map(|name| [name.as_bytes(), b"\0"].concat())
            .collect()
    }

    /// The attributes in the file that can be shown: text as it is, others as JSON. Those that
    /// have the name of another or exceed the limits are left out.
    fn others(&self) -> impl Iterator<Item = (String, String)> {
        let all = self.attributes.into_iter().flatten();
        all.filter_map(|(name, value)| {
            let name = format!("{PREFIX}{name}");
            let is_taken = ATTRIBUTES.iter().any(|(known, _)| *known == name);
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let fits = name.len() <= MAX_NAME && !name.contains('\0') && value.len() <= MAX_VALUE;
            (fits && !is_taken && name.len() > PREFIX.len()).then_some((name, value))
        })
    }
}

impl ArrayFs {
    /// The value of an extended attribute.
    pub(super) fn xattr(&self, inode: u64, name: &OsStr) -> Result<Vec<u8>, FsError> {
        let name = name.to_str().ok_or(FsError::NoAttribute)?;
        Ok(self.xattrs_of(inode)?.value(name)?.into_bytes())
    }

    /// The names of all extended attributes, each terminated by a NUL.
    pub(super) fn xattrs(&self, inode: u64) -> Result<Vec<u8>, FsError> {
        Ok(self.xattrs_of(inode)?.names())
    }

    fn xattrs_of(&self, inode: u64) -> Result<Xattrs<'_>, FsError> {
        if self.scratch.owns(inode) {
            return Ok(Xattrs::default());
        }
        let node = self.node(inode)?;
        Ok(Xattrs {
            array: self.tree.represented_view(node),
            attributes: self.tree.file_attributes(node),
        })
    }

    /// Sets an extended attribute, or removes it if `value` is `None`. Succeeds only if it has
    /// this value already.
    ///
    /// # Errors
    ///
    /// `NotPermitted` for another value, `Unsupported` for a new attribute, `NoAttribute` for the
    /// removal of one that does not exist.
    pub(super) fn set_xattr(
        &self,
        inode: u64,
        name: &OsStr,
        value: Option<&[u8]>,
    ) -> Result<(), FsError> {
        match (self.xattr(inode, name), value) {
            (Ok(shown), Some(value)) if shown == value => Ok(()),
            (Ok(_), _) => Err(FsError::NotPermitted),
            (Err(FsError::NoAttribute), None) => Err(FsError::NoAttribute),
            // ENOTSUP as from file systems without attributes, so that copying tools go on.
            (Err(FsError::NoAttribute), Some(_)) => Err(FsError::Unsupported),
            (Err(error), _) => Err(error),
        }
    }

    /// Whether extended attributes are served.
    pub(super) fn serves_xattrs(&self) -> bool {
        self.xattr
    }
}
