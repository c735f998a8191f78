//! A cache of columns for programs that read one column after another. Reading one item of a
//! cache line costs as much as the whole line. So when a second column near the first is
//! read, a group of adjacent columns is gathered in one pass and cached.
//!
//! A write through this mapping drops the whole cache. Other writes show in the file's
//! [`Stamp`], which each cached block carries. While the times in the stamp are too recent to
//! show every write, nothing is cached, unless no other process writes the file.

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

/// The largest row of a group of columns, in bytes. Longer rows cost as much per byte.
const MAX_ROW: u64 = 1024;

/// The most bytes of one column in a block.
const MAX_PART: u64 = 1 << 18;

/// The most bytes in a block.
const MAX_BLOCK: u64 = 16 << 20;

/// Bytes to gather per thread: fewer do not repay the start of a thread.
const BYTES_PER_THREAD: usize = 1 << 20;

/// The number of recently read columns that are remembered.
const MAX_REMEMBERED: usize = 16;

/// The number of column reads without gathering after a block was evicted before it was of
/// use. Such an eviction shows that the columns in use exceed the limit.
const PAUSE: usize = 64;

/// The cached columns of one mapping.
#[derive(Debug)]
pub(super) struct ColumnCache {
    /// The most bytes in all blocks together.
    limit: u64,
    /// No other process writes the file, and this one only through the mapping.
    exclusive: bool,
    /// The number of calls of [`drop_all`](ColumnCache::drop_all).
    drops: AtomicU64,
    state: Mutex<CacheState>,
    /// Notified when a thread has finished gathering a block.
    gathered: Condvar,
}

#[derive(Debug)]
struct CacheState {
    blocks: LruCache<Key, Arc<Block>>,
    /// The bytes in all blocks.
    bytes: u64,
    /// The blocks being gathered, with their sizes in bytes.
    gathering: Vec<(Key, u64)>,
    /// The layouts and file offsets of recently read columns, the latest first.
    recent: Vec<(ColumnLayout, u64)>,
    /// The number of further reads without gathering.
    pause: usize,
    hits: u64,
    gathers: u64,
}

/// Marks a block as being gathered. Dropping it wakes the threads that wait for the block.
struct GatherInProgress<'a> {
    column_cache: &'a ColumnCache,
    key: Key,
}

impl Drop for GatherInProgress<'_> {
    fn drop(&mut self) {
        let gathering = &mut self.column_cache.lock_state().gathering;
        gathering.retain(|(other, _)| *other != self.key);
        self.column_cache.gathered.notify_all();
    }
}

/// The use of the column cache.
#[derive(Debug, Clone, Copy)]
pub struct ColumnCacheUsage {
    /// The most bytes it may hold.
    pub limit: u64,
    /// The bytes it holds now.
    pub bytes: u64,
    /// The number of look-ups that found a block.
    pub hits: u64,
    /// The number of blocks gathered.
    pub gathers: u64,
}

/// Identifies a block: a group of columns and a part of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    form: ColumnLayout,
    /// The file offset of the first column, in bytes.
    first: u64,
    /// The index of the part.
    part: u64,
}

/// The same part of each column of a group, column after column.
#[derive(Debug)]
struct Block {
    stamp: Stamp,
    /// The bytes of one column.
    each: usize,
    /// The number of reads from this block.
    reads: AtomicUsize,
    /// A mapping rather than heap memory, so that freeing it returns it to the kernel.
    bytes: MmapMut,
}

/// Adjacent columns that are gathered together.
struct Group {
    /// The file offset of the first column, in bytes.
    first: u64,
    /// The number of columns.
    count: u64,
    /// The bytes of one column in a block; the last block has fewer.
    part: u64,
}

impl Block {
    /// Whether the block was read too seldom to repay gathering it.
    fn is_wasted(&self) -> bool {
        let columns = self.bytes.len() / self.each;
        self.reads.load(Ordering::Relaxed) < columns / 4
    }
}

impl ColumnCache {
    /// An empty cache of at most `limit` bytes. `exclusive` says that the file is written only
    /// through its mapping.
    pub(super) fn new(limit: u64, exclusive: bool) -> ColumnCache {
        let state = CacheState {
            blocks: LruCache::unbounded(),
            bytes: 0,
            gathering: Vec::new(),
            recent: Vec::new(),
            pause: 0,
            hits: 0,
            gathers: 0,
        };
        ColumnCache {
            limit,
            exclusive,
            drops: AtomicU64::new(0),
            state: Mutex::new(state),
            gathered: Condvar::new(),
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, CacheState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops all blocks, and keeps those being gathered from entering the cache. Called
    /// after bytes have been written.
    pub(super) fn drop_all(&self) {
        self.drops.fetch_add(1, Ordering::SeqCst);
        let mut state = self.lock_state();
        state.blocks.clear();
        state.bytes = 0;
    }

    /// The use of the cache so far.
    pub(super) fn usage(&self) -> ColumnCacheUsage {
        let state = self.lock_state();
        ColumnCacheUsage {
            limit: self.limit,
            bytes: state.bytes,
            hits: state.hits,
            gathers: state.gathers,
        }
    }

    /// Reads bytes of `view`, starting at byte `at` of the view, as [`Mapping::read`] does,
    /// from cached blocks where possible. Returns the number of bytes read.
    ///
    /// `None` means that the caller has to read them from the mapping, because:
    ///
    /// - the view does not consist of columns;
    /// - the request itself covers enough adjacent columns;
    /// - a column could not be read whole.
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
        // A request for many whole adjacent columns uses its cache lines fully already.
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
        let is_worthwhile = self.record_read(column, group.count)
            && (self.exclusive || stamp.is_past_timestamp_granularity());
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
            let mut block = self.lookup(&key, stamp);
            if block.is_none() && is_worthwhile && count >= group.part / 2 {
                block = Some(self.gather_block(mapping, &group, key, stamp)?);
            }
            match block {
                Some(block) => {
                    block.reads.fetch_add(1, Ordering::Relaxed);
                    let index = (column.offset() - group.first) / column.form().item();
                    let start = index as usize * block.each + within as usize;
                    out.copy_from_slice(&block.bytes[start..start + out.len()]);
                }
                None => {
                    let single = column.form().side_by_side(column.offset(), 1)?;
                    let read = mapping.read_now(&single, at, out).ok()?;
                    if read < out.len() {
                        return None;
                    }
                }
            }
            at += count;
        }
        Some(())
    }

    /// The group of adjacent columns that contains `column`: as many as fit into the limit
    /// when all parts are cached. `None` if there is no other column.
    fn group(&self, mapping: &Mapping, column: &Column) -> Option<Group> {
        let form = column.form();
        let (item, each) = (form.item(), form.nbytes());
        let part = (MAX_PART / item * item).min(each);
        let most = (MAX_ROW / item)
            .min(self.limit / each)
            .min(MAX_BLOCK.min(self.limit) / part);
        // A power of two, so that groups are aligned with cache lines.
        let count = 1 << most.checked_ilog2()?;
        let index = column.offset() / item;
        let first = column.offset() - index % count * item;
        let bytes = mapping.mapped_bytes();
        let reach = |offset: u64| form.extent(offset).is_some_and(|e| e.end <= bytes);
        // At either end of the file a group has fewer columns.
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

    /// Records a read of `column`. Returns whether to gather its group of `count` columns:
    /// another column, at most two groups away, was read recently, and no pause is due.
    fn record_read(&self, column: &Column, count: u64) -> bool {
        let near = 2 * count * column.form().item();
        let mut state = self.lock_state();
        let is_paused = state.pause > 0;
        state.pause -= usize::from(is_paused);
        let recent = &mut state.recent;
        let is_near = |(form, offset): &(ColumnLayout, u64)| {
            form == column.form()
                && *offset != column.offset()
                && offset.abs_diff(column.offset()) <= near
        };
        let is_worthwhile = recent.iter().any(is_near);
        let this = (column.form().clone(), column.offset());
        if recent.first() != Some(&this) {
            recent.retain(|other| *other != this);
            recent.truncate(MAX_REMEMBERED - 1);
            recent.insert(0, this);
        }
        is_worthwhile && !is_paused
    }

    /// The cached block for `key`, waiting for a thread that is gathering it. `None` if there
    /// is none with this stamp; one with another stamp is drops.
    fn lookup(&self, key: &Key, stamp: Stamp) -> Option<Arc<Block>> {
        let is_being_gathered =
            |state: &mut CacheState| state.gathering.iter().any(|(other, _)| other == key);
        let waited = self
            .gathered
            .wait_while(self.lock_state(), is_being_gathered);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let block = state.blocks.get(key)?.clone();
        if block.stamp == stamp {
            state.hits += 1;
            return Some(block);
        }
        state.blocks.pop(key);
        state.bytes -= block.bytes.len() as u64;
        None
    }

    /// Gathers the block for `key`, and caches it unless a write through this mapping came
    /// meanwhile. `None` if there is no memory for it, a column could not be read, or
    /// another thread is gathering it.
    fn gather_block(
        &self,
        mapping: &Mapping,
        group: &Group,
        key: Key,
        stamp: Stamp,
    ) -> Option<Arc<Block>> {
        let drops = self.drops.load(Ordering::SeqCst);
        let start = key.part * group.part;
        let each = group.part.min(key.form.nbytes() - start);
        let buffer = self.reserve(&key, each * group.count)?;
        let _gathering = GatherInProgress {
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
        let mut state = self.lock_state();
        state.gathers += 1;
        if let Some(block) = &gathered
            && self.drops.load(Ordering::SeqCst) == drops
        {
            state.bytes += block.bytes.len() as u64;
            if let Some((_, old)) = state.blocks.push(key, block.clone()) {
                state.bytes -= old.bytes.len() as u64;
            }
        }
        gathered
    }

    /// Reserves `bytes` bytes of the limit for `key`, marks it as being gathered, and
    /// allocates the memory. Evicts the least recently used blocks as necessary.
    ///
    /// `None` if the limit does not allow it or another thread is gathering `key`;
    /// `Some(None)` if the allocation failed.
    fn reserve(&self, key: &Key, bytes: u64) -> Option<Option<MmapMut>> {
        let mut state = self.lock_state();
        if state.gathering.iter().any(|(other, _)| other == key) {
            return None;
        }
        let gathering: u64 = state.gathering.iter().map(|(_, bytes)| bytes).sum();
        let mut freed = None;
        while state.bytes + gathering + bytes > self.limit {
            let (_, block) = state.blocks.pop_lru()?;
            state.bytes -= block.bytes.len() as u64;
            if block.is_wasted() {
                state.pause = PAUSE;
            }
            freed = Arc::into_inner(block).map(|block| block.bytes);
        }
        state.gathering.push((key.clone(), bytes));
        drop(state);
        let same = freed.filter(|freed| freed.len() as u64 == bytes);
        Some(same.or_else(|| MmapMut::map_anon(bytes as usize).ok()))
    }
}

/// Gathers the bytes `part` of each column of a group into `columns`, column after column.
/// `None` if a byte could not be read.
fn gather(
    mapping: &Mapping,
    group: &Group,
    form: &ColumnLayout,
    part: Range<u64>,
    columns: &mut [u8],
) -> Option<()> {
    let each = (part.end - part.start) as usize;
    let permit = mapping.threads.acquire(columns.len() / BYTES_PER_THREAD);
    let columns_each = (group.count as usize).div_ceil(permit.count());
    let shares = columns
        .chunks_mut(columns_each * each)
        .enumerate()
        .collect();
    let gathered = permit.run_all(shares, |(number, columns)| {
        let first = group.first + (number * columns_each) as u64 * form.item();
        let count = (columns.len() / each) as u64;
        let together = form.side_by_side(first, count)?;
        let range = part.start * count..part.end * count;
        deinterleave_columns(mapping, &together, form.item() as usize, range, columns)
    });
    gathered.into_iter().collect()
}

/// Copies the bytes `range` of `together` to `columns`, column after column. `together` is a
/// view of adjacent columns, whose rows hold one item of each column. `None` if a byte could
/// not be read.
fn deinterleave_columns(
    mapping: &Mapping,
    together: &Layout,
    item: usize,
    range: Range<u64>,
    columns: &mut [u8],
) -> Option<()> {
    /// Bytes deinterleaved at a time: they stay in the L2 cache.
    const TILE: usize = 1 << 16;
    let row_bytes = together.block() as usize;
    let count = row_bytes / item;
    let mut tile = vec![0; TILE / row_bytes * row_bytes];
    let mut written = 0;
    let mut at = range.start;
    while at < range.end {
        let bytes = tile.len().min((range.end - at) as usize);
        let tile = &mut tile[..bytes];
        if mapping.read_now(together, at, tile).ok()? < bytes {
            return None;
        }
        deinterleave(tile, item, written, columns, count);
        written += bytes / count;
        at += bytes as u64;
    }
    Some(())
}
