//! What an array's file can be and lie on: every file system that is at hand,
//! block devices, files of several names and of odd ones, and one file under
//! several daemons.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod daemons;
mod devices;
mod file_systems;
mod names;
mod views;
mod volumes;
