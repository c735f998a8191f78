//! Error numbers of system calls, opening of files, and reproducible random numbers.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::path::Path;

/// The errno of a call, which must fail.
#[track_caller]
pub fn errno<T: Debug, E: Into<io::Error>>(outcome: Result<T, E>) -> i32 {
    match outcome.map_err(Into::into) {
        Err(error) => error.raw_os_error().expect("an error of the system's"),
        Ok(value) => panic!("succeeded with {value:?}"),
    }
}

/// Opens a file for reading and writing.
#[track_caller]
pub fn open(path: impl AsRef<Path>) -> File {
    let path = path.as_ref();
    let opened = File::options().read(true).write(true).open(path);
    opened.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Opens a file for writing, with `O_TRUNC`.
#[track_caller]
pub fn truncated(path: impl AsRef<Path>) -> File {
    File::create(path).unwrap()
}

/// A pseudorandom number generator with a seed.
pub struct Numbers(pub u64);

impl Numbers {
    /// The next number, below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        // xorshift64, Marsaglia (2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) as usize) % bound
    }

    /// `count` random bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }

    /// A random range of at least one byte within `0..len`.
    pub fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.below(len);
        start..start + 1 + self.below(len - start)
    }
}
