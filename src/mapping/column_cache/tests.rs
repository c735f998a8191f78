//! Reads through the column cache give the bytes of the file.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

use super::*;
use crate::array::{Order, Shape, View};
use crate::dtype::DType;
use crate::mapping::{BackingFile, Mode};

/// xorshift64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn array(dtype: &str, shape: &[u64]) -> View {
    let dtype = DType::parse(dtype).unwrap();
    View::contiguous(dtype, 52, Shape::new(shape.to_vec()), Order::C).unwrap()
}

/// A file for an array, and a mapping of it with a column cache of `limit` bytes. If it is
/// `exclusive`, it caches also right after the file was changed.
fn mapped(array: &View, limit: u64, exclusive: bool) -> (File, Mapping, tempfile::NamedTempFile) {
    let backing = tempfile::NamedTempFile::new().unwrap();
    let end = array.offset() + array.nbytes();
    let bytes: Vec<u8> = (0..end).map(|k| (k * 7 % 251) as u8).collect();
    std::fs::write(backing.path(), bytes).unwrap();
    let opened = BackingFile::open(backing.path(), Mode::ReadWrite).unwrap();
    let mapping = Mapping::new(opened, &(array.offset()..end)).unwrap().0;
    mapping.enable_column_cache(limit, exclusive);
    (backing.reopen().unwrap(), mapping, backing)
}

/// Bytes of a view, read with `pread`.
fn bytes(file: &File, view: &Layout, range: Range<u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for run in view.runs(range) {
        for k in 0..run.count {
            let mut piece = vec![0; run.piece as usize];
            file.read_exact_at(&mut piece, run.slice(k, 1).offset)
                .unwrap();
            bytes.extend(piece);
        }
    }
    bytes
}

fn cached_blocks(mapping: &Mapping) -> usize {
    mapping
        .column_cache
        .get()
        .unwrap()
        .lock_state()
        .blocks
        .len()
}

#[test]
fn columns_are_current_after_writes_by_any_process() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for (array, limit) in [
        (array("<f4", &[200, 90]), 1 << 20),
        (array("u1", &[40, 700]), 4000),
        (array("V3", &[30, 100]), 1 << 20),
        (array("<c16", &[20, 40]), 1 << 20),
        (array("<i2", &[9, 10, 300]), 1 << 13),
    ] {
        let (file, mapping, _backing) = mapped(&array, limit, true);
        let (mut max_cached, mut column) = (0, 0);
        for round in 0..400 {
            let last = array.ndim() - 1;
            let columns = array.shape().lengths()[last];
            column = match numbers.below(8) {
                0 => numbers.below(columns),
                _ => (column + 1) % columns,
            };
            let view = match numbers.below(3) {
                0 => array.transposed().layout(),
                _ => array.take(last, column).unwrap().layout(),
            };
            let start = match numbers.below(2) {
                0 => 0,
                _ => numbers.below(view.nbytes()),
            };
            let end = match numbers.below(2) {
                0 => view.nbytes(),
                _ => start + 1 + numbers.below(view.nbytes() - start),
            };
            let mut out = vec![0; (end - start) as usize];
            assert_eq!(mapping.read(&view, start, &mut out).unwrap(), out.len());
            assert_eq!(out, bytes(&file, &view, start..end), "{view:?}");
            max_cached = max_cached.max(cached_blocks(&mapping));
            let place = 52 + numbers.below(array.nbytes() - 4);
            let data = numbers.below(u64::MAX).to_ne_bytes();
            match numbers.below(40) {
                0 => {
                    file.write_all_at(&data[..4], place).unwrap();
                    // Older kernels have coarse timestamps, which may not have advanced.
                    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(round);
                    file.set_modified(time).unwrap();
                }
                1 => {
                    mapping
                        .write(&array.layout(), place - 52, &data[..4])
                        .unwrap();
                    assert_eq!(cached_blocks(&mapping), 0);
                }
                _ => {}
            }
            let state = mapping.column_cache.get().unwrap().lock_state();
            assert!(state.bytes <= limit && state.gathering.is_empty());
        }
        assert!(max_cached > 0, "{array:?}");
    }
}

#[test]
fn a_second_column_nearby_starts_gathering_and_a_distant_one_does_not() {
    let array = array("<f4", &[100, 10_000]);
    let (_file, mapping, _backing) = mapped(&array, 1 << 20, true);
    let read = |column| {
        let view = array.take(1, column).unwrap().layout();
        mapping.read(&view, 0, &mut [0; 400]).unwrap();
    };
    for column in [5000, 0, 9000, 2500, 5000] {
        read(column);
    }
    assert_eq!(cached_blocks(&mapping), 0);
    read(4999);
    assert_eq!(cached_blocks(&mapping), 1);
    for column in [4998, 4990, 5000, 4980] {
        read(column);
    }
    assert!(cached_blocks(&mapping) <= 2);
}

#[test]
fn nothing_is_cached_while_other_writes_may_be_unseen() {
    let array = array("<f4", &[100, 100]);
    let (file, mapping, _backing) = mapped(&array, 1 << 20, false);
    for column in 0..20 {
        let view = array.take(1, column).unwrap().layout();
        let mut out = vec![0; 400];
        assert_eq!(mapping.read(&view, 0, &mut out).unwrap(), 400);
        assert_eq!(out, bytes(&file, &view, 0..400));
    }
    assert_eq!(cached_blocks(&mapping), 0);
}

#[test]
fn truncated_bytes_are_not_read_from_the_cache() {
    let array = array("<f4", &[100, 100]);
    let (file, mapping, _backing) = mapped(&array, 1 << 20, true);
    let view = |column| array.take(1, column).unwrap().layout();
    for column in 0..3 {
        mapping.read(&view(column), 0, &mut [0; 400]).unwrap();
    }
    assert!(cached_blocks(&mapping) > 0);
    file.set_len(52 + 400 * 10).unwrap();
    assert_eq!(mapping.read(&view(2), 0, &mut [0; 400]).unwrap(), 40);
}
