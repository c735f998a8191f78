//! Copies between mapped memory, which others can change and take away at any
//! moment, and memory of our own. Mapped memory is accessed in the largest
//! aligned words, so that an aligned element of up to eight bytes is never
//! torn, and a fault ends the copy with a word of where.

use super::guard::move_words;
use crate::array::Run;

/// Mapped memory could not be accessed at or after the `k`-th piece of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// The piece, counted from 0.
    pub(super) piece: u64,
}

/// Equally spaced words on both sides of a copy.
#[derive(Debug, Clone, Copy)]
struct Words {
    /// Bytes in a word, as [`move_words`] takes them.
    width: usize,
    /// Where the first begins in the mapping.
    mapped: usize,
    /// Bytes from one to the next there.
    mapped_step: isize,
    /// Where the first begins in memory of our own.
    private: usize,
    /// Bytes from one to the next there.
    private_step: isize,
    count: usize,
}

/// Copies the pieces of `run`, counted from `base`, one after the other into
/// `out`, which has exactly as many bytes.
///
/// # Safety
///
/// Every piece of `run` lies in one mapping that starts at `base`, and the
/// guard is installed.
pub(super) unsafe fn gather(base: *const u8, run: &Run, out: &mut [u8]) -> Result<(), Fault> {
    debug_assert_eq!(out.len() as u64, run.nbytes());
    let private = out.as_mut_ptr();
    pieces(base.addr(), run, ABREAST, &mut |words| {
        let (to, from) = (
            private.wrapping_add(words.private),
            base.wrapping_add(words.mapped),
        );
        let steps = (words.private_step, words.mapped_step);
        // SAFETY: the words are in the mapping and in `out`, as `pieces` has them.
        unsafe { move_words(words.width, to, from, steps, words.count) }
    })
}

/// Copies `data` over the pieces of `run`, counted from `base`. If it ends early,
/// nothing behind the fault has changed.
///
/// # Safety
///
/// Every piece of `run` lies in one mapping that starts at `base` and was
/// mapped for writing, `data` has exactly as many bytes, and the guard is
/// installed.
pub(super) unsafe fn scatter(base: *mut u8, run: &Run, data: &[u8]) -> Result<(), Fault> {
    // SAFETY: the caller's.
    unsafe { store(base, run, data, 1) }
}

/// The same in no order: if it ends early, anything of it may have changed.
///
/// # Safety
///
/// As for [`scatter`].
pub(super) unsafe fn scatter_abreast(base: *mut u8, run: &Run, data: &[u8]) -> Result<(), Fault> {
    // SAFETY: the caller's.
    unsafe { store(base, run, data, ABREAST) }
}

/// Stores at `most` so many pieces of a run part by part.
///
/// # Safety
///
/// As for [`scatter`].
unsafe fn store(base: *mut u8, run: &Run, data: &[u8], most: usize) -> Result<(), Fault> {
    debug_assert_eq!(data.len() as u64, run.nbytes());
    let private = data.as_ptr();
    pieces(base.addr(), run, most, &mut |words| {
        let (to, from) = (
            base.wrapping_add(words.mapped),
            private.wrapping_add(words.private),
        );
        let steps = (words.mapped_step, words.private_step);
        // SAFETY: the words are in the mapping and in `data`, as `pieces` has them.
        unsafe { move_words(words.width, to, from, steps, words.count) }
    })
}

/// How many pieces are moved part by part, so that they stay in the fastest cache
/// meanwhile.
const ABREAST: usize = 32;

/// The most words of a piece that are moved each for many pieces at once.
const FEW: usize = 4;

/// Breaks the pieces of `run`, which follow one another on the private side, up
/// into words and has `words` move them, in the mapping at address `base`. It
/// returns how many it has not moved. At `most` so many pieces are moved part by
/// part; when one of them faults, those behind it may have been moved in part.
fn pieces(
    base: usize,
    run: &Run,
    most: usize,
    words: &mut dyn FnMut(Words) -> usize,
) -> Result<(), Fault> {
    let (first, piece) = (run.offset as usize, run.piece as usize);
    let (stride, count) = (run.stride as isize, run.count as usize);
    // Whether every piece is aligned as the first is, as far as it matters.
    let step = if count > 1 { stride.unsigned_abs() } else { 0 };
    let alike = step.is_multiple_of(8.min(1 << piece.ilog2()));
    if alike && matches!(piece, 1 | 2 | 4 | 8) && (base + first).is_multiple_of(piece) {
        let left = words(Words {
            width: piece,
            mapped: first,
            mapped_step: stride,
            private: 0,
            private_step: piece as isize,
            count,
        });
        let piece = (count - left) as u64;
        return if left == 0 {
            Ok(())
        } else {
            Err(Fault { piece })
        };
    }
    let mut next = 0;
    while next < count {
        let some = if alike { most.min(count - next) } else { 1 };
        if !abreast(base, run, next, some, words) {
            // One by one, the first that faults can be told.
            let faults = |&k: &usize| !abreast(base, run, k, 1, words);
            if let Some(k) = (next..next + some).find(faults) {
                return Err(Fault { piece: k as u64 });
            }
        }
        next += some;
    }
    Ok(())
}

/// Has `words` move `some` of the pieces of `run`, which are aligned alike, from
/// the one numbered `next` on. Returns whether all were moved.
fn abreast(
    base: usize,
    run: &Run,
    next: usize,
    some: usize,
    words: &mut dyn FnMut(Words) -> usize,
) -> bool {
    let (piece, stride) = (run.piece as usize, run.stride as isize);
    let at = (run.offset as usize).wrapping_add_signed(next as isize * stride);
    contiguous(base + at, piece, |width, done, number| {
        let along = |k: usize| Words {
            width,
            mapped: (at + done).wrapping_add_signed(k as isize * stride),
            mapped_step: width as isize,
            private: (next + k) * piece + done,
            private_step: width as isize,
            count: number,
        };
        let across = |word: usize| Words {
            width,
            mapped: at + done + word * width,
            mapped_step: stride,
            private: next * piece + done + word * width,
            private_step: piece as isize,
            count: some,
        };
        if some == 1 || number > FEW {
            (0..some).all(|k| words(along(k)) == 0)
        } else {
            (0..number).all(|word| words(across(word)) == 0)
        }
    })
}

/// Breaks `bytes` bytes at `address` up into words: single steps up to an
/// eight-byte boundary, whole words, and what is left, each step as wide as
/// alignment allows, so that no aligned element is split. `move_part` is given
/// their width, how many bytes come before, and their number, and returns
/// whether it has moved them all.
fn contiguous(
    address: usize,
    bytes: usize,
    mut move_part: impl FnMut(usize, usize, usize) -> bool,
) -> bool {
    let mut done = 0;
    for width in [1, 2, 4] {
        if (address + done) & width != 0 && bytes - done >= width {
            if !move_part(width, done, 1) {
                return false;
            }
            done += width;
        }
    }
    for width in [64, 16, 8, 4, 2, 1] {
        let count = (bytes - done) / width;
        // Longer words need no more than the alignment of 8 bytes.
        if count > 0 && (address + done).is_multiple_of(width.min(8)) {
            if !move_part(width, done, count) {
                return false;
            }
            done += count * width;
        }
    }
    debug_assert_eq!(done, bytes);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::guard;
    use std::os::fd::AsRawFd;

    /// Memory that is aligned like a page, filled with distinct bytes.
    fn page() -> Vec<u64> {
        (0..64u64)
            .map(|word| u64::from_ne_bytes(std::array::from_fn(|b| (word * 8 + b as u64) as u8)))
            .collect()
    }

    fn bytes(page: &[u64]) -> Vec<u8> {
        page.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn places(run: &Run) -> Vec<usize> {
        (0..run.count as usize)
            .flat_map(|k| {
                let at = (run.offset as i64 + k as i64 * run.stride) as usize;
                at..at + run.piece as usize
            })
            .collect()
    }

    #[test]
    fn gather_and_scatter_move_exactly_the_bytes_of_the_run() {
        for piece in (1..=40).chain([63, 64, 65]) {
            for offset in 0..=17 {
                for (stride, count) in [(piece, 3), (piece + 1, 4), (2 * piece, 3), (-piece, 3)] {
                    let start = offset + 2 * (-stride).max(0);
                    let run = Run {
                        offset: start as u64,
                        piece: piece as u64,
                        stride,
                        count,
                    };
                    let mut memory = page();
                    let before = bytes(&memory);
                    let places = places(&run);
                    let mut out = vec![0; places.len()];
                    let base = memory.as_mut_ptr().cast::<u8>();
                    // SAFETY: all runs of this table lie in the 512 bytes.
                    unsafe { gather(base, &run, &mut out) }.unwrap();
                    let wanted: Vec<u8> = places.iter().map(|&at| before[at]).collect();
                    assert_eq!(out, wanted, "{run:?}");

                    let data: Vec<u8> = (0..places.len()).map(|k| !(k as u8)).collect();
                    // SAFETY: as above.
                    unsafe { scatter(base, &run, &data) }.unwrap();
                    let mut wanted = before;
                    places
                        .iter()
                        .zip(&data)
                        .for_each(|(&at, &byte)| wanted[at] = byte);
                    assert_eq!(bytes(&memory), wanted, "{run:?}");
                }
            }
        }
    }

    #[test]
    fn words_are_as_wide_as_alignment_allows() {
        for address in 0..16 {
            for bytes in 0..200 {
                let mut words = Vec::new();
                let all = contiguous(address, bytes, |width, done, count| {
                    words.extend((0..count).map(|k| (address + done + k * width, width)));
                    true
                });
                assert!(all);
                let mut next = address;
                for &(at, width) in &words {
                    assert_eq!((at, at % width.min(8)), (next, 0));
                    next += width;
                }
                assert_eq!(next, address + bytes);
                // An aligned element is within one word.
                for size in [2, 4, 8] {
                    for element in (0..64).step_by(size) {
                        if element >= address && element + size <= address + bytes {
                            let whole = |&(at, width): &(usize, usize)| {
                                at <= element && element + size <= at + width
                            };
                            assert!(words.iter().any(whole), "{address} {bytes} {element}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    #[cfg(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    fn memory_that_is_not_there_ends_the_copy_with_the_piece() {
        guard::install().unwrap();
        let file = tempfile::tempfile().unwrap();
        file.set_len(3 * 4096).unwrap();
        let map = memmap2::MmapOptions::new()
            .len(3 * 4096)
            .map_raw(&file)
            .unwrap();
        file.set_len(4096).unwrap();
        assert!(file.as_raw_fd() >= 0);
        for (run, piece) in [
            // One contiguous piece across the cut.
            ((4000, 200, 0, 1), 0),
            // Elements of each width, the first behind the cut known.
            ((0, 1, 512, 12), 8),
            ((0, 2, 512, 12), 8),
            ((0, 4, 512, 12), 8),
            ((0, 8, 512, 12), 8),
            ((3, 8, 512, 12), 8),
            ((0, 16, 512, 12), 8),
            ((0, 12, 1024, 12), 4),
        ] {
            let (offset, bytes, stride, count) = run;
            let run = Run {
                offset,
                piece: bytes,
                stride,
                count,
            };
            let mut memory = vec![0; (bytes * count) as usize];
            // SAFETY: the pieces lie in the mapping, whose end is not backed.
            let read = unsafe { gather(map.as_ptr(), &run, &mut memory) };
            assert_eq!(read, Err(Fault { piece }), "{run:?}");
            // SAFETY: as above, and mapped for writing.
            let written = unsafe { scatter(map.as_mut_ptr(), &run, &memory) };
            assert_eq!(written, Err(Fault { piece }), "{run:?}");
        }
    }
}
