//! A minimal FUSE file system: a directory of equal files and one large file, served from memory
//! with arrayfs's FUSE settings. Its time per request is the cost of the transport alone, the
//! lower bound that `scripts/bench.sh` compares arrayfs with.
//!
//!     floor MOUNTPOINT FILES BYTES_OF_EACH BYTES_OF_DATA [BACKING_FILE]
//!
//! With a backing file, each read first asks for the size of that file (`fstat`), as every server
//! has to whose file others may cut.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime};

use fuser::{
    Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, KernelConfig, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, Request,
};

const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The inode numbers of the root, the directory, the large file and the first of the others.
const ROOT: u64 = 1;
const ROWS: u64 = 2;
const DATA: u64 = 3;
const FIRST: u64 = 4;

struct Floor {
    files: u64,
    each: u64,
    data: Vec<u8>,
    backing: Option<File>,
}

impl Floor {
    fn attributes(&self, inode: u64) -> FileAttr {
        let (kind, perm, size) = match inode {
            ROOT | ROWS => (FileType::Directory, 0o755, 0),
            DATA => (FileType::RegularFile, 0o644, self.data.len() as u64),
            _ => (FileType::RegularFile, 0o644, self.each),
        };
        let time = SystemTime::UNIX_EPOCH;
        FileAttr {
            ino: INodeNo(inode),
            size,
            blocks: size.div_ceil(512),
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind,
            perm,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Filesystem for Floor {
    fn init(&mut self, _req: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let wanted = InitFlags::FUSE_PARALLEL_DIROPS | InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP;
        let offered = config.capabilities();
        let _ = config.add_capabilities(wanted & offered);
        let _ = config.set_max_write(1 << 20);
        Ok(())
    }

    fn lookup(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let name = name.to_str().unwrap_or_default();
        let inode = match (parent.0, name) {
            (ROOT, "rows") => Some(ROWS),
            (ROOT, "data") => Some(DATA),
            (ROWS, _) => name
                .parse()
                .ok()
                .filter(|&k: &u64| k < self.files)
                .map(|k| FIRST + k),
            _ => None,
        };
        match inode {
            Some(inode) => reply.entry(&LIFETIME, &self.attributes(inode), Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _req: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&LIFETIME, &self.attributes(ino.0));
    }

    fn open(&self, _req: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        let how = FopenFlags::FOPEN_DIRECT_IO | FopenFlags::FOPEN_NOFLUSH;
        reply.opened(FileHandle(0), how);
    }

    fn read(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        if let Some(file) = &self.backing {
            let size = nix::sys::stat::fstat(file).map(|found| found.st_size);
            if size.is_err() || size == Ok(0) {
                return reply.error(Errno::EIO);
            }
        }
        let (start, len) = match ino.0 {
            DATA => (0, self.data.len() as u64),
            inode => ((inode - FIRST) * self.each, self.each),
        };
        let begin = start + offset.min(len);
        let end = start + offset.saturating_add(size.into()).min(len);
        reply.data(&self.data[begin as usize..end as usize]);
    }

    fn release(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        reply.ok();
    }

    fn readdir(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _offset: u64,
        reply: ReplyDirectory,
    ) {
        reply.ok();
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let ([mountpoint, files, each, bytes], backing @ ([] | [_])) =
        words.split_at(words.len().min(4))
    else {
        eprintln!("usage: floor MOUNTPOINT FILES BYTES_OF_EACH BYTES_OF_DATA [BACKING_FILE]");
        std::process::exit(2);
    };
    let floor = Floor {
        files: files.parse().unwrap(),
        each: each.parse().unwrap(),
        data: (0..bytes.parse().unwrap())
            .map(|k: usize| k as u8)
            .collect(),
        backing: backing.first().map(|path| File::open(path).unwrap()),
    };
    assert!(floor.files * floor.each <= floor.data.len() as u64);
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("floor".into()), MountOption::RO];
    config.n_threads = Some(2);
    config.clone_fd = true;
    fuser::mount(floor, mountpoint, &config).unwrap();
}
