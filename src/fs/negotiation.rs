//! What is agreed with the kernel before the first request: the abilities that are
//!request for where it offers them, and the size of a request. What a mount does
//! differently on another kernel is decided by what that offers, not by its version.

use fuser::{InitFlags, KernelConfig};

/// The most bytes in a request: the largest buffer of a worker, and the block size that
/// `stat` and `statfs` show, by which programs size theirs.
pub const MAX_REQUEST: u32 = 1 << 20;

/// What depends on the mount.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capabilities {
    /// The kernel is to read some files in the backing file itself.
    pub(super) passthrough: bool,
    /// Views can be mapped shared.
    pub(super) shared: bool,
}

/// What the kernel can do that not every kernel can.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    /// Map files shared that are open for direct I/O (Linux 6.6).
    pub(super) direct_mappings: bool,
    /// Read and write files in the backing file itself (Linux 6.9).
    pub(super) passthrough: bool,
}

/// Asks for what this file system needs of the kernel, and for what is wished for.
/// Returns what the kernel offers.
pub(super) fn negotiate(config: &mut KernelConfig, capabilities: Capabilities) -> Offer {
    let wanted = InitFlags::FUSE_PARALLEL_DIROPS
        // Both, or the kernel never asks for attributes with the names.
        | InitFlags::FUSE_DO_READDIRPLUS
        | InitFlags::FUSE_READDIRPLUS_AUTO
        // Whatever has a number is found by it, and by the number of what lies in it.
        | InitFlags::FUSE_EXPORT_SUPPORT;
    // No file is shown set-user-id. Without this Linux asks for the security.capability
    // attribute before every buffered write. macFUSE has another ability by this bit.
    let privileges = match cfg!(target_os = "linux") {
        true => InitFlags::FUSE_HANDLE_KILLPRIV_V2,
        false => InitFlags::empty(),
    };
    // With this, files opened for direct I/O can be mapped shared.
    let mapped = match capabilities.shared {
        true => InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
        false => InitFlags::empty(),
    };
    let passthrough = match capabilities.passthrough {
        true => InitFlags::FUSE_PASSTHROUGH,
        false => InitFlags::empty(),
    };
    let wanted = wanted | privileges | mapped | passthrough;
    let offered = config.capabilities();
    // Not refused: only what was offered is asked for.
    let _ = config.add_capabilities(wanted & offered);
    let _ = config.set_max_write(MAX_REQUEST);
    if capabilities.passthrough {
        // The file below may be on any file system that is not itself stacked.
        let _ = config.set_max_stack_depth(1);
    }
    Offer {
        direct_mappings: offered.contains(InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP),
        passthrough: offered.contains(InitFlags::FUSE_PASSTHROUGH),
    }
}
