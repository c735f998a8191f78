//! The bytes of a file that a format reads: by position, within the size of the file, and never
//! through the mapping. What the bytes mean is left to the formats.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::FormatError;
use crate::mapping::BackingFile;

/// The most bytes that are read at once: the largest header of any format (that of
/// safetensors, 100 MB) with room to spare.
const MAX_BYTES: u64 = 128 << 20;

/// How many bytes a [`Cursor`] reads ahead.
const BUFFER: usize = 4096;

/// Bytes that are read by position.
pub trait ReadAt: Debug + Send + Sync {
    /// Reads into `out` from byte `at` on, as `pread(2)` does.
    ///
    /// # Errors
    ///
    /// When no byte can be read.
    fn read_at(&self, out: &mut [u8], at: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, out: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, out, at)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, out: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..));
        let rest = rest.unwrap_or_default();
        let count = out.len().min(rest.len());
        out[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// A file to be read by a format.
#[derive(Debug, Clone)]
pub struct Input {
    bytes: Arc<dyn ReadAt>,
    size: u64,
    path: PathBuf,
}

impl Input {
    /// The bytes of `backing`; none if it does not exist yet.
    pub fn of(backing: &BackingFile) -> Input {
        let file = backing.file().cloned();
        Input {
            bytes: match file {
                Some(file) => file,
                None => Arc::new(Vec::new()),
            },
            size: backing.size(),
            path: backing.path().to_path_buf(),
        }
    }

    /// A file at `path` that holds `bytes`, for fuzzing and tests.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Input {
        Input {
            size: bytes.len() as u64,
            bytes: Arc::new(bytes),
            path: path.to_path_buf(),
        }
    }

    /// The size of the file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size in bytes of another file in the directory of this one. Its name must be a plain
    /// file name, so that a file cannot point elsewhere.
    ///
    /// # Errors
    ///
    /// When `name` is no plain file name, there is no such file, or it is a directory.
    pub fn sibling_size(&self, name: &str) -> Result<u64, FormatError> {
        let path = sibling(&self.path, name)?;
        let found = path.metadata().map_err(|error| {
            FormatError::invalid(format!("its data file {name} cannot be read: {error}"))
        })?;
        match found.is_dir() {
            false => Ok(found.len()),
            true => Err(FormatError::invalid(format!(
                "its data file {name} is a directory"
            ))),
        }
    }

    /// Another file in the directory of this one, as [`Input::sibling_size`] finds it.
    ///
    /// # Errors
    ///
    /// As [`Input::sibling_size`], when it is not a regular file, and when it cannot be opened.
    pub fn sibling(&self, name: &str) -> Result<Input, FormatError> {
        self.sibling_size(name)?;
        let path = sibling(&self.path, name)?;
        // Opening a pipe would wait for a writer.
        if !path.metadata().map_err(FormatError::Read)?.is_file() {
            return Err(FormatError::invalid(format!(
                "its data file {name} is not a regular file"
            )));
        }
        let file = File::open(&path).map_err(FormatError::Read)?;
        let size = file.metadata().map_err(FormatError::Read)?.len();
        Ok(Input {
            bytes: Arc::new(file),
            size,
            path,
        })
    }

    /// Bytes `at` to `at + count`.
    ///
    /// # Errors
    ///
    /// When the file ends before, the bytes are more than a header can have, or reading fails.
    pub fn bytes(&self, at: u64, count: u64) -> Result<Vec<u8>, FormatError> {
        let end = at.checked_add(count).filter(|&end| end <= self.size);
        let Some(end) = end else {
            return Err(FormatError::Truncated {
                need: at.saturating_add(count),
                have: self.size,
            });
        };
        if count > MAX_BYTES {
            return Err(FormatError::invalid(format!(
                "a header of {count} bytes at byte {at}: the maximum is {MAX_BYTES}"
            )));
        }
        let bytes = self.up_to(at, count as usize)?;
        match (bytes.len() as u64).cmp(&count) {
            std::cmp::Ordering::Equal => Ok(bytes),
            // The file has been truncated since it was opened.
            _ => Err(FormatError::Truncated {
                need: end,
                have: at + bytes.len() as u64,
            }),
        }
    }

    /// `count` bytes from byte `at` on; fewer if the file ends before.
    ///
    /// # Errors
    ///
    /// When reading fails.
    pub fn up_to(&self, at: u64, count: usize) -> Result<Vec<u8>, FormatError> {
        let rest = self.size.saturating_sub(at);
        let count = usize::try_from(rest).map_or(count, |rest| rest.min(count));
        let mut bytes = vec![0; count];
        let mut done = 0;
        while done < count {
            match self.bytes.read_at(&mut bytes[done..], at + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FormatError::Read(error)),
            }
        }
        bytes.truncate(done);
        Ok(bytes)
    }

    /// A cursor at byte `at`.
    pub fn cursor(&self, at: u64, endian: Endian) -> Cursor<'_> {
        Cursor {
            input: self,
            endian,
            at,
            buffer: Vec::new(),
            buffer_at: 0,
        }
    }
}

/// The path of the file `name` in the directory of `path`.
///
/// # Errors
///
/// When `name` is not a plain file name, or leads out of the directory by a symbolic link.
pub(super) fn sibling(path: &Path, name: &str) -> Result<PathBuf, FormatError> {
    let is_plain = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
    if !is_plain {
        return Err(FormatError::invalid(format!(
            "its data file {name:?} is not a plain name in the directory of the header"
        )));
    }
    let sibling = path.with_file_name(name);
    // A path that cannot be resolved fails later, with the reason.
    let resolved = sibling.canonicalize().unwrap_or_else(|_| sibling.clone());
    let directory = path.parent().and_then(|parent| parent.canonicalize().ok());
    let leads_out = directory.is_some_and(|parent| resolved.parent() != Some(&parent));
    match resolved != sibling && leads_out {
        false => Ok(sibling),
        true => Err(FormatError::invalid(format!(
            "its data file {name} is a symbolic link to {}, outside the directory of the header",
            resolved.display()
        ))),
    }
}

/// The byte order of the numbers in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Endian {
    /// The prefix of a NumPy dtype: `<` or `>`.
    pub fn prefix(self) -> char {
        match self {
            Endian::Little => '<',
            Endian::Big => '>',
        }
    }
}

/// Reads the numbers of a header one after the other.
#[derive(Debug)]
pub struct Cursor<'a> {
    input: &'a Input,
    endian: Endian,
    at: u64,
    buffer: Vec<u8>,
    /// The position of the buffer in the file.
    buffer_at: u64,
}

/// Defines a method that reads a number.
macro_rules! number {
    ($($type:ident)+) => { $(
        #[doc = concat!("The next number, a `", stringify!($type), "`.")]
        ///
        /// # Errors
        ///
        /// As [`Input::bytes`].
        pub fn $type(&mut self) -> Result<$type, FormatError> {
            let bytes = self.array()?;
            Ok(match self.endian {
                Endian::Little => $type::from_le_bytes(bytes),
                Endian::Big => $type::from_be_bytes(bytes),
            })
        }
    )+ };
}

impl Cursor<'_> {
    number!(u8 i8 u16 i16 u32 i32 u64 i64 f32 f64);

    /// The file offset of the next byte.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Goes to byte `at`.
    pub fn seek(&mut self, at: u64) {
        self.at = at;
    }

    /// Skips `count` bytes.
    ///
    /// # Errors
    ///
    /// When the file ends before.
    pub fn skip(&mut self, count: u64) -> Result<(), FormatError> {
        match self.at.checked_add(count) {
            Some(at) if at <= self.input.size => {
                self.at = at;
                Ok(())
            }
            _ => Err(FormatError::Truncated {
                need: self.at.saturating_add(count),
                have: self.input.size,
            }),
        }
    }

    /// Skips to the next multiple of `alignment` bytes.
    ///
    /// # Errors
    ///
    /// When the file ends before.
    pub fn align(&mut self, alignment: u64) -> Result<(), FormatError> {
        match self.at % alignment {
            0 => Ok(()),
            rest => self.skip(alignment - rest),
        }
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    ///
    /// As [`Input::bytes`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let within = |cursor: &Self| {
            let start = usize::try_from(cursor.at.checked_sub(cursor.buffer_at)?).ok()?;
            cursor.buffer.get(start..)?.first_chunk::<N>().copied()
        };
        if within(self).is_none() {
            self.buffer = self.input.up_to(self.at, BUFFER.max(N))?;
            self.buffer_at = self.at;
        }
        let bytes = within(self).ok_or(FormatError::Truncated {
            need: self.at.saturating_add(N as u64),
            have: self.input.size,
        })?;
        self.at += N as u64;
        Ok(bytes)
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    ///
    /// As [`Input::bytes`].
    pub fn bytes(&mut self, count: u64) -> Result<Vec<u8>, FormatError> {
        let bytes = self.input.bytes(self.at, count)?;
        self.at += count;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(bytes: &[u8]) -> Input {
        Input::from_bytes(Path::new("/data/a.bin"), bytes.to_vec())
    }

    #[test]
    fn bytes_past_the_end_are_refused_however_many_are_claimed() {
        let input = input(b"0123456789");
        assert_eq!(input.bytes(8, 2).unwrap(), b"89");
        for (at, count) in [(8, 3), (11, 0), (0, u64::MAX), (u64::MAX, 1)] {
            let error = input.bytes(at, count).unwrap_err();
            assert!(matches!(error, FormatError::Truncated { .. }), "{error}");
        }
        assert_eq!(input.up_to(8, usize::MAX).unwrap(), b"89");
        assert_eq!(input.up_to(u64::MAX, 1).unwrap(), b"");
    }

    #[test]
    fn a_cursor_reads_numbers_in_both_byte_orders_across_its_buffer() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * BUFFER).collect();
        let input = input(&bytes);
        let mut cursor = input.cursor(BUFFER as u64 - 3, Endian::Little);
        let expected = u32::from_le_bytes(bytes[BUFFER - 3..][..4].try_into().unwrap());
        assert_eq!(cursor.u32().unwrap(), expected);
        cursor.align(8).unwrap();
        assert_eq!(cursor.position(), BUFFER as u64 + 8);
        assert_eq!(input.cursor(1, Endian::Big).u16().unwrap(), 0x0102);
        let mut last = input.cursor(3 * BUFFER as u64 - 1, Endian::Big);
        assert!(last.u16().is_err());
        assert!(last.skip(2).is_err() && last.skip(1).is_ok());
    }

    #[test]
    fn a_data_file_is_in_the_directory_of_its_header() {
        let path = Path::new("/data/a.nhdr");
        assert_eq!(sibling(path, "a.raw").unwrap(), Path::new("/data/a.raw"));
        let dir = tempfile::tempdir().unwrap();
        let header = dir.path().join("a.nhdr");
        for (link, target, is_inside) in [("out", "/etc/passwd", false), ("in", "b.raw", true)] {
            std::fs::write(dir.path().join("b.raw"), [0]).unwrap();
            std::os::unix::fs::symlink(target, dir.path().join(link)).unwrap();
            assert_eq!(sibling(&header, link).is_ok(), is_inside, "{link}");
        }
        for name in ["", ".", "..", "../a.raw", "/etc/passwd", "b/a.raw", "a\0"] {
            assert!(sibling(path, name).is_err(), "{name:?}");
        }
    }
}
