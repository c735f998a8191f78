//! Mounting: the options that the kernel and fusermount3 are given, and the
//! worker threads that serve the mount until it is gone.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fuser::{BackgroundSession, Config, MountOption, SessionACL};

use super::admission::Admission;
use super::attr::{Appearance, Copier};
use super::coherence::{self, Coherence};
use super::dentry_eviction::{self, Waker};
use super::negotiation::MAX_REQUEST;
use super::operations::ArrayFs;
use super::passthrough::PassthroughFiles;
use super::protocol::Protocol;
use super::{Access, Cache, MountFlag, Options};
use crate::mapping::{self, Pending};
use crate::platform;
use crate::readme;
use crate::source::Source;
use crate::tree::{Tree, TreeError};

/// Why a mount did not come about.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The array cannot be shown.
    #[error("{}: {error}", file.display())]
    Tree {
        /// The backing file.
        file: PathBuf,
        /// What is wrong.
        error: TreeError,
    },
    /// There is no memory for the array and the workers.
    #[error(
        "{}: cannot be mounted: no memory for an array of {bytes} bytes and {threads} worker threads",
        path.display()
    )]
    NoMemory {
        /// The mount point, or the file where none is given.
        path: PathBuf,
        /// Bytes to map.
        bytes: u64,
        /// How many were asked for.
        threads: usize,
        /// What runs out if that is not limited (`ulimit -v`).
        scarce: Scarce,
    },
    /// On this system a session has one worker thread.
    #[error(
        "{}: cannot be mounted: {threads} worker threads, expected 1 on this system",
        path.display()
    )]
    TooManyThreads {
        /// The mount point, or under `--info` the file.
        path: PathBuf,
        /// How many were asked for.
        threads: usize,
    },
    /// The kernel or fusermount3 refused the mount.
    #[error("{}: cannot be mounted: {}", mountpoint.display(), refusal(source))]
    Refused {
        /// The mount point.
        mountpoint: PathBuf,
        /// What the system or fusermount3 said.
        source: io::Error,
    },
}

/// What there is too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scarce {
    /// Addresses of a process.
    AddressSpace,
    /// Memory of the machine.
    Memory,
}

impl MountError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            MountError::Tree { .. } => return None,
            MountError::NoMemory { .. } if mapping::address_space_limit().is_some() => {
                "give fewer with --threads, or raise the limit (ulimit -v)"
            }
            MountError::TooManyThreads { .. } => "leave out --threads",
            // What can be in the way elsewhere is not known.
            MountError::Refused { .. } if !cfg!(target_os = "linux") => return None,
            MountError::NoMemory { scarce, .. } => match scarce {
                Scarce::AddressSpace => {
                    "no process can map so much on this machine: give a smaller --shape"
                }
                Scarce::Memory => "the machine has no more: end other programs, and try again",
            },
            MountError::Refused { source, .. } => match device() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    "FUSE is missing: load it with modprobe fuse"
                }
                Err(_) => "/dev/fuse must be open to this user (as root: chmod 666 /dev/fuse)",
                Ok(_) if source.to_string().contains("user_allow_other") => {
                    "allow it to users with the line user_allow_other in /etc/fuse.conf"
                }
                // What fuser runs for users other than root.
                Ok(_) if source.kind() == io::ErrorKind::NotFound => {
                    "fusermount3 is missing: install the package fuse3"
                }
                Ok(_) => return None,
            },
        };
        Some(hint.into())
    }
}

/// The device that all mounts are made with.
fn device() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/fuse")
}

/// The system's or fusermount3's words, on one line and without its name.
fn refusal(source: &io::Error) -> String {
    let text = platform::os_error_message(source);
    let line = text.lines().next().unwrap_or_default().trim();
    match line.split_once("fusermount3: ") {
        Some((_, words)) => words.into(),
        None => line.into(),
    }
}

/// A mounted array, served by worker threads until it is unmounted.
pub struct Session {
    fs: Arc<ArrayFs>,
    admission: Arc<Admission>,
    /// Dropping it unmounts.
    _background: BackgroundSession,
}

impl Session {
    /// Mounts `source` on `mountpoint`, starts serving, and returns what is
    /// still to be done to the backing file. `ended` is called once, from
    /// another thread, when no more requests will come, be it because no thread
    /// could be started to answer them.
    ///
    /// # Errors
    ///
    /// When the array has too many slices or the mount is refused.
    pub fn mount(
        mut source: Source,
        mountpoint: &Path,
        options: &Options,
        ended: impl FnOnce() + Send + 'static,
    ) -> Result<(Session, Pending), MountError> {
        let meta = source.meta.clone();
        source.mapping.read_by_several(options.workers());
        let appearance = Appearance {
            uid: options.uid,
            gid: options.gid,
            umask: options.umask,
            writable: meta.writable,
            quiet: options.quiet,
            copier: Copier::of(meta.mode),
        };
        let readme = readme::text(&meta, mountpoint, options.pad, options.csv);
        let tree = Tree::new(source, readme, options.pad, options.csv);
        let (tree, pending) = tree.map_err(|error| {
            let file = meta.file.clone();
            MountError::Tree { file, error }
        })?;
        let coherence = Coherence::new(MAX_REQUEST as usize);
        let coherence = coherence.map_err(|_| MountError::NoMemory {
            path: mountpoint.to_path_buf(),
            bytes: meta.view.extent().end,
            threads: options.workers(),
            scarce: Scarce::Memory,
        })?;
        let coherence = Arc::new(coherence);
        let (waker, wakes) = Waker::new();
        let passthrough = PassthroughFiles::new(options, tree.mapping(), meta.writable);
        let fs = ArrayFs::new(
            tree,
            appearance,
            passthrough,
            coherence.clone(),
            waker,
            options.xattr,
        );
        let fs = Arc::new(fs);
        let refused = |source| MountError::Refused {
            mountpoint: mountpoint.to_path_buf(),
            source,
        };
        let config = config(options, &meta.file, meta.writable);
        let admission = Arc::new(Admission::default());
        let protocol = Protocol::new(fs.clone(), admission.clone(), options.clone(), ended);
        let session = fuser::Session::new(protocol, mountpoint, &config).map_err(refused)?;
        let notifier = session.notifier();
        let background = session.spawn().map_err(refused)?;
        coherence::serve(coherence, notifier.clone()).map_err(refused)?;
        // The mount may end while the kernel is told to forget a name.
        let names = Arc::downgrade(&fs);
        let surplus = move || names.upgrade()?.pop_excess_name();
        dentry_eviction::start(surplus, wakes, notifier).map_err(refused)?;
        let session = Session {
            fs,
            admission,
            _background: background,
        };
        Ok((session, pending))
    }

    /// The backing file is what it is to be. Files can be opened, and those are
    /// that somebody has tried to open before.
    pub fn admit(&self) {
        self.admission.admit();
    }

    /// What may be cached.
    pub fn cache(&self) -> Cache {
        self.fs.page_cache.mode()
    }

    /// Whether this kernel refuses to map any file of the mount shared. It does so without
    /// asking, so nobody can be told of it later.
    pub fn refuses_mappings(&self) -> bool {
        self.fs.refuses_mappings()
    }

    /// How long nobody has asked for anything, or had a file open.
    pub fn unused(&self) -> Duration {
        match self.fs.handles.count() {
            0 => self.fs.stats.unused(),
            _ => Duration::ZERO,
        }
    }

    /// To be called before the process ends while there may still be clients: it
    /// could not end while the kernel waits for it.
    pub fn stop(&self) {
        self.fs.coherence.stop();
    }

    /// Writes everything to the disk.
    ///
    /// # Errors
    ///
    /// What the system reports of the write-back.
    pub fn flush(&self) -> io::Result<()> {
        self.fs.sync_all()
    }
}

/// Makes sure that this system has as many workers, and memory for all that a mount of
/// `bytes` bytes maps and starts: a worker that finds none later would end the mount,
/// which may have answered by then, and other parts would end the process with whatever
/// it has begun. An error is about `path`.
///
/// # Errors
///
/// When there is not.
pub fn check_memory(path: &Path, options: &Options, bytes: u64) -> Result<(), MountError> {
    /// A thread's stack and the pages that guard it.
    const THREAD: u64 = (2 << 20) + (1 << 16);
    /// fuser's buffer.
    const BUFFER: u64 = 16 << 20;
    /// The heap, what is deferred, and the threads that are no workers.
    const REST: u64 = (24 << 20) + 7 * THREAD;
    let (path, threads) = (path.to_path_buf(), options.workers());
    if threads > 1 && !platform::SEVERAL_WORKERS {
        return Err(MountError::TooManyThreads { path, threads });
    }
    let workers = (threads as u64).saturating_mul(THREAD + BUFFER);
    if mapping::has_address_space(bytes.saturating_add(workers).saturating_add(REST)) {
        return Ok(());
    }
    Err(MountError::NoMemory {
        path,
        bytes,
        threads,
        scarce: Scarce::AddressSpace,
    })
}

fn config(options: &Options, file: &Path, writable: bool) -> Config {
    let source = match &options.fsname {
        Some(name) => name.clone(),
        None => file.to_string_lossy().into_owned(),
    };
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName(platform::mount_source(&source)),
        // fuser leaves its own subtype option out when root mounts.
        MountOption::CUSTOM("subtype=arrayfs".into()),
        MountOption::DefaultPermissions,
        MountOption::NoSuid,
        MountOption::NoDev,
        if writable {
            MountOption::RW
        } else {
            MountOption::RO
        },
    ];
    let flags = options.flags.iter().map(|flag| match flag {
        MountFlag::NoExec => MountOption::NoExec,
        MountFlag::NoAtime => MountOption::NoAtime,
        MountFlag::Sync => MountOption::Sync,
        MountFlag::DirSync => MountOption::DirSync,
    });
    config.mount_options.extend(flags);
    config.acl = match options.access {
        Access::Owner => SessionACL::Owner,
        Access::OwnerAndRoot => SessionACL::RootAndOwner,
        Access::Everyone => SessionACL::All,
    };
    config.n_threads = Some(options.workers());
    config.clone_fd = platform::clone_fd();
    config
}
