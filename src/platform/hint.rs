//! The commands that hints name, where Linux and macOS differ.

/// The command that detaches an arrayfs mount, busy or not. The mount point follows.
pub const DETACH: &str = match cfg!(target_os = "macos") {
    true => "umount -f",
    false => "fusermount3 -uz",
};

/// The command by which root detaches any mount, busy or not. The mount point follows.
pub const DETACH_ANY: &str = match cfg!(target_os = "macos") {
    true => "umount -f",
    false => "umount -l",
};

/// The command that lists who uses a mount.
pub const LIST_USERS: &str = match cfg!(target_os = "macos") {
    true => "lsof",
    false => "fuser -vm",
};

/// The hint for a path that cannot be reached because of a dead mount above it.
pub const BELOW_DEAD_MOUNT: &str = match cfg!(target_os = "macos") {
    true => "it lies below a dead mount: mount shows it, umount -f removes it",
    false => "it lies below a dead mount: findmnt -t fuse shows it, umount -l removes it",
};
