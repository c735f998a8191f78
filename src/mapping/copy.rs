//! Copies between the mapping and private buffers. Other processes can change the mapped
//! file or truncate it at any time. So the mapping is accessed in the largest aligned
//! words, which keeps aligned elements of up to 8 bytes untorn, and a fault ends the copy
//! with its position. Unaligned items of 2, 4 or 8 bytes are moved whole where that tears
//! none of their aligned parts. Recovery from a fault is left to `transfer`.

use std::ops::Range;

use super::guard::move_words;
use crate::array::Run;

/// An access to mapped memory faulted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// The index of the faulting piece in the run.
    pub(super) piece: u64,
    /// The bytes of that piece that were moved before the fault.
    pub(super) bytes: u64,
}

/// Words of one width to copy, equally spaced in the mapping and in the private buffer.
/// Offsets and steps are in bytes.
#[derive(Debug, Clone, Copy)]
struct WordRun {
    /// The width of a word in bytes, one that [`move_words`] accepts.
    width: usize,
    /// The offset of the first word in the mapping.
    mapped: usize,
    /// The step from word to word in the mapping.
    mapped_step: isize,
    /// The offset of the first word in the private buffer.
    private: usize,
    /// The step from word to word in the private buffer.
    private_step: isize,
    count: usize,
}

/// Copies the pieces of `run` from the mapping at `base` into `out`, back to back. `out` has
/// `run.nbytes()` bytes.
///
/// # Errors
///
/// When a piece faults. The fault names the first such piece; its `bytes` may be too small.
///
/// # Safety
///
/// Every piece of `run` lies in one mapping that starts at `base`, and the guard is
/// installed.
pub(super) unsafe fn gather(base: *const u8, run: &Run, out: &mut [u8]) -> Result<(), Fault> {
    debug_assert_eq!(out.len() as u64, run.nbytes());
    let private = out.as_mut_ptr();
    copy_pieces(base.addr(), run, READ, &mut |copy_words| {
        let (to, from) = (
            private.wrapping_add(copy_words.private),
            base.wrapping_add(copy_words.mapped),
        );
        let steps = (copy_words.private_step, copy_words.mapped_step);
        // SAFETY: `copy_pieces` passes only words inside the pieces and inside `out`.
        unsafe { move_words(copy_words.width, to, from, steps, copy_words.count) }
    })
}

/// Copies `data` over the pieces of `run` in the mapping at `base`, in order. `data` has
/// `run.nbytes()` bytes. No byte is stored twice.
///
/// # Errors
///
/// When a piece faults. No byte at or after the position of the fault has been stored.
///
/// # Safety
///
/// Every piece of `run` lies in one writable mapping that starts at `base`, and the guard is
/// installed.
pub(super) unsafe fn scatter(base: *mut u8, run: &Run, data: &[u8]) -> Result<(), Fault> {
    debug_assert_eq!(data.len() as u64, run.nbytes());
    let private = data.as_ptr();
    copy_pieces(base.addr(), run, STORE, &mut |copy_words| {
        let (to, from) = (
            base.wrapping_add(copy_words.mapped),
            private.wrapping_add(copy_words.private),
        );
        let steps = (copy_words.mapped_step, copy_words.private_step);
        // SAFETY: `copy_pieces` passes only words inside the pieces and inside `data`.
        unsafe { move_words(copy_words.width, to, from, steps, copy_words.count) }
    })
}

/// How pieces are split into words.
#[derive(Debug, Clone, Copy)]
struct CopyPolicy {
    /// The largest width of a word, in bytes.
    widest: usize,
    /// The alignment of wider words, in bytes. With 16, a word of 16 bytes never crosses a
    /// page.
    boundary: usize,
    /// The most pieces copied together, word position by word position. Together they fit
    /// into the L1 cache.
    batch: usize,
}

/// For reads. After a fault in a batch, the whole batch is read again, piece by piece.
const READ: CopyPolicy = CopyPolicy {
    widest: 64,
    boundary: 8,
    batch: 32,
};

/// For writes. Each word takes one store, so a fault has an exact position.
const STORE: CopyPolicy = CopyPolicy {
    widest: 16,
    boundary: 16,
    batch: 1,
};

/// Pieces of up to this many words of one width are copied word position by word position,
/// across the batch; longer ones piece by piece.
const MAX_ACROSS: usize = 4;

/// Whether one instruction moves a word of up to 8 bytes at any address, and splits it, if at all,
/// only at multiples of 8 bytes. Then no aligned part of the word is torn. AArch64 promises less.
const MOVES_UNALIGNED_WORDS: bool = cfg!(target_arch = "x86_64");

/// Splits the pieces of `run` into words and passes these to `copy_words`, which returns the
/// number of words it has not copied. The mapping is at address `base`; the pieces are back to
/// back in the private buffer.
///
/// Pieces share their alignment if the stride is a multiple of the boundary, or of the piece
/// if that is shorter (rounded down to a power of two). Then every piece splits into the same
/// words, and many pieces can be copied together.
///
/// # Errors
///
/// When a piece faults.
fn copy_pieces(
    base: usize,
    run: &Run,
    policy: CopyPolicy,
    copy_words: &mut dyn FnMut(WordRun) -> usize,
) -> Result<(), Fault> {
    let (first, piece) = (run.offset as usize, run.piece as usize);
    let (stride, count) = (run.stride as isize, run.count as usize);
    let step = if count > 1 { stride.unsigned_abs() } else { 0 };
    let share_alignment = step.is_multiple_of(policy.boundary.min(1 << piece.ilog2()));
    let is_aligned = share_alignment && (base + first).is_multiple_of(piece);
    if matches!(piece, 1 | 2 | 4 | 8) && (is_aligned || MOVES_UNALIGNED_WORDS) {
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
        let batch = match share_alignment {
            true => policy.batch.min(count - next),
            false => 1,
        };
        if batch > 1 && copy_batch(base, run, policy, next..next + batch, copy_words) {
            next += batch;
            continue;
        }
        // Piece by piece, to find the first that faults.
        for k in next..next + batch {
            copy_piece(base, run, policy, k, copy_words)?;
        }
        next += batch;
    }
    Ok(())
}

/// The offset of piece `k` of `run` in the mapping, in bytes.
fn place(run: &Run, k: usize) -> usize {
    (run.offset as usize).wrapping_add_signed(k as isize * run.stride as isize)
}

/// Copies piece `k` of `run` word by word, in order.
///
/// # Errors
///
/// When a word faults.
fn copy_piece(
    base: usize,
    run: &Run,
    policy: CopyPolicy,
    k: usize,
    copy_words: &mut dyn FnMut(WordRun) -> usize,
) -> Result<(), Fault> {
    let (piece, at) = (run.piece as usize, place(run, k));
    let mut moved = 0;
    let is_moved = split_into_words(base + at, piece, policy, |width, done, count| {
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

/// Copies the pieces `batch` of `run` together, one word position after the other. The pieces
/// share their alignment. Returns whether no word faulted.
fn copy_batch(
    base: usize,
    run: &Run,
    policy: CopyPolicy,
    batch: Range<usize>,
    copy_words: &mut dyn FnMut(WordRun) -> usize,
) -> bool {
    let (piece, stride) = (run.piece as usize, run.stride as isize);
    let (next, batch) = (batch.start, batch.len());
    let at = place(run, next);
    split_into_words(base + at, piece, policy, |width, done, number| {
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
            count: batch,
        };
        match number > MAX_ACROSS {
            true => (0..batch).all(|k| copy_words(along(k)) == 0),
            false => (0..number).all(|word| copy_words(across(word)) == 0),
        }
    })
}

/// Splits `bytes` bytes at `address` into words, in this order:
///
/// - single words of increasing width up to an aligned boundary;
/// - words of the largest width;
/// - words of decreasing width for the rest.
///
/// Each word is as wide as its alignment allows, so that no aligned element is split.
/// `move_part` gets the width of some words in bytes, the number of bytes before them and the
/// number of words. It returns whether it has copied them all; if not, the split ends.
///
/// Returns whether all words were copied.
fn split_into_words(
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

    /// 512 bytes of memory, aligned to 8, each byte its offset modulo 256.
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
                let all = split_into_words(address, bytes, policy, |width, done, count| {
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
        any(target_os = "linux", target_os = "macos"),
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    fn a_fault_ends_the_copy_with_its_position() {
        use crate::mapping::tables::page_size;
        crate::mapping::guard::install().unwrap();
        let file = tempfile::tempfile().unwrap();
        let page = page_size();
        file.set_len(3 * page).unwrap();
        let map = memmap2::MmapOptions::new()
            .len(3 * page as usize)
            .map_raw(&file)
            .unwrap();
        file.set_len(page).unwrap();
        // 8 and 4 pieces in a page.
        let (eighth, fourth) = (page as i64 / 8, page as i64 / 4);
        // An unaligned word across the end is stored whole or not at all.
        let across = if MOVES_UNALIGNED_WORDS { 0 } else { 3 };
        for (run, piece, bytes) in [
            // One contiguous piece across the end of the file, and one beyond it.
            ((page - 96, 200, 0, 1), 0, 96),
            ((page - 95, 200, 0, 1), 0, 95),
            ((page, 200, 0, 1), 0, 0),
            ((0, 2 * page, 0, 1), 0, page),
            // Elements of each width: the first beyond the end is named.
            ((0, 1, eighth, 12), 8, 0),
            ((0, 2, eighth, 12), 8, 0),
            ((0, 4, eighth, 12), 8, 0),
            ((0, 8, eighth, 12), 8, 0),
            ((3, 8, eighth, 12), 8, 0),
            ((0, 16, eighth, 12), 8, 0),
            // Elements of odd alignment: one across the end, and one beyond it.
            ((1, 8, fourth - 1, 8), 4, across),
            ((1, 4, fourth + 1, 8), 4, 0),
            ((0, 12, fourth, 12), 4, 0),
            // Contiguous pieces across the end, copied in batches, and backwards from beyond it.
            ((page - 21, 1, 1, 40), 21, 0),
            ((page - 20, 4, 4, 40), 5, 0),
            ((page - 6, 12, 12, 40), 0, 6),
            ((2 * page - 4, 4, -4, page / 4), 0, 0),
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
