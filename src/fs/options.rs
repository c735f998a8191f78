//! How a mount behaves, as far as the file system itself is concerned.

use crate::platform;
use crate::vfile::CsvForm;

/// Who may use the mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Only the user who mounts.
    #[default]
    Owner,
    /// That user and root (`allow_root`).
    OwnerAndRoot,
    /// Everyone whom the permission bits let in (`allow_other`).
    Everyone,
}

/// What may be kept in caches, `--cache`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cache {
    /// A read returns what the file holds now.
    #[default]
    Never,
    /// While a file is open.
    Auto,
    /// Also between opens.
    Always,
}

impl Cache {
    /// All of them.
    pub const ALL: [Cache; 3] = [Cache::Never, Cache::Auto, Cache::Always];

    /// What the option has it called.
    pub fn name(self) -> &'static str {
        match self {
            Cache::Never => "never",
            Cache::Auto => "auto",
            Cache::Always => "always",
        }
    }
}

/// Where the kernel may serve whole-file views from the backing file itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Passthrough {
    /// On read-only mounts.
    #[default]
    Auto,
    /// On writable mounts too.
    ReadWrite,
    /// Nowhere.
    Never,
}

/// A flag of `mount(2)` that is passed on to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountFlag {
    /// `noexec`
    NoExec,
    /// `noatime`
    NoAtime,
    /// `sync`
    Sync,
    /// `dirsync`
    DirSync,
}

/// Everything about a mount that is not about the array.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether index names are listed padded with zeros.
    pub pad: bool,
    /// How the files of `csv/` are laid out.
    pub csv: CsvForm,
    /// Whether extended attributes are served.
    pub xattr: bool,
    /// The owner to show instead of the backing file's.
    pub uid: Option<u32>,
    /// The group to show instead of the backing file's.
    pub gid: Option<u32>,
    /// The permission bits to leave out, of all, instead of the backing file's.
    pub umask: Option<u32>,
    /// Whether changes of owner and permission bits are accepted, without effect.
    pub quiet: bool,
    /// Who may use the mount.
    pub access: Access,
    /// What may be cached; by default as much as lets files be mapped shared on a
    /// read-only mount.
    pub cache: Option<Cache>,
    /// The most bytes of neighbours of what is read that the daemon keeps.
    pub cache_size: u64,
    /// Where the kernel may bypass the daemon.
    pub passthrough: Passthrough,
    /// Worker threads; by default as many as measured best.
    pub threads: Option<usize>,
    /// The source shown in the mount table; by default the backing file.
    pub fsname: Option<String>,
    /// Flags for the kernel.
    pub flags: Vec<MountFlag>,
}

impl Options {
    /// How many threads answer requests.
    pub(super) fn workers(&self) -> usize {
        self.threads.unwrap_or_else(platform::default_threads)
    }
}
