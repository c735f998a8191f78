//! Mounts that end during writes. Acknowledged writes are in the file, and the writers get an
//! error.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::common::{Dir, Mount, wait_until};
use crate::only_these_are_left;

/// Rows and columns of an array of `<u8`. The first two rows belong to a
/// writer each; a third has what is left of a column.
const ROWS: usize = 64;
const COLUMNS: usize = 8;

const OWN_ROWS: usize = 2;

/// A thread that writes 1, 2, 3, ... into all elements of a view that are its own.
struct Writer {
    acknowledged: Arc<AtomicU64>,
    thread: JoinHandle<(File, Option<io::Error>)>,
}

impl Writer {
    fn start(view: &Path, from: usize, count: usize, stop: &Arc<AtomicBool>) -> Writer {
        let file = File::options().read(true).write(true).open(view).unwrap();
        let acknowledged = Arc::new(AtomicU64::new(0));
        let (counter, stop) = (acknowledged.clone(), stop.clone());
        let write = move || {
            for number in 1_u64.. {
                let bytes = number.to_le_bytes().repeat(count);
                if let Err(error) = file.write_all_at(&bytes, 8 * from as u64) {
                    return (file, Some(error));
                }
                counter.store(number, Ordering::SeqCst);
                if stop.load(Ordering::SeqCst) {
                    break;
                }
            }
            (file, None)
        };
        Writer {
            acknowledged,
            thread: thread::spawn(write),
        }
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }
}

struct Writers {
    all: Vec<Writer>,
    stop: Arc<AtomicBool>,
}

impl Writers {
    /// Starts them, and waits until each has written something.
    fn start(mount: &Mount) -> Writers {
        let stop = Arc::new(AtomicBool::new(false));
        let writers = [
            ("rows/0", 0, COLUMNS),
            ("axes/0/1", 0, COLUMNS),
            ("cols/5", OWN_ROWS, ROWS - OWN_ROWS),
        ];
        let all = writers
            .map(|(view, from, count)| Writer::start(&mount.join(view), from, count, &stop))
            .into();
        let writers = Writers { all, stop };
        writers.go_on();
        writers
    }

    /// Waits until each has written more.
    #[track_caller]
    fn go_on(&self) {
        for writer in &self.all {
            let before = writer.acknowledged();
            wait_until("a writer", || writer.acknowledged() > before + 20);
        }
    }

    /// Waits for their ends, and checks the file: all of the last number that
    /// was acknowledged, or, where the next one was under way, of that.
    #[track_caller]
    fn wrote(self, backing: &Path) -> Vec<(File, Option<io::Error>)> {
        let ends = self.all.into_iter().map(|writer| {
            let acknowledged = writer.acknowledged.clone();
            let end = writer.thread.join().unwrap();
            (acknowledged.load(Ordering::SeqCst), end)
        });
        let ends: Vec<_> = ends.collect();
        let bytes = fs::read(backing).unwrap();
        let element = |row: usize, column: usize| {
            let at = 8 * (row * COLUMNS + column);
            u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
        };
        let elements: [Vec<u64>; 3] = [
            (0..COLUMNS).map(|column| element(0, column)).collect(),
            (0..COLUMNS).map(|column| element(1, column)).collect(),
            (OWN_ROWS..ROWS).map(|row| element(row, 5)).collect(),
        ];
        for (found, (acknowledged, _)) in elements.iter().zip(&ends) {
            let next = *acknowledged..=acknowledged + 1;
            let all = found.iter().all(|number| next.contains(number));
            assert!(all, "{acknowledged} acknowledged, in the file: {found:?}");
        }
        ends.into_iter().map(|(_, end)| end).collect()
    }
}

fn mounted() -> Option<(Dir, Mount)> {
    let dir = Dir::with_fuse()?;
    let file = dir.file("data.bin", [0; 8 * ROWS * COLUMNS]);
    let shape = format!("{ROWS},{COLUMNS}");
    let mount = dir.mount(&file, &["--dtype", "<u8", "--shape", &shape]);
    Some((dir, mount))
}

#[test]
fn a_signal_in_the_midst_of_writing_loses_nothing_and_the_writers_are_told() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGKILL] {
        let Some((dir, mut mount)) = mounted() else {
            return;
        };
        let writers = Writers::start(&mount);
        mount.signal(signal);
        if signal == Signal::SIGKILL {
            assert_eq!(mount.died().signal(), Some(Signal::SIGKILL as i32));
        } else {
            assert_eq!(mount.ended(), ExitStatus::from_raw(0), "{signal}");
        }
        for (file, error) in writers.wrote(&dir.join("data.bin")) {
            // Whose write was under way has another error than the rest.
            let error = error.unwrap().raw_os_error();
            let errors = [Errno::ENOTCONN, Errno::ECONNABORTED].map(|errno| errno as i32);
            assert!(errors.contains(&error.unwrap()), "{signal}: {error:?}");
            let error = file.read_at(&mut [0; 1], 0).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotConnected, "{signal}");
        }
        if signal == Signal::SIGKILL {
            mount.unmount_command().run().succeeds_silently();
        }
        only_these_are_left(&dir, &["data.bin", "mount1", "mount1.log"]);
    }
}

#[test]
fn unmounting_waits_for_writers_and_detaching_lets_them_finish() {
    let Some((dir, mut mount)) = mounted() else {
        return;
    };
    let writers = Writers::start(&mount);
    let point = mount.point().to_owned();
    let run = |program: &str, words: &[&str]| {
        let command = dir.command(program, words).env("LC_ALL", "C");
        command.args(&[&point]).run()
    };
    for outcome in [
        run("umount", &[]),
        run("fusermount3", &["-u"]),
        mount.unmount_command().run(),
    ] {
        let words = outcome.stderr.to_lowercase();
        assert!(words.contains("busy"), "{outcome}");
        assert!(!outcome.status.success(), "{outcome}");
        writers.go_on();
    }
    run("umount", &["-l"]).succeeds_silently();
    writers.go_on();
    writers.stop.store(true, Ordering::SeqCst);
    for (file, error) in writers.wrote(&dir.join("data.bin")) {
        assert!(error.is_none(), "{error:?}");
        file.sync_all().unwrap();
    }
    assert_eq!(mount.ended(), ExitStatus::from_raw(0));
    only_these_are_left(&dir, &["data.bin", "mount1", "mount1.log"]);
}
