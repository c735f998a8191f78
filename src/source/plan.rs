//! From a path and a description to the mapped file: opening, detection, the choice of a member,
//! checks, and the mapping. Formats only read.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::contents::without_slash;
use super::fitting::Wanted;
use super::input::sibling;
use super::{
    Contents, DTypeNote, Description, Format, Input, Member, Origin, Reader, Skipped, SourceError,
    Summary, signature,
};
use crate::mapping::{BackingFile, FileError, Growth, Mapping, Mode, Pending};

/// The arrays that a mount will show. Nothing is changed until the file is mapped.
#[derive(Debug)]
pub struct Plan {
    /// The file that holds the arrays.
    backing: BackingFile,
    origin: Origin,
    contents: Contents,
}

/// Opens the file as `description` says. A directory of a known kind gives
/// [`SourceError::Foreign`].
fn open(path: &Path, description: &Description) -> Result<BackingFile, SourceError> {
    let explain = |error| match (&error, signature::of_directory(path)) {
        (FileError::NotAFile { path, .. }, Some(signature)) => SourceError::Foreign {
            path: path.clone(),
            signature,
        },
        _ => error.into(),
    };
    let mut backing = BackingFile::open(path, description.mode).map_err(explain)?;
    if description.extend {
        backing.may_extend();
    }
    Ok(backing)
}

/// Opens the file at `data_path`, which the header at `path` names.
///
/// # Errors
///
/// As [`open`], and when it does not exist.
fn open_data_file(
    data_path: &Path,
    path: &Path,
    description: &Description,
) -> Result<BackingFile, SourceError> {
    open(data_path, description).map_err(|error| match error {
        SourceError::File(FileError::Open { source, .. })
            if source.kind() == io::ErrorKind::NotFound =>
        {
            SourceError::NoDataFile {
                path: path.to_path_buf(),
                data_path: data_path.to_path_buf(),
            }
        }
        error => error,
    })
}

impl Plan {
    /// Opens `path` and determines which arrays it holds.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened in the mode, is not valid, holds nothing to show, or the
    /// description does not fit it.
    pub fn new(path: &Path, description: &Description) -> Result<Plan, SourceError> {
        let mut backing = open(path, description)?;
        let (format, overruled) = match description.format {
            Some(format) => (format, None),
            None if description.mode == Mode::Write => (Format::of_new(path), None),
            None => Format::of(&backing, description)?,
        };
        let mut contents = format.read(&backing, description)?;
        if let (Some(option), Some(what)) = (description.option(), overruled) {
            let note = format!("{what} is read as raw bytes because of --{option}");
            contents.note.get_or_insert(note);
        }
        let mut origin = Origin {
            file: backing.path().to_path_buf(),
            data_file: None,
            format: format.name,
            mode: description.mode,
            writable: description.mode.writes() && !description.read_only,
        };
        let invalid = |error| SourceError::Format {
            path: path.to_path_buf(),
            format: format.name,
            error,
        };
        if let Some(name) = &contents.data_file {
            let data_path = sibling(path, name).map_err(invalid)?;
            backing = open_data_file(&data_path, path, description)?;
            origin.data_file = Some(backing.path().to_path_buf());
        }
        contents.check(backing.size()).map_err(invalid)?;
        if let Some(name) = &description.array {
            select(&mut contents, name, path)?;
        }
        if contents.members.is_empty() {
            let path = path.to_path_buf();
            let skipped = contents.skipped;
            return Err(SourceError::Nothing { path, skipped });
        }
        if let Some(why) = contents.read_only
            && description.mode.writes_through()
        {
            return Err(SourceError::NotWritable {
                path: path.to_path_buf(),
                format: format.name,
                why,
            });
        }
        let plan = Plan {
            backing,
            origin,
            contents,
        };
        plan.check_backing(description.dtype_note.as_ref())?;
        Ok(plan)
    }

    /// Checks that the file can have the arrays.
    ///
    /// # Errors
    ///
    /// As [`BackingFile::check`]; of a file that is too short with what would fit.
    fn check_backing(&self, note: Option<&DTypeNote>) -> Result<(), SourceError> {
        let checked = self.backing.check(&self.bytes());
        checked.map_err(|error| match error {
            FileError::TooShort { remedy, .. } if self.origin.format != "raw" => {
                SourceError::NotWhole { error, remedy }
            }
            FileError::TooShort { remedy, .. } => SourceError::TooShort {
                remedy,
                fitting: self.fitting(note),
                error,
            },
            error => error.into(),
        })
    }

    /// What the file has room for.
    fn fitting(&self, note: Option<&DTypeNote>) -> Option<String> {
        let member = self.contents.members.first()?;
        let available = self.backing.size().checked_sub(self.bytes().start)?;
        let wanted = Wanted {
            dtype: member.view.dtype(),
            shape: member.view.shape(),
            order: member.order,
            note,
        };
        (available > 0).then(|| wanted.advice(available))
    }

    /// The file range of all arrays, in bytes. The position of an empty range matters too: `r+`
    /// extends the file to it, as NumPy does.
    pub fn bytes(&self) -> Range<u64> {
        match &self.contents.members[..] {
            [only] if !self.contents.is_group => only.view.extent(),
            members => {
                let extents = members.iter().map(|member| member.view.extent());
                let extents = extents.filter(|extent| !extent.is_empty());
                let joined = extents.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
                joined.unwrap_or(0..0)
            }
        }
    }

    /// The summary of the arrays, for the user.
    pub fn summary(&self) -> Summary {
        let rest = self.backing.size().saturating_sub(self.bytes().end);
        // Formats other than these have other parts.
        let is_whole = matches!(self.origin.format, "raw" | "npy");
        let left_over = match self.backing.mode() {
            Mode::Write => 0,
            _ if is_whole => rest,
            _ => 0,
        };
        let writes = self.origin.writable && self.origin.mode.writes_through();
        Summary::new(&self.contents, left_over, writes)
    }

    /// The change of the size of the file. `None` if the size stays the same.
    pub fn growth(&self) -> Option<Growth> {
        let (from, to) = (self.backing.size(), self.bytes().end);
        let grows = self.backing.mode() == Mode::Write || from < to;
        grows.then_some(Growth {
            from,
            to,
            sparse: false,
        })
    }

    /// Whether the file does not exist yet.
    pub fn is_new(&self) -> bool {
        self.backing.is_missing()
    }

    /// The file, its format and mode.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What the file holds.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Maps the file. The file changes only when [`Source::pending`] is committed.
    ///
    /// # Errors
    ///
    /// When there is no space for the array, or it cannot be mapped.
    pub fn map(self) -> Result<Source, SourceError> {
        let bytes = self.bytes();
        let (mapping, mut pending) = Mapping::new(self.backing, &bytes)?;
        let new_header = match &self.contents.members[..] {
            [
                Member {
                    verbatim: Some(verbatim),
                    ..
                },
            ] if self.origin.mode == Mode::Write => Some(verbatim.header.clone()),
            _ => None,
        };
        if let Some(header) = new_header {
            pending.begin_with(header);
        }
        Ok(Source {
            mapping,
            pending,
            origin: Arc::new(self.origin),
            contents: self.contents,
        })
    }
}

/// Reduces `contents` to the member called `name`, which becomes the root of the mount.
///
/// # Errors
///
/// When there is no such member, or it cannot be shown.
fn select(contents: &mut Contents, name: &str, path: &Path) -> Result<(), SourceError> {
    let path = || path.to_path_buf();
    let spelled = spelled(contents, without_slash(name.as_bytes())).to_vec();
    let mut members = std::mem::take(&mut contents.members);
    let found = members
        .iter()
        .position(|member| member.names().any(|own| own == spelled));
    if let Some(position) = found.filter(|_| contents.is_group) {
        contents.members = vec![members.swap_remove(position)];
        contents.is_group = false;
        contents.skipped.clear();
        return Ok(());
    }
    if contents.is_group && is_group(contents, &members, &spelled) {
        let below = members
            .iter()
            .filter(|member| is_below(&member.name, &spelled));
        return Err(SourceError::IsGroup {
            path: path(),
            name: name.into(),
            members: below.map(Member::display_name).collect(),
        });
    }
    let own = |skipped: &&Skipped| without_slash(skipped.name.as_bytes()) == spelled;
    match contents.skipped.iter().find(own) {
        Some(skipped) => Err(SourceError::Nothing {
            path: path(),
            skipped: vec![skipped.clone()],
        }),
        None => Err(SourceError::NoMember {
            path: path(),
            name: name.into(),
            members: match contents.is_group {
                true => members.iter().map(Member::display_name).collect(),
                false => Vec::new(),
            },
        }),
    }
}

/// Whether a group of the file has exactly this name. `members` are those of `contents`.
fn is_group(contents: &Contents, members: &[Member], name: &[u8]) -> bool {
    let mut groups = contents.groups.iter();
    groups.any(|(group, _)| without_slash(group) == name)
        || members.iter().any(|member| is_below(&member.name, name))
}

/// Whether a member of this name is in the group called `group`.
fn is_below(name: &[u8], group: &[u8]) -> bool {
    let rest = without_slash(name).strip_prefix(group);
    !group.is_empty() && rest.is_some_and(|rest| rest.starts_with(b"/"))
}

/// `name` as the file spells it. It is another name only if that is the single one that differs
/// in nothing but case, and no group has the name as it is: the names of FITS and of some other
/// formats ignore case.
fn spelled<'a>(contents: &'a Contents, name: &'a [u8]) -> &'a [u8] {
    let members = contents.members.iter().flat_map(Member::names);
    let skipped = contents.skipped.iter();
    let skipped = skipped.map(|skipped| without_slash(skipped.name.as_bytes()));
    let names = members.chain(skipped);
    if names.clone().any(|own| own == name) || is_group(contents, &contents.members, name) {
        return name;
    }
    let mut similar = names.filter(|own| own.eq_ignore_ascii_case(name));
    match similar.next() {
        Some(first) if similar.all(|other| other == first) => first,
        _ => name,
    }
}

/// A mapped file and the arrays that it holds.
#[derive(Debug)]
pub struct Source {
    /// The mapped file.
    pub mapping: Mapping,
    /// Changes to the file that are to be committed after the mount has succeeded.
    pub pending: Pending,
    /// The file, its format and mode.
    pub origin: Arc<Origin>,
    /// What the file holds.
    pub contents: Contents,
}

/// Reads `bytes` as a file at `path` in the format called `format`, and checks that every member
/// lies within the file. For fuzzing.
pub fn check_format(format: &str, path: &Path, bytes: &[u8]) {
    let input = Input::from_bytes(path, bytes.to_vec());
    let format = Format::named(format).map(|format| format.reader);
    let Some(Reader::SelfDescribing(read)) = format else {
        return;
    };
    let Ok(mut contents) = read(&input) else {
        return;
    };
    if contents.data_file.is_none() && contents.check(input.size()).is_ok() {
        for member in contents.members.iter().filter(|_| contents.is_group) {
            let is_within = member.view.extent().end <= input.size();
            assert!(is_within || member.view.size() == 0, "{member:?}");
        }
    }
}
