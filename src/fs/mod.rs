//! The FUSE file system: the operations on the tree, their errnos, and the session with the
//! kernel. Command-line options, signals and the life of the process are left to `cli` and
//! `daemon`.

mod acl;
mod admission;
mod answer;
mod attr;
mod backing_monitor;
mod coherence;
mod error;
mod handle;
mod housekeeping;
mod listing;
mod namespace;
mod negotiation;
mod opening;
mod operations;
mod options;
mod page_cache;
mod panics;
mod passthrough;
mod protocol;
mod report;
mod request;
mod scratch;
mod session;
mod stats;
mod times;
mod truncation;
mod writing;
mod xattr;

pub use negotiation::MAX_REQUEST;
pub use options::{Access, Cache, MountFlag, Options, Passthrough};
pub use session::{MountError, Session, check_memory};
