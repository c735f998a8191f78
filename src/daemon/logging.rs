//! Where the log goes: standard error, a file, or the system's log, and a file
//! instead of that where there is none, so that no warning of a daemon is lost.
//! What is logged is the business of `verbosity`, and that nobody waits for it that of
//! `log_queue`.

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process;

use env_logger::Target;
use env_logger::fmt::Formatter;
use log::{Level, LevelFilter, Metadata, Record};
use nix::fcntl::{AT_FDCWD, AtFlags, FcntlArg, OFlag, fcntl};
use nix::unistd::{AccessFlags, faccessat, geteuid};

use super::log_queue::LogQueue;
use super::{Error, verbosity};
use crate::cli::{Log, Settings};

/// Where the system's log listens: Linux and the BSDs, macOS.
const SOCKETS: [&str; 2] = ["/dev/log", "/var/run/syslog"];

/// Makes sure that the log file is not the array's, whose bytes it would
/// change, and not hidden by the mount.
///
/// # Errors
///
/// When it is.
pub(super) fn check(settings: &Settings) -> Result<(), Error> {
    let Some(log) = &settings.log.file else {
        return Ok(());
    };
    let identity = |path: &Path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    };
    let same = identity(log).is_some_and(|id| Some(id) == identity(&settings.file));
    let what = if same || *log == settings.file {
        "is the array's file"
    } else if log.starts_with(&settings.mountpoint) {
        "is below the mount point"
    } else {
        return Ok(());
    };
    let log = log.clone();
    Err(Error::LogInTheWay { log, what })
}

/// Begins to log, panics included. What is logged goes through the queue that this
/// returns. A log file that is not there is created by the first line, or once the
/// mount has come about: a start that fails leaves none that is empty.
///
/// # Errors
///
/// When the log file cannot be opened or created.
pub(super) fn start(log: &Log, foreground: bool) -> Result<LogQueue, Error> {
    let out: Box<dyn Write + Send> = match &log.file {
        Some(path) => {
            let file = existing(path).map_err(|source| Error::LogFile {
                path: path.clone(),
                source,
            })?;
            Box::new(LateFile {
                file,
                path: Some(path.clone()),
            })
        }
        // Of its own: whoever writes to standard error itself need not wait for the log.
        None if foreground => {
            let copy = io::stderr().as_fd().try_clone_to_owned();
            Box::new(File::from(copy.map_err(Error::Start)?))
        }
        None => Box::new(LateFile {
            file: None,
            path: late_path(),
        }),
    };
    let queue = LogQueue::new(out);
    let lines = lines(queue.clone());
    let logger: Box<dyn log::Log> = if log.file.is_some() || foreground {
        Box::new(lines)
    } else {
        Box::new(SystemLog {
            socket: datagrams().map_err(Error::Start)?,
            file: lines,
        })
    };
    verbosity::start(logger, log.verbosity);
    std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
    Ok(queue)
}

/// A logger of all that it is given.
fn lines(queue: LogQueue) -> env_logger::Logger {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Trace).format(line);
    builder.target(Target::Pipe(Box::new(queue))).build()
}

/// Whether nobody needs to know. fuser calls it an error when a client no longer
/// waits for a reply, having been interrupted or the mount being gone.
fn is_noise(record: &Record) -> bool {
    let nobody_waits = || io::Error::from_raw_os_error(libc::ENOENT).to_string();
    record.target() == "fuser::reply" && record.args().to_string().ends_with(&nobody_waits())
}

fn line(out: &mut Formatter, record: &Record) -> io::Result<()> {
    if is_noise(record) {
        return Ok(());
    }
    let (time, level) = (out.timestamp_millis(), record.level());
    let (process, module) = (process::id(), record.target());
    writeln!(
        out,
        "{time} {level:<5} {process} {module}: {}",
        message(record)
    )
}

/// One line, whatever a panic or a file's name holds.
fn message(record: &Record) -> String {
    record.args().to_string().replace('\n', " ")
}

/// Opens a log for writing. One that is created is for its owner only: it can tell which
/// names are used in an array that others may not read. A FIFO that nobody reads is an error.
fn append(path: &Path, create: bool) -> io::Result<File> {
    let mut options = File::options();
    options.append(true).create(create).mode(0o600);
    // Opening a FIFO would wait for a reader.
    let log = options.custom_flags(libc::O_NONBLOCK).open(path);
    let log = log.map_err(|error| match error.raw_os_error() {
        Some(libc::ENXIO) => io::Error::other("nobody reads it"),
        _ => error,
    })?;
    fcntl(&log, FcntlArg::F_SETFL(OFlag::O_APPEND))?;
    Ok(log)
}

/// The log file at `path`, or `None` where one has yet to be created, and can be.
fn existing(path: &Path) -> io::Result<Option<File>> {
    match append(path, false) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        // A link that leads to none yet.
        Err(_) if path.symlink_metadata().is_ok() => append(path, true).map(Some),
        Err(_) => {
            let directory = path.parent().unwrap_or(Path::new("/"));
            let (flags, here) = (AccessFlags::W_OK | AccessFlags::X_OK, AtFlags::AT_EACCESS);
            faccessat(AT_FDCWD, directory, flags, here)?;
            Ok(None)
        }
    }
}

/// The system's log, as `syslog(3)`.
struct SystemLog {
    socket: UnixDatagram,
    /// Takes what the system's log does not.
    file: env_logger::Logger,
}

impl log::Log for SystemLog {
    fn enabled(&self, metadata: &Metadata) -> bool {
        self.file.enabled(metadata)
    }

    fn log(&self, record: &Record) {
        if !is_noise(record) && !self.send(&datagram(record)) {
            self.file.log(record);
        }
    }

    fn flush(&self) {
        self.file.flush();
    }
}

/// A socket on which a system's log that has stopped reading holds up nobody.
fn datagrams() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl SystemLog {
    fn send(&self, datagram: &str) -> bool {
        let mut sockets = SOCKETS.iter();
        sockets.any(|path| self.socket.send_to(datagram.as_bytes(), path).is_ok())
    }
}

/// A message as RFC 3164 has it. The time that it puts first is left to the
/// receiver, which knows the local time.
fn datagram(record: &Record) -> String {
    const DAEMON: u8 = 3;
    let severity = match record.level() {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    let (priority, process) = (DAEMON * 8 + severity, process::id());
    format!(
        "<{priority}>arrayfs[{process}]: {}: {}",
        record.target(),
        message(record)
    )
}

/// A log file that is created when there is something to log, or with [`flush`](Write::flush).
struct LateFile {
    file: Option<File>,
    /// `None` where there is no place for one.
    path: Option<PathBuf>,
}

impl LateFile {
    fn open(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let path = self.path.as_ref().ok_or(io::ErrorKind::NotFound)?;
                if let Some(directory) = path.parent() {
                    std::fs::create_dir_all(directory)?;
                }
                append(path, true)?
            }
        };
        Ok(self.file.insert(file))
    }
}

impl Write for LateFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open().map(drop)
    }
}

/// `/var/log` for root, for others where the XDG Base Directory Specification
/// puts logs.
fn late_path() -> Option<PathBuf> {
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
    fn a_record_is_a_line_of_the_system_log_with_its_priority() {
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
    fn a_reply_that_nobody_waits_for_is_not_logged_but_one_that_fails_is() {
        for (errno, noise) in [(libc::ENOENT, true), (libc::EFAULT, false)] {
            let error = io::Error::from_raw_os_error(errno);
            let args = format_args!("Failed to send FUSE reply: {error}");
            let record = Record::builder().target("fuser::reply").args(args).build();
            assert_eq!(is_noise(&record), noise);
        }
    }
}
