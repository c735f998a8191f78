//! arrayfs mounts a binary array file as a directory tree in which every slice
//! of the array is a file.
//!
//! The modules are the floors of one house. Data flows one way, and each floor
//! knows only those below it: [`dtype`], [`mod@array`], [`platform`],
//! [`mapping`], [`source`], [`vfile`], [`tree`], [`readme`], [`fs`], and on top
//! [`cli`] and [`daemon`].

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
