//! A FUSE file system with one file and injected faults, served by a separate process. Each line
//! written to `control` is a fault: `read`, `write` or `fsync`, the errno, and a byte range. A
//! write to `control` also drops the file's pages from the page cache.

use std::ffi::OsStr;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, MountOption, Notifier, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyWrite, Request, Session, TimeOrNow, WriteFlags,
};

use crate::common::{Dir, TestCommand, mounts_below, wait_until};

/// Tells the process where to mount, and the number of bytes of the file.
const TOLD: &str = "ARRAYFS_FAILING_STORAGE";

const FILE: INodeNo = INodeNo(2);
const CONTROL: INodeNo = INodeNo(3);

/// How long the kernel may keep names and attributes.
const KEPT: Duration = Duration::from_secs(3600);

/// Something that fails.
#[derive(Debug, Clone)]
pub struct Failure {
    /// `read`, `write` or `fsync`.
    pub what: &'static str,
    pub errno: i32,
    pub bytes: Range<usize>,
}

/// A file on storage that fails.
pub struct FailingFile {
    point: PathBuf,
    process: Child,
}

impl FailingFile {
    /// Mounts a file of `len` zeros on a new directory.
    pub fn new(dir: &Dir, len: usize) -> FailingFile {
        let point = dir.directory("failing");
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "storage::failing_fs::serve"])
            .env(TOLD, format!("{len} {}", point.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("the failing file system", || {
            !mounts_below(&point).is_empty()
        });
        FailingFile { point, process }
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.point.join("file")
    }

    /// What fails from now on.
    pub fn fail(&self, failures: &[Failure]) {
        let line = |Failure { what, errno, bytes }: &Failure| {
            format!("{what} {errno} {} {}\n", bytes.start, bytes.end)
        };
        let lines: String = failures.iter().map(line).collect();
        // One write, and not an empty one.
        fs::write(self.point.join("control"), lines + "\n").unwrap();
    }
}

impl Drop for FailingFile {
    fn drop(&mut self) {
        let command = TestCommand::new("umount", Path::new("/"));
        let outcome = command.args(&["-l"]).args(&[&self.point]).run();
        if std::thread::panicking() {
            eprintln!("{outcome}");
            let _ = self.process.kill();
        } else {
            outcome.succeeds_silently();
        }
        let _ = self.process.wait();
    }
}

/// Serves the file until it is unmounted.
#[test]
#[ignore = "started by the rows"]
fn serve() {
    let Ok(told) = std::env::var(TOLD) else {
        return;
    };
    let (len, point) = told.split_once(' ').unwrap();
    let notifier = Arc::new(OnceLock::new());
    let storage = Storage {
        bytes: Mutex::new(vec![0; len.parse().unwrap()]),
        failures: Mutex::default(),
        notifier: notifier.clone(),
    };
    let mut config = Config::default();
    // Forgetting what is dirty needs a second thread to write it to.
    config.n_threads = Some(4);
    config.clone_fd = true;
    config.mount_options = vec![MountOption::FSName("failing".into())];
    let session = Session::new(storage, point, &config).unwrap();
    let served = session.spawn().unwrap();
    notifier.set(served.notifier()).unwrap();
    let _ = served.join();
}

/// What is served.
struct Storage {
    bytes: Mutex<Vec<u8>>,
    failures: Mutex<Vec<(String, i32, Range<usize>)>>,
    notifier: Arc<OnceLock<Notifier>>,
}

impl Storage {
    /// The first failure of an operation on these bytes, and where it is.
    fn failure(&self, what: &str, bytes: Range<usize>) -> Option<(Errno, usize)> {
        let failures = self.failures.lock().unwrap();
        let met = failures.iter().filter(|(fails, _, range)| {
            fails == what && range.start < bytes.end && bytes.start < range.end
        });
        met.min_by_key(|(_, _, range)| range.start)
            .map(|(_, errno, range)| (Errno::from_i32(*errno), range.start))
    }

    fn control(&self, lines: &[u8]) {
        let lines = std::str::from_utf8(lines).unwrap().lines();
        let failure = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<usize>().unwrap();
            (words[0].to_owned(), number(1) as i32, number(2)..number(3))
        };
        let failures = lines.filter(|line| !line.is_empty()).map(failure).collect();
        *self.failures.lock().unwrap() = failures;
        self.notifier.wait().inval_inode(FILE, 0, 0).unwrap();
    }

    fn attributes(&self, inode: INodeNo) -> Option<FileAttr> {
        let (kind, size) = match inode {
            INodeNo::ROOT => (FileType::Directory, 0),
            FILE => (
                FileType::RegularFile,
                self.bytes.lock().unwrap().len() as u64,
            ),
            CONTROL => (FileType::RegularFile, 0),
            _ => return None,
        };
        Some(FileAttr {
            ino: inode,
            size,
            blocks: size / 512,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm: 0o755,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }

    fn reply_attributes(&self, inode: INodeNo, reply: ReplyAttr) {
        match self.attributes(inode) {
            Some(attributes) => reply.attr(&KEPT, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }
}

impl Filesystem for Storage {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let inode = match name.to_str() {
            Some("file") => FILE,
            Some("control") => CONTROL,
            _ => return reply.error(Errno::ENOENT),
        };
        match self.attributes(inode) {
            Some(attributes) => reply.entry(&KEPT, &attributes, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        self.reply_attributes(inode, reply);
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        _size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<std::time::SystemTime>,
        _handle: Option<FileHandle>,
        _crtime: Option<std::time::SystemTime>,
        _chgtime: Option<std::time::SystemTime>,
        _bkuptime: Option<std::time::SystemTime>,
        _flags: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        self.reply_attributes(inode, reply);
    }

    fn open(&self, _: &Request, inode: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let how = match inode {
            CONTROL => FopenFlags::FOPEN_DIRECT_IO,
            _ => FopenFlags::FOPEN_KEEP_CACHE,
        };
        reply.opened(FileHandle(0), how);
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let stored = self.bytes.lock().unwrap();
        let start = (offset as usize).min(stored.len());
        let range = start..(start + size as usize).min(stored.len());
        match self.failure("read", range.clone()) {
            Some((errno, _)) => reply.error(errno),
            None => reply.data(&stored[range]),
        }
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        flags: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        if inode == CONTROL {
            self.control(data);
            return reply.written(data.len() as u32);
        }
        let start = offset as usize;
        let count = match self.failure("write", start..start + data.len()) {
            None => data.len(),
            // A page is stored or not, of a call what comes before the failure is.
            Some((_, first)) if first > start && !flags.contains(WriteFlags::FUSE_WRITE_CACHE) => {
                first - start
            }
            Some((errno, _)) => return reply.error(errno),
        };
        match self.bytes.lock().unwrap().get_mut(start..start + count) {
            Some(stored) => stored.copy_from_slice(&data[..count]),
            None => return reply.error(Errno::ENOSPC),
        }
        reply.written(count as u32);
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        match self.failure("fsync", 0..usize::MAX) {
            Some((errno, _)) => reply.error(errno),
            None => reply.ok(),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }
}
