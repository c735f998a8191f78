//! The table of selections: inode numbers for what `slices` are looked up and
//! are neither the whole array nor a row, a column or the like. It is the one
//! part of the tree that grows with use, so it is bounded: those used least
//! lately are dropped, and looked up anew if they are asked for again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::array::View;

/// How many names the kernel may know before it is told to forget some.
const NAMES: usize = 4096;

/// The most names to remember, and the most selections that nobody has open.
const LIMIT: usize = 2 * NAMES;

/// How many selections in use are passed over in search of one to drop.
const PATIENCE: usize = 16;

/// What an index selects of the array of a place.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Selection {
    pub(super) directory: usize,
    /// In its canonical form, so that all spellings of one view are equal.
    pub(super) view: View,
}

/// A name that was looked up: the place of its directory, and the name itself.
type Name = (usize, Box<str>);

/// Selections by number. A number is not given to another selection before all
/// others have been given out.
#[derive(Debug)]
pub(super) struct Selections {
    /// How many numbers there are.
    numbers: u64,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    next: u64,
    by_number: LruCache<u64, Arc<Selection>>,
    numbers: HashMap<Arc<Selection>, u64>,
    /// The number of what each name was found to select.
    names: LruCache<Name, u64>,
}

impl Selections {
    /// An empty table with `numbers` numbers to give out, at least one more than
    /// there can be selections in use.
    pub(super) fn new(numbers: u64) -> Selections {
        Selections {
            numbers,
            table: Mutex::new(Table {
                next: 0,
                by_number: LruCache::unbounded(),
                numbers: HashMap::new(),
                names: LruCache::unbounded(),
            }),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a selection that was looked up as `name`.
    pub(super) fn number(&self, selection: Selection, name: &str) -> u64 {
        let mut table = self.table();
        let name = (selection.directory, name.into());
        let number = table.number(self.numbers, selection);
        table.names.put(name, number);
        if table.names.len() > LIMIT {
            table.names.pop_lru();
        }
        number
    }

    /// The selection of this number. As long as it is held, it stays in the table.
    pub(super) fn get(&self, number: u64) -> Option<Arc<Selection>> {
        self.table().by_number.get(&number).cloned()
    }

    /// A name that the selection of this number was looked up as.
    pub(super) fn name(&self, number: u64) -> Option<Box<str>> {
        let table = self.table();
        let mut names = table.names.iter();
        let ((_, name), _) = names.find(|&(_, &named)| named == number)?;
        Some(name.clone())
    }

    /// Whether the kernel knows too many names.
    pub(super) fn exceeds_limit(&self) -> bool {
        self.table().names.len() > NAMES
    }

    /// A name that the kernel should forget, as it knows too many.
    pub(super) fn pop_excess(&self) -> Option<Name> {
        let mut table = self.table();
        let exceeds = table.names.len() > NAMES;
        let (name, _) = exceeds.then(|| table.names.pop_lru())??;
        Some(name)
    }
}

impl Table {
    /// The number of a selection, a new one if it has none.
    fn number(&mut self, numbers: u64, selection: Selection) -> u64 {
        if let Some(&number) = self.numbers.get(&selection) {
            self.by_number.promote(&number);
            return number;
        }
        self.make_room();
        let mut number = self.next;
        while self.by_number.contains(&number) {
            number = (number + 1) % numbers;
        }
        self.next = (number + 1) % numbers;
        let selection = Arc::new(selection);
        self.numbers.insert(selection.clone(), number);
        self.by_number.put(number, selection);
        number
    }

    /// Drops the selection used least lately that nobody holds, if there are
    /// too many.
    fn make_room(&mut self) {
        for _ in 0..PATIENCE {
            if self.by_number.len() < LIMIT {
                return;
            }
            let Some((number, selection)) = self.by_number.pop_lru() else {
                return;
            };
            // Besides this one, `numbers` has a reference.
            if Arc::strong_count(&selection) > 2 {
                self.by_number.put(number, selection);
            } else {
                self.numbers.remove(&selection);
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
        Selection { directory: 0, view }
    }

    #[test]
    fn equal_selections_have_one_number_and_others_their_own() {
        let selections = Selections::new(100);
        let first = selections.number(selection(0), "0:2");
        assert_eq!(selections.number(selection(0), "[0:2]"), first);
        assert_ne!(selections.number(selection(1), "1:3"), first);
        assert_eq!(selections.get(first).unwrap().view, selection(0).view);
        assert!(selections.get(99).is_none());
    }

    #[test]
    fn what_is_not_held_is_dropped_and_what_is_held_stays() {
        let selections = Selections::new(u64::MAX);
        let number = |offset: u64| selections.number(selection(offset), &offset.to_string());
        let held: Vec<_> = (0..100).map(|k| selections.get(number(k))).collect();
        for offset in 100..3 * LIMIT as u64 {
            number(offset);
        }
        for (offset, held) in (0..100).zip(held) {
            assert_eq!(number(offset), offset);
            assert!(held.is_some());
        }
        let table = selections.table();
        assert!(table.by_number.len() <= LIMIT && table.names.len() <= LIMIT);
        assert_eq!(table.by_number.len(), table.numbers.len());
    }

    #[test]
    fn numbers_in_use_are_not_given_out_again() {
        let selections = Selections::new(LIMIT as u64 + 2);
        let kept = selections.number(selection(0), "kept");
        let held = selections.get(kept);
        for offset in 1..4 * LIMIT as u64 {
            assert_ne!(selections.number(selection(offset), "x"), kept);
        }
        drop(held);
    }

    #[test]
    fn names_beyond_those_the_kernel_may_know_are_handed_out_oldest_first() {
        let selections = Selections::new(u64::MAX);
        for k in 0..NAMES as u64 + 2 {
            selections.number(selection(k), &k.to_string());
        }
        assert_eq!(selections.pop_excess(), Some((0, "0".into())));
        assert_eq!(selections.pop_excess(), Some((0, "1".into())));
        assert_eq!(selections.pop_excess(), None);
    }
}
