//! Users and permissions: who may mount, unmount and access a mount. Each test runs on a private
//! machine.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod acl;
mod bits;
mod mounting;

/// A user whom `fusermount3` finds in `/etc/passwd`, as it demands.
const NOBODY: u32 = 65534;

/// Another one.
const DAEMON: u32 = 1;

/// Somebody who is only a number.
const STRANGER: u32 = 4242;

/// A group that is nobody's own.
const GROUP: u32 = 4343;
