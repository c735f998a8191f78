//! The bytes of an HDF5 file for the library, which reads them by position. How much it reads is
//! limited, so that a file with loops or repeated links ends in an error.

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
        let bytes = bytes.map_err(|error| match error {
            FormatError::Truncated { need, have } => LibraryError::UnexpectedEof {
                expected: usize::try_from(need).unwrap_or(usize::MAX),
                available: usize::try_from(have).unwrap_or(usize::MAX),
            },
            error => LibraryError::Source(error.to_string()),
        })?;
        reads.spend_for_copies(&bytes)?;
        Ok(bytes)
    }
}
