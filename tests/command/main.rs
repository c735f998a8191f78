//! The command line: valid and invalid input, daemonizing, and logging.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod advice;
mod bad_input;
mod comfort;
mod edges;
mod insight;
mod logging;
mod options;
mod shells;
mod slips;
mod start;
mod supervised;
