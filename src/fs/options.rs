//! The options of a mount that concern the file system. The command line is left to `cli`.

use std::ffi::OsString;

use crate::mapping::Mode;
use crate::platform;
use crate::vfile::EncodingOptions;

/// Who may use the mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// The user who mounts.
    #[default]
    Owner,
    /// The user who mounts, and root (`allow_root`).
    OwnerAndRoot,
    /// All users, within the permission bits (`allow_other`).
    Everyone,
}

/// The cache mode, `--cache`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cache {
    /// No caching: a read returns the bytes that the file holds now.
    #[default]
    Never,
    /// Caching while a file is open, and across opens if the file has not changed.
    Auto,
    /// Caching across opens, without a check for changes.
    Always,
}

impl Cache {
    /// All cache modes.
    pub const ALL: [Cache; 3] = [Cache::Never, Cache::Auto, Cache::Always];

    /// The value of the option.
    pub fn name(self) -> &'static str {
        match self {
            Cache::Never => "never",
            Cache::Auto => "auto",
            Cache::Always => "always",
        }
    }
}

/// Which mounts use passthrough: the kernel serves whole-file views from the backing file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Passthrough {
    /// Read-only mounts.
    #[default]
    Auto,
    /// Writable mounts too.
    ReadWrite,
    /// No mount.
    Never,
}

/// A flag of `mount(2)` for the kernel.
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

/// The options of a mount, apart from the description of the array.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether names of indices are padded with zeros in listings.
    pub pad: bool,
    /// How arrays are presented.
    pub encodings: EncodingOptions,
    /// Whether extended attributes are served.
    pub xattr: bool,
    /// The uid shown instead of the backing file's.
    pub uid: Option<u32>,
    /// The gid shown instead of the backing file's.
    pub gid: Option<u32>,
    /// Permission bits removed from 0666, shown instead of the backing file's.
    pub umask: Option<u32>,
    /// Whether `chown` and `chmod` succeed without effect.
    pub quiet: bool,
    /// Who may use the mount.
    pub access: Access,
    /// The cache mode. The default is `auto` where shared mappings need it and the mount is
    /// read-only, otherwise `never`.
    pub cache: Option<Cache>,
    /// Whether [`Session::unused`](super::Session::unused) has to know of files that are opened
    /// and read from the page cache.
    pub tracks_use: bool,
    /// The limit of the column cache, in bytes.
    pub cache_size: u64,
    /// The limit of all scratch files together, in bytes. 0 if none can be made.
    pub scratch_size: u64,
    /// Which mounts use passthrough.
    pub passthrough: Passthrough,
    /// The number of worker threads. The default depends on the system.
    pub threads: Option<usize>,
    /// The source in the mount table. The default is the path of the backing file.
    pub fsname: Option<String>,
    /// Mount flags for the kernel.
    pub flags: Vec<MountFlag>,
    /// Mount options for macFUSE, with their values.
    pub macfuse: Vec<(String, Option<OsString>)>,
}

impl Options {
    /// The number of worker threads.
    pub(super) fn workers(&self) -> usize {
        self.threads.unwrap_or_else(platform::default_threads)
    }

    /// Whether the kernel need not tell the daemon of opened files, in `mode`: nothing writes,
    /// and pages stay valid by the user's promise. Then no file uses passthrough.
    pub(super) fn omits_opens(&self, mode: Mode) -> bool {
        let is_constant = mode == Mode::ReadOnly && self.cache == Some(Cache::Always);
        platform::NOTIFIES && is_constant && !self.tracks_use
    }
}
