//! The file system: what each operation on the tree does, which errno tells of
//! its failure, and the session with the kernel. Options, signals and the life
//! of the process are decided above.

mod acl;
mod admission;
mod answer;
mod attr;
mod coherence;
mod contained;
mod error;
mod handle;
mod kept;
mod listing;
mod native;
mod negotiation;
mod opening;
mod operations;
mod options;
mod protocol;
mod report;
mod request;
mod session;
mod stats;
mod surplus;
mod times;
mod trouble;
mod truncation;
mod writing;
mod xattr;

pub use answer::MAX_REQUEST;
pub use options::{Access, Cache, MountFlag, Options, Passthrough};
pub use session::{MountError, Session, check_memory};
