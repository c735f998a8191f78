//! arrayfs mounts a binary array file as a directory tree in which every slice
//! of the array is a file.
//!
//! The modules are layers. Each module uses only the ones before it in this list:
//!
//! - [`dtype`]: NumPy's dtypes;
//! - [`mod@array`]: shapes, strides and views;
//! - [`platform`]: code specific to Linux, with portable twins;
//! - [`mapping`]: the mapped backing file;
//! - [`source`]: file formats;
//! - [`vfile`]: virtual files and their encodings;
//! - [`tree`]: directories, names and inode numbers;
//! - [`readme`]: the generated `README.txt`;
//! - [`fs`]: the FUSE file system;
//! - [`cli`] and [`daemon`]: options, mounting and signals.

#![warn(clippy::unwrap_used, clippy::expect_used)]

pub mod array;
pub mod cli;
pub mod daemon;
pub mod dtype;
pub mod fs;
pub mod mapping;
pub mod platform;
pub mod readme;
pub mod source;
pub mod tree;
pub mod vfile;
