//! Backing files and what they are stored on: every file system of this machine, block devices,
//! files with several names or unusual ones, and one file under several daemons.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod daemons;
mod devices;
mod file_systems;
mod names;
mod views;
mod volumes;
