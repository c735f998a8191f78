//! The destination of the log: standard error, a file, or syslog. If syslog is not available,
//! its messages go to a fallback file, so that no warning of a daemon is lost. Levels and filters
//! are the business of `verbosity`; writing without blocking is that of `log_queue`.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process;
use std::time::SystemTime;

use env_logger::Target;
use env_logger::fmt::Formatter;
use log::{Level, LevelFilter, Metadata, Record};
use nix::fcntl::{AT_FDCWD, AtFlags, FcntlArg, OFlag, fcntl};
use nix::unistd::{AccessFlags, faccessat, geteuid};

use super::log_queue::LogQueue;
use super::{Error, verbosity};
use crate::cli::{Log, Settings};
use crate::vfile::milliseconds;

/// The sockets of syslog: on Linux and the BSDs, and on macOS.
const SYSLOG_SOCKETS: [&str; 2] = ["/dev/log", "/var/run/syslog"];

/// Checks that the log file is neither the backing file, which it would overwrite, nor below the
/// mount point, which would hide it. A dangling symbolic link could lead to either.
///
/// # Errors
///
/// When it is one of these.
pub(super) fn check(settings: &Settings) -> Result<(), Error> {
    let Some(log) = &settings.log.file else {
        return Ok(());
    };
    if log.is_symlink() && !log.exists() {
        return Err(Error::DanglingLogFile(log.clone()));
    }
    let identity = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    let is_backing_file = identity(log).is_some_and(|id| Some(id) == identity(&settings.file));
    let problem = if is_backing_file || *log == settings.file {
        "is the array's file"
    } else if log.starts_with(&settings.mountpoint) {
        "is below the mount point"
    } else {
        return Ok(());
    };
    let log = log.clone();
    Err(Error::UnusableLogFile { log, problem })
}

/// Installs the logger and a panic hook that logs. Returns the queue in front of the log. A
/// missing log file is created by the first line, or by [`CreatedLog::new`] once the file system
/// is mounted. So a failed start leaves no empty log file.
///
/// # Errors
///
/// When the log file cannot be opened, or its directory cannot be written.
pub(super) fn start(log: &Log, foreground: bool) -> Result<LogQueue, Error> {
    let destination: Box<dyn Write + Send> = match &log.file {
        Some(path) => {
            let file = open_existing(path).map_err(|source| unopened(path, source))?;
            Box::new(LazyFile {
                file,
                path: Some(path.clone()),
            })
        }
        // A duplicate: a blocked write of the log must not hold the lock of `io::stderr`.
        None if foreground => {
            let duplicate = io::stderr().as_fd().try_clone_to_owned();
            Box::new(File::from(duplicate.map_err(Error::Start)?))
        }
        None => Box::new(LazyFile {
            file: None,
            path: fallback_path(),
        }),
    };
    let queue = LogQueue::new(destination);
    let logger = line_logger(queue.clone());
    let installed: Box<dyn log::Log> = if log.file.is_some() || foreground {
        Box::new(logger)
    } else {
        Box::new(SystemLog {
            socket: datagram_socket().map_err(Error::Start)?,
            fallback: logger,
        })
    };
    verbosity::start(installed, log.verbosity);
    std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
    Ok(queue)
}

fn unopened(path: &Path, source: io::Error) -> Error {
    let path = path.to_path_buf();
    Error::LogFile { path, source }
}

/// A log file that was created for a mount. Dropping it without [`keep`](CreatedLog::keep) waits
/// for the queued lines, and removes the file if it is still empty.
pub(super) struct CreatedLog {
    path: PathBuf,
    file: File,
    queue: LogQueue,
    is_kept: bool,
}

impl CreatedLog {
    /// Creates the log file if it is missing, and opens it as the destination of `queue`. `None`
    /// if there was nothing to create.
    ///
    /// # Errors
    ///
    /// - When the file cannot be created or opened.
    /// - When it now turns out to be the backing file, which may have been created meanwhile.
    pub(super) fn new(settings: &Settings, queue: &LogQueue) -> Result<Option<CreatedLog>, Error> {
        let Some(path) = &settings.log.file else {
            return Ok(None);
        };
        let created = match open_for_append(File::options().create_new(true), path) {
            Ok(file) => Some(CreatedLog {
                path: path.clone(),
                file,
                queue: queue.clone(),
                is_kept: false,
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
            Err(error) => return Err(unopened(path, error)),
        };
        queue.open().map_err(|source| unopened(path, source))?;
        check(settings)?;
        Ok(created)
    }

    /// Leaves the file where it is: the start has succeeded.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }

    /// Removes the file if it is empty, unless its name leads to another file by now.
    ///
    /// # Errors
    ///
    /// When the file cannot be found or removed.
    fn remove_if_empty(&self) -> io::Result<()> {
        let (made, found) = (self.file.metadata()?, self.path.symlink_metadata()?);
        if made.len() == 0 && (made.dev(), made.ino()) == (found.dev(), found.ino()) {
            std::fs::remove_file(&self.path)?;
        }
        Ok(())
    }
}

impl Drop for CreatedLog {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        self.queue.drain();
        // The error to report is that of the start.
        let _ = self.remove_if_empty();
    }
}

/// A logger that formats records as lines and writes them to `queue`, without a filter.
fn line_logger(queue: LogQueue) -> env_logger::Logger {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Trace).format(write_line);
    builder.target(Target::Pipe(Box::new(queue))).build()
}

/// Whether a record is not worth logging. fuser logs an error when a client no longer waits for
/// its reply, because it was interrupted or the file system was unmounted.
fn is_noise(record: &Record) -> bool {
    let enoent = || io::Error::from_raw_os_error(libc::ENOENT).to_string();
    record.target() == "fuser::reply" && record.args().to_string().ends_with(&enoent())
}

fn write_line(out: &mut Formatter, record: &Record) -> io::Result<()> {
    if is_noise(record) {
        return Ok(());
    }
    let (time, level) = (SystemTime::now(), record.level());
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH);
    let time = milliseconds(since_1970.unwrap_or_default().as_millis() as i64);
    let (process, module) = (process::id(), record.target());
    writeln!(
        out,
        "{time}Z {level:<5} {process} {module}: {}",
        message(record)
    )
}

/// The text of a record as one line. Panics and file names can contain newlines.
fn message(record: &Record) -> String {
    record.args().to_string().replace('\n', " ")
}

/// Opens a log file for appending, with further `options`. A created file is private to its owner, since the log contains
/// names in arrays that others may not read.
///
/// # Errors
///
/// When `open` fails, or the file is a FIFO without a reader.
fn open_for_append(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.append(true).mode(0o600);
    // Without O_NONBLOCK, opening a FIFO waits for a reader.
    let log = options.custom_flags(libc::O_NONBLOCK).open(path);
    let log = log.map_err(|error| match error.raw_os_error() {
        Some(libc::ENXIO) => io::Error::other("nobody reads it"),
        _ => error,
    })?;
    fcntl(&log, FcntlArg::F_SETFL(OFlag::O_APPEND))?;
    Ok(log)
}

/// Opens the log file at `path`; `None` if it does not exist and its directory can be written.
///
/// # Errors
///
/// When it cannot be opened, or its directory cannot be written.
fn open_existing(path: &Path) -> io::Result<Option<File>> {
    match open_for_append(&mut File::options(), path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(_) => {
            let directory = path.parent().unwrap_or(Path::new("/"));
            let (access, at_flags) = (AccessFlags::W_OK | AccessFlags::X_OK, AtFlags::AT_EACCESS);
            faccessat(AT_FDCWD, directory, access, at_flags)?;
            Ok(None)
        }
    }
}

/// A logger that sends datagrams to syslog, like `syslog(3)`.
struct SystemLog {
    socket: UnixDatagram,
    /// The logger of messages that syslog does not accept.
    fallback: env_logger::Logger,
}

impl log::Log for SystemLog {
    fn enabled(&self, metadata: &Metadata) -> bool {
        self.fallback.enabled(metadata)
    }

    fn log(&self, record: &Record) {
        if !is_noise(record) && !self.send(&datagram(record)) {
            self.fallback.log(record);
        }
    }

    fn flush(&self) {
        self.fallback.flush();
    }
}

/// A non-blocking datagram socket: a syslog daemon that has stopped reading must not block.
fn datagram_socket() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl SystemLog {
    /// Sends a datagram to the first syslog socket that accepts it. Whether there is one.
    fn send(&self, datagram: &str) -> bool {
        let mut sockets = SYSLOG_SOCKETS.iter();
        sockets.any(|path| self.socket.send_to(datagram.as_bytes(), path).is_ok())
    }
}

/// A message in the format of RFC 3164, without the timestamp: the receiver adds the local time.
fn datagram(record: &Record) -> String {
    const FACILITY_DAEMON: u8 = 3;
    let severity = match record.level() {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    let (priority, process) = (FACILITY_DAEMON * 8 + severity, process::id());
    format!(
        "<{priority}>arrayfs[{process}]: {}: {}",
        record.target(),
        message(record)
    )
}

/// A log file that is created by the first write or [`flush`](Write::flush).
struct LazyFile {
    file: Option<File>,
    /// `None` if there is no directory for the fallback file.
    path: Option<PathBuf>,
}

impl LazyFile {
    fn open(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let path = self.path.as_ref().ok_or(io::ErrorKind::NotFound)?;
                if let Some(directory) = path.parent() {
                    std::fs::create_dir_all(directory)?;
                }
                open_for_append(File::options().create(true), path)?
            }
        };
        Ok(self.file.insert(file))
    }
}

impl Write for LazyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open().map(drop)
    }
}

/// The path of the fallback file: in `/var/log` for root, and in the state directory of the XDG
/// Base Directory Specification for other users. `None` without a home directory.
fn fallback_path() -> Option<PathBuf> {
    if geteuid().is_root() {
        return Some("/var/log/arrayfs.log".into());
    }
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = match state.filter(|path| path.is_absolute()) {
        Some(path) => path,
        None => env::home_dir()?.join(".local/state"),
    };
    Some(state.join("arrayfs/arrayfs.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_becomes_a_syslog_message_with_its_priority() {
        for (level, priority) in [(Level::Error, 27), (Level::Warn, 28), (Level::Trace, 31)] {
            let args = format_args!("a.bin: gone\nand away");
            let record = Record::builder()
                .level(level)
                .target("arrayfs::fs")
                .args(args)
                .build();
            let expected = format!(
                "<{priority}>arrayfs[{}]: arrayfs::fs: a.bin: gone and away",
                process::id()
            );
            assert_eq!(datagram(&record), expected);
        }
    }

    #[test]
    fn replies_without_a_waiting_client_are_not_logged_but_failed_ones_are() {
        for (errno, noise) in [(libc::ENOENT, true), (libc::EFAULT, false)] {
            let error = io::Error::from_raw_os_error(errno);
            let args = format_args!("Failed to send FUSE reply: {error}");
            let record = Record::builder().target("fuser::reply").args(args).build();
            assert_eq!(is_noise(&record), noise);
        }
    }
}
