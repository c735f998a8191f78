//! The `.npy` format: reads and writes headers as NumPy does (`numpy/lib/_format_impl.py`).
//! Headers are untrusted input. Opening a file with a header is in `file`.
//!
//! The reader accepts what NumPy accepts, except:
//!
//! - invalid shapes that NumPy reads: negative lengths, lengths past 2^63 - 1, booleans as
//!   lengths, and more than 64 axes;
//! - pickled Python objects, and a sub-array as the dtype of the whole array;
//! - dtypes refused by `dtype`, and literals refused by `dtype::literal`.
//!
//! Blanks and line breaks around the dict are ignored, although Python refuses some of them.

mod error;
mod file;
mod frame;
mod header;

pub use error::HeaderError;
pub(super) use file::FORMAT;
pub use frame::MAGIC;
pub use header::{Header, same_meaning};
