//! ColumnCache of columns that are read one after the other. An item that lies
//! alone in its cache line costs as much to read as the whole line, so where a
//! second column is read beside a first, all around it are gathered in one pass
//! and kept for the reads that follow. What is kept is good as long as nobody has
//! written: through this mapping, which drops all of it, or elsewhere, as far as
//! the file's size and times tell. So nothing is kept while those have just changed.

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use memmap2::MmapMut;

use super::interleave::deinterleave;
use super::{Mapping, Stamp};
use crate::array::{Column, ColumnLayout, Layout};

/// The most bytes of a line of column_cache: beyond these a longer one costs no less
/// for each.
const WIDEST: u64 = 1024;

/// The most bytes of a column that are gathered at once.
const PART: u64 = 1 << 18;

/// The most bytes that are gathered at once.
const MOST: u64 = 16 << 20;

/// How many bytes to gather are worth a thread.
const WORTH: usize = 1 << 20;

/// How many columns that were read last are remembered.
const REMEMBERED: usize = 16;

/// How many reads of columns find nothing worth gathering after one block had to go
/// before it was of use: more is read at once then than can be kept.
const PAUSE: usize = 64;

/// The neighbours that are kept.
#[derive(Debug)]
pub(super) struct ColumnCache {
    /// The most bytes.
    limit: u64,
    /// Nobody writes to the file but by its mapping.
    alone: bool,
    /// How often all have been dropped.
    dropped: AtomicU64,
    kept: Mutex<CacheState>,
    /// Wakes those who wait for what another thread gathers.
    gathered: Condvar,
}

#[derive(Debug)]
struct CacheState {
    blocks: LruCache<Key, Arc<Block>>,
    /// In all blocks.
    bytes: u64,
    /// What is being gathered, and how many bytes.
    gathering: Vec<(Key, u64)>,
    /// Columns that were read last, the latest first.
    read: Vec<(ColumnLayout, u64)>,
    /// For how many more reads nothing is gathered.
    pause: usize,
    hits: u64,
    gathers: u64,
}

/// A block is being gathered, which others wait for, until this is dropped.
struct Gathering<'a> {
    column_cache: &'a ColumnCache,
    key: Key,
}

impl Drop for Gathering<'_> {
    fn drop(&mut self) {
        let gathering = &mut self.column_cache.kept().gathering;
        gathering.retain(|(other, _)| *other != self.key);
        self.column_cache.gathered.notify_all();
    }
}

/// What has become of the memory for neighbours.
#[derive(Debug, Clone, Copy)]
pub struct ColumnCacheUsage {
    /// The most bytes.
    pub limit: u64,
    /// The bytes that are kept now.
    pub bytes: u64,
    /// How often a part of a column was found there.
    pub hits: u64,
    /// How often a part of a group of columns was gathered.
    pub gathers: u64,
}

/// Which part of which neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    form: ColumnLayout,
    /// Where the first of them begins in the file.
    first: u64,
    /// The number of the part of each.
    part: u64,
}

/// A part of some neighbours, one after the other.
#[derive(Debug)]
struct Block {
    stamp: Stamp,
    /// The bytes of each.
    each: usize,
    /// How often it has been read.
    reads: AtomicUsize,
    /// Memory of its own, which goes back to the system at once.
    bytes: MmapMut,
}

/// The neighbours that are gathered together with a column.
struct Group {
    /// Where the first of them begins in the file.
    first: u64,
    count: u64,
    /// The bytes in a part of each, but for the last.
    part: u64,
}

impl Block {
    /// Whether it was read too seldom to have been worth it.
    fn is_wasted(&self) -> bool {
        let columns = self.bytes.len() / self.each;
        self.reads.load(Ordering::Relaxed) < columns / 4
    }
}

impl ColumnCache {
    /// None yet, and never more than `limit` bytes, of a file to which nobody writes but
    /// by its mapping if that is `alone`.
    pub(super) fn new(limit: u64, alone: bool) -> ColumnCache {
        let kept = CacheState {
            blocks: LruCache::unbounded(),
            bytes: 0,
            gathering: Vec::new(),
            read: Vec::new(),
            pause: 0,
            hits: 0,
            gathers: 0,
        };
        ColumnCache {
            limit,
            alone,
            dropped: AtomicU64::new(0),
            kept: Mutex::new(kept),
            gathered: Condvar::new(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, CacheState> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops all that is kept or being gathered, after bytes have been written.
    pub(super) fn drop_all(&self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
        let mut kept = self.kept();
        kept.blocks.clear();
        kept.bytes = 0;
    }

    /// What has become of the memory so far.
    pub(super) fn usage(&self) -> ColumnCacheUsage {
        let kept = self.kept();
        ColumnCacheUsage {
            limit: self.limit,
            bytes: kept.bytes,
            hits: kept.hits,
            gathers: kept.gathers,
        }
    }

    /// Reads the bytes of `view` from byte `at` of it as [`Mapping::read`] does, if
    /// it is made of columns whose neighbours are kept or worth to be. `None` if
    /// not, or if one of them could not be read.
    pub(super) fn read(
        &self,
        mapping: &Mapping,
        view: &Layout,
        at: u64,
        out: &mut [u8],
    ) -> Option<usize> {
        let end = (at + out.len() as u64).min(view.nbytes());
        let (first, second) = {
            let mut columns = view.columns(at..end)?;
            (columns.next()?, columns.next())
        };
        // What lies side by side in the request itself needs no help.
        let several = second.is_some() && first.1.start == 0;
        if several && (end - at) / first.0.form().nbytes() * first.0.form().item() >= 64 {
            return None;
        }
        let stamp = mapping.stamp().ok()?;
        let mut done = 0;
        for (column, range) in view.columns(at..end)? {
            let part = &mut out[done..done + (range.end - range.start) as usize];
            done += part.len();
            self.read_column(mapping, &column, range, stamp, part)?;
        }
        Some(done)
    }

    fn read_column(
        &self,
        mapping: &Mapping,
        column: &Column,
        range: Range<u64>,
        stamp: Stamp,
        out: &mut [u8],
    ) -> Option<()> {
        let group = self.group(mapping, column)?;
        let is_worth = self.remember(column, group.count)
            && (self.alone || stamp.is_past_timestamp_granularity());
        let mut at = range.start;
        while at < range.end {
            let number = at / group.part;
            let within = at - number * group.part;
            let count = (group.part - within).min(range.end - at);
            let out = &mut out[(at - range.start) as usize..][..count as usize];
            let key = Key {
                form: column.form().clone(),
                first: group.first,
                part: number,
            };
            let mut block = self.found(&key, stamp);
            if block.is_none() && is_worth && count >= group.part / 2 {
                block = Some(self.gathered(mapping, &group, key, stamp)?);
            }
            match block {
                Some(block) => {
                    block.reads.fetch_add(1, Ordering::Relaxed);
                    let which = (column.offset() - group.first) / column.form().item();
                    let start = which as usize * block.each + within as usize;
                    out.copy_from_slice(&block.bytes[start..start + out.len()]);
                }
                None => {
                    let alone = column.form().side_by_side(column.offset(), 1)?;
                    let read = mapping.read_now(&alone, at, out).ok()?;
                    if read < out.len() {
                        return None;
                    }
                }
            }
            at += count;
        }
        Some(())
    }

    /// The neighbours of `column` that are gathered with it: as many as fit into
    /// what may be kept when all of each has been gathered.
    fn group(&self, mapping: &Mapping, column: &Column) -> Option<Group> {
        let form = column.form();
        let (item, each) = (form.item(), form.nbytes());
        let part = (PART / item * item).min(each);
        let most = (WIDEST / item)
            .min(self.limit / each)
            .min(MOST.min(self.limit) / part);
        // A power of two, so that groups begin where cache lines do.
        let count = 1 << most.checked_ilog2()?;
        let index = column.offset() / item;
        let first = column.offset() - index % count * item;
        let bytes = mapping.bytes();
        let reach = |offset: u64| form.extent(offset).is_some_and(|e| e.end <= bytes);
        // At the ends of the file some are not there.
        let first = (0..count)
            .map(|k| first + k * item)
            .find(|&offset| reach(offset))?;
        let last = column.offset() - index % count * item + (count - 1) * item;
        let count = (0..count)
            .map(|k| last - k * item)
            .find(|&offset| offset >= first && reach(offset))
            .map(|offset| (offset - first) / item + 1)?;
        (count > 1).then_some(Group { first, count, part })
    }

    /// Remembers that `column` is read. Returns whether its neighbours are worth to
    /// be gathered: one within a group of `count` of it was read lately.
    fn remember(&self, column: &Column, count: u64) -> bool {
        let near = 2 * count * column.form().item();
        let mut kept = self.kept();
        let is_paused = kept.pause > 0;
        kept.pause -= usize::from(is_paused);
        let read = &mut kept.read;
        let is_near = |(form, offset): &(ColumnLayout, u64)| {
            form == column.form()
                && *offset != column.offset()
                && offset.abs_diff(column.offset()) <= near
        };
        let is_worth = read.iter().any(is_near);
        let this = (column.form().clone(), column.offset());
        if read.first() != Some(&this) {
            read.retain(|other| *other != this);
            read.truncate(REMEMBERED - 1);
            read.insert(0, this);
        }
        is_worth && !is_paused
    }

    /// What is kept and still good, if need be as soon as it has been gathered.
    fn found(&self, key: &Key, stamp: Stamp) -> Option<Arc<Block>> {
        let is_gathered =
            |kept: &mut CacheState| kept.gathering.iter().any(|(other, _)| other == key);
        let waited = self.gathered.wait_while(self.kept(), is_gathered);
        let mut kept = waited.unwrap_or_else(PoisonError::into_inner);
        let block = kept.blocks.get(key)?.clone();
        if block.stamp == stamp {
            kept.hits += 1;
            return Some(block);
        }
        kept.blocks.pop(key);
        kept.bytes -= block.bytes.len() as u64;
        None
    }

    /// Gathers a part of a group and keeps it, if nothing is written meanwhile.
    fn gathered(
        &self,
        mapping: &Mapping,
        group: &Group,
        key: Key,
        stamp: Stamp,
    ) -> Option<Arc<Block>> {
        let dropped = self.dropped.load(Ordering::SeqCst);
        let start = key.part * group.part;
        let each = group.part.min(key.form.nbytes() - start);
        let buffer = self.room(&key, each * group.count)?;
        let _gathering = Gathering {
            column_cache: self,
            key: key.clone(),
        };
        let gathered = buffer.and_then(|mut bytes| {
            gather(mapping, group, &key.form, start..start + each, &mut bytes)?;
            Some(Arc::new(Block {
                stamp,
                each: each as usize,
                reads: AtomicUsize::new(0),
                bytes,
            }))
        });
        let mut kept = self.kept();
        kept.gathers += 1;
        if let Some(block) = &gathered
            && self.dropped.load(Ordering::SeqCst) == dropped
        {
            kept.bytes += block.bytes.len() as u64;
            if let Some((_, old)) = kept.blocks.push(key, block.clone()) {
                kept.bytes -= old.bytes.len() as u64;
            }
        }
        gathered
    }

    /// Memory for `bytes` more bytes, for which the blocks that were used least
    /// lately make room, and a note that `key` is gathered into them. `None` if
    /// there is no room, or another thread gathers it already.
    fn room(&self, key: &Key, bytes: u64) -> Option<Option<MmapMut>> {
        let mut kept = self.kept();
        if kept.gathering.iter().any(|(other, _)| other == key) {
            return None;
        }
        let gathering: u64 = kept.gathering.iter().map(|(_, bytes)| bytes).sum();
        let mut freed = None;
        while kept.bytes + gathering + bytes > self.limit {
            let (_, block) = kept.blocks.pop_lru()?;
            kept.bytes -= block.bytes.len() as u64;
            if block.is_wasted() {
                kept.pause = PAUSE;
            }
            freed = Arc::into_inner(block).map(|block| block.bytes);
        }
        kept.gathering.push((key.clone(), bytes));
        drop(kept);
        let same = freed.filter(|freed| freed.len() as u64 == bytes);
        Some(same.or_else(|| MmapMut::map_anon(bytes as usize).ok()))
    }
}

/// Gathers the bytes `part` of each column of a group into `columns`, one after the
/// other. `None` if any could not be read.
fn gather(
    mapping: &Mapping,
    group: &Group,
    form: &ColumnLayout,
    part: Range<u64>,
    columns: &mut [u8],
) -> Option<()> {
    let each = (part.end - part.start) as usize;
    let permit = mapping.threads.acquire(columns.len() / WORTH);
    let abreast = (group.count as usize).div_ceil(permit.count());
    let shares = columns.chunks_mut(abreast * each).enumerate().collect();
    let gathered = permit.share(shares, |(number, columns)| {
        let first = group.first + (number * abreast) as u64 * form.item();
        let count = (columns.len() / each) as u64;
        let together = form.side_by_side(first, count)?;
        let lines = part.start * count..part.end * count;
        take_apart(mapping, &together, form.item() as usize, lines, columns)
    });
    gathered.into_iter().collect()
}

/// Copies the bytes `lines` of columns that lie side by side, a line an item of each,
/// to `columns`, one after the other. `None` if any could not be read.
fn take_apart(
    mapping: &Mapping,
    together: &Layout,
    item: usize,
    lines: Range<u64>,
    columns: &mut [u8],
) -> Option<()> {
    /// What is taken apart at once, so that it stays in a fast cache.
    const TILE: usize = 1 << 16;
    let line = together.block() as usize;
    let count = line / item;
    let mut tile = vec![0; TILE / line * line];
    let mut row = 0;
    let mut at = lines.start;
    while at < lines.end {
        let bytes = tile.len().min((lines.end - at) as usize);
        let tile = &mut tile[..bytes];
        if mapping.read_now(together, at, tile).ok()? < bytes {
            return None;
        }
        deinterleave(tile, item, row, columns, count);
        row += bytes / count;
        at += bytes as u64;
    }
    Some(())
}
