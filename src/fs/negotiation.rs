//! Negotiation with the kernel at INIT: the capabilities to request, and the largest request.
//! What differs between kernels depends on the capabilities they offer, not on their version.

use fuser::{InitFlags, KernelConfig};

/// The most bytes in a request. It is the size of a worker's buffer, and the block size that
/// `stat` and `statfs` show, which programs use for their own buffers.
pub const MAX_REQUEST: u32 = 1 << 20;

/// The capabilities that depend on the mount.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capabilities {
    /// The kernel serves some files from the backing file itself.
    pub(super) passthrough: bool,
    /// Views can be mapped shared.
    pub(super) shared_mappings: bool,
    /// The kernel opens files and directories without the daemon.
    pub(super) omits_opens: bool,
}

/// Optional features that the kernel offers.
#[derive(Debug, Clone, Copy)]
pub(super) struct KernelFeatures {
    /// Shared mappings of files open for direct I/O (Linux 6.6).
    pub(super) direct_mappings: bool,
    /// Passthrough to the backing file (Linux 6.9).
    pub(super) passthrough: bool,
    /// Opens without the daemon, wanted and offered (Linux 5.1).
    pub(super) omits_opens: bool,
}

/// Requests the capabilities that the file system needs, and those in `capabilities`, as far as
/// the kernel offers them. Returns the optional features that it offers.
pub(super) fn negotiate(config: &mut KernelConfig, capabilities: Capabilities) -> KernelFeatures {
    let wanted = InitFlags::FUSE_PARALLEL_DIROPS
        // Both are needed, or the kernel never sends READDIRPLUS.
        | InitFlags::FUSE_DO_READDIRPLUS
        | InitFlags::FUSE_READDIRPLUS_AUTO
        // LOOKUP of `.` and `..` works on every inode, as file handles (NFS) require.
        | InitFlags::FUSE_EXPORT_SUPPORT;
    // No file is shown set-user-id. Without this flag Linux asks for the attribute
    // security.capability before every buffered write. On macFUSE the bit means something else.
    let privileges = match cfg!(target_os = "linux") {
        true => InitFlags::FUSE_HANDLE_KILLPRIV_V2,
        false => InitFlags::empty(),
    };
    // Lets files that are open for direct I/O be mapped shared.
    let mappings = match capabilities.shared_mappings {
        true => InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
        false => InitFlags::empty(),
    };
    let passthrough = match capabilities.passthrough {
        true => InitFlags::FUSE_PASSTHROUGH,
        false => InitFlags::empty(),
    };
    let offered = config.capabilities();
    let omission = InitFlags::FUSE_NO_OPEN_SUPPORT | InitFlags::FUSE_NO_OPENDIR_SUPPORT;
    let omits_opens = capabilities.omits_opens && offered.contains(omission);
    // `.arrayfs/stats` is read through the page cache, too. Its new mtime invalidates its pages.
    let times = match omits_opens {
        true => InitFlags::FUSE_AUTO_INVAL_DATA,
        false => InitFlags::empty(),
    };
    let wanted = wanted | privileges | mappings | passthrough | times;
    // Cannot fail: only offered capabilities are requested.
    let _ = config.add_capabilities(wanted & offered);
    let _ = config.set_max_write(MAX_REQUEST);
    if capabilities.passthrough {
        // The backing file may be on any file system that is not stacked itself.
        let _ = config.set_max_stack_depth(1);
    }
    KernelFeatures {
        direct_mappings: offered.contains(InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP),
        passthrough: offered.contains(InitFlags::FUSE_PASSTHROUGH),
        omits_opens,
    }
}
