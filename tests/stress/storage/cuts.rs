//! A backing file that is truncated and extended again, during reads and writes and between
//! them.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use memmap2::{MmapOptions, MmapRaw};

use super::oracle::{View, padded};
use super::probe::{ALL, Probe, State, open, paths};
use super::{Tally, Watchdog};
use crate::common::arrays::Raw;
use crate::common::calls::{self, Numbers};
use crate::common::{Dir, Mount};
use crate::{Budget, Outcome};

/// What the log says then.
const SHORTENED: &str = "of the backing file, which now has";

/// How many cuts there are before another array is mounted.
const CUTS_OF_ONE: u64 = 200;

/// How many clients read and write amid cuts.
const CLIENTS: usize = 4;

const fn raw(dtype: &'static str, shape: &'static str, order: &'static str) -> Raw {
    Raw {
        dtype,
        shape,
        order,
        offset: "8",
    }
}

/// With each array its rows and columns, and whether it is shown as text.
const ARRAYS: [(Raw, usize, usize, bool); 3] = [
    (raw("<i4", "61,83", "C"), 61, 83, true),
    (raw("<i4", "48,67", "F"), 48, 67, true),
    (raw("<u2", "256,513", "C"), 256, 513, false),
];

/// Cuts the backing file, and makes it whole again.
pub fn cut_short(budget: &Budget) -> Outcome {
    let tally = Tally::default();
    let (mut done, mut moved) = (0, 0);
    for number in 0.. {
        if !budget.lasts(done) {
            break;
        }
        let Some(dir) = Dir::with_fuse() else {
            return Outcome::skipped("no FUSE");
        };
        let mut scene = Scene::new(&dir, &ARRAYS[number % ARRAYS.len()], &tally);
        let watchdog = Watchdog::new(scene.mount.daemon());
        for _ in 0..CUTS_OF_ONE {
            if !budget.lasts(done) {
                break;
            }
            match scene.probe.numbers.below(2) {
                0 => moved += scene.cut_amid_requests(&watchdog),
                _ => moved += scene.cut_between_requests(&watchdog),
            }
            done += 1;
        }
        watchdog.end(&tally);
    }
    Outcome {
        done,
        failures: tally.failures(),
        note: format!("{moved} reads and writes"),
        ..Outcome::default()
    }
}

/// A mounted array and its file.
struct Scene<'a> {
    probe: Probe<'a>,
    backing: File,
    file: PathBuf,
    mount: Mount,
}

impl<'a> Scene<'a> {
    fn new(dir: &Dir, array: &(Raw, usize, usize, bool), tally: &'a Tally) -> Scene<'a> {
        let (raw, rows, columns, text) = array;
        let itemsize: usize = raw.dtype[2..].parse().unwrap();
        // No byte is 0, which is what a file is made longer with.
        let mut numbers = Numbers(0xc0de);
        let content: Vec<u8> = (0..8 + rows * columns * itemsize)
            .map(|_| 1 + numbers.below(255) as u8)
            .collect();
        let file = dir.file("data.bin", &content);
        let mut mount = dir.mount(&file, &padded(raw, "r+"));
        mount.expect_warning(SHORTENED);
        let paths = paths(*rows, *columns, *text);
        let probe = Probe::new(tally, (dir, &mount), (raw, &paths), content, true);
        Scene {
            probe,
            backing: calls::open(&file),
            file,
            mount,
        }
    }

    fn cut(&mut self) -> usize {
        let whole = self.probe.content.len();
        let numbers = &mut self.probe.numbers;
        let cut = match numbers.below(8) {
            0 => 0,
            1 => whole - 1,
            2 => numbers.below(whole) & !4095,
            _ => numbers.below(whole),
        };
        self.backing.set_len(cut as u64).unwrap();
        cut
    }

    /// Makes the file whole, so that no byte of it is ever anything else than
    /// it was before.
    fn restore(&self, cut: usize) {
        let tail = &self.probe.content[cut..];
        self.backing.write_all_at(tail, cut as u64).unwrap();
    }

    /// Cuts the file while nothing goes on, and sees that it matters from the
    /// very byte on. Then the file is longer than before for a while.
    fn cut_between_requests(&mut self, watchdog: &Watchdog) -> u64 {
        let (exchanges, at_edges) = (30, 30);
        let cut = self.cut();
        let name = format!("cut at {cut}");
        let state = State {
            is_there: &|place| place < cut,
            errno: libc::EIO,
            name: &name,
        };
        for _ in 0..exchanges {
            self.probe.exchange(&state);
        }
        for _ in 0..at_edges {
            self.probe.exchange_at_edge(&state);
        }
        watchdog.beat();
        let stored = fs::read(&self.file).unwrap();
        let right = stored == self.probe.content[..cut];
        self.probe.tally.expect(right, || {
            format!(
                "the file is not what it should be: {name}, now {}",
                stored.len()
            )
        });
        self.restore(cut);
        let whole = self.probe.content.len() as u64;
        self.backing.write_all_at(&[0xaa; 5000], whole).unwrap();
        self.probe.read_all(&ALL);
        self.backing.set_len(whole).unwrap();
        for _ in 0..exchanges {
            self.probe.exchange(&ALL);
        }
        watchdog.beat();
        let stored = fs::read(&self.file).unwrap();
        let right = stored == self.probe.content;
        self.probe.tally.expect(right, || {
            let wrong = stored.iter().zip(&self.probe.content);
            let wrong = wrong.enumerate().find(|(_, (is, should))| is != should);
            format!(
                "the file is wrong after {name}: {wrong:?}, {} bytes",
                stored.len()
            )
        });
        (2 * exchanges + at_edges + self.probe.views.len()) as u64
    }

    /// Cuts the file and makes it whole again while clients read and write, who may be told
    /// EIO but never see another byte than there ever was, zeros behind a cut aside.
    fn cut_amid_requests(&mut self, watchdog: &Watchdog) -> u64 {
        let over = AtomicBool::new(false);
        let moved: [AtomicU64; CLIENTS] = Default::default();
        let seed = self.probe.numbers.below(1 << 30) as u64 + 1;
        let cut = thread::scope(|scope| {
            for (number, moved) in moved.iter().enumerate() {
                let (probe, mount, over) = (&self.probe, &self.mount, &over);
                let numbers = Numbers(seed * 8 + number as u64);
                let mut client = Client { probe, numbers };
                scope.spawn(move || client.go_on(mount, over, moved));
            }
            let total = || {
                moved
                    .iter()
                    .map(|moved| moved.load(Ordering::Relaxed))
                    .sum::<u64>()
            };
            let wait = |more: u64| {
                let before = total();
                while total() < before + more && !mount_is_dead(&self.mount) {
                    thread::yield_now();
                }
            };
            wait(8);
            let whole = self.probe.content.len();
            let mut numbers = Numbers(seed);
            let mut cut = 0;
            // Sometimes so fast that a request does not see it come and go.
            let (times, more) = [(1, 8), (20, 0), (3, 2)][numbers.below(3)];
            for _ in 0..times {
                cut = numbers.below(whole);
                self.backing.set_len(cut as u64).unwrap();
                wait(more);
                let len = self.backing.metadata().unwrap().len();
                self.probe.tally.expect(len == cut as u64, || {
                    format!("a file that was cut to {cut} bytes has {len}")
                });
                self.restore(cut);
                wait(more);
            }
            wait(8);
            over.store(true, Ordering::Relaxed);
            cut
        });
        watchdog.beat();
        // Pages that were stored to and could not be written back are told of
        // once, to whoever uses that view next.
        let _ = self.probe.sync();
        let stored = fs::read(&self.file).unwrap();
        let right = stored == self.probe.content;
        self.probe.tally.expect(right, || {
            let wrong = stored.iter().zip(&self.probe.content);
            let wrong = wrong.enumerate().find(|(_, (is, should))| is != should);
            let len = stored.len();
            format!("cut at {cut} amid requests, the file is wrong: {wrong:?}, {len} bytes")
        });
        self.probe.read_all(&ALL);
        moved
            .iter()
            .map(|moved| moved.load(Ordering::Relaxed))
            .sum()
    }
}

fn mount_is_dead(mount: &Mount) -> bool {
    nix::sys::signal::kill(mount.daemon(), None).is_err()
}

/// Reads what is there, and writes the same again.
struct Client<'a, 'b> {
    probe: &'a Probe<'b>,
    numbers: Numbers,
}

impl Client<'_, '_> {
    fn go_on(&mut self, mount: &Mount, over: &AtomicBool, moved: &AtomicU64) {
        let views = &self.probe.views;
        let whole = self.probe.whole();
        let map = MmapOptions::new()
            .map_raw(&self.probe.files[whole])
            .unwrap();
        while !over.load(Ordering::Relaxed) {
            let which = self.numbers.below(views.len());
            let view = &views[which];
            match self.numbers.below(4) {
                0 if view.is_writable() => self.write(view, &self.probe.files[which]),
                1 => self.access(&views[whole], &map),
                2 => match open(mount, view, false) {
                    Ok(file) => self.read(view, &file),
                    Err(error) => self.probe.tally.expect(false, || format!("open: {error}")),
                },
                _ => self.read(view, &self.probe.files[which]),
            }
            moved.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn read(&mut self, view: &View, file: &File) {
        let range = view.range(&mut self.numbers);
        let mut bytes = vec![0; range.len()];
        let outcome = file.read_at(&mut bytes, range.start as u64);
        let right = view.of(&self.probe.content, &range);
        self.check("read", view, range.start, outcome, &bytes, &right);
    }

    fn write(&mut self, view: &View, file: &File) {
        let range = view.range(&mut self.numbers);
        let bytes = view.of(&self.probe.content, &range);
        let outcome = file.write_at(&bytes, range.start as u64);
        self.check("write", view, range.start, outcome, &bytes, &bytes);
    }

    /// Loads from a mapping, or stores to it.
    fn access(&mut self, view: &View, map: &MmapRaw) {
        let range = view.range(&mut self.numbers);
        let right = view.of(&self.probe.content, &range);
        let mut bytes = right.clone();
        let own = libc::iovec {
            iov_base: bytes.as_mut_ptr().cast(),
            iov_len: bytes.len(),
        };
        let mapped = libc::iovec {
            iov_base: map.as_mut_ptr().wrapping_add(range.start).cast(),
            iov_len: bytes.len(),
        };
        let stores = self.numbers.below(4) == 0;
        let (id, one) = (std::process::id() as i32, 1);
        // SAFETY: both describe memory of this process, the second within the
        // mapping. What faults ends the call, not the process.
        let count = unsafe {
            match stores {
                true => libc::process_vm_writev(id, &own, one, &mapped, one, 0),
                false => libc::process_vm_readv(id, &own, one, &mapped, one, 0),
            }
        };
        let outcome = usize::try_from(count).map_err(|_| io::Error::last_os_error());
        self.check("mapped", view, range.start, outcome, &bytes, &right);
    }

    fn check(
        &self,
        what: &str,
        view: &View,
        at: usize,
        outcome: io::Result<usize>,
        bytes: &[u8],
        right: &[u8],
    ) {
        let errno = if what == "mapped" {
            libc::EFAULT
        } else {
            libc::EIO
        };
        let wrong = match &outcome {
            Ok(0) => Some("nothing".into()),
            // A read that a cut and its repair come into may show zeros, as of any file; and
            // the text of zeros, which has another length.
            Ok(_) if what != "write" && !view.is_writable() => None,
            Ok(count) => (0..*count)
                .find(|&k| bytes[k] != right[k] && bytes[k] != 0)
                .map(|k| format!("byte {} is {:#x}, not {:#x}", at + k, bytes[k], right[k])),
            Err(error) if error.raw_os_error() == Some(errno) => None,
            Err(error) => Some(error.to_string()),
        };
        self.probe.tally.expect(wrong.is_none(), || {
            let wrong = wrong.unwrap_or_default();
            format!(
                "amid cuts, {what} of {} bytes of {} at {at}: {wrong}",
                right.len(),
                view.path
            )
        });
    }
}
