//! The table of selections: inode numbers of names that were looked up in `slices` and denote
//! neither the whole array nor a slice along one axis. It is the only part of the tree that
//! grows with use, so it is a bounded LRU table: a selection stays while it is open or, where
//! LOOKUPs are counted, while the kernel knows its inode. An evicted selection gets a new number
//! when it is looked up again. Dropping the kernel's dentries is the business of `fs`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::array::View;

/// The number of dentries in `slices` directories above which `fs` has the kernel drop some.
const MAX_KERNEL_NAMES: usize = 4096;

/// The most names in the table, and the most selections unless the kernel knows more.
const CAPACITY: usize = 2 * MAX_KERNEL_NAMES;

/// How many selections are examined for one that is not in use.
const MAX_EVICTION_ATTEMPTS: usize = 16;

/// The view that a basic index selects.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Selection {
    /// The index of the array directory whose `slices` the selection is in.
    pub(super) directory_index: usize,
    /// In canonical form, so that equivalent indices give equal selections.
    pub(super) view: View,
}

/// A name that was looked up in `slices`: the index of the array directory, and the name.
type Name = (usize, Box<str>);

/// Selections by number. A number is reused only after all other numbers have been used.
#[derive(Debug)]
pub(super) struct Selections {
    /// Numbers are below this.
    number_count: u64,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    next_number: u64,
    by_number: LruCache<u64, Numbered>,
    by_selection: HashMap<Arc<Selection>, u64>,
    /// The number of the selection that each name denotes.
    names: LruCache<Name, u64>,
}

/// A selection in the table.
#[derive(Debug)]
struct Numbered {
    selection: Arc<Selection>,
    /// The kernel's lookup count of the inode: LOOKUPs answered, less those forgotten.
    lookups: u64,
}

impl Numbered {
    /// Whether the kernel knows the inode, or anybody holds the selection.
    fn is_in_use(&self) -> bool {
        // This reference and that of `by_selection` make two.
        self.lookups > 0 || Arc::strong_count(&self.selection) > 2
    }
}

impl Selections {
    /// An empty table with numbers below `number_count`, which must exceed the number of
    /// selections that can be in the table.
    pub(super) fn new(number_count: u64) -> Selections {
        Selections {
            number_count,
            table: Mutex::new(Table {
                next_number: 0,
                by_number: LruCache::unbounded(),
                by_selection: HashMap::new(),
                names: LruCache::unbounded(),
            }),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a selection that was looked up as `name`. A new selection is added.
    pub(super) fn number(&self, selection: Selection, name: &str) -> u64 {
        let mut table = self.table();
        let name = (selection.directory_index, name.into());
        let number = table.number(self.number_count, selection);
        table.names.put(name, number);
        table.drop_excess_name();
        number
    }

    /// The selection of this number; `None` if there is none. It is not evicted while the
    /// caller holds the `Arc`.
    pub(super) fn get(&self, number: u64) -> Option<Arc<Selection>> {
        let mut table = self.table();
        let numbered = table.by_number.get(&number)?;
        Some(numbered.selection.clone())
    }

    /// Counts a LOOKUP of the selection, which then stays until the kernel forgets its inode, and
    /// its names until the kernel is told to. False if it has been evicted.
    pub(super) fn count_lookup(&self, number: u64) -> bool {
        let mut table = self.table();
        let numbered = table.by_number.get_mut(&number);
        numbered.is_some_and(|numbered| {
            numbered.lookups += 1;
            true
        })
    }

    /// Takes `count` LOOKUPs back: the kernel has forgotten them. A selection that is no longer
    /// in use does not stay in a table that is too full.
    pub(super) fn forget(&self, number: u64, count: u64) {
        let mut table = self.table();
        let Some(numbered) = table.by_number.peek_mut(&number) else {
            return;
        };
        numbered.lookups = numbered.lookups.saturating_sub(count);
        if !numbered.is_in_use()
            && table.by_number.len() > CAPACITY
            && let Some(numbered) = table.by_number.pop(&number)
        {
            table.by_selection.remove(&numbered.selection);
        }
    }

    /// A name under which the selection was looked up; `None` if all have been dropped.
    pub(super) fn name(&self, number: u64) -> Option<Box<str>> {
        let table = self.table();
        let mut names = table.names.iter();
        let ((_, name), _) = names.find(|&(_, &named)| named == number)?;
        Some(name.clone())
    }

    /// Whether there are more names than the kernel should keep.
    pub(super) fn exceeds_limit(&self) -> bool {
        self.table().names.len() > MAX_KERNEL_NAMES
    }

    /// Removes and returns the least recently used name, if there are more than the kernel
    /// should keep.
    pub(super) fn pop_excess(&self) -> Option<Name> {
        let mut table = self.table();
        let exceeds = table.names.len() > MAX_KERNEL_NAMES;
        let (name, _) = exceeds.then(|| table.names.pop_lru())??;
        Some(name)
    }
}

impl Table {
    /// The number of a selection, which is added if it is not in the table.
    fn number(&mut self, number_count: u64, selection: Selection) -> u64 {
        if let Some(&number) = self.by_selection.get(&selection) {
            self.by_number.promote(&number);
            return number;
        }
        self.evict();
        let mut number = self.next_number;
        while self.by_number.contains(&number) {
            number = (number + 1) % number_count;
        }
        self.next_number = (number + 1) % number_count;
        let selection = Arc::new(selection);
        self.by_selection.insert(selection.clone(), number);
        let lookups = 0;
        self.by_number.put(number, Numbered { selection, lookups });
        number
    }

    /// If there are too many names, removes the least recently used, unless the kernel still has
    /// to drop it.
    fn drop_excess_name(&mut self) {
        let oldest = self.names.peek_lru().map(|(_, number)| *number);
        let known = oldest.and_then(|number| self.by_number.peek(&number));
        let is_known = known.is_some_and(|numbered| numbered.lookups > 0);
        if self.names.len() > CAPACITY && !is_known {
            self.names.pop_lru();
        }
    }

    /// If the table is full, removes the least recently used selection that the kernel has
    /// forgotten and nobody holds.
    fn evict(&mut self) {
        for _ in 0..MAX_EVICTION_ATTEMPTS {
            if self.by_number.len() < CAPACITY {
                return;
            }
            let Some((number, numbered)) = self.by_number.pop_lru() else {
                return;
            };
            if numbered.is_in_use() {
                self.by_number.put(number, numbered);
            } else {
                self.by_selection.remove(&numbered.selection);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Order, Shape};
    use crate::dtype::DType;

    fn selection(offset: u64) -> Selection {
        let shape = Shape::new(vec![2]);
        let view = View::contiguous(DType::BYTE, offset, shape, Order::C).unwrap();
        Selection {
            directory_index: 0,
            view,
        }
    }

    #[test]
    fn equal_selections_share_a_number_and_others_do_not() {
        let selections = Selections::new(100);
        let first = selections.number(selection(0), "0:2");
        assert_eq!(selections.number(selection(0), "[0:2]"), first);
        assert_ne!(selections.number(selection(1), "1:3"), first);
        assert_eq!(selections.get(first).unwrap().view, selection(0).view);
        assert!(selections.get(99).is_none());
    }

    #[test]
    fn a_table_that_the_kernel_has_filled_shrinks_when_it_forgets() {
        const MANY: u64 = 3 * CAPACITY as u64;
        let selections = Selections::new(u64::MAX);
        for offset in 0..MANY {
            let number = selections.number(selection(offset), &offset.to_string());
            assert!(selections.count_lookup(number));
        }
        assert_eq!(selections.table().by_number.len() as u64, MANY);
        let held = selections.get(0);
        for number in 0..MANY {
            selections.forget(number, 1);
        }
        let table = selections.table();
        assert!(held.is_some() && table.by_number.contains(&0));
        assert_eq!(table.by_number.len(), CAPACITY);
        assert_eq!(table.by_selection.len(), CAPACITY);
    }

    #[test]
    fn selections_stay_until_the_kernel_has_forgotten_them_and_nobody_holds_them() {
        let selections = Selections::new(u64::MAX);
        let number = |offset: u64| selections.number(selection(offset), &offset.to_string());
        let held: Vec<_> = (0..50).map(|k| selections.get(number(k))).collect();
        for k in 50..100 {
            assert!(selections.count_lookup(number(k)) && selections.count_lookup(number(k)));
            // One LOOKUP remains of the first half.
            selections.forget(k, if k < 75 { 1 } else { 2 });
        }
        for offset in 100..3 * CAPACITY as u64 {
            number(offset);
        }
        for offset in 0..100 {
            assert_eq!(number(offset) == offset, offset < 75, "{offset}");
        }
        drop(held);
        assert!(!selections.count_lookup(100));
        // The names of selections that the kernel knows stay until it is told to drop them.
        assert!(selections.table().names.len() > CAPACITY);
        while selections.pop_excess().is_some() {}
        // The kernel forgets also what is no longer in the table.
        selections.forget(100, 1);
        let table = selections.table();
        assert!(table.by_number.len() <= CAPACITY && table.names.len() <= CAPACITY);
        assert_eq!(table.by_number.len(), table.by_selection.len());
    }

    #[test]
    fn numbers_of_open_selections_are_not_reused() {
        let selections = Selections::new(CAPACITY as u64 + 2);
        let kept = selections.number(selection(0), "kept");
        let held = selections.get(kept);
        for offset in 1..4 * CAPACITY as u64 {
            assert_ne!(selections.number(selection(offset), "x"), kept);
        }
        drop(held);
    }

    #[test]
    fn excess_names_are_popped_least_recently_used_first() {
        let selections = Selections::new(u64::MAX);
        for k in 0..MAX_KERNEL_NAMES as u64 + 2 {
            selections.number(selection(k), &k.to_string());
        }
        assert_eq!(selections.pop_excess(), Some((0, "0".into())));
        assert_eq!(selections.pop_excess(), Some((0, "1".into())));
        assert_eq!(selections.pop_excess(), None);
    }
}
