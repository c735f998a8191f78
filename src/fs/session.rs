//! Mounting: the options for the kernel and fusermount3, the start of all threads, and the end
//! of the session. Signals and the life of the process are left to `daemon`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fuser::{BackgroundSession, Config, MountOption, SessionACL};

use super::admission::Admission;
use super::attr::{Appearance, MountingUser};
use super::coherence::{self, Coherence};
use super::housekeeping::{self, Waker};
use super::negotiation::MAX_REQUEST;
use super::operations::ArrayFs;
use super::passthrough::PassthroughFiles;
use super::protocol::Protocol;
use super::scratch::ScratchFiles;
use super::{Access, Cache, MountFlag, Options};
use crate::mapping::{self, Pending};
use crate::platform;
use crate::readme::Readme;
use crate::source::Source;
use crate::tree::{Tree, TreeError};

/// Why a mount failed.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The array cannot be shown as a tree.
    #[error("{}: {error}", file.display())]
    Tree {
        /// The backing file.
        file: PathBuf,
        /// The reason.
        error: TreeError,
    },
    /// There is no memory for the array and the worker threads.
    #[error(
        "{}: cannot be mounted: no memory for an array of {bytes} bytes and {threads} worker threads",
        path.display()
    )]
    NoMemory {
        /// The mount point, or the backing file under `--info`.
        path: PathBuf,
        /// The number of bytes to map.
        bytes: u64,
        /// The number of worker threads.
        threads: usize,
        /// What is exhausted if there is no limit (`ulimit -v`).
        resource: ExhaustedResource,
    },
    /// The system supports one worker thread only.
    #[error(
        "{}: cannot be mounted: {threads} worker threads, expected 1 on this system",
        path.display()
    )]
    TooManyThreads {
        /// The mount point, or the backing file under `--info`.
        path: PathBuf,
        /// The number of worker threads.
        threads: usize,
    },
    /// The kernel, fusermount3 or macFUSE refused the mount.
    #[error("{}: cannot be mounted: {}", mountpoint.display(), refusal(source))]
    Refused {
        /// The mount point.
        mountpoint: PathBuf,
        /// The error of the system, of fusermount3 or of macFUSE.
        source: io::Error,
    },
}

/// An exhausted resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExhaustedResource {
    /// The address space of a process.
    AddressSpace,
    /// The memory of the machine.
    Memory,
}

impl MountError {
    /// A remedy for the user. `None` if there is no known one.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            MountError::Tree { .. } => return None,
            MountError::NoMemory { .. } if mapping::address_space_limit().is_some() => {
                "give fewer with --threads, or raise the limit (ulimit -v)"
            }
            MountError::TooManyThreads { .. } => "leave out --threads",
            MountError::Refused { .. } if cfg!(target_os = "macos") => {
                "if macFUSE is new here, allow it in System Settings, Privacy & Security"
            }
            MountError::NoMemory { resource, .. } => match resource {
                ExhaustedResource::AddressSpace => {
                    "no process can map so much on this machine: give a smaller --shape"
                }
                ExhaustedResource::Memory => {
                    "the machine is out of memory: end other programs, and try again"
                }
            },
            MountError::Refused { source, .. } => match device() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    "FUSE is missing: load it with modprobe fuse"
                }
                Err(_) => "/dev/fuse must be open to this user (as root: chmod 666 /dev/fuse)",
                Ok(_) if source.to_string().contains("user_allow_other") => {
                    "allow it to users with the line user_allow_other in /etc/fuse.conf"
                }
                // fuser runs fusermount3 for users other than root.
                Ok(_) if source.kind() == io::ErrorKind::NotFound => {
                    "fusermount3 is missing: install the package fuse3"
                }
                Ok(_) => return None,
            },
        };
        Some(hint.into())
    }
}

/// The FUSE device, opened as for a mount.
fn device() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/fuse")
}

/// The first line of the message of the system or of fusermount3, without its program name.
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
    /// Unmounts when dropped.
    _background: BackgroundSession,
}

impl Session {
    /// Mounts `source` on `mountpoint` and starts to serve requests. Returns the session, and
    /// the pending changes of the backing file that the mode requires. `on_end` is called once,
    /// on another thread, after the last request or when no worker thread could start.
    ///
    /// # Errors
    ///
    /// When the array has too many slices, memory is exhausted, a thread cannot start, or the
    /// mount is refused.
    pub fn mount(
        source: Source,
        mountpoint: &Path,
        options: &Options,
        on_end: impl FnOnce() + Send + 'static,
    ) -> Result<(Session, Pending), MountError> {
        let origin = source.origin.clone();
        let (waker, wakes) = Waker::new();
        let (fs, pending) = file_system(source, mountpoint, options, waker)?;
        let refused = |source| MountError::Refused {
            mountpoint: mountpoint.to_path_buf(),
            source,
        };
        let config = config(options, &origin.file, origin.writable);
        let admission = Arc::new(Admission::default());
        let protocol = Protocol::new(fs.clone(), admission.clone(), options.clone(), on_end);
        let session = fuser::Session::new(protocol, mountpoint, &config).map_err(refused)?;
        let notifier = session.notifier();
        let background = session.spawn().map_err(refused)?;
        coherence::serve(fs.coherence.clone(), notifier.clone()).map_err(refused)?;
        // A weak reference: the session may end during a notification.
        let weak_fs = Arc::downgrade(&fs);
        let next_excess_name = move || weak_fs.upgrade()?.pop_excess_name();
        let weak_fs = Arc::downgrade(&fs);
        let expire = move || weak_fs.upgrade()?.scratch.expire(Instant::now());
        housekeeping::start(next_excess_name, expire, wakes, notifier).map_err(refused)?;
        let session = Session {
            fs,
            admission,
            _background: background,
        };
        Ok((session, pending))
    }

    /// Lets files be opened, including those whose OPEN is waiting. To be called once the
    /// pending changes of the backing file are made.
    pub fn admit(&self) {
        self.admission.admit();
    }

    /// The cache mode.
    pub fn cache(&self) -> Cache {
        self.fs.page_cache.mode()
    }

    /// Whether the kernel refuses every shared mapping. It does so without a request, so a
    /// refused mapping cannot be logged.
    pub fn refuses_mappings(&self) -> bool {
        self.fs.refuses_mappings()
    }

    /// The time since the last request. Zero while files are open.
    pub fn unused(&self) -> Duration {
        match self.fs.handles.count() {
            0 => self.fs.stats.idle_time(),
            _ => Duration::ZERO,
        }
    }

    /// Stops page invalidations. To be called before the process ends while clients may remain:
    /// a process cannot end while the kernel waits for its reply.
    pub fn stop(&self) {
        self.fs.coherence.stop();
    }

    /// Writes the whole array to the disk.
    ///
    /// # Errors
    ///
    /// When the write-back fails.
    pub fn flush(&self) -> io::Result<()> {
        self.fs.sync_all()
    }
}

/// The operations on a mount of `source`, and the pending changes of the backing file. `waker`
/// wakes the thread that evicts dentries.
///
/// # Errors
///
/// When the array has too many slices, or memory is exhausted.
fn file_system(
    mut source: Source,
    mountpoint: &Path,
    options: &Options,
    waker: Waker,
) -> Result<(Arc<ArrayFs>, Pending), MountError> {
    let origin = source.origin.clone();
    source.mapping.read_by_several(options.workers());
    let appearance = Appearance {
        uid: options.uid,
        gid: options.gid,
        umask: options.umask,
        writable: origin.writable,
        quiet: options.quiet,
        mounting_user: MountingUser::of(origin.mode),
    };
    let readme = Readme {
        mountpoint: mountpoint.to_path_buf(),
        pad: options.pad,
        csv: options.encodings.csv,
    };
    let tree = Tree::new(source, Box::new(readme), options.pad, &options.encodings);
    let (tree, pending) = tree.map_err(|error| {
        let file = origin.file.clone();
        MountError::Tree { file, error }
    })?;
    let coherence = Coherence::new(MAX_REQUEST as usize);
    let coherence = coherence.map_err(|_| MountError::NoMemory {
        path: mountpoint.to_path_buf(),
        bytes: tree.mapping().mapped_bytes(),
        threads: options.workers(),
        resource: ExhaustedResource::Memory,
    })?;
    let passthrough = PassthroughFiles::new(options, tree.mapping(), origin.writable);
    let scratch = ScratchFiles::new(Tree::FREE_INODES, options.scratch_size);
    let fs = ArrayFs::new(
        tree,
        appearance,
        passthrough,
        Arc::new(coherence),
        scratch,
        waker,
        options.xattr,
    );
    Ok((Arc::new(fs), pending))
}

/// Checks that the system supports the number of worker threads, and has address space for a
/// mount of `bytes` bytes and all its threads. A worker that lacks memory later would end the
/// mount, and other threads the process, after requests may have been answered. Errors name
/// `path`.
///
/// # Errors
///
/// When the number of threads is not supported, or the address space is too small.
pub fn check_memory(path: &Path, options: &Options, bytes: u64) -> Result<(), MountError> {
    /// The stack of a thread and its guard pages, in bytes.
    const THREAD: u64 = (2 << 20) + (1 << 16);
    /// The buffer of fuser for each worker, in bytes.
    const BUFFER: u64 = 16 << 20;
    /// The heap, the buffers of deferred writes, and the threads other than workers, in bytes.
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
        resource: ExhaustedResource::AddressSpace,
    })
}

fn config(options: &Options, file: &Path, writable: bool) -> Config {
    let source = match &options.fsname {
        Some(name) => name.clone(),
        None => file.to_string_lossy().into_owned(),
    };
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName(platform::mount_option_value(&source)),
        // fuser omits its own subtype option when root mounts.
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
    let macfuse = options.macfuse.iter().map(|(name, value)| match value {
        Some(value) => {
            let value = platform::mount_option_value(&value.to_string_lossy());
            MountOption::CUSTOM(format!("{name}={value}"))
        }
        None => MountOption::CUSTOM(name.clone()),
    });
    config.mount_options.extend(macfuse);
    config.acl = match options.access {
        Access::Owner => SessionACL::Owner,
        Access::OwnerAndRoot => SessionACL::RootAndOwner,
        Access::Everyone => SessionACL::All,
    };
    config.n_threads = Some(options.workers());
    config.clone_fd = platform::clone_fd();
    config
}
