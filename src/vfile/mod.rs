//! Virtual files: files of fixed size, made of a list of segments. A segment holds
//! literal bytes, the bytes of a view, or the text of a view. Encodings only build
//! these lists; reading and writing are implemented once, here. Names are left to
//! `tree`.

mod encoding;
mod text;

use std::ops::Range;
use std::sync::Arc;

use crate::array::{Layout, View};
use crate::mapping::{AccessError, Mapping};
pub use encoding::{Encoding, encodings};
pub use text::{CsvForm, Table};

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

/// A contiguous part of a virtual file.
#[derive(Debug, Clone)]
pub enum Segment {
    /// Read-only bytes that are not array data, such as a header.
    Literal {
        /// The bytes. A write to them must repeat them.
        bytes: Arc<[u8]>,
        /// Whether a write of the second argument over all of the first is accepted.
        /// Both have the same length. Such a write has no effect.
        is_equivalent: fn(&[u8], &[u8]) -> bool,
    },
    /// The bytes of a view in C order.
    View {
        /// The mapped backing file.
        mapping: Arc<Mapping>,
        /// The position of the view in the backing file.
        layout: Layout,
    },
    /// The text of a view, read-only.
    Text {
        /// The mapped backing file.
        mapping: Arc<Mapping>,
        /// The position of the view in the backing file.
        layout: Layout,
        /// The rendering of the view as text.
        table: Arc<Table>,
    },
}

impl Segment {
    /// The bytes of `view` in C order.
    pub fn view(mapping: &Arc<Mapping>, view: &View) -> Segment {
        Segment::View {
            mapping: mapping.clone(),
            layout: view.layout(),
        }
    }

    fn len(&self) -> u64 {
        match self {
            Segment::Literal { bytes, .. } => bytes.len() as u64,
            Segment::View { layout, .. } => layout.nbytes(),
            Segment::Text { table, .. } => table.len(),
        }
    }

    /// Whether a write of `data` at byte `from` of the segment is accepted.
    fn accepts(&self, from: u64, data: &[u8]) -> bool {
        match self {
            Segment::Literal {
                bytes,
                is_equivalent,
            } => {
                let repeated = bytes[from as usize..].starts_with(data);
                repeated || data.len() == bytes.len() && is_equivalent(bytes, data)
            }
            Segment::View { .. } => true,
            Segment::Text { .. } => false,
        }
    }
}

/// A file of fixed size, made of segments.
#[derive(Debug, Clone)]
pub struct VirtualFile {
    /// The nonempty segments in order, each with its offset in the file in bytes.
    segments: Vec<(u64, Segment)>,
    len: u64,
}

impl VirtualFile {
    /// The concatenation of these segments.
    pub fn new(segments: impl IntoIterator<Item = Segment>) -> VirtualFile {
        let mut len = 0;
        let nonempty = segments.into_iter().filter(|segment| segment.len() > 0);
        let segments = nonempty.map(|segment| {
            let start = len;
            len += segment.len();
            (start, segment)
        });
        let segments = segments.collect();
        VirtualFile { segments, len }
    }

    /// A read-only file of these bytes.
    pub fn literal(bytes: Arc<[u8]>) -> VirtualFile {
        let is_equivalent = |fixed: &[u8], data: &[u8]| fixed == data;
        VirtualFile::new([Segment::Literal {
            bytes,
            is_equivalent,
        }])
    }

    /// The size in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether every byte of array data has the same offset in this file and in the
    /// backing file, as passthrough requires.
    pub fn is_in_place(&self) -> bool {
        self.segments.iter().all(|(start, segment)| match segment {
            Segment::View { layout, .. } => {
                layout.is_contiguous() && layout.extent().start == *start
            }
            Segment::Literal { .. } => true,
            Segment::Text { .. } => false,
        })
    }

    /// Whether the file has bytes that are not array data, such as a header.
    pub fn has_literals(&self) -> bool {
        let mut segments = self.segments.iter();
        segments.any(|(_, segment)| matches!(segment, Segment::Literal { .. }))
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
        self.transfer_parts(&range, |segment, part, from| match segment {
            Segment::Literal { bytes, .. } => {
                out[part.clone()].copy_from_slice(&bytes[from as usize..][..part.len()]);
                Ok(part.len())
            }
            Segment::View { mapping, layout } => mapping.read(layout, from, &mut out[part]),
            Segment::Text {
                mapping,
                layout,
                table,
            } => table.read(from, &mut out[part], |at, bytes| {
                mapping.read(layout, at, bytes)
            }),
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
        let range = self.clip(at, data.len());
        for (segment, part, from) in self.parts(&range) {
            if !segment.accepts(from, &data[part.clone()]) {
                let start = at + part.start as u64;
                return Err(FileAccessError::Fixed(start..start + part.len() as u64));
            }
        }
        self.transfer_parts(&range, |segment, part, from| match segment {
            Segment::View { mapping, layout } => mapping.write(layout, from, &data[part]),
            Segment::Literal { .. } | Segment::Text { .. } => Ok(part.len()),
        })
    }

    /// Calls `transfer` for the part of each segment that overlaps `range`, up to
    /// the first short transfer. Returns the total number of bytes transferred.
    /// `transfer` gets the segment, the part as an index range of the caller's
    /// buffer, and the offset of the part in the segment.
    ///
    /// # Errors
    ///
    /// The error of `transfer` if no byte was transferred before it.
    fn transfer_parts(
        &self,
        range: &Range<u64>,
        mut transfer: impl FnMut(&Segment, Range<usize>, u64) -> Result<usize, AccessError>,
    ) -> Result<usize, FileAccessError> {
        let mut done = 0;
        for (segment, part, from) in self.parts(range) {
            let end = part.end;
            match transfer(segment, part, from) {
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
        for (segment, part, from) in self.parts(&range) {
            if let Segment::View { mapping, layout } = segment {
                mapping.fill(layout, from..from + part.len() as u64)?;
            }
        }
        Ok(())
    }

    /// Synchronises the bytes `range` to storage. For each segment this covers one
    /// range of the backing file, including bytes between those of a strided view.
    ///
    /// # Errors
    ///
    /// The error of the write-back.
    pub fn flush(&self, range: Range<u64>) -> Result<(), FileAccessError> {
        self.each_covering_range(range, |mapping, covering| Ok(mapping.flush(covering)?))
    }

    /// Reserves space in the backing file for the bytes `range`.
    ///
    /// # Errors
    ///
    /// When the space is missing, or the file system does not support reservation.
    pub fn allocate(&self, range: Range<u64>) -> Result<(), FileAccessError> {
        self.each_covering_range(range, |mapping, covering| mapping.allocate(covering))
    }

    /// Calls `act` once for each view segment that overlaps `range`, with the smallest
    /// range of the backing file that contains the overlap.
    fn each_covering_range(
        &self,
        range: Range<u64>,
        act: impl Fn(&Mapping, Range<u64>) -> Result<(), AccessError>,
    ) -> Result<(), FileAccessError> {
        for (start, segment) in &self.segments {
            if let Segment::View { mapping, layout } = segment {
                let range = range.start.saturating_sub(*start)..range.end.saturating_sub(*start);
                let covering = layout.covering_range(range);
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
        let ranges = self.segments.iter().map(|(start, segment)| {
            let range = range.start.saturating_sub(*start)..range.end.saturating_sub(*start);
            match segment {
                Segment::View { layout, .. } => layout.covering_range(range),
                Segment::Text { layout, .. } if !range.is_empty() => layout.extent(),
                Segment::Text { .. } | Segment::Literal { .. } => 0..0,
            }
        });
        let ranges = ranges.filter(|covering| !covering.is_empty());
        let joined = ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        joined.unwrap_or(0..0)
    }

    /// A range of this file that contains every byte that shows a byte of the range
    /// `backing` of the backing file. It can contain other bytes too; see
    /// [`Layout::view_range_in`].
    pub fn file_range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        let ranges = self.segments.iter().map(|(start, segment)| {
            let within = match segment {
                Segment::View { layout, .. } => layout.view_range_in(backing),
                Segment::Text { layout, .. } if !layout.view_range_in(backing).is_empty() => {
                    0..segment.len()
                }
                Segment::Text { .. } | Segment::Literal { .. } => 0..0,
            };
            (!within.is_empty()).then(|| start + within.start..start + within.end)
        });
        let joined = ranges
            .flatten()
            .reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        joined.unwrap_or(0..0)
    }

    /// A position near byte `at` at which a write can be split. It splits neither a
    /// literal nor a word of `word` bytes aligned in the backing file. It is at or
    /// before `at` within a view, and the end of the segment otherwise.
    pub fn boundary(&self, at: u64, word: u64) -> u64 {
        let containing = self.segments.iter().find(|(start, segment)| {
            let end = start + segment.len();
            (*start..end).contains(&at)
        });
        match containing {
            None => at,
            Some((start, Segment::View { layout, .. })) => {
                start + layout.boundary(at - start, word)
            }
            Some((start, segment)) => start + segment.len(),
        }
    }

    /// Whether the bytes `range` of this file and any bytes of `other` are the same
    /// bytes of the backing file. Text segments do not count.
    pub fn overlaps(&self, range: &Range<u64>, other: &VirtualFile) -> bool {
        let layouts = |file: &'_ VirtualFile| {
            let segments = file.segments.iter().map(|(start, segment)| match segment {
                Segment::View { layout, .. } => Some((*start, layout.clone())),
                Segment::Literal { .. } | Segment::Text { .. } => None,
            });
            segments.flatten().collect::<Vec<_>>()
        };
        let others = layouts(other);
        layouts(self).into_iter().any(|(start, layout)| {
            let range = range.start.saturating_sub(start)..range.end.saturating_sub(start);
            let mut others = others.iter();
            others.any(|(_, other)| layout.overlaps(range.clone(), other))
        })
    }

    /// The range of `count` bytes from `at`, clipped at the end of the file.
    fn clip(&self, at: u64, count: usize) -> Range<u64> {
        let end = at.saturating_add(count as u64).min(self.len);
        at.min(end)..end
    }

    /// The segments that overlap `range`. Each comes with its part of the range, in
    /// bytes from the start of the range, and the offset of that part in the segment.
    fn parts<'a>(
        &'a self,
        range: &Range<u64>,
    ) -> impl Iterator<Item = (&'a Segment, Range<usize>, u64)> + use<'a> {
        let range = range.clone();
        let first = self
            .segments
            .partition_point(|(start, _)| *start <= range.start);
        let from_first = &self.segments[first.saturating_sub(1)..];
        from_first.iter().map_while(move |(start, segment)| {
            let low = range.start.max(*start);
            let high = range.end.min(start + segment.len());
            let part = || (low - range.start) as usize..(high - range.start) as usize;
            (low < high).then(|| (segment, part(), low - start))
        })
    }
}
