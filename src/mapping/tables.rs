//! A mapping with a bound on its page tables. The kernel keeps a page table (4 KiB for 2 MiB of
//! file) for every range accessed through a mapping, until the mapping is unmapped. So the file
//! is mapped anew before the bound is exceeded. Running transfers complete on the old mapping,
//! which is unmapped after the last of them. The copying is left to `transfer`.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memmap2::{MmapRaw, UncheckedAdvice};

use super::transfer::TransferBuffer;
use super::{AccessError, Mapping, Mode, map};
use crate::array::{Grid, Layout};

/// The max_tables bytes of page tables of one mapping.
const MAX_TABLE_BYTES: u64 = 32 << 20;

/// The mapped file, with a bound on its page tables.
#[derive(Debug)]
pub(super) struct BoundedMmap {
    file: Arc<File>,
    mode: Mode,
    bytes: u64,
    geometry: Geometry,
    /// The max_tables page tables of a mapping; `None` if unbounded.
    max_tables: Option<u64>,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    mmap: Arc<MmapRaw>,
    /// An upper bound on the page tables it has now.
    tables: u64,
}

/// The bytes of file that one page table covers, as binary logarithms: for a lowest-level table
/// (of pages) and for one of the next level (of tables).
#[derive(Debug, Clone, Copy)]
struct Geometry([u32; 2]);

impl Geometry {
    /// The geometry for pages of `page` bytes: a table is a page of entries of 8 bytes.
    fn new(page: u64) -> Geometry {
        let entries = (page / 8).ilog2();
        let leaf = page.ilog2() + entries;
        Geometry([leaf, leaf + entries])
    }
}

impl BoundedMmap {
    /// Maps the first `bytes` bytes of `file`. In mode `c` there is no bound: the mapping
    /// cannot be replaced, since written bytes exist only in it.
    ///
    /// # Errors
    ///
    /// When `mmap` fails.
    pub(super) fn new(file: &Arc<File>, mode: Mode, bytes: u64) -> io::Result<BoundedMmap> {
        let mmap = Arc::new(map(file, mode, bytes)?);
        let page = page_size();
        let geometry = Geometry::new(page);
        let mut all = TableCount::new(geometry);
        all.add(0..bytes);
        let max_tables = MAX_TABLE_BYTES / page;
        Ok(BoundedMmap {
            file: file.clone(),
            mode,
            bytes,
            geometry,
            max_tables: (mode != Mode::CopyOnWrite && all.count > max_tables).then_some(max_tables),
            current: Mutex::new(Current { mmap, tables: 0 }),
        })
    }

    /// The number of mapped bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The current mapping, for accesses to few pages, which are not counted.
    pub(super) fn current(&self) -> Arc<MmapRaw> {
        self.lock().mmap.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A mapping in which `tables` more page tables fit under the bound. Counts them as used.
    fn reserve_tables(&self, tables: u64) -> Arc<MmapRaw> {
        let mut current = self.lock();
        let mut old = None;
        if let Some(max_tables) = self.max_tables
            && current.tables + tables > max_tables
        {
            match map(&self.file, self.mode, self.bytes) {
                Ok(new) => old = Some(std::mem::replace(&mut current.mmap, Arc::new(new))),
                Err(_) => free_in_place(&current.mmap),
            }
            current.tables = 0;
        }
        current.tables += tables;
        let mmap = current.mmap.clone();
        // Unmapping takes long, so it is done without the lock.
        drop(current);
        drop(old);
        mmap
    }

    /// The leading part of the bytes `range` of `view` that one mapping can serve, and an
    /// upper bound on the page tables it takes. The part ends at an element boundary.
    fn leading_part(&self, view: &Layout, range: Range<u64>) -> (Range<u64>, u64) {
        let Some(max_tables) = self.max_tables else {
            return (range, 0);
        };
        let mut part = range;
        loop {
            let tables = TableCount::of_range(self.geometry, view, part.clone(), max_tables);
            let half = part.start + (part.end - part.start) / 2;
            let end = half.next_multiple_of(view.block());
            if tables <= max_tables || end >= part.end {
                return (part, tables);
            }
            part.end = end;
        }
    }
}

/// Frees the page tables of a mapping in use, on kernels that can (Linux 6.14 and later).
fn free_in_place(mmap: &MmapRaw) {
    // SAFETY: a bounded mapping is a shared mapping of a file. `MADV_DONTNEED` loses nothing of
    // it: stored bytes are in the page cache.
    let _ = unsafe { mmap.unchecked_advise(UncheckedAdvice::DontNeed) };
}

/// The page size in bytes; 4096 if unknown.
pub(super) fn page_size() -> u64 {
    use nix::unistd::{SysconfVar, sysconf};
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    page.and_then(|page| u64::try_from(page).ok())
        .filter(|page| page.is_power_of_two())
        .unwrap_or(4096)
}

/// Counts the page tables needed to access some bytes of the file. The count is an upper bound.
struct TableCount {
    geometry: Geometry,
    /// The indices of the tables needed last, of each level.
    last: [Range<u64>; 2],
    count: u64,
}

impl TableCount {
    fn new(geometry: Geometry) -> TableCount {
        TableCount {
            geometry,
            last: [0..0, 0..0],
            count: 0,
        }
    }

    /// The count for the bytes `range` of `view`. Counting stops above `max_tables`.
    fn of_range(geometry: Geometry, view: &Layout, range: Range<u64>, max_tables: u64) -> u64 {
        let mut tables = TableCount::new(geometry);
        let mut runs = view.runs(range);
        while let Some(grid) = runs.next_grid() {
            tables.add_grid(&grid, max_tables);
            if tables.count > max_tables {
                break;
            }
        }
        tables.count
    }

    /// Adds the tables for a grid, until the count exceeds `max_tables`. Pieces or runs less than a
    /// table's coverage apart count with the bytes between them.
    fn add_grid(&mut self, grid: &Grid, max_tables: u64) {
        let reach = 1 << self.geometry.0[0];
        let (run, rows) = (&grid.run, grid.rows);
        let row = |row: u64| covering_range(&grid.row(row), 0..run.count);
        let join = |a: Range<u64>, b: Range<u64>| a.start.min(b.start)..a.end.max(b.end);
        let is_near = |step: i64, width: u64| step.unsigned_abs() < width.saturating_add(reach);
        if is_near(run.stride, run.piece) || run.count == 1 {
            let first = row(0);
            if is_near(grid.spacing, first.end - first.start) {
                return self.add(join(first, row(rows - 1)));
            }
            return self.add_ranges((0..rows).map(row), max_tables);
        }
        let piece = |row: u64, k: u64| covering_range(&grid.row(row), k..k + 1);
        if is_near(grid.spacing, run.piece) {
            let line = |k| join(piece(0, k), piece(rows - 1, k));
            return self.add_ranges((0..run.count).map(line), max_tables);
        }
        let pieces = (0..rows).flat_map(|row| (0..run.count).map(move |k| piece(row, k)));
        self.add_ranges(pieces, max_tables);
    }

    /// Adds the tables for ranges of the file, until the count exceeds `max_tables`.
    fn add_ranges(&mut self, stretches: impl Iterator<Item = Range<u64>>, max_tables: u64) {
        for stretch in stretches {
            self.add(stretch);
            if self.count > max_tables {
                return;
            }
        }
    }

    /// Adds the tables for a range of the file, except those needed last.
    fn add(&mut self, stretch: Range<u64>) {
        if stretch.is_empty() {
            return;
        }
        for (shift, last) in self.geometry.0.iter().zip(&mut self.last) {
            let now = stretch.start >> shift..((stretch.end - 1) >> shift) + 1;
            let both = now.start.max(last.start)..now.end.min(last.end);
            self.count += now.end - now.start - both.end.saturating_sub(both.start);
            *last = now;
        }
    }
}

/// The smallest byte range of the file that contains the pieces `pieces` of a run.
fn covering_range(run: &crate::array::Run, pieces: Range<u64>) -> Range<u64> {
    let run = run.slice(pieces.start, pieces.end - pieces.start);
    run.start()..run.end()
}

impl Mapping {
    /// Moves `buffer.len()` bytes of `view`, starting at byte `at` of the view, through as many
    /// successive mappings as the bound on page tables requires. Returns the number of bytes
    /// before the first that could not be moved.
    ///
    /// # Errors
    ///
    /// When the first byte could not be moved.
    pub(super) fn transfer_in_bounds(
        &self,
        view: &Layout,
        at: u64,
        mut buffer: TransferBuffer<'_>,
    ) -> Result<usize, AccessError> {
        let Some(map) = &self.map else { return Ok(0) };
        let len = buffer.len();
        let mut done = 0;
        while done < len {
            let start = at + done as u64;
            let (part, tables) = map.leading_part(view, start..at + len as u64);
            let end = done + (part.end - part.start) as usize;
            let mmap = map.reserve_tables(tables);
            match self.transfer(&mmap, view, start, buffer.slice(done..end)) {
                Ok(moved) if done + moved < end => return Ok(done + moved),
                Ok(_) => done = end,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(done)
    }
}

impl TransferBuffer<'_> {
    /// The bytes `part` of the buffer.
    fn slice(&mut self, part: Range<usize>) -> TransferBuffer<'_> {
        match self {
            TransferBuffer::Out(out) => TransferBuffer::Out(&mut out[part]),
            TransferBuffer::Data(data) => TransferBuffer::Data(&data[part]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::FileExt;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;
    use crate::array::{Order, Shape, View};
    use crate::dtype::DType;
    use crate::mapping::BackingFile;

    /// Tables that cover 16 and 1024 bytes, for small arrays.
    const SMALL: Geometry = Geometry([4, 10]);

    fn array(dtype: &str, shape: &[u64]) -> View {
        let dtype = DType::parse(dtype).unwrap();
        View::contiguous(dtype, 5, Shape::new(shape.to_vec()), Order::C).unwrap()
    }

    #[test]
    fn a_table_is_a_page_of_entries_of_eight_bytes() {
        assert_eq!(Geometry::new(4096).0, [21, 30]);
        assert_eq!(Geometry::new(16384).0, [25, 36]);
        assert_eq!(Geometry::new(65536).0, [29, 42]);
    }

    #[test]
    fn the_count_covers_all_tables_accessed() {
        let deep = array("V3", &[6, 5, 7, 4]);
        let wide = array("u1", &[9, 50]);
        let views = [
            (array("<i2", &[200]), true),
            (wide.take(1, 7).unwrap(), true),
            (wide.take(0, 3).unwrap(), true),
            (wide.transposed(), false),
            (array("<i8", &[30, 3]).take(1, 1).unwrap(), true),
            (deep.take(3, 1).unwrap(), false),
            (deep.take(1, 4).unwrap(), false),
            (deep.transposed(), false),
            (deep.take(2, 6).unwrap().transposed(), false),
        ];
        for (view, is_exact) in views {
            let layout = view.layout();
            for start in 0..view.nbytes() {
                for end in [start + 1, start + 20, view.nbytes()] {
                    let range = start..end.min(view.nbytes());
                    let touched: BTreeSet<(u32, u64)> = layout
                        .runs(range.clone())
                        .flat_map(|run| (0..run.count).map(move |k| covering_range(&run, k..k + 1)))
                        .flat_map(|piece| piece.clone())
                        .flat_map(|byte| SMALL.0.map(|shift| (shift, byte >> shift)))
                        .collect();
                    let counted = TableCount::of_range(SMALL, &layout, range.clone(), u64::MAX);
                    let touched = touched.len() as u64;
                    assert!(
                        counted >= touched,
                        "{view:?} {range:?}: {counted} {touched}"
                    );
                    assert!(counted == touched || !is_exact, "{view:?} {range:?}");
                }
            }
        }
    }

    /// A mapping that is replaced after `max_tables` tables of the [`SMALL`] geometry.
    fn mapping_with(max_tables: u64, bytes: u64, array: &View) -> (File, Mapping) {
        let backing = tempfile::NamedTempFile::new().unwrap();
        let file = backing.reopen().unwrap();
        file.set_len(bytes).unwrap();
        let opened = BackingFile::open(backing.path(), Mode::ReadWrite).unwrap();
        let mut mapping = Mapping::new(opened, &array.extent()).unwrap().0;
        let map = mapping.map.as_mut().unwrap();
        (map.max_tables, map.geometry) = (Some(max_tables), SMALL);
        (file, mapping)
    }

    #[test]
    fn transfers_through_many_mappings_and_one_are_equal() {
        let array = array("<u4", &[40, 25]);
        let bytes = array.extent().end;
        let content: Vec<u8> = (0..bytes).map(|k| (k % 251) as u8).collect();
        for max_tables in [1, 2, 7, 40] {
            let (file, mapping) = mapping_with(max_tables, bytes, &array);
            file.write_all_at(&content, 0).unwrap();
            for view in [array.clone(), array.transposed(), array.take(1, 3).unwrap()] {
                let layout = view.layout();
                for range in [0..view.nbytes(), 3..view.nbytes() - 2] {
                    let runs = layout.runs(range.clone());
                    let places: Vec<u64> = runs
                        .flat_map(|run| (0..run.count).map(move |k| covering_range(&run, k..k + 1)))
                        .flatten()
                        .collect();
                    let expected: Vec<u8> = places.iter().map(|&at| content[at as usize]).collect();
                    let mut out = vec![0; expected.len()];
                    let read = mapping.read(&layout, range.start, &mut out).unwrap();
                    assert_eq!((read, &out), (out.len(), &expected));
                    let turned: Vec<u8> = expected.iter().map(|byte| !byte).collect();
                    let written = mapping.write(&layout, range.start, &turned).unwrap();
                    assert_eq!(written, turned.len());
                    for (&at, byte) in places.iter().zip(&turned) {
                        let mut found = [0];
                        file.read_exact_at(&mut found, at).unwrap();
                        assert_eq!(found[0], *byte, "{view:?} {range:?} {at}");
                    }
                    file.write_all_at(&content, 0).unwrap();
                }
            }
        }
    }

    #[test]
    fn no_store_is_lost_while_other_threads_replace_the_mapping() {
        const ROWS: u64 = 300;
        const WRITERS: u64 = 3;
        // A row is a page, so that each element faults separately.
        let array = array("<u8", &[ROWS, 512]);
        let (file, mapping) = mapping_with(8, array.extent().end, &array);
        let rounds: u64 = 200;
        let over = AtomicBool::new(false);
        let read = |column: u64| {
            let mut out = vec![0; 8 * ROWS as usize];
            let layout = array.take(1, column).unwrap().layout();
            assert_eq!(mapping.read(&layout, 0, &mut out).unwrap(), out.len());
            let words = out.as_chunks().0.iter();
            words
                .map(|word| u64::from_le_bytes(*word))
                .collect::<Vec<_>>()
        };
        thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let (read, array, mapping) = (&read, &array, &mapping);
                    scope.spawn(move || {
                        let layout = array.take(1, writer).unwrap().layout();
                        for round in 1..=rounds {
                            let data = round.to_le_bytes().repeat(ROWS as usize);
                            let written = mapping.write(&layout, 0, &data).unwrap();
                            assert_eq!(written, data.len());
                            assert!(read(writer).iter().all(|&word| word == round));
                        }
                    })
                })
                .collect();
            let (over, read) = (&over, &read);
            scope.spawn(move || {
                let mut last = vec![0; ROWS as usize];
                while !over.load(Ordering::Relaxed) {
                    let now = read(0);
                    assert!(now.iter().zip(&last).all(|(now, last)| now >= last));
                    last = now;
                }
            });
            let ended = writers.into_iter().map(|writer| writer.join());
            let ended: Vec<_> = ended.collect();
            over.store(true, Ordering::Relaxed);
            assert!(ended.iter().all(Result::is_ok));
        });
        for row in 0..ROWS {
            let mut word = [0; 8];
            file.read_exact_at(&mut word, 5 + row * 4096).unwrap();
            assert_eq!(u64::from_le_bytes(word), rounds);
        }
    }
}
