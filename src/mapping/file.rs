//! Opens the backing file in a mode and checks whether it can hold an array. Nothing here
//! changes the file; creating and extending it is left to `growth`.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Mode, growth};
use crate::platform::{self, os_error_message, quoted};

/// Why a file cannot be mapped in a mode.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be opened, or its metadata or bytes cannot be read.
    #[error("{}: {}", path.display(), os_error_message(source))]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be created.
    #[error("{}: cannot be created: {}", path.display(), os_error_message(source))]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file can be read, but not opened or mapped for writing.
    #[error("{}: cannot be written in mode {mode}: {}", path.display(), os_error_message(source))]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The mode that was asked for.
        mode: Mode,
        /// What the system said.
        source: io::Error,
    },
    /// The path leads to neither a regular file nor a block device.
    #[error("{}: is a {kind}, and only a regular file or a block device can be mapped", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it leads to, such as `directory`.
        kind: &'static str,
    },
    /// The file ends before the array does, and the mode does not extend it.
    #[error(
        "{}: the array needs {} bytes at offset {}, which end at byte {}; the file has {have}",
        path.display(), array.end - array.start, array.start, array.end
    )]
    TooShort {
        /// The file.
        path: PathBuf,
        /// The byte range of the array in the file.
        array: Range<u64>,
        /// The file's size in bytes.
        have: u64,
        /// The options that would extend it.
        remedy: Remedy,
    },
    /// The file system has no `fallocate`. Other ways to extend the file could truncate it.
    #[error(
        "{}: cannot be extended to {bytes} bytes: its file system cannot allocate space (fallocate)",
        path.display()
    )]
    CannotExtend {
        /// The file.
        path: PathBuf,
        /// The size it would have.
        bytes: u64,
    },
    /// The file cannot be made long enough for the array.
    #[error("{}: cannot hold {bytes} bytes: {}", path.display(), os_error_message(source))]
    NoSpace {
        /// The file.
        path: PathBuf,
        /// The size it would have.
        bytes: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The path leads to a block device, which `w+` cannot create or truncate.
    #[error("{}: is a block device, which mode w+ cannot create or truncate", path.display())]
    FixedSize {
        /// The device.
        path: PathBuf,
    },
    /// `mmap` failed.
    #[error("{}: cannot map {bytes} bytes: {}", path.display(), os_error_message(source))]
    Map {
        /// The file.
        path: PathBuf,
        /// Bytes from its start to the end of the array.
        bytes: u64,
        /// What the system said.
        source: io::Error,
    },
}

/// The options that extend a file that is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// `--extend`.
    Extend,
    /// `--extend` and `--mode r+`.
    ExtendInReadWrite,
    /// None: a block device cannot be extended.
    None,
}

impl Remedy {
    /// The options to type; `None` if none help.
    pub fn options(self) -> Option<&'static str> {
        match self {
            Remedy::Extend => Some("--extend"),
            Remedy::ExtendInReadWrite => Some("--mode r+ --extend"),
            Remedy::None => None,
        }
    }
}

impl FileError {
    /// What the user can do about the error; `None` if nothing is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            FileError::Unwritable {
                mode: Mode::ReadWrite,
                ..
            } => {
                Some("to read it only, use --mode r; to write to a copy in memory, --mode c".into())
            }
            FileError::Open { source, .. } if platform::is_of_dead_mount(source) => {
                Some(platform::BELOW_DEAD_MOUNT.into())
            }
            FileError::TooShort { remedy, .. } => {
                let check = "check --dtype, --shape and --offset";
                Some(match remedy.options() {
                    Some(options) => {
                        format!("{check}; {options} would extend the file with zeros")
                    }
                    None => check.into(),
                })
            }
            FileError::CannotExtend { bytes, path } => Some(format!(
                "if no other program writes it, extend it first: truncate -s {bytes} {}",
                quoted(path)
            )),
            FileError::FixedSize { .. } => Some("to write it in place, use --mode r+".into()),
            _ => None,
        }
    }
}

/// A file opened for mapping. In mode `w+` it may not exist yet.
#[derive(Debug)]
pub struct BackingFile {
    pub(super) path: PathBuf,
    pub(super) mode: Mode,
    pub(super) file: Option<Arc<File>>,
    /// The size when the file was opened, in bytes.
    pub(super) len: u64,
    pub(super) block_device: bool,
    /// Whether `r+` extends the file if it is too short.
    extends: bool,
}

impl BackingFile {
    /// Opens `path` in `mode`. Nothing is created or changed.
    ///
    /// # Errors
    ///
    /// When the path:
    ///
    /// - does not exist, except in mode `w+`;
    /// - leads to neither a regular file nor a block device;
    /// - cannot be read;
    /// - in modes `r+` and `w+`, cannot be written.
    pub fn open(path: &Path, mode: Mode) -> Result<BackingFile, FileError> {
        let failed = |source| FileError::Open {
            path: path.to_path_buf(),
            source,
        };
        let mut backing = BackingFile {
            path: path.to_path_buf(),
            mode,
            file: None,
            len: 0,
            block_device: false,
            extends: false,
        };
        match std::fs::metadata(path) {
            Ok(metadata) => backing.check_kind(&metadata)?,
            Err(error) if mode == Mode::Write && error.kind() == io::ErrorKind::NotFound => {
                backing.path = resolve_links(path);
                return Ok(backing);
            }
            Err(error) => return Err(failed(error)),
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(mode.writes_through())
            .open(path)
            .map_err(|source| backing.open_error(source))?;
        let metadata = file.metadata().map_err(failed)?;
        backing.check_kind(&metadata)?;
        backing.block_device = metadata.file_type().is_block_device();
        backing.len = if backing.block_device {
            file.seek(SeekFrom::End(0)).map_err(failed)?
        } else {
            metadata.len()
        };
        backing.file = Some(Arc::new(file));
        Ok(backing)
    }

    /// Checks that the metadata is of a regular file or a block device.
    ///
    /// # Errors
    ///
    /// When it is not.
    fn check_kind(&self, metadata: &Metadata) -> Result<(), FileError> {
        let kind = metadata.file_type();
        let kind = match () {
            () if kind.is_dir() => "directory",
            () if kind.is_fifo() => "FIFO",
            () if kind.is_socket() => "socket",
            () if kind.is_char_device() => "character device",
            () => return Ok(()),
        };
        let path = self.path.clone();
        Err(FileError::NotAFile { path, kind })
    }

    /// The error for a failed open: `Unwritable` if the file can be opened for reading.
    fn open_error(&self, source: io::Error) -> FileError {
        let path = self.path.clone();
        // If reading fails too, the cause is not the lack of write permission.
        if self.mode.writes_through() && File::open(&path).is_ok() {
            let mode = self.mode;
            FileError::Unwritable { path, mode, source }
        } else {
            FileError::Open { path, source }
        }
    }

    /// The path given to [`open`](BackingFile::open). If the file does not exist yet, symbolic
    /// links are resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The mode in which the file was opened.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The size when the file was opened, in bytes; 0 if it does not exist yet.
    pub fn size(&self) -> u64 {
        self.len
    }

    /// Allows `r+` to extend the file.
    pub fn may_extend(&mut self) {
        self.extends = true;
    }

    /// Checks that the file can hold the byte range `array` in its mode, without changing
    /// anything.
    ///
    /// # Errors
    ///
    /// When the file is too short for the mode, would exceed the limit on file sizes, cannot
    /// be created, or when there is no space.
    pub fn check(&self, array: &Range<u64>) -> Result<(), FileError> {
        growth::check(self, array).map(|_| ())
    }

    /// Whether the file does not exist yet.
    pub fn is_missing(&self) -> bool {
        self.file.is_none()
    }

    /// Whether the size cannot change: the path leads to a block device.
    pub fn has_fixed_size(&self) -> bool {
        self.block_device
    }

    /// The open file, for reading by position; `None` if it does not exist yet.
    pub fn file(&self) -> Option<&Arc<File>> {
        self.file.as_ref()
    }

    /// Whether the file has to be extended, cleared or created to hold the byte range `array`.
    ///
    /// # Errors
    ///
    /// When the file is too short and the mode does not extend it.
    pub fn must_grow(&self, array: &Range<u64>) -> Result<bool, FileError> {
        match self.mode {
            Mode::Write if self.block_device => Err(FileError::FixedSize {
                path: self.path.clone(),
            }),
            Mode::Write => Ok(true),
            _ if array.end <= self.len => Ok(false),
            Mode::ReadWrite if self.extends && !self.block_device => Ok(true),
            mode => Err(FileError::TooShort {
                path: self.path.clone(),
                array: array.clone(),
                have: self.len,
                remedy: match mode {
                    _ if self.block_device => Remedy::None,
                    Mode::ReadWrite => Remedy::Extend,
                    _ => Remedy::ExtendInReadWrite,
                },
            }),
        }
    }
}

/// Resolves the symbolic links of a path whose target does not exist.
fn resolve_links(path: &Path) -> PathBuf {
    // The kernel's limit, path_resolution(7).
    const MAX_LINKS: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        let Ok(link) = path.read_link() else { break };
        path = match path.parent() {
            Some(parent) => parent.join(link),
            None => link,
        };
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_too_short_for_its_mode_is_refused_with_both_sizes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(100).unwrap();
        for mode in [Mode::ReadOnly, Mode::ReadWrite, Mode::CopyOnWrite] {
            let backing = BackingFile::open(file.path(), mode).unwrap();
            assert!(!backing.must_grow(&(0..100)).unwrap());
            let error = backing.must_grow(&(8..108)).unwrap_err().to_string();
            assert!(
                error.contains("100 bytes at offset 8, which end at byte 108; the file has 100"),
                "{error}"
            );
        }
    }

    #[test]
    fn an_error_names_the_kind_of_a_path_that_is_not_a_file() {
        let dir = tempfile::tempdir().unwrap();
        for (path, kind) in [
            (dir.path(), "directory"),
            (Path::new("/dev/null"), "character device"),
        ] {
            let error = BackingFile::open(path, Mode::ReadOnly).unwrap_err();
            assert!(error.to_string().contains(kind), "{error}");
        }
    }
}
