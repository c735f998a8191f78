//! The `.npy` format: what stands before the array in such a file, read and written as NumPy does
//! it (`numpy/lib/_format_impl.py`). The bytes are treated as hostile. Which array that makes of a
//! file is worked out in `file`.
//!
//! NumPy's reader decides what is accepted, with these exceptions, each refused with its reason:
//!
//! - shapes that it reads although no array has them: lengths that are negative, past 2^63 - 1 or
//!   truth values, and more than 64 axes;
//! - Python objects, which are pickled, and a sub-array as the type of the whole array;
//! - what `dtype` refuses, and what its `literal` does not read.
//!
//! Blanks and line breaks around the text are of no account, although Python minds some.

mod error;
mod file;
mod frame;
mod header;

pub use error::HeaderError;
pub(super) use file::FORMAT;
pub use frame::MAGIC;
pub use header::{Header, same_meaning};
