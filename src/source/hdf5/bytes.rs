//! The bytes of an HDF5 file for the library, which reads them by position. How much it reads is
//! limited, so that a file with loops or repeated links ends in an error. Soft links are left out
//! of what it reads: in symbol tables, the library takes them for objects.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hdf5_pure::{FormatError as LibraryError, Source};

use crate::source::{FormatError, Input};

/// What may be read of any file, in bytes.
const MIN_BUDGET: u64 = 64 << 20;

/// What may be read for each byte of a file.
const REREADS: u64 = 32;

/// What may be read at most, in bytes.
const MAX_BUDGET: u64 = 1 << 30;

/// What a read costs besides its bytes.
const COST_OF_READ: u64 = 128;

/// The prefix of a symbol table node: the signature, a version, and the number of entries.
const NODE_PREFIX: usize = 8;

/// What an entry of a symbol table node has besides an offset and an address: the cache type, a
/// reserved number, and the cache.
const ENTRY_FIELDS: usize = 24;

/// The cache type of an entry that is a soft link. Its object has no address.
const SOFT_LINK: [u8; 4] = [2, 0, 0, 0];

/// What is wrong with a file for which the budget is used up.
const USED_UP: &str = "its parts refer to one another too often";

/// A file that the library reads.
#[derive(Debug)]
pub(super) struct FileBytes {
    input: Input,
    log: Arc<ReadLog>,
}

/// What has been read of a file.
#[derive(Debug)]
pub(super) struct ReadLog(Mutex<Reads>);

#[derive(Debug)]
struct Reads {
    /// What is left of the budget, in bytes.
    left: u64,
    /// The position of the first read since [`ReadLog::first_read`] began to watch.
    first: Option<u64>,
    /// Whether the next read is of the names of links in a local heap.
    names_follow: bool,
    /// The length of the longest of these names, in bytes.
    longest_name: u64,
}

impl FileBytes {
    pub fn new(input: Input) -> FileBytes {
        let budget = input.size().saturating_mul(REREADS);
        let log = ReadLog(Mutex::new(Reads {
            left: budget.saturating_add(MIN_BUDGET).min(MAX_BUDGET),
            first: None,
            names_follow: false,
            longest_name: 0,
        }));
        let log = Arc::new(log);
        FileBytes { input, log }
    }

    /// The log of reads, which is up to date after each.
    pub fn log(&self) -> Arc<ReadLog> {
        self.log.clone()
    }
}

impl ReadLog {
    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The position of the first read during `action`, and the result of `action`. The library
    /// gives no address of an object, but reads its header first.
    pub fn first_read<T>(&self, action: impl FnOnce() -> T) -> (Option<u64>, T) {
        self.reads().first = None;
        let result = action();
        (self.reads().first, result)
    }

    /// Checks that the budget is not used up.
    ///
    /// # Errors
    ///
    /// When it is.
    pub fn check(&self) -> Result<(), FormatError> {
        match self.reads().left {
            0 => Err(FormatError::invalid(USED_UP)),
            _ => Ok(()),
        }
    }
}

impl Reads {
    /// Takes `cost` bytes from the budget.
    ///
    /// # Errors
    ///
    /// When it is used up.
    fn spend(&mut self, cost: u64) -> Result<(), LibraryError> {
        self.left = self.left.saturating_sub(cost);
        match self.left {
            0 => Err(LibraryError::Source(USED_UP.into())),
            _ => Ok(()),
        }
    }

    /// Takes from the budget what the library is going to copy from `bytes`: a name for each
    /// entry of a symbol table node. All of them can have the same name, which can be long.
    ///
    /// # Errors
    ///
    /// When the budget is used up.
    fn spend_for_copies(&mut self, bytes: &[u8]) -> Result<(), LibraryError> {
        if std::mem::replace(&mut self.names_follow, bytes.starts_with(b"HEAP")) {
            let names = bytes.split(|&byte| byte == 0);
            self.longest_name = names.map(<[u8]>::len).max().unwrap_or(0) as u64;
        }
        match bytes {
            [b'S', b'N', b'O', b'D', _, _, low, high] => {
                let entries = u64::from(u16::from_le_bytes([*low, *high]));
                self.spend(entries.saturating_mul(self.longest_name))
            }
            _ => Ok(()),
        }
    }
}

impl Source for FileBytes {
    fn len(&self) -> u64 {
        self.input.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), LibraryError> {
        let bytes = self.read_exact_at(offset, buf.len())?;
        buf.copy_from_slice(&bytes);
        Ok(())
    }

    fn read_exact_at(&self, offset: u64, len: usize) -> Result<Vec<u8>, LibraryError> {
        let mut reads = self.log.reads();
        reads.first.get_or_insert(offset);
        reads.spend(COST_OF_READ.saturating_add(len as u64))?;
        let bytes = self.input.bytes(offset, len as u64);
        let mut bytes = bytes.map_err(|error| match error {
            FormatError::Truncated { need, have } => LibraryError::UnexpectedEof {
                expected: usize::try_from(need).unwrap_or(usize::MAX),
                available: usize::try_from(have).unwrap_or(usize::MAX),
            },
            error => LibraryError::Source(error.to_string()),
        })?;
        reads.spend_for_copies(&bytes)?;
        drop_soft_links(&mut bytes);
        Ok(bytes)
    }
}

/// Removes the soft links, if `bytes` is a whole symbol table node. Its size stays the same.
fn drop_soft_links(bytes: &mut [u8]) {
    let Some((prefix, entries)) = bytes.split_at_mut_checked(NODE_PREFIX) else {
        return;
    };
    let [b'S', b'N', b'O', b'D', _, _, count @ ..] = prefix else {
        return;
    };
    let &mut [low, high] = &mut *count else {
        return;
    };
    let claimed = usize::from(u16::from_le_bytes([low, high]));
    // An offset and an address have 2 to 8 bytes each.
    let size = entries.len().checked_div(claimed).unwrap_or(0);
    let is_whole = size * claimed == entries.len();
    if !is_whole || !(ENTRY_FIELDS + 4..=ENTRY_FIELDS + 16).contains(&size) {
        return;
    }
    let is_soft = |entry: &[u8]| {
        entry
            .get(size - ENTRY_FIELDS..)
            .is_some_and(|fields| fields.starts_with(&SOFT_LINK))
    };
    let (mut kept, mut end) = (0_u16, 0);
    for start in (0..entries.len()).step_by(size) {
        let entry = start..start + size;
        if !entries.get(entry.clone()).is_some_and(is_soft) {
            entries.copy_within(entry, end);
            kept += 1;
            end += size;
        }
    }
    count.copy_from_slice(&kept.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A symbol table node whose entries have these cache types and an offset and an address of
    /// `width` bytes, which are the number of the entry.
    fn node(types: &[u8], width: usize) -> Vec<u8> {
        let mut bytes = [&b"SNOD\x01\0"[..], &(types.len() as u16).to_le_bytes()].concat();
        for (number, &cache) in types.iter().enumerate() {
            bytes.extend(vec![number as u8; 2 * width]);
            bytes.extend([cache, 0, 0, 0]);
            bytes.extend([9; 20]);
        }
        bytes
    }

    #[test]
    fn soft_links_are_left_out_of_a_symbol_table() {
        for (types, kept) in [
            (&[0, 1, 0][..], &[0, 1, 2][..]),
            (&[2, 1, 2, 2, 0], &[1, 4]),
            (&[2, 2], &[]),
            (&[], &[]),
        ] {
            for width in [2, 4, 8] {
                let whole = node(types, width);
                let mut bytes = whole.clone();
                drop_soft_links(&mut bytes);
                assert_eq!(bytes.len(), whole.len());
                assert_eq!(bytes[6..8], (kept.len() as u16).to_le_bytes());
                let size = 2 * width + ENTRY_FIELDS;
                for (place, &number) in kept.iter().enumerate() {
                    let at = |number: usize| {
                        NODE_PREFIX + number * size..NODE_PREFIX + (number + 1) * size
                    };
                    assert_eq!(bytes[at(place)], whole[at(number)]);
                }
            }
        }
    }

    #[test]
    fn what_is_no_whole_symbol_table_stays_as_it_is() {
        let whole = node(&[2, 2, 2], 8);
        let other = [&b"TREE"[..], &whole[4..]].concat();
        let no_count = [&whole[..6], &[0, 0], &whole[8..]].concat();
        // The other ends are those of three shorter entries.
        let ends = (0..whole.len()).filter(|end| end % 3 != NODE_PREFIX % 3);
        let cuts = ends.map(|end| whole[..end].to_vec());
        for bytes in cuts.chain([other, no_count]) {
            let mut after = bytes.clone();
            drop_soft_links(&mut after);
            assert_eq!(after, bytes);
        }
    }
}
