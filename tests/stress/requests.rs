//! Requests with unusual offsets, sizes and buffers, and interrupted requests.

use std::ffi::c_void;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use memmap2::{MmapOptions, MmapRaw};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::ftruncate;

use crate::common::Dir;
use crate::common::arrays::mounted;
use crate::common::calls::{Numbers, open};
use crate::hostile::million;
use crate::workers::{Board, Count, Crew, Worker};
use crate::{Budget, Outcome};

/// A length that no request can have.
const HUGE: usize = 1 << 30;

/// Calls at offsets near 2^63 do nothing.
pub fn offsets(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let mount = million(&dir);
    let paths = [
        "data",
        "T/data",
        "rows/3",
        "cols/3",
        "slices/::-2",
        "npy/data.npy",
    ];
    let files = paths.map(|path| (path, open(mount.join(path))));
    let mut numbers = Numbers(63);
    let mut outcome = Outcome::default();
    let fail = |what: &str, returned: &dyn std::fmt::Debug| {
        eprintln!("{what}: {returned:?}");
        1
    };
    while budget.lasts(outcome.done) {
        for (path, file) in &files {
            let top = [1 << 63, i64::MAX as u64, 1 << 62, 1 << 40, u64::MAX][numbers.below(5)];
            let offset = top.wrapping_sub(numbers.below(3 * 4096) as u64);
            let len = [0, 1, 4096, 1 << 20][numbers.below(4)];
            let mut bytes = vec![7; len];
            let read = file.read_at(&mut bytes, offset);
            if !matches!(read, Ok(0)) && !refused(&read, &[libc::EINVAL, libc::EOVERFLOW]) {
                outcome.failures += fail(&format!("{path}: read at {offset}"), &read);
            }
            let written = file.write_at(&bytes, offset);
            let nothing = len == 0 && matches!(written, Ok(0));
            if !nothing && !refused(&written, &[libc::EINVAL, libc::EFBIG, libc::EOVERFLOW]) {
                outcome.failures += fail(&format!("{path}: write at {offset}"), &written);
            }
            let resized = ftruncate(file, offset as i64).map_err(io::Error::from);
            let errors = [libc::EINVAL, libc::EFBIG, libc::EPERM];
            if !refused(&resized, &errors) {
                outcome.failures += fail(&format!("{path}: resize to {offset}"), &resized);
            }
            // SAFETY: the descriptor is open, and the offsets are this frame's.
            let copied = unsafe {
                let (mut from, mut to) = (0, offset as i64);
                let fd = file.as_raw_fd();
                libc::copy_file_range(fd, &mut from, fd, &mut to, 4096, 0)
            };
            if copied >= 0 {
                outcome.failures += fail(&format!("{path}: copy to {offset}"), &copied);
            }
            // Beyond the end there is nothing to be done, which may succeed.
            let how = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            // SAFETY: the descriptor is open.
            unsafe { libc::fallocate(file.as_raw_fd(), how, offset as i64, 4096) };
            outcome.done += 5;
        }
    }
    let unchanged = fs::read(dir.join("million.bin")).unwrap() == vec![0; 1_000_000];
    outcome.failures += u64::from(!unchanged);
    drop(files);
    mount.unmount();
    outcome
}

fn refused<T>(outcome: &io::Result<T>, errors: &[i32]) -> bool {
    let error = outcome.as_ref().err().and_then(io::Error::raw_os_error);
    error.is_some_and(|error| errors.contains(&error))
}

/// Requests of no byte, and of 1 GiB.
pub fn sizes(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let file = dir.file("data.bin", "");
    open(&file).set_len(64 << 20).unwrap();
    let mount = mounted(&dir, &file, &["--shape", "64,1048576"]);
    // Memory that is never touched as a whole.
    let zeros = MmapOptions::new()
        .len(HUGE)
        .no_reserve_swap()
        .map_anon()
        .unwrap();
    let mut space = MmapOptions::new()
        .len(HUGE)
        .no_reserve_swap()
        .map_anon()
        .unwrap();
    let mut numbers = Numbers(1 << 30);
    let mut outcome = Outcome::default();
    while budget.lasts(outcome.done) {
        let (path, len) = [
            ("rows/5", 1 << 20),
            ("cols/5", 64),
            ("slices/::-1", 64 << 20),
            ("data", 64 << 20),
        ][numbers.below(4)];
        let file = open(mount.join(path));
        let at = numbers.below(len + 1);
        file.write_all_at(&[9][..(at < len) as usize], at as u64)
            .unwrap();
        let mut right = matches!(file.read_at(&mut [], at as u64), Ok(0));
        right &= matches!(file.write_at(&[], at as u64), Ok(0));
        right &= file
            .read_at(&mut space, at as u64)
            .is_ok_and(|count| count == len - at);
        right &= at == len || space[0] == 9;
        right &= match file.write_at(&zeros, at as u64) {
            Ok(count) => count == len - at && at < len,
            Err(error) => at == len && error.raw_os_error() == Some(libc::EFBIG),
        };
        let mut byte = [1];
        right &= at == len || file.read_at(&mut byte, at as u64).is_ok() && byte == [0];
        if !right {
            eprintln!("{path}: a request at {at}");
        }
        outcome.failures += u64::from(!right);
        outcome.done += 5;
    }
    mount.unmount();
    outcome
}

static SIGNALS: AtomicU64 = AtomicU64::new(0);

extern "C" fn count_signal(_: i32) {
    SIGNALS.fetch_add(1, SeqCst);
}

/// Large requests are interrupted by signals, and their clients killed.
pub fn interrupted(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let file = dir.file("data.bin", vec![0; 8 << 20]);
    let mount = mounted(&dir, &file, &["--dtype", "<u8", "--shape", "1024,1024"]);
    let board = Board::create(&dir, 0);
    let words = [mount.point().to_str().unwrap()];
    let mut crew = Crew::new();
    for _ in 0..3 {
        crew.start(&dir, &board, "be interrupted", &words);
    }
    let done = || board.sum(Count::Done);
    let mut kills = 0;
    while budget.lasts(done()) {
        let goal = done() + 200;
        let start = Instant::now();
        let soon = || done() >= goal || start.elapsed() > Duration::from_secs(2);
        crew.wait(&board, soon);
        crew.kill(2);
        board.count(2, Count::Since).store(0, SeqCst);
        crew.start_again(&dir, 2, "be interrupted", &words);
        kills += 1;
    }
    crew.stop(&board);
    mount.unmount();
    Outcome {
        done: done(),
        failures: board.failures(),
        note: format!("{} calls, {kills} clients killed", board.sum(Count::Stores)),
        ..Outcome::default()
    }
}

/// Writes and reads a third of the array in large pieces under a storm of signals.
pub fn be_interrupted(worker: &Worker) {
    let handler = SigHandler::Handler(count_signal);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler only counts.
    unsafe { sigaction(Signal::SIGALRM, &action) }.unwrap();
    let every = libc::timeval {
        tv_sec: 0,
        tv_usec: 300 + 400 * worker.number as i64,
    };
    let timer = libc::itimerval {
        it_interval: every,
        it_value: every,
    };
    // SAFETY: the timer is this frame's; its signal is handled.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) };
    let columns = worker.number * 340;
    let slice = format!("slices/:,{columns}:{}", columns + 340);
    let other = format!("T/slices/{columns}:{}", columns + 340);
    let place = Path::new(&worker.words[0]);
    let [file, other] = [slice, other].map(|name| {
        retried(|| {
            File::options()
                .read(true)
                .write(true)
                .open(place.join(&name))
        })
    });
    let count = 1024 * 340;
    let mut round = u64::from(std::process::id()) << 32;
    while worker.board.goes_on() {
        round += 1;
        let value = |cell: usize| (round + cell as u64).to_le_bytes();
        let bytes: Vec<u8> = (0..count).flat_map(value).collect();
        let calls = transfer(worker, bytes.len(), |at| {
            file.write_at(&bytes[at..], at as u64)
        });
        let mut read = vec![0; bytes.len()];
        let more = transfer(worker, bytes.len(), |at| {
            other.read_at(&mut read[at..], at as u64)
        });
        let right = (0..count).all(|cell| {
            let (row, column) = (cell / 340, cell % 340);
            read[(column * 1024 + row) * 8..][..8] == value(cell)
        });
        if !right {
            worker.board.add(worker.number, Count::Stale);
        }
        worker
            .board
            .count(worker.number, Count::Stores)
            .fetch_add(calls + more, SeqCst);
        let signals = SIGNALS.swap(0, SeqCst);
        worker
            .board
            .count(worker.number, Count::Done)
            .fetch_add(signals, SeqCst);
    }
}

/// Calls until `len` bytes are through; how often.
fn transfer(worker: &Worker, len: usize, mut call: impl FnMut(usize) -> io::Result<usize>) -> u64 {
    let (mut at, mut calls) = (0, 0);
    while at < len {
        match worker.in_time(|| call(at)) {
            Ok(0) => panic!("nothing at {at}"),
            Ok(count) => at += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("at {at}: {error}"),
        }
        calls += 1;
    }
    calls
}

fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> T {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other.unwrap(),
        }
    }
}

/// Reads and writes whose memory is a mapping of another view.
pub fn buffers(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let mount = million(&dir);
    let mut outcome = Outcome::default();
    let data = open(mount.join("data"));
    let map = MmapRaw::map_raw(&open(mount.join("T/data"))).unwrap();
    let mut numbers = Numbers(77);
    let mut byte = 0;
    let mut slowest = Duration::ZERO;
    while budget.lasts(outcome.done) {
        let at = numbers.below(900_000);
        let len = 1 + numbers.below(100_000);
        byte = byte % 255 + 1;
        data.write_all_at(&[byte], (at % 1000 * 1000 + at / 1000) as u64)
            .unwrap();
        let start = Instant::now();
        // SAFETY: `at + len` lies within the mapping, and the kernel copies from it.
        let count = unsafe {
            let memory = map.as_ptr().add(at).cast::<c_void>();
            libc::pwrite(data.as_raw_fd(), memory, len, at as i64)
        };
        let mut first = [0];
        data.read_exact_at(&mut first, at as u64).unwrap();
        let right = count == len as isize && first == [byte];
        // SAFETY: as above, and the kernel copies to it.
        let count = unsafe {
            let memory = map.as_mut_ptr().add(at).cast::<c_void>();
            libc::pread(data.as_raw_fd(), memory, len, at as i64)
        };
        slowest = slowest.max(start.elapsed());
        let right = right && count == len as isize;
        outcome.failures += u64::from(!right);
        outcome.done += 2;
    }
    drop((map, data));
    mount.unmount();
    outcome.note = format!("slowest {slowest:.1?}");
    outcome
}
