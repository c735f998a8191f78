//! Stress tests of the storage below a mount: backing files that are truncated, replaced or
//! deleted, full and failing storage, and file system exercisers. Only the affected bytes may
//! give errors, and only until the cause is gone.

mod cuts;
mod displaced;
mod exercisers;
mod failing;
mod failing_fs;
mod frozen;
mod full;
mod image;
mod oracle;
mod probe;
#[allow(dead_code)]
#[path = "../../backing/volumes.rs"]
pub mod volumes;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use cuts::cut_short;
pub use displaced::displaced;
pub use exercisers::{fio, fsx};
pub use failing::failing;
pub use frozen::frozen;
pub use full::{full, over_quota};
pub use image::cut_image;

/// How many failures are shown of each row.
const SHOWN: u64 = 20;

/// How long a request may take before it counts as hanging.
const LONGEST: Duration = Duration::from_secs(60);

/// What went wrong so far.
#[derive(Default)]
struct Tally(AtomicU64);

impl Tally {
    /// Counts a failure unless it is `right`, and shows what the first are.
    fn expect(&self, right: bool, what: impl FnOnce() -> String) {
        if !right && self.0.fetch_add(1, Ordering::Relaxed) < SHOWN {
            eprintln!("{}", what());
        }
    }

    fn failures(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Kills a daemon once nothing has come to an end for too long, so that those
/// who wait for it go on.
struct Watchdog {
    beats: Arc<AtomicU64>,
    over: Sender<()>,
    thread: JoinHandle<bool>,
}

impl Watchdog {
    fn new(daemon: Pid) -> Watchdog {
        let beats = Arc::new(AtomicU64::new(0));
        let (over, is_over) = channel();
        let heard = beats.clone();
        let watch = move || {
            let mut before = None;
            while is_over.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout) {
                let now = Some(heard.load(Ordering::Relaxed));
                if before == now {
                    let _ = kill(daemon, Signal::SIGKILL);
                    return true;
                }
                before = now;
            }
            false
        };
        let thread = thread::spawn(watch);
        Watchdog {
            beats,
            over,
            thread,
        }
    }

    /// Something has come to an end.
    fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// All has; whether anything hung counts.
    fn end(self, tally: &Tally) {
        drop(self.over);
        let hung = self.thread.join().unwrap();
        tally.expect(!hung, || format!("nothing came to an end for {LONGEST:?}"));
    }
}
