//! Virtual files: each is a list of segments, literal bytes, the bytes of a view
//! or its text, with a fixed size. Reading and writing are written once, here;
//! encodings only build the lists, and names are given above.

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
    /// A write that begins at or past the end.
    #[error("byte {at} is at or past the end of a file of {len} bytes")]
    PastEnd {
        /// Where the write begins.
        at: u64,
        /// The file's size.
        len: u64,
    },
    /// A write that would change bytes which stand for no element.
    #[error("bytes {0:?} cannot be changed")]
    Fixed(Range<u64>),
    /// The mapping below cannot give or take the bytes.
    #[error(transparent)]
    Access(#[from] AccessError),
}

/// A part of a virtual file.
#[derive(Debug, Clone)]
pub enum Segment {
    /// Bytes that stand for no element.
    Literal {
        /// The bytes. A write of some of them must repeat them.
        bytes: Arc<[u8]>,
        /// Whether a write of all of them can have the second instead, of the
        /// same length, which then has no effect.
        is_equivalent: fn(&[u8], &[u8]) -> bool,
    },
    /// The bytes of a view in C order.
    View {
        /// The file that holds them.
        mapping: Arc<Mapping>,
        /// Where they lie in it.
        layout: Layout,
    },
    /// The text of a view, which cannot be written.
    Text {
        /// The file that holds the view's bytes.
        mapping: Arc<Mapping>,
        /// Where they lie in it.
        layout: Layout,
        /// How they are rendered.
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

    /// Whether `data` can be written from byte `from` on.
    fn takes(&self, from: u64, data: &[u8]) -> bool {
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
    /// With each segment the byte at which it begins.
    segments: Vec<(u64, Segment)>,
    len: u64,
}

impl VirtualFile {
    /// The file that has these segments one after the other.
    pub fn new(segments: impl IntoIterator<Item = Segment>) -> VirtualFile {
        let mut len = 0;
        let filled = segments.into_iter().filter(|segment| segment.len() > 0);
        let segments = filled.map(|segment| {
            let start = len;
            len += segment.len();
            (start, segment)
        });
        let segments = segments.collect();
        VirtualFile { segments, len }
    }

    /// A file of these bytes, which cannot change.
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

    /// Whether every byte that stands for an element is as far into the file as
    /// it is into the backing file.
    pub fn is_in_place(&self) -> bool {
        self.segments.iter().all(|(start, segment)| match segment {
            Segment::View { layout, .. } => {
                layout.is_contiguous() && layout.extent().start == *start
            }
            Segment::Literal { .. } => true,
            Segment::Text { .. } => false,
        })
    }

    /// Whether bytes of the file stand for no element.
    pub fn has_literals(&self) -> bool {
        let mut segments = self.segments.iter();
        segments.any(|(_, segment)| matches!(segment, Segment::Literal { .. }))
    }

    /// Whether the file has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads from byte `at` into `out` and returns how many bytes there were:
    /// all of `out`, or up to the end of the file or to the first byte that
    /// could not be read.
    ///
    /// # Errors
    ///
    /// When not even the first byte could be read.
    pub fn read_at(&self, at: u64, out: &mut [u8]) -> Result<usize, FileAccessError> {
        let range = self.clip(at, out.len());
        self.each_part(&range, |segment, part, from| match segment {
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

    /// Writes `data` from byte `at` and returns how many bytes were taken: all
    /// of it, or up to the end of the file or to the first byte that could not
    /// be written.
    ///
    /// # Errors
    ///
    /// When `at` is not before the end, when bytes that stand for no element
    /// would change (then nothing is written), or when not even the first byte
    /// could be written.
    pub fn write_at(&self, at: u64, data: &[u8]) -> Result<usize, FileAccessError> {
        if at >= self.len && !data.is_empty() {
            return Err(FileAccessError::PastEnd { at, len: self.len });
        }
        let range = self.clip(at, data.len());
        for (segment, part, from) in self.parts(&range) {
            if !segment.takes(from, &data[part.clone()]) {
                let start = at + part.start as u64;
                return Err(FileAccessError::Fixed(start..start + part.len() as u64));
            }
        }
        self.each_part(&range, |segment, part, from| match segment {
            Segment::View { mapping, layout } => mapping.write(layout, from, &data[part]),
            Segment::Literal { .. } | Segment::Text { .. } => Ok(part.len()),
        })
    }

    /// Has `step` move the part of each segment that overlaps `range`, until
    /// one moves less than asked, and returns how many bytes were moved.
    fn each_part(
        &self,
        range: &Range<u64>,
        mut step: impl FnMut(&Segment, Range<usize>, u64) -> Result<usize, AccessError>,
    ) -> Result<usize, FileAccessError> {
        let mut done = 0;
        for (segment, part, from) in self.parts(range) {
            let end = part.end;
            match step(segment, part, from) {
                Ok(moved) => done += moved,
                Err(error) if done == 0 => return Err(error.into()),
                Err(_) => {}
            }
            if done < end {
                break;
            }
        }
        Ok(done)
    }

    /// Writes zeros over the bytes `range` as in a file that has been empty there:
    /// what stands for no element stays as it is.
    ///
    /// # Errors
    ///
    /// When a byte cannot be written; some of the others then are.
    pub fn fill(&self, range: Range<u64>) -> Result<(), FileAccessError> {
        for (segment, part, from) in self.parts(&range) {
            if let Segment::View { mapping, layout } = segment {
                mapping.fill(layout, from..from + part.len() as u64)?;
            }
        }
        Ok(())
    }

    /// Writes the bytes `range` of the file to the disk, and with them what
    /// lies between them in the backing file.
    ///
    /// # Errors
    ///
    /// What the system reports of the write-back.
    pub fn flush(&self, range: Range<u64>) -> Result<(), FileAccessError> {
        self.each_covering_range(range, |mapping, covering| mapping.flush(covering))
    }

    /// Makes sure that storing to the bytes `range` will not run out of space.
    ///
    /// # Errors
    ///
    /// When there is none, or the file system cannot promise it.
    pub fn allocate(&self, range: Range<u64>) -> Result<(), FileAccessError> {
        self.each_covering_range(range, |mapping, covering| mapping.allocate(covering))
    }

    /// Calls `act` with the bytes of the backing file from the first to the
    /// last that `range` covers in each segment.
    fn each_covering_range(
        &self,
        range: Range<u64>,
        act: impl Fn(&Mapping, Range<u64>) -> std::io::Result<()>,
    ) -> Result<(), FileAccessError> {
        for (start, segment) in &self.segments {
            if let Segment::View { mapping, layout } = segment {
                let range = range.start.saturating_sub(*start)..range.end.saturating_sub(*start);
                let covering = layout.covering_range(range);
                if !covering.is_empty() {
                    act(mapping, covering).map_err(AccessError::Io)?;
                }
            }
        }
        Ok(())
    }

    /// The bytes of the backing file from the first to the last that the bytes
    /// `range` show; empty if they show none.
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

    /// Bytes outside of which none shows one of the bytes `backing` of the
    /// backing file; empty if none does.
    pub fn file_range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        let reaches = self.segments.iter().map(|(start, segment)| {
            let within = match segment {
                Segment::View { layout, .. } => layout.view_range_in(backing),
                Segment::Text { layout, .. } if !layout.view_range_in(backing).is_empty() => {
                    0..segment.len()
                }
                Segment::Text { .. } | Segment::Literal { .. } => 0..0,
            };
            (!within.is_empty()).then(|| start + within.start..start + within.end)
        });
        let joined = reaches
            .flatten()
            .reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        joined.unwrap_or(0..0)
    }

    /// Where a write can end that is to end at about byte `at`: no literal is cut there, and
    /// no word of `word` bytes that is aligned in the backing file.
    pub fn boundary(&self, at: u64, word: u64) -> u64 {
        let ending = self.segments.iter().find(|(start, segment)| {
            let end = start + segment.len();
            (*start..end).contains(&at)
        });
        match ending {
            None => at,
            Some((start, Segment::View { layout, .. })) => {
                start + layout.boundary(at - start, word)
            }
            Some((start, segment)) => start + segment.len(),
        }
    }

    /// Whether the bytes `range` of the file and some of `other` are the same bytes of the
    /// backing file.
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

    /// The range of `count` bytes from `at`, cut at the end of the file.
    fn clip(&self, at: u64, count: usize) -> Range<u64> {
        let end = at.saturating_add(count as u64).min(self.len);
        at.min(end)..end
    }

    /// The segments that overlap `range`: each with its part, counted from the
    /// start of the range, and where that part begins in the segment.
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
