//! Claims 18, 19 and 24: every view shows every write, whoever makes it and however.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use memmap2::{Mmap, MmapMut, MmapOptions};
use nix::fcntl::copy_file_range;
use nix::sys::sendfile::sendfile;

use crate::common::arrays::{Raw, at, hundred, numbered, put};
use crate::common::calls::{Numbers, errno, open};
use crate::common::{Ability, Dir, Mount, kernel_can, needs};

#[rustfmt::skip]
const ARRAYS: [Raw; 3] = [
    Raw { dtype: "<i4", shape: "24,18", order: "F", offset: "6" },
    Raw { dtype: "<f8", shape: "12,20", order: "C", offset: "16" },
    Raw { dtype: "V3", shape: "7,6,5", order: "C", offset: "1" },
];

/// A mounted array and the bytes that its file ought to have.
struct Model {
    numbers: Numbers,
    expected: Vec<u8>,
    /// Each view's path, the places of its bytes, and a descriptor that stays open.
    views: Vec<(String, Vec<usize>, File)>,
    mount: Mount,
    dir: Dir,
}

impl Model {
    fn new(raw: &Raw) -> Option<Model> {
        let dir = Dir::with_fuse()?;
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        let places: BTreeMap<String, Vec<usize>> = raw.places(&dir);
        let end = places["data"].iter().max().unwrap() + 1;
        let expected = numbers.bytes(end + 9);
        let mount = raw.mount(&dir, &dir.file("data.bin", &expected), "r+");
        let opened = |(path, places): (String, Vec<usize>)| {
            let file = open(mount.join(&path));
            (path, places, file)
        };
        let views = places.into_iter().map(opened).collect();
        Some(Model {
            numbers,
            expected,
            views,
            mount,
            dir,
        })
    }

    /// A random view, by its old descriptor or by a new one, and a random part of it.
    fn part(&mut self) -> (File, usize, Range<usize>) {
        let view = self.numbers.below(self.views.len());
        let (path, places, old) = &self.views[view];
        let part = match self.numbers.below(4) {
            0 => 0..places.len(),
            _ => self.numbers.range(places.len()),
        };
        let file = match self.numbers.below(2) {
            0 => old.try_clone().unwrap(),
            _ => open(self.mount.join(path)),
        };
        (file, view, part)
    }

    fn write_a_view(&mut self) {
        let (file, view, part) = self.part();
        let bytes = self.numbers.bytes(part.len());
        file.write_all_at(&bytes, part.start as u64).unwrap();
        put(&mut self.expected, &self.views[view].1[part], &bytes);
    }

    fn read_a_view(&mut self) {
        let (file, view, part) = self.part();
        let (path, places, _) = &self.views[view];
        let mut bytes = vec![0; part.len()];
        file.read_exact_at(&mut bytes, part.start as u64).unwrap();
        let expected = at(&self.expected, &places[part.clone()]);
        assert_eq!(bytes, expected, "{path}, bytes {part:?}");
    }

    fn end(self) {
        drop(self.views);
        self.mount.unmount();
        assert_eq!(fs::read(self.dir.join("data.bin")).unwrap(), self.expected);
    }
}

#[test]
fn claim_18_a_write_is_what_every_view_reads_next() {
    for raw in &ARRAYS {
        let Some(mut model) = Model::new(raw) else {
            return;
        };
        for _ in 0..1000 {
            model.write_a_view();
            model.read_a_view();
            model.read_a_view();
        }
        model.end();
    }
}

#[test]
#[cfg_attr(
    arrayfs_portable,
    ignore = "pages that have become old are not dropped portably"
)]
fn claim_18_a_copy_by_the_kernel_takes_what_was_written_last() {
    let Some((_dir, mount)) = hundred(&[]) else {
        return;
    };
    let (from, to) = (open(mount.join("rows/1")), open(mount.join("rows/2")));
    let (_pipe, end) = std::io::pipe().unwrap();
    for written in [[1; 10], [2; 10]] {
        open(mount.join("data")).write_all_at(&written, 10).unwrap();
        let (mut at, mut into) = (0, 0);
        let copied = copy_file_range(&from, Some(&mut at), &to, Some(&mut into), 10);
        assert_eq!(copied, Ok(10));
        assert_eq!(fs::read(mount.join("rows/2")).unwrap(), written);
        // This leaves the page of row 1 in the kernel.
        let sent = sendfile(&end, &from, Some(&mut 0), 10);
        assert_eq!(sent, Ok(10));
    }
}

#[test]
fn claim_19_what_others_write_to_the_file_is_what_every_view_reads_next() {
    for raw in &ARRAYS {
        let Some(mut model) = Model::new(raw) else {
            return;
        };
        let backing = open(model.dir.join("data.bin"));
        // SAFETY: only this thread and the daemon access the file, and not at once.
        let mut map = unsafe { MmapMut::map_mut(&backing) }.unwrap();
        for _ in 0..1000 {
            let part = model.numbers.range(model.expected.len());
            let bytes = model.numbers.bytes(part.len());
            match model.numbers.below(2) {
                0 => backing.write_all_at(&bytes, part.start as u64).unwrap(),
                _ => map[part.clone()].copy_from_slice(&bytes),
            }
            model.expected[part].copy_from_slice(&bytes);
            model.read_a_view();
            model.read_a_view();
        }
        model.end();
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_24_what_is_stored_through_a_shared_mapping_is_seen_by_every_view() {
    if !needs(Ability::StableWriteBack) {
        return;
    }
    for raw in &ARRAYS {
        let Some(mut model) = Model::new(raw) else {
            return;
        };
        for step in 0..60 {
            let (file, view, part) = model.part();
            // SAFETY: the mapping is the only one, and its file keeps its size.
            let mut map = unsafe { MmapMut::map_mut(&file) }.unwrap();
            let (path, places, _) = &model.views[view];
            assert_eq!(map[..], at(&model.expected, places), "{path}");
            let bytes = model.numbers.bytes(part.len());
            map[part.clone()].copy_from_slice(&bytes);
            put(&mut model.expected, &places[part], &bytes);
            // By msync, or by munmap.
            if step % 2 == 0 {
                map.flush().unwrap();
                model.read_a_view();
            }
            drop(map);
            model.read_a_view();
            model.read_a_view();
        }
        model.end();
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_24_a_shared_mapping_under_mode_c_stays_in_memory() {
    if !needs(Ability::DirectMappings) {
        return;
    }
    let Some((dir, mount)) = hundred(&["--mode", "c"]) else {
        return;
    };
    // SAFETY: the mapping is the only one, and its file keeps its size.
    let mut map = unsafe { MmapMut::map_mut(&open(mount.join("cols/3"))) }.unwrap();
    map.fill(200);
    map.flush().unwrap();
    let mut expected = numbered();
    (3..100).step_by(10).for_each(|place| expected[place] = 200);
    assert_eq!(fs::read(mount.join("data")).unwrap(), expected);
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), numbered());
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_24_what_is_stored_through_a_private_mapping_is_seen_by_nobody() {
    let maps = kernel_can(Ability::DirectMappings);
    for mode in ["r+", "r", "c"] {
        let Some((dir, mount)) = hundred(&["--mode", mode]) else {
            return;
        };
        for (view, first) in [("rows/3", 30), ("cols/3", 3), ("T/data", 0)] {
            let file = File::open(mount.join(view)).unwrap();
            // SAFETY: nothing writes the file meanwhile.
            let mut map = unsafe { MmapOptions::new().map_copy(&file) }.unwrap();
            assert_eq!(map[0], first, "{view}");
            map.fill(200);
            drop(map);
            if mode == "r" || maps {
                // SAFETY: as above.
                let map = unsafe { Mmap::map(&file) }.unwrap();
                assert_eq!(map[..], fs::read(mount.join(view)).unwrap(), "{view}");
            }
        }
        assert_eq!(fs::read(mount.join("data")).unwrap(), numbered());
        assert_eq!(fs::read(dir.join("data.bin")).unwrap(), numbered());
        // SAFETY: the mapping is refused.
        let shared = unsafe { MmapMut::map_mut(&File::open(mount.join("data")).unwrap()) };
        assert_eq!(errno(shared), libc::EACCES);
    }
}
