//! Random reads and writes of random views of a mount, compared with a model of the file.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use memmap2::MmapMut;

use crate::common::arrays::{at, put};
use crate::common::calls::{Numbers, open};
use crate::common::{Ability, Mount, kernel_can};

/// The views of a mounted array: where NumPy says that their bytes lie in the file.
pub struct Views<'a> {
    mount: &'a Mount,
    places: Vec<(&'a String, &'a Vec<usize>)>,
}

impl<'a> Views<'a> {
    pub fn new(mount: &'a Mount, places: &'a BTreeMap<String, Vec<usize>>) -> Views<'a> {
        let places = places.iter().collect();
        Views { mount, places }
    }

    /// A random view, and a random part of it.
    fn part(&self, numbers: &mut Numbers) -> (&'a String, &'a Vec<usize>, Range<usize>) {
        let (path, places) = self.places[numbers.below(self.places.len())];
        let part = match numbers.below(4) {
            0 => 0..places.len(),
            _ => numbers.range(places.len()),
        };
        (path, places, part)
    }

    /// Writes a part of a view by a call, and returns the places that were written.
    pub fn write(&self, numbers: &mut Numbers, expected: &mut [u8]) -> &'a [usize] {
        let (path, places, part) = self.part(numbers);
        let bytes = numbers.bytes(part.len());
        let file = open(self.mount.join(path));
        file.write_all_at(&bytes, part.start as u64).unwrap();
        put(expected, &places[part.clone()], &bytes);
        &places[part]
    }

    /// Writes a few bytes of a view, and returns their places.
    pub fn write_a_little(&self, numbers: &mut Numbers, expected: &mut [u8]) -> &'a [usize] {
        let (path, places) = self.places[numbers.below(self.places.len())];
        let start = numbers.below(places.len());
        let part = start..places.len().min(start + 1 + numbers.below(6));
        let bytes = numbers.bytes(part.len());
        let file = open(self.mount.join(path));
        file.write_all_at(&bytes, part.start as u64).unwrap();
        put(expected, &places[part.clone()], &bytes);
        &places[part]
    }

    /// Writes a part of a view by storing to a mapping of it, where other views show that at once.
    pub fn store(&self, numbers: &mut Numbers, expected: &mut [u8]) {
        if cfg!(arrayfs_portable) || !kernel_can(Ability::StableWriteBack) {
            return;
        }
        let (path, places, part) = self.part(numbers);
        let bytes = numbers.bytes(part.len());
        // SAFETY: the mapping is the only one, and its file keeps its size.
        let mut map = unsafe { MmapMut::map_mut(&open(self.mount.join(path))) }.unwrap();
        map[part.clone()].copy_from_slice(&bytes);
        put(expected, &places[part], &bytes);
    }

    /// Reads a part of a view, which has to hold the bytes of the file.
    #[track_caller]
    pub fn read(&self, numbers: &mut Numbers, expected: &[u8]) {
        let (path, places, part) = self.part(numbers);
        let path = self.mount.join(path);
        let mut bytes = vec![0; part.len()];
        let file = fs::File::open(&path).unwrap();
        file.read_exact_at(&mut bytes, part.start as u64).unwrap();
        let expected = at(expected, &places[part.clone()]);
        assert_eq!(bytes, expected, "{}, bytes {part:?}", path.display());
    }

    /// Does all of it, so many times.
    #[track_caller]
    pub fn use_well(&self, numbers: &mut Numbers, expected: &mut [u8], times: usize) {
        for _ in 0..times {
            self.write(numbers, expected);
            self.read(numbers, expected);
            self.store(numbers, expected);
            self.read(numbers, expected);
        }
    }
}
