//! The command as users meet it: what it accepts and refuses, how it goes into
//! the background, what it logs, and how a mount ends.

#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod edges;
mod ends;
mod logging;
mod options;
mod start;
