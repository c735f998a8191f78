//! Containment of panics: a request that panics fails with EIO, and no other request is
//! affected. An uncaught panic would end the worker thread, and with it the mount.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work` and catches a panic. The panic hook has logged it already; fuser answers a
/// request without a reply with EIO.
pub(super) fn catch_panic(work: impl FnOnce()) {
    // Unwind safe: all shared state is behind locks whose poisoning is ignored, and each holds
    // maps or numbers that are updated in one step.
    let outcome = catch_unwind(AssertUnwindSafe(work));
    if outcome.is_err() {
        log::error!("a request panicked (see above); it fails with EIO and the mount continues");
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io;
    use std::os::unix::fs::FileExt;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use log::{LevelFilter, Log, Metadata, Record};

    use super::super::{Cache, Options, Session};
    use crate::mapping::Mode;
    use crate::source::{Description, Plan};

    /// A logger that panics at messages about requests or about the backing file.
    struct PanickingLogger {
        requests: AtomicUsize,
        monitor: AtomicUsize,
    }

    static LOGGER: PanickingLogger = PanickingLogger {
        requests: AtomicUsize::new(0),
        monitor: AtomicUsize::new(0),
    };

    impl Log for PanickingLogger {
        fn enabled(&self, _: &Metadata) -> bool {
            true
        }

        fn log(&self, record: &Record) {
            let count = match record.target() {
                "arrayfs::fs::request" => &self.requests,
                "arrayfs::fs::backing_monitor" => &self.monitor,
                _ => return,
            };
            count.fetch_add(1, Ordering::SeqCst);
            panic!("{}", record.args());
        }

        fn flush(&self) {}
    }

    /// The name of a call on a mount, its errno, and the call.
    type Call = (&'static str, Option<i32>, fn(&Path) -> io::Result<()>);

    fn written(mount: &Path) -> io::Result<()> {
        let file = File::options().write(true).open(mount.join("data"))?;
        file.write_all_at(b"abcd", 4)
    }

    const CALLS: [Call; 12] = [
        ("lookup", None, |m| fs::metadata(m.join("data")).map(drop)),
        ("no name", Some(libc::ENOENT), |m| {
            fs::metadata(m.join("none")).map(drop)
        }),
        ("list", None, |m| {
            fs::read_dir(m.join("rows"))?.try_for_each(|entry| entry.map(drop))
        }),
        ("read", None, |m| fs::read(m.join("rows/1")).map(drop)),
        ("write", None, written),
        ("resize", None, |m| {
            File::options()
                .write(true)
                .open(m.join("data"))?
                .set_len(16)
        }),
        ("grow", Some(libc::EPERM), |m| {
            File::options()
                .write(true)
                .open(m.join("data"))?
                .set_len(17)
        }),
        ("sync", None, |m| File::open(m.join("data"))?.sync_all()),
        ("usage", None, |m| {
            let usage = nix::sys::statvfs::statvfs(m);
            usage.map(|_| ()).map_err(io::Error::from)
        }),
        ("mkdir", Some(libc::EPERM), |m| {
            fs::create_dir(m.join("none"))
        }),
        ("unlink", Some(libc::EPERM), |m| {
            fs::remove_file(m.join("data"))
        }),
        ("rename", Some(libc::EPERM), |m| {
            fs::rename(m.join("data"), m.join("none"))
        }),
    ];

    #[test]
    fn a_request_that_panics_fails_alone_and_blocks_no_other() {
        if !Path::new("/dev/fuse").exists() || !nix::unistd::geteuid().is_root() {
            return;
        }
        log::set_logger(&LOGGER).unwrap();
        let (dir, mount) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = dir.path().join("array");
        fs::write(&path, [7; 16]).unwrap();
        let description = Description {
            format: None,
            dtype: None,
            dtype_note: None,
            array: None,
            shape: Some("4,4".parse().unwrap()),
            order: None,
            offset: None,
            mode: Mode::ReadWrite,
            extend: false,
            read_only: false,
        };
        let source = Plan::new(&path, &description).unwrap().map().unwrap();
        let options = Options {
            cache: Some(Cache::Auto),
            threads: Some(1),
            ..Options::default()
        };
        let (session, pending) = Session::mount(source, mount.path(), &options, || {}).unwrap();
        pending.commit().unwrap();
        session.admit();

        // Each request panics after its reply.
        log::set_max_level(LevelFilter::Debug);
        for (name, errno, call) in CALLS {
            let error = call(mount.path()).err();
            assert_eq!(
                error.and_then(|error| error.raw_os_error()),
                errno,
                "{name}"
            );
        }
        // The only worker answers this request after all those panics.
        fs::metadata(mount.path().join("none")).unwrap_err();
        assert!(LOGGER.requests.load(Ordering::SeqCst) >= CALLS.len());

        // The write panics before its reply, while fills of its bytes have to wait.
        log::set_max_level(LevelFilter::Error);
        let backing = File::options().write(true).open(&path).unwrap();
        backing.set_len(0).unwrap();
        let error = written(mount.path()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EIO));
        assert_eq!(LOGGER.monitor.load(Ordering::SeqCst), 1);
        backing.set_len(16).unwrap();
        written(mount.path()).unwrap();
        let filled = fs::read(mount.path().join("data")).unwrap();
        assert_eq!(filled, b"\0\0\0\0abcd\0\0\0\0\0\0\0\0");
        log::set_max_level(LevelFilter::Off);
        session.stop();
    }
}
