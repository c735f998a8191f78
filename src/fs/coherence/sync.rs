//! The locks of this module: those of the standard library, or those of shuttle, which
//! tries out how threads can take turns (`scripts/interleavings.sh`).

#[cfg(not(shuttle))]
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(shuttle)]
pub(super) use shuttle::sync::{Condvar, Mutex, MutexGuard};
