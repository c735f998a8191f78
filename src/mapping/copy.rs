//! Copies between mapped memory, which others can change and take away at any
//! moment, and memory of our own. Mapped memory is accessed in the largest
//! aligned words, so that an aligned element of up to eight bytes is never
//! torn, and a fault ends the copy with a word of where.

use std::ops::Range;

use super::guard::move_words;
use crate::array::Run;

/// Mapped memory could not be accessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// The piece of the run that faulted, counted from 0.
    pub(super) piece: u64,
    /// How many bytes of that piece were moved before.
    pub(super) bytes: u64,
}

/// Equally spaced words on both sides of a copy.
#[derive(Debug, Clone, Copy)]
struct WordRun {
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
    pieces(base.addr(), run, READ, &mut |copy_words| {
        let (to, from) = (
            private.wrapping_add(copy_words.private),
            base.wrapping_add(copy_words.mapped),
        );
        let steps = (copy_words.private_step, copy_words.mapped_step);
        // SAFETY: the words are in the mapping and in `out`, as `pieces` has them.
        unsafe { move_words(copy_words.width, to, from, steps, copy_words.count) }
    })
}

/// Copies `data` over the pieces of `run`, counted from `base`, in order. No byte is
/// stored twice; if it ends early, nothing at or behind the fault has changed.
///
/// # Safety
///
/// Every piece of `run` lies in one mapping that starts at `base` and was
/// mapped for writing, `data` has exactly as many bytes, and the guard is
/// installed.
pub(super) unsafe fn scatter(base: *mut u8, run: &Run, data: &[u8]) -> Result<(), Fault> {
    debug_assert_eq!(data.len() as u64, run.nbytes());
    let private = data.as_ptr();
    pieces(base.addr(), run, STORE, &mut |copy_words| {
        let (to, from) = (
            base.wrapping_add(copy_words.mapped),
            private.wrapping_add(copy_words.private),
        );
        let steps = (copy_words.mapped_step, copy_words.private_step);
        // SAFETY: the words are in the mapping and in `data`, as `pieces` has them.
        unsafe { move_words(copy_words.width, to, from, steps, copy_words.count) }
    })
}

/// How pieces are moved.
#[derive(Debug, Clone, Copy)]
struct CopyPolicy {
    /// The most bytes in a word.
    widest: usize,
    /// To how many bytes longer words are aligned. Those of 16 bytes then lie in one page.
    boundary: usize,
    /// The most pieces that are moved part by part, so that they stay in the fastest
    /// cache meanwhile.
    batch: usize,
}

/// Where one of several pieces faults, all of them are read once more.
const READ: CopyPolicy = CopyPolicy {
    widest: 64,
    boundary: 8,
    batch: 32,
};

/// Each word by one store, so that it is known which were stored when one faults.
const STORE: CopyPolicy = CopyPolicy {
    widest: 16,
    boundary: 16,
    batch: 1,
};

/// The most words of a piece that are moved each for many pieces at once.
const FEW: usize = 4;

/// Breaks the pieces of `run`, which follow one another on the private side, up
/// into words and has `words` move them, in the mapping at address `base`. It
/// returns how many it has not moved.
fn pieces(
    base: usize,
    run: &Run,
    policy: CopyPolicy,
    copy_words: &mut dyn FnMut(WordRun) -> usize,
) -> Result<(), Fault> {
    let (first, piece) = (run.offset as usize, run.piece as usize);
    let (stride, count) = (run.stride as isize, run.count as usize);
    let step = if count > 1 { stride.unsigned_abs() } else { 0 };
    let are_aligned_alike = step.is_multiple_of(policy.boundary.min(1 << piece.ilog2()));
    if are_aligned_alike && matches!(piece, 1 | 2 | 4 | 8) && (base + first).is_multiple_of(piece) {
        let left = copy_words(WordRun {
            width: piece,
            mapped: first,
            mapped_step: stride,
            private: 0,
            private_step: piece as isize,
            count,
        });
        let (piece, bytes) = ((count - left) as u64, 0);
        return match left {
            0 => Ok(()),
            _ => Err(Fault { piece, bytes }),
        };
    }
    let mut next = 0;
    while next < count {
        let some = match are_aligned_alike {
            true => policy.batch.min(count - next),
            false => 1,
        };
        if some > 1 && copy_together(base, run, policy, next..next + some, copy_words) {
            next += some;
            continue;
        }
        // One by one, so that the first that faults is known.
        for k in next..next + some {
            one(base, run, policy, k, copy_words)?;
        }
        next += some;
    }
    Ok(())
}

/// Where the `k`-th piece of `run` begins in the mapping.
fn place(run: &Run, k: usize) -> usize {
    (run.offset as usize).wrapping_add_signed(k as isize * run.stride as isize)
}

/// Has `words` move the `k`-th piece of `run`, in order.
fn one(
    base: usize,
    run: &Run,
    policy: CopyPolicy,
    k: usize,
    copy_words: &mut dyn FnMut(WordRun) -> usize,
) -> Result<(), Fault> {
    let (piece, at) = (run.piece as usize, place(run, k));
    let mut moved = 0;
    let is_moved = contiguous(base + at, piece, policy, |width, done, count| {
        let left = copy_words(WordRun {
            width,
            mapped: at + done,
            mapped_step: width as isize,
            private: k * piece + done,
            private_step: width as isize,
            count,
        });
        moved = done + (count - left) * width;
        left == 0
    });
    let (piece, bytes) = (k as u64, moved as u64);
    match is_moved {
        true => Ok(()),
        false => Err(Fault { piece, bytes }),
    }
}

/// Has `words` move some of the pieces of `run`, which are aligned alike, part by part.
/// Returns whether all were moved.
fn copy_together(
    base: usize,
    run: &Run,
    policy: CopyPolicy,
    some: Range<usize>,
    copy_words: &mut dyn FnMut(WordRun) -> usize,
) -> bool {
    let (piece, stride) = (run.piece as usize, run.stride as isize);
    let (next, some) = (some.start, some.len());
    let at = place(run, next);
    contiguous(base + at, piece, policy, |width, done, number| {
        let along = |k: usize| WordRun {
            width,
            mapped: (at + done).wrapping_add_signed(k as isize * stride),
            mapped_step: width as isize,
            private: (next + k) * piece + done,
            private_step: width as isize,
            count: number,
        };
        let across = |word: usize| WordRun {
            width,
            mapped: at + done + word * width,
            mapped_step: stride,
            private: next * piece + done + word * width,
            private_step: piece as isize,
            count: some,
        };
        match number > FEW {
            true => (0..some).all(|k| copy_words(along(k)) == 0),
            false => (0..number).all(|word| copy_words(across(word)) == 0),
        }
    })
}

/// Breaks `bytes` bytes at `address` up into words: single steps up to a boundary, whole
/// words, and what is left, each step as wide as alignment allows, so that no aligned
/// element is split. `move_part` is given their width, how many bytes come before, and
/// their number, and returns whether it has moved them all.
fn contiguous(
    address: usize,
    bytes: usize,
    policy: CopyPolicy,
    mut move_part: impl FnMut(usize, usize, usize) -> bool,
) -> bool {
    let CopyPolicy {
        widest, boundary, ..
    } = policy;
    let mut done = 0;
    for width in [1, 2, 4, 8] {
        let is_due = width < boundary && (address + done) & width != 0;
        if is_due && bytes - done >= width {
            if !move_part(width, done, 1) {
                return false;
            }
            done += width;
        }
    }
    for width in [64, 16, 8, 4, 2, 1] {
        let count = (bytes - done) / width;
        let is_aligned = (address + done).is_multiple_of(width.min(boundary));
        if width <= widest && count > 0 && is_aligned {
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
        let lengths = |address| (0..200).map(move |bytes| (address, bytes));
        for (address, bytes) in (0..32).flat_map(lengths) {
            for policy in [READ, STORE] {
                let mut copy_words = Vec::new();
                let all = contiguous(address, bytes, policy, |width, done, count| {
                    copy_words.extend((0..count).map(|k| (address + done + k * width, width)));
                    true
                });
                assert!(all);
                let mut next = address;
                for &(at, width) in &copy_words {
                    assert_eq!((at, at % width.min(policy.boundary)), (next, 0));
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
                            assert!(copy_words.iter().any(whole), "{address} {bytes} {element}");
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
    fn memory_that_is_not_there_ends_the_copy_with_the_byte() {
        crate::mapping::guard::install().unwrap();
        let file = tempfile::tempfile().unwrap();
        file.set_len(3 * 4096).unwrap();
        let map = memmap2::MmapOptions::new()
            .len(3 * 4096)
            .map_raw(&file)
            .unwrap();
        file.set_len(4096).unwrap();
        for (run, piece, bytes) in [
            // One contiguous piece across the cut, and one that begins behind it.
            ((4000, 200, 0, 1), 0, 96),
            ((4001, 200, 0, 1), 0, 95),
            ((4096, 200, 0, 1), 0, 0),
            ((0, 8192, 0, 1), 0, 4096),
            // Elements of each width, the first behind the cut known.
            ((0, 1, 512, 12), 8, 0),
            ((0, 2, 512, 12), 8, 0),
            ((0, 4, 512, 12), 8, 0),
            ((0, 8, 512, 12), 8, 0),
            ((3, 8, 512, 12), 8, 0),
            ((0, 16, 512, 12), 8, 0),
            ((0, 12, 1024, 12), 4, 0),
            // One after the other up to the cut, several at a time, and back from behind it.
            ((4075, 1, 1, 40), 21, 0),
            ((4076, 4, 4, 40), 5, 0),
            ((4090, 12, 12, 40), 0, 6),
            ((8188, 4, -4, 1024), 0, 0),
        ] {
            let (offset, length, stride, count) = run;
            let run = Run {
                offset,
                piece: length,
                stride,
                count,
            };
            let mut memory = vec![0; (length * count) as usize];
            // SAFETY: the pieces lie in the mapping, whose end is not backed.
            let read = unsafe { gather(map.as_ptr(), &run, &mut memory) };
            let read = read.map_err(|fault| fault.piece);
            assert_eq!(read, Err(piece), "{run:?}");
            // SAFETY: as above, and mapped for writing.
            let written = unsafe { scatter(map.as_mut_ptr(), &run, &memory) };
            assert_eq!(written, Err(Fault { piece, bytes }), "{run:?}");
        }
    }
}
