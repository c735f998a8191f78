//! The locks of `coherence`: those of the standard library, or those of shuttle, which explores
//! thread interleavings (`scripts/interleavings.sh`).

#[cfg(not(shuttle))]
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(shuttle)]
pub(super) use shuttle::sync::{Condvar, Mutex, MutexGuard};
