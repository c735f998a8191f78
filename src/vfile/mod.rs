//! Virtual files: files of fixed size, made of a list of contents, such as a header and the
//! bytes of a view. Encodings only build these lists; reading and writing ranges of files are
//! implemented once, here. Names are left to `tree`.

mod arrow_metadata;
mod bits;
mod code;
mod coded;
mod coded_view;
mod columns;
mod content;
mod encoding;
mod padded;
mod parquet;
mod text;
mod tiff_header;
mod widened;

use std::ops::Range;
use std::sync::Arc;

use crate::mapping::{AccessError, Mapping};
pub use code::Code;
pub use coded::CodedBytes;
pub use coded_view::{CodedView, Coding};
pub use content::{Content, ContentList, Elements, Literal, ViewBytes};
pub use encoding::{
    Encoding, EncodingOptions, FileSet, MAX_SUBDIRECTORIES, Subject, encodings, zarr,
};
pub use text::{CsvForm, Table, TableText, milliseconds};

/// Why bytes of a virtual file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileAccessError {
    /// A write starts at or past the end of the file.
    #[error("byte {at} is at or past the end of a file of {len} bytes")]
    PastEnd {
        /// File offset of the write, in bytes.
        at: u64,
        /// Size of the file in bytes.
        len: u64,
    },
    /// A write would change read-only bytes, such as a header. The range is in bytes
    /// of the file.
    #[error("bytes {0:?} cannot be changed")]
    Fixed(Range<u64>),
    /// Access to the mapped backing file failed.
    #[error(transparent)]
    Access(#[from] AccessError),
}

/// A content with its offset in the file, in bytes.
type Segment = (u64, Arc<dyn Content>);

/// A file of fixed size, made of contents. A clone shares them.
#[derive(Debug, Clone)]
pub struct VirtualFile {
    /// The nonempty contents in order.
    segments: Arc<[Segment]>,
    len: u64,
}

impl VirtualFile {
    /// The concatenation of these contents.
    pub fn new(contents: impl IntoIterator<Item = Arc<dyn Content>>) -> VirtualFile {
        let mut len = 0;
        let nonempty = contents.into_iter().filter(|content| !content.is_empty());
        let segments = nonempty.map(|content| {
            let start = len;
            len += content.len();
            (start, content)
        });
        let segments = segments.collect();
        VirtualFile { segments, len }
    }

    /// A read-only file of these bytes.
    pub fn literal(bytes: Arc<[u8]>) -> VirtualFile {
        VirtualFile::new([Arc::new(Literal::exact(bytes)) as Arc<dyn Content>])
    }

    /// The size in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether every byte of array data has the same offset in this file and in the
    /// backing file, as passthrough requires.
    pub fn is_in_place(&self) -> bool {
        let mut segments = self.segments.iter();
        segments.all(|(start, content)| content.is_in_place(*start))
    }

    /// Whether the file has bytes that are not array data, such as a header.
    pub fn has_literals(&self) -> bool {
        let mut segments = self.segments.iter();
        segments.any(|(_, content)| content.is_fixed())
    }

    /// Whether the size is 0.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads into `out` from byte `at`. Returns the number of bytes read. It is below
    /// `out.len()` if the read reaches the end of the file or a byte that cannot be
    /// read.
    ///
    /// # Errors
    ///
    /// When the first byte cannot be read.
    pub fn read_at(&self, at: u64, out: &mut [u8]) -> Result<usize, FileAccessError> {
        let range = self.clip(at, out.len());
        self.transfer_parts(&range, |content, part, from| {
            content.read(from, &mut out[part])
        })
    }

    /// Writes `data` at byte `at`. Returns the number of bytes written. It is below
    /// `data.len()` if the write reaches the end of the file or a byte that cannot be
    /// written.
    ///
    /// # Errors
    ///
    /// - [`FileAccessError::PastEnd`] when `at` is at or past the end.
    /// - [`FileAccessError::Fixed`] when read-only bytes would change. No byte is
    ///   then written.
    /// - [`FileAccessError::Access`] when the first byte cannot be written.
    pub fn write_at(&self, at: u64, data: &[u8]) -> Result<usize, FileAccessError> {
        if at >= self.len && !data.is_empty() {
            return Err(FileAccessError::PastEnd { at, len: self.len });
        }
        self.check_write(at, data)?;
        let range = self.clip(at, data.len());
        self.transfer_parts(&range, |content, part, from| {
            content.write(from, &data[part])
        })
    }

    /// Checks that a write of `data` at byte `at` changes no read-only bytes.
    ///
    /// # Errors
    ///
    /// [`FileAccessError::Fixed`] when it does.
    pub fn check_write(&self, at: u64, data: &[u8]) -> Result<(), FileAccessError> {
        let range = self.clip(at, data.len());
        for (content, part, from) in self.parts(&range) {
            if !content.accepts(from, &data[part.clone()]) {
                let start = at + part.start as u64;
                return Err(FileAccessError::Fixed(start..start + part.len() as u64));
            }
        }
        Ok(())
    }

    /// Calls `transfer` for the part of each content that overlaps `range`, up to
    /// the first short transfer. Returns the total number of bytes transferred.
    /// `transfer` gets the content, the part as an index range of the caller's
    /// buffer, and the offset of the part in the content.
    ///
    /// # Errors
    ///
    /// The error of `transfer` if no byte was transferred before it.
    fn transfer_parts(
        &self,
        range: &Range<u64>,
        mut transfer: impl FnMut(&dyn Content, Range<usize>, u64) -> Result<usize, AccessError>,
    ) -> Result<usize, FileAccessError> {
        let mut done = 0;
        for (content, part, from) in self.parts(range) {
            let end = part.end;
            match transfer(content, part, from) {
                Ok(count) => done += count,
                Err(error) if done == 0 => return Err(error.into()),
                Err(_) => {}
            }
            if done < end {
                break;
            }
        }
        Ok(done)
    }

    /// Writes zeros to the array data in the bytes `range`. Other bytes, such as a
    /// header, are skipped.
    ///
    /// # Errors
    ///
    /// When a byte cannot be written. Other bytes may have been written by then.
    pub fn fill(&self, range: Range<u64>) -> Result<(), FileAccessError> {
        for (content, part, from) in self.parts(&range) {
            content.fill(from..from + part.len() as u64)?;
        }
        Ok(())
    }

    /// Synchronises the bytes `range` to storage. This covers one range of the backing file,
    /// including bytes between those of a strided view, and those between contents: the columns
    /// of a table are interleaved, and there can be thousands.
    ///
    /// # Errors
    ///
    /// The error of the write-back.
    pub fn flush(&self, range: Range<u64>) -> Result<(), FileAccessError> {
        let mut elements = self.segments.iter();
        match elements.find_map(|(_, content)| content.elements()) {
            Some(Elements { mapping, .. }) => Ok(mapping
                .flush(self.covering_range(&range))
                .map_err(AccessError::from)?),
            None => Ok(()),
        }
    }

    /// Reserves space in the backing file for the bytes `range`.
    ///
    /// # Errors
    ///
    /// When the space is missing, or the file system does not support reservation.
    pub fn allocate(&self, range: Range<u64>) -> Result<(), FileAccessError> {
        self.each_covering_range(range, |mapping, covering| mapping.allocate(covering))
    }

    /// Calls `act` once for each content with elements that overlaps `range`, with the smallest
    /// range of the backing file that contains the overlap.
    fn each_covering_range(
        &self,
        range: Range<u64>,
        act: impl Fn(&Mapping, Range<u64>) -> Result<(), AccessError>,
    ) -> Result<(), FileAccessError> {
        for (start, content) in self.segments.iter() {
            if let Some(Elements { mapping, .. }) = content.elements() {
                let covering = content.covering_range(within(&range, *start, content));
                if !covering.is_empty() {
                    act(mapping, covering)?;
                }
            }
        }
        Ok(())
    }

    /// The smallest range of the backing file that contains the array data shown by
    /// the bytes `range`. Empty if they show none. Text depends on the whole view.
    pub fn covering_range(&self, range: &Range<u64>) -> Range<u64> {
        let ranges = self.segments.iter();
        let ranges =
            ranges.map(|(start, content)| content.covering_range(within(range, *start, content)));
        joined(ranges)
    }

    /// A range of this file that contains every byte that shows a byte of the range
    /// `backing` of the backing file. It can contain other bytes too; see
    /// [`Layout::view_range_in`](crate::array::Layout::view_range_in).
    pub fn file_range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        let ranges = self.segments.iter().map(|(start, content)| {
            let range = content.range_showing(backing);
            match range.is_empty() {
                true => 0..0,
                false => start + range.start..start + range.end,
            }
        });
        joined(ranges)
    }

    /// A position near byte `at` at which a write can be split. It splits neither a
    /// header nor a word of `word` bytes aligned in the backing file. It is at or
    /// before `at` within elements, and the end of the content otherwise.
    pub fn boundary(&self, at: u64, word: u64) -> u64 {
        let containing = self.segments.iter().find(|(start, content)| {
            let end = start + content.len();
            (*start..end).contains(&at)
        });
        match containing {
            None => at,
            Some((start, content)) => start + content.boundary(at - start, word),
        }
    }

    /// Whether the bytes `range` of this file and any bytes of `other` are the same
    /// bytes of the backing file. Only elements that can be written count.
    pub fn overlaps(&self, range: &Range<u64>, other: &VirtualFile) -> bool {
        let mut segments = self.segments.iter();
        segments.any(|(start, content)| {
            let Some(own) = content.elements() else {
                return false;
            };
            let range = content.stored_range(within(range, *start, content));
            let others = other.segments.iter();
            let mut others = others.filter_map(|(_, content)| content.elements());
            others.any(|other| own.layout.overlaps(range.clone(), other.layout))
        })
    }

    /// The range of `count` bytes from `at`, clipped at the end of the file.
    fn clip(&self, at: u64, count: usize) -> Range<u64> {
        let end = at.saturating_add(count as u64).min(self.len);
        at.min(end)..end
    }

    /// The contents that overlap `range`. Each comes with its part of the range, in
    /// bytes from the start of the range, and the offset of that part in the content.
    fn parts<'a>(
        &'a self,
        range: &Range<u64>,
    ) -> impl Iterator<Item = (&'a dyn Content, Range<usize>, u64)> + use<'a> {
        let range = range.clone();
        let first = self
            .segments
            .partition_point(|(start, _)| *start <= range.start);
        let from_first = &self.segments[first.saturating_sub(1)..];
        from_first.iter().map_while(move |(start, content)| {
            let low = range.start.max(*start);
            let high = range.end.min(start + content.len());
            let part = || (low - range.start) as usize..(high - range.start) as usize;
            (low < high).then(|| (&**content, part(), low - start))
        })
    }
}

/// The part of a range of a file that is in `content`, which begins at byte `start`, in bytes of
/// the content.
fn within(range: &Range<u64>, start: u64, content: &Arc<dyn Content>) -> Range<u64> {
    let position = |at: u64| at.saturating_sub(start).min(content.len());
    position(range.start)..position(range.end)
}

/// The smallest range that contains all of `ranges`. Empty ranges do not count.
fn joined(ranges: impl Iterator<Item = Range<u64>>) -> Range<u64> {
    let nonempty = ranges.filter(|range| !range.is_empty());
    let joined = nonempty.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
    joined.unwrap_or(0..0)
}
