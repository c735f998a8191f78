//! Claim 56: many concurrent clients cost the daemon no additional thread and little memory.

use std::fs;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use memmap2::MmapRaw;

use crate::common::calls::open;
use crate::common::{Ability, Dir, Mount, needs, rss_anon};

/// How many threads write at a time, each a row of this many bytes.
const ROWS: usize = 64;
const ROW: usize = 1 << 20;

/// Memory of the daemon's own that docs/RUNNING.md allows for them, in KiB, with as many
/// workers as there are by default at the most.
const MEMORY: u64 = (8 << 10) + 4 * (2 << 10) + 8 * ROWS as u64 + (3 << 10);

fn threads(mount: &Mount) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", mount.daemon()));
    tasks.unwrap().count()
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_56_many_writers_to_mapped_bytes_cost_no_thread_and_bounded_memory() {
    if !needs(Ability::DirectMappings) {
        return;
    }
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![0; ROWS * ROW]);
    let mount = dir.mount(&file, &["--shape", &format!("{ROWS},{ROW}")]);
    let whole = open(mount.join("data"));
    let map = MmapRaw::map_raw(&whole).unwrap();
    let before = threads(&mount);
    let is_over = AtomicBool::new(false);
    let (most_threads, most_memory) = thread::scope(|scope| {
        let storer = scope.spawn(|| {
            let mut most = (0, 0);
            while !is_over.load(Ordering::Relaxed) {
                // The last byte of each page is nobody else's.
                for at in (4095..ROWS * ROW).step_by(4096) {
                    // SAFETY: within the mapping.
                    unsafe { map.as_mut_ptr().add(at).write_volatile(9) };
                }
                let (threads, memory) = most;
                most = (
                    self::threads(&mount).max(threads),
                    rss_anon(mount.daemon()).max(memory),
                );
            }
            most
        });
        let writers: Vec<_> = (0..ROWS)
            .map(|row| {
                let mount = &mount;
                scope.spawn(move || write_row(mount, row))
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        storer.join().unwrap()
    });
    assert_eq!(most_threads, before);
    assert!(most_memory <= MEMORY, "{most_memory} KiB of {MEMORY}");
    assert!(rss_anon(mount.daemon()) <= MEMORY);
    whole.sync_all().unwrap();
    let stored = fs::read(&file).unwrap();
    for (at, byte) in stored.iter().enumerate() {
        let is_stored = at % 4096 == 4095 && *byte == 9;
        let value = (at / ROW + 10) as u8;
        assert!(*byte == value || is_stored, "byte {at} is {byte}");
    }
}

/// Writes a row as a whole, which the kernel may take in pieces.
fn write_row(mount: &Mount, row: usize) {
    let file = open(mount.join(&format!("rows/{row}")));
    let bytes = vec![row as u8 + 10; ROW];
    let mut done = 0;
    while done < ROW {
        let taken = file.write_at(&bytes[done..], done as u64).unwrap();
        assert!(taken > 0);
        done += taken;
    }
}
