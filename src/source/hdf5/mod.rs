//! The HDF5 format: groups of datasets with attributes, of which the contiguous datasets are
//! arrays in the file (<https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t4.html>).
//! NetCDF-4 and MATLAB 7.3 files are HDF5 files. Parsing is left to `hdf5-pure`.

mod attributes;
mod bytes;
mod conventions;
mod datatype;
mod walk;

use std::thread;

use hdf5_pure::{Error, File};

use self::bytes::FileBytes;
use self::walk::Walk;
use super::format::Reader;
use super::signature::{Sample, hdf5_version};
use super::{Contents, Format, FormatError, Input};

/// The HDF5 format.
pub(super) const FORMAT: Format = Format {
    name: "hdf5",
    title: "HDF5, also NetCDF-4 and MATLAB 7.3",
    suffixes: &[".h5", ".hdf5", ".he5"],
    matches,
    reader: Reader::SelfDescribing(read),
};

/// The highest version of the superblock.
const MAX_VERSION: u8 = 3;

/// The stack of the thread that reads a file, in bytes. The library reads a datatype by
/// recursion, and one of 64 KiB can have 8192 levels.
const STACK: usize = 256 << 20;

fn matches(sample: &Sample) -> bool {
    hdf5_version(sample).is_some_and(|version| version <= MAX_VERSION)
}

/// The datasets of the file.
///
/// # Errors
///
/// When the file is not valid, or another program has it open for writing.
fn read(input: &Input) -> Result<Contents, FormatError> {
    let reader = thread::Builder::new().stack_size(STACK);
    let input = input.clone();
    let reader = reader.spawn(move || read_here(input));
    // A panic of the library becomes an error.
    let contents = reader.map_err(FormatError::Read)?.join();
    contents.unwrap_or_else(|_| Err(FormatError::invalid("it cannot be interpreted")))
}

fn read_here(input: Input) -> Result<Contents, FormatError> {
    let bytes = FileBytes::new(input);
    let log = bytes.log();
    let file = File::from_source(bytes).map_err(|error| match error {
        Error::FileMarkedInUse(_) => FormatError::unsupported(
            "a program has it open for writing, or did not close it",
            "close that program; if none is running, h5clear -s removes the mark",
        ),
        error => FormatError::invalid(reason(&error)),
    })?;
    Walk::new(log).file(&file)
}

/// The library's `error` in a few words.
fn reason(error: &Error) -> String {
    match error {
        Error::Format(error) => brief(error),
        error => brief(error),
    }
}

/// The text of `value`, of which the first 100 characters are kept.
fn brief(value: impl std::fmt::Display) -> String {
    let text = value.to_string();
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::source::check_format;

    const SMALL: [&[u8]; 2] = [
        include_bytes!("../../../fuzz/seeds/hdf5/03"),
        include_bytes!("../../../fuzz/seeds/hdf5/04"),
    ];

    fn read_bytes(bytes: &[u8]) -> Result<Contents, FormatError> {
        read(&Input::from_bytes(Path::new("a.h5"), bytes.to_vec()))
    }

    fn sample(bytes: &[u8]) -> Sample {
        Sample::of(&Input::from_bytes(Path::new("a.h5"), bytes.to_vec())).unwrap()
    }

    #[test]
    fn a_user_block_may_precede_the_superblock() {
        for bytes in SMALL {
            for (block, is_found) in [
                (0, true),
                (512, true),
                (2048, true),
                (4096, true),
                (8192, true),
                (1 << 20, true),
                (1 << 26, true),
                (1 << 27, false),
                (100, false),
                (1536, false),
                (12288, false),
            ] {
                let with_block = [&vec![7; block], bytes].concat();
                assert_eq!(matches(&sample(&with_block)), is_found, "{block}");
            }
            assert!(!matches(&sample(&bytes[..8])));
        }
    }

    #[test]
    fn a_file_that_ends_at_any_byte_is_read_or_refused() {
        for bytes in SMALL {
            let whole = read_bytes(bytes).unwrap();
            assert_eq!(whole.members.len(), 1);
            for end in 0..bytes.len() {
                check_format("hdf5", Path::new("a.h5"), &bytes[..end]);
            }
        }
    }

    #[test]
    fn a_file_with_any_byte_changed_is_read_or_refused() {
        for bytes in SMALL {
            for at in 0..bytes.len().min(1024) {
                for value in [0xff, bytes[at] ^ 1] {
                    let mut changed = bytes.to_vec();
                    changed[at] = value;
                    check_format("hdf5", Path::new("a.h5"), &changed);
                }
            }
        }
    }
}
