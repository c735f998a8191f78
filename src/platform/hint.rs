//! The commands that hints name: paths in them, and words where Linux and macOS differ.

use std::os::unix::ffi::OsStrExt;
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

/// A path as one word of a shell, quoted if necessary: for commands that the user can paste, and so
/// that a column of a table is one word. bash, zsh and ksh read `$'...'`, in which control
/// characters and bytes that are not UTF-8 are octal escapes.
pub fn quoted(path: &Path) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:=@%".contains(c);
    match path.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Some(text) if !text.contains(char::is_control) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => escaped(path.as_os_str().as_bytes()),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut word = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\'' | '\\' => word.extend(['\\', c]),
                c if c.is_control() => word += &octal(c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => word.push(c),
            }
        }
        word += &octal(chunk.invalid());
    }
    word + "'"
}

/// Bytes as octal escapes.
fn octal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:03o}")).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

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

    #[test]
    fn bash_reads_quoted_names_as_they_are() {
        for name in [
            &b"/plain-1.npy"[..],
            b"/m b",
            b"/it's $HOME \\040 *",
            b"/line\nfeed's \\ \x1b[1m",
            b"/latin-\xe9 1\x80",
            "/gr\u{f6}\u{df}e \u{85}1".as_bytes(),
            b"~",
        ] {
            let command = format!("printf %s {}", quoted(Path::new(OsStr::from_bytes(name))));
            assert!(!command.contains(char::is_control), "{command:?}");
            let output = std::process::Command::new("bash")
                .args(["-c", &command])
                .output()
                .unwrap();
            assert_eq!(output.stdout, name, "{command}");
        }
    }
}
