//! The command as users meet it: what it accepts and refuses, how it goes into
//! the background, and what it logs.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod comfort;
mod edges;
mod insight;
mod logging;
mod options;
mod start;
mod supervised;
