//! Claim 20: no view ever shows a half-written element. All bytes of each stored element are
//! equal, so that a mixture of two elements is detected.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::thread;

use memmap2::{MmapOptions, MmapRaw};

use crate::common::arrays::Raw;
use crate::common::calls::open;
use crate::common::{Dir, wait_until};

/// The rows and columns of the arrays.
const SHAPE: (usize, usize) = (96, 40);

/// How often each reader looks, at least.
const LOOKS: usize = 150;

/// An array whose elements are aligned in the file.
struct Array {
    itemsize: usize,
    offset: &'static str,
}

/// What elements are stored to, and read from.
enum Side {
    /// A view, and how many bytes are left out at its start and its end: part
    /// of the array's first and last element, which then may be torn.
    View { file: File, skip: (usize, usize) },
    /// The backing file, mapped.
    Backing(MmapRaw),
}

impl Array {
    fn bytes(&self) -> usize {
        SHAPE.0 * SHAPE.1 * self.itemsize
    }

    /// The mapped array in the backing file.
    fn backing(&self, path: &PathBuf) -> Side {
        let mut options = MmapOptions::new();
        options
            .offset(self.offset.parse().unwrap())
            .len(self.bytes());
        Side::Backing(options.map_raw(&open(path)).unwrap())
    }

    /// Stores `value` in every byte of every element, and of the outermost as
    /// far as they are not left out.
    fn store(&self, side: &Side, value: u8) {
        match side {
            Side::View { file, skip } => {
                let len = file.metadata().unwrap().len() as usize - skip.0 - skip.1;
                let bytes = vec![value; len];
                file.write_all_at(&bytes, skip.0 as u64).unwrap();
            }
            Side::Backing(map) => {
                self.each_inner_element(map, |element| element.store(value));
            }
        }
    }

    /// The bytes that the elements consist of, but for the outermost of the array.
    fn load(&self, side: &Side) -> Vec<u8> {
        let mut values = Vec::new();
        match side {
            Side::View { file, skip } => {
                let len = file.metadata().unwrap().len() as usize - skip.0 - skip.1;
                let mut bytes = vec![0; len];
                file.read_exact_at(&mut bytes, skip.0 as u64).unwrap();
                let first = skip.0.next_multiple_of(self.itemsize) - skip.0;
                let whole = bytes[first..].chunks_exact(self.itemsize);
                values.extend(whole.map(alike));
            }
            Side::Backing(map) => {
                self.each_inner_element(map, |element| values.push(alike(&element.load())));
            }
        }
        values
    }

    fn each_inner_element(&self, map: &MmapRaw, mut act: impl FnMut(Element<'_>)) {
        for k in 1..SHAPE.0 * SHAPE.1 - 1 {
            let place = map.as_mut_ptr().wrapping_add(k * self.itemsize);
            // SAFETY: the place is in the mapping, aligned as the array is in
            // the file, and accessed by nothing but these atomics.
            act(unsafe {
                match self.itemsize {
                    8 => Element::Eight(AtomicU64::from_ptr(place.cast())),
                    4 => Element::Four(AtomicU32::from_ptr(place.cast())),
                    _ => Element::Two(AtomicU16::from_ptr(place.cast())),
                }
            });
        }
    }
}

/// An element in mapped memory.
enum Element<'a> {
    Eight(&'a AtomicU64),
    Four(&'a AtomicU32),
    Two(&'a AtomicU16),
}

impl Element<'_> {
    fn store(&self, value: u8) {
        match self {
            Element::Eight(it) => it.store(u64::from_ne_bytes([value; 8]), Ordering::Relaxed),
            Element::Four(it) => it.store(u32::from_ne_bytes([value; 4]), Ordering::Relaxed),
            Element::Two(it) => it.store(u16::from_ne_bytes([value; 2]), Ordering::Relaxed),
        }
    }

    fn load(&self) -> Vec<u8> {
        match self {
            Element::Eight(it) => it.load(Ordering::Relaxed).to_ne_bytes().into(),
            Element::Four(it) => it.load(Ordering::Relaxed).to_ne_bytes().into(),
            Element::Two(it) => it.load(Ordering::Relaxed).to_ne_bytes().into(),
        }
    }
}

/// The byte that an element consists of.
#[track_caller]
fn alike(element: &[u8]) -> u8 {
    assert!(
        element.iter().all(|&byte| byte == element[0]),
        "torn: {element:x?}"
    );
    element[0]
}

/// Stores through `writer` until all `readers` have looked often enough and
/// have seen at least two values.
fn storm(array: &Array, writer: &Side, readers: &[Side]) {
    let (value, done) = (AtomicU8::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let read = |side| {
            let mut seen = [false; 256];
            let mut looks = 0;
            wait_until("a reader sees stores", || {
                array
                    .load(side)
                    .into_iter()
                    .for_each(|value| seen[value as usize] = true);
                looks += 1;
                looks >= LOOKS && seen.iter().filter(|&&seen| seen).count() > 2
            });
        };
        let threads: Vec<_> = readers
            .iter()
            .map(|side| scope.spawn(move || read(side)))
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                array.store(writer, value.fetch_add(0x55, Ordering::Relaxed));
            }
        });
        let outcomes: Vec<_> = threads
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::Relaxed);
        outcomes.into_iter().for_each(|outcome| outcome.unwrap());
    });
}

/// Has each side store while all sides look.
fn storms(dtype: &'static str, itemsize: usize, offset: &'static str) {
    let Some(dir) = Dir::with_fuse() else { return };
    let array = Array { itemsize, offset };
    let end = array.offset.parse::<usize>().unwrap() + array.bytes();
    let backing = dir.file("data.bin", vec![0; end]);
    let raw = Raw {
        dtype,
        shape: "96,40",
        order: "C",
        offset,
    };
    let mount = raw.mount(&dir, &backing, "r+");
    let view = |name: &str, skip| Side::View {
        file: open(mount.join(name)),
        skip,
    };
    let sides = || {
        let native = [
            ("native/data", (1, itemsize - 1)),
            ("native/T/data", (itemsize - 1, 1)),
            ("native/rows/50", (0, 0)),
        ];
        let has_native = mount.join("native").exists();
        let native = native.into_iter().filter(|_| has_native);
        let stored = [
            ("data", (1, itemsize - 1)),
            ("T/data", (itemsize - 1, 1)),
            ("rows/50", (0, 0)),
            ("cols/7", (0, 0)),
        ];
        let views = stored.into_iter().chain(native);
        let views = views.map(|(name, skip)| view(name, skip));
        Vec::from_iter([array.backing(&backing)].into_iter().chain(views))
    };
    for writer in sides() {
        storm(&array, &writer, &sides());
    }
}

#[test]
fn claim_20_elements_of_eight_bytes_are_read_and_written_whole() {
    storms("<f8", 8, "8");
}

#[test]
fn claim_66_elements_are_read_and_written_whole_in_native() {
    storms(">f8", 8, "8");
}

#[test]
fn claim_20_elements_of_four_bytes_are_read_and_written_whole() {
    storms(">i4", 4, "4");
}

#[test]
fn claim_20_elements_of_two_bytes_are_read_and_written_whole() {
    storms("<u2", 2, "34");
}
