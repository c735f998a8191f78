//! Real tools on real mounts, compared with their effect on ordinary files, and arrays of
//! unusual size or shape. `docs/TOOLS.md` is the table for users. Each of its rows is tested
//! here.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod case;
mod copying;
mod dd;
mod documented;
mod emptying;
mod large;
mod listing;
mod names;
mod reading;
mod science;
mod serving;
mod shapes;
mod sparse;
mod table;
mod writing;
