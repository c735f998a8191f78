//! The numbered claims of `docs/SEMANTICS.md`, tested with real mounts, real system calls and
//! real tools. NumPy, the kernel and coreutils are the reference.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod aside;
mod caching;
mod cold;
mod consistency;
mod constant;
mod content;
mod csv;
mod fields;
mod foreign;
mod gaps;
mod groups;
mod looking;
mod modes;
mod native;
mod npy;
mod npy_files;
mod size;
mod slices;
mod storage;
mod tables;
mod times;
mod tree;
mod variants;
mod xattr;
