//! The commands that hints name: paths in them, and words where Linux and macOS differ.

use std::path::Path;

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

/// Quotes a path for a POSIX shell if necessary, for commands that the user can paste.
pub fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:=@%".contains(c);
    if !path.is_empty() && path.chars().all(is_plain) {
        path.into_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn paths_are_quoted_where_a_shell_would_split_or_expand_them() {
        for (path, expected) in [
            ("/mnt/a-1.b", "/mnt/a-1.b"),
            ("/mnt/a b", "'/mnt/a b'"),
            ("/mnt/it's", r"'/mnt/it'\''s'"),
            ("/mnt/$x", "'/mnt/$x'"),
        ] {
            assert_eq!(quoted(path.as_ref()), expected);
        }
    }
}
