//! What a format finds in a file: its arrays, what cannot be shown, and attributes. Directory
//! names are left to `tree`.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Assumed, FormatError};
use crate::array::{Order, View};

/// The most members of a file, those that cannot be shown included.
pub(super) const MAX_MEMBERS: usize = 100_000;

/// The most bytes of all names of members together.
const MAX_NAME_BYTES: usize = 64 << 20;

/// The most directories above a member.
const MAX_DEPTH: usize = 64;

/// Attributes of a file, a group or an array, as JSON.
pub type Attributes = Map<String, Value>;

/// An array in a file.
#[derive(Debug, Clone)]
pub struct Member {
    /// The name in the file, not necessarily UTF-8. Slashes separate directories. Empty if the
    /// file holds one array without a name.
    pub name: Vec<u8>,
    /// Other names by which lookups find it.
    pub aliases: Vec<String>,
    /// Dtype, offset, shape and strides of the array in the file.
    pub view: View,
    /// The memory order of the array.
    pub order: Order,
    /// The part of the file that is a complete file of an encoding.
    pub verbatim: Option<Verbatim>,
    /// Names of the axes; empty if they have none.
    pub dims: Vec<Option<String>>,
    /// What else the file says about the array.
    pub details: Arc<Details>,
}

/// Bytes of a file that are a complete file of an encoding: a header, then the array.
#[derive(Debug, Clone)]
pub struct Verbatim {
    /// The folder of the encoding.
    pub folder: &'static str,
    /// The header.
    pub header: Arc<[u8]>,
}

/// What a file says about an array, besides its type and place.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// Attributes in the terms of the format.
    pub attributes: Attributes,
    /// How numbers are meant to be scaled.
    pub scale: Option<Scale>,
    /// How the numbers of fields are meant to be scaled, by the names of the fields.
    pub field_scales: BTreeMap<String, Scale>,
    /// Lines about the array that a reader of `README.txt` has to know.
    pub note: Option<&'static str>,
    /// A header in text form, for `header.txt`.
    pub header: Option<Arc<[u8]>>,
}

/// The physical value of a stored number `x` is `slope * x + intercept`. Values are shown as
/// stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The factor.
    pub slope: f64,
    /// The summand.
    pub intercept: f64,
}

impl Scale {
    /// The summand, if the factor is 1.
    pub fn offset(self) -> Option<f64> {
        (self.slope == 1.0).then_some(self.intercept)
    }

    /// The scale, unless it changes nothing or is no number.
    pub fn unless_trivial(slope: f64, intercept: f64) -> Option<Scale> {
        let is_number = slope.is_finite() && intercept.is_finite() && slope != 0.0;
        let changes = slope != 1.0 || intercept != 0.0;
        (is_number && changes).then_some(Scale { slope, intercept })
    }
}

/// A member that cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The name in the file.
    pub name: String,
    /// Why it cannot be shown.
    pub why: String,
    /// What the user can do about it.
    pub remedy: Option<&'static str>,
}

/// What a file holds.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// Whether the root of a mount is a group, also if there is only one member.
    pub is_group: bool,
    /// The arrays, in the order of the file.
    pub members: Vec<Member>,
    /// What cannot be shown.
    pub skipped: Vec<Skipped>,
    /// Attributes of the file.
    pub attributes: Attributes,
    /// Names and attributes of groups in the file.
    pub groups: Vec<(Vec<u8>, Attributes)>,
    /// A header of the file in text form, for `header.txt`.
    pub header: Option<Arc<[u8]>>,
    /// The name of the file that holds the arrays, in the directory of the header.
    pub data_file: Option<String>,
    /// Why the file must not be written in place.
    pub read_only: Option<&'static str>,
    /// What becomes wrong in the file if it is written in place.
    pub warning: Option<&'static str>,
    /// The default that was assumed, if any.
    pub(super) assumed: Option<Assumed>,
    /// What else the user may not have meant.
    pub(super) note: Option<String>,
}

impl Member {
    /// An array with this name.
    pub fn new(name: impl Into<Vec<u8>>, view: View, order: Order) -> Member {
        Member {
            name: name.into(),
            aliases: Vec::new(),
            view,
            order,
            verbatim: None,
            dims: Vec::new(),
            details: Arc::default(),
        }
    }

    /// The name as text; bytes that are not UTF-8 are replaced.
    pub fn display_name(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// The names by which lookups find it, without a slash at the start.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let aliases = self.aliases.iter().map(String::as_bytes);
        std::iter::once(without_slash(&self.name)).chain(aliases)
    }
}

/// A name without the slash at its start.
pub(super) fn without_slash(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"/").unwrap_or(name)
}

impl Contents {
    /// A file that holds one array, which is the root of a mount.
    pub fn array(member: Member) -> Contents {
        Contents {
            members: vec![member],
            ..Contents::default()
        }
    }

    /// A file that holds named arrays, so far none.
    pub fn group() -> Contents {
        Contents {
            is_group: true,
            ..Contents::default()
        }
    }

    /// Adds an array.
    ///
    /// # Errors
    ///
    /// When the file has too many members.
    pub fn push(&mut self, member: Member) -> Result<(), FormatError> {
        self.check_room()?;
        self.members.push(member);
        Ok(())
    }

    /// Adds a member that cannot be shown.
    ///
    /// # Errors
    ///
    /// When the file has too many members.
    pub fn skip(
        &mut self,
        name: impl Into<String>,
        why: impl Into<String>,
        remedy: Option<&'static str>,
    ) -> Result<(), FormatError> {
        self.check_room()?;
        self.skipped.push(Skipped {
            name: name.into(),
            why: why.into(),
            remedy,
        });
        Ok(())
    }

    fn check_room(&self) -> Result<(), FormatError> {
        match self.members.len() + self.skipped.len() {
            count if count < MAX_MEMBERS => Ok(()),
            _ => Err(FormatError::invalid(format!(
                "more than {MAX_MEMBERS} members"
            ))),
        }
    }

    /// Moves members to `skipped` that cannot be shown in a file of `size` bytes: those outside
    /// it, second ones of a name, and those too deep. A file with a single array is left alone.
    ///
    /// # Errors
    ///
    /// When the names are too long altogether.
    pub(super) fn check(&mut self, size: u64) -> Result<(), FormatError> {
        if !self.is_group {
            return Ok(());
        }
        let bytes: usize = self.members.iter().map(|member| member.name.len()).sum();
        if bytes > MAX_NAME_BYTES {
            return Err(FormatError::invalid(format!(
                "names of {bytes} bytes: the maximum is {MAX_NAME_BYTES}"
            )));
        }
        let mut names = HashSet::new();
        let mut problem = |member: &Member| {
            let end = member.view.extent().end;
            let depth = member.name.iter().filter(|&&byte| byte == b'/').count();
            if member.view.size() > 0 && end > size {
                Some(format!("needs byte {end}; the file has {size}"))
            } else if depth > MAX_DEPTH {
                Some(format!(
                    "lies below {depth} groups; the maximum is {MAX_DEPTH}"
                ))
            } else if !names.insert(member.name.clone()) {
                Some("another member has the same name".to_owned())
            } else {
                None
            }
        };
        let mut kept = Vec::with_capacity(self.members.len());
        for member in std::mem::take(&mut self.members) {
            match problem(&member) {
                None => kept.push(member),
                Some(why) => self.skipped.push(Skipped {
                    name: member.display_name(),
                    why,
                    remedy: None,
                }),
            }
        }
        self.members = kept;
        Ok(())
    }
}
