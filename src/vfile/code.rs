//! How the bytes of an item are shown: words reversed, and the sign bit flipped. This is
//! arithmetic on private buffers; the transfer from and to the file is left to `coded`.

use std::ops::Range;

use crate::dtype::Words;

/// Whole items of about this many bytes are recoded together, which fits into the L1 cache.
const BLOCK: usize = 1 << 13;

/// How each item is recoded. In the *stored* form it has the bytes of the file, in the *shown*
/// form those of the virtual file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    itemsize: u64,
    /// The words that are reversed, in the order of their offsets, without overlaps.
    reversed: Vec<Words>,
    /// The words whose sign bit is flipped, likewise. Each is reversed as a whole or not at all.
    flipped: Vec<Words>,
}

impl Code {
    /// The code that reverses the words `reversed` of items of `itemsize` bytes, and flips the
    /// sign bits of the words `flipped`.
    pub fn new(itemsize: u64, reversed: Vec<Words>, flipped: Vec<Words>) -> Code {
        Code {
            itemsize,
            reversed,
            flipped,
        }
    }

    /// Whether the shown form is the stored one.
    pub fn is_identity(&self) -> bool {
        self.reversed.is_empty() && self.flipped.is_empty()
    }

    /// Whether zeros are shown as zeros.
    pub(super) fn keeps_zeros(&self) -> bool {
        self.flipped.is_empty()
    }

    /// The bytes that have to be recoded together with byte `at` of the elements.
    pub(super) fn word_at(&self, at: u64) -> Range<u64> {
        let word = self.word_in(&self.reversed, at);
        word.or_else(|| self.word_in(&self.flipped, at))
            .unwrap_or(at..at + 1)
    }

    /// The word of which byte `at` of the elements is a part, if it is one of `runs`.
    fn word_in(&self, runs: &[Words], at: u64) -> Option<Range<u64>> {
        let within = at % self.itemsize;
        let position = runs.partition_point(|words| words.offset <= within);
        let words = runs[position.checked_sub(1)?];
        let past = (within - words.offset) % words.size;
        (within < words.end()).then(|| at - past..at - past + words.size)
    }

    /// The smallest range of whole words that contains `range`.
    pub(super) fn whole_words(&self, range: &Range<u64>) -> Range<u64> {
        match range.is_empty() {
            true => range.clone(),
            false => self.word_at(range.start).start..self.word_at(range.end - 1).end,
        }
    }

    /// The bytes in the stored form of the bytes `part` of the shown form, all of which belong to
    /// the word that begins at byte `start` and has `len` bytes. Both ranges count from there.
    pub(super) fn stored_part(&self, start: u64, part: Range<usize>, len: usize) -> Range<usize> {
        match self.word_in(&self.reversed, start) {
            None => part,
            Some(_) => len - part.end..len - part.start,
        }
    }

    /// Turns the stored form of whole words, which begin at byte `at` of the elements, into the
    /// shown form.
    pub(super) fn decode(&self, at: u64, bytes: &mut [u8]) {
        self.change(&self.reversed, at, bytes, reverse_part_of_each);
        self.change(&self.flipped, at, bytes, flip_part_of_each);
    }

    /// Turns the shown form of whole words, which begin at byte `at` of the elements, into the
    /// stored form.
    pub(super) fn encode(&self, at: u64, bytes: &mut [u8]) {
        self.change(&self.flipped, at, bytes, flip_part_of_each);
        self.change(&self.reversed, at, bytes, reverse_part_of_each);
    }

    /// Changes the words `runs` of each item in `bytes`, which begin at byte `at` of the elements
    /// and can begin and end within an item.
    fn change(&self, runs: &[Words], at: u64, bytes: &mut [u8], change: Change) {
        match runs {
            [] => {}
            [words] if words.size * words.count == self.itemsize => {
                change(bytes, bytes.len().max(1), 0..bytes.len(), words.size);
            }
            _ => self.change_in_items(runs, at, bytes, change),
        }
    }

    fn change_in_items(&self, runs: &[Words], at: u64, bytes: &mut [u8], change: Change) {
        let past = at % self.itemsize;
        let before = (self.itemsize - past) % self.itemsize;
        let before = bytes
            .len()
            .min(usize::try_from(before).unwrap_or(usize::MAX));
        let (first, rest) = bytes.split_at_mut(before);
        change_in_item(runs, past, first, change);
        let Ok(itemsize) = usize::try_from(self.itemsize) else {
            return change_in_item(runs, 0, rest, change);
        };
        let (items, last) = rest.split_at_mut(rest.len() / itemsize * itemsize);
        let block = (BLOCK / itemsize).max(1) * itemsize;
        for items in items.chunks_mut(block) {
            for words in runs {
                let part = words.offset as usize..words.end() as usize;
                change(items, itemsize, part, words.size);
            }
        }
        change_in_item(runs, 0, last, change);
    }
}

/// Changes words of a size in a part of each item. The arguments are items, the size of an item,
/// the part, and the size of a word, in bytes.
type Change = fn(&mut [u8], usize, Range<usize>, u64);

/// Changes the words `runs` in a part of an item, which begins at byte `start` of it.
fn change_in_item(runs: &[Words], start: u64, bytes: &mut [u8], change: Change) {
    let end = start + bytes.len() as u64;
    let first = runs.partition_point(|words| words.end() <= start);
    let runs = runs[first..].iter();
    for words in runs.take_while(|words| words.offset < end) {
        let low = words.offset.max(start) - start;
        let high = words.end().min(end) - start;
        let bytes = &mut bytes[low as usize..high as usize];
        change(bytes, bytes.len().max(1), 0..bytes.len(), words.size);
    }
}

/// Flips the sign bit of each word of `size` bytes in the bytes `part` of each item. The words are
/// in the byte order of this machine.
fn flip_part_of_each(items: &mut [u8], itemsize: usize, part: Range<usize>, size: u64) {
    /// Flips the sign bits of words of `N` bytes, which the compiler does for several at once.
    fn flip<const N: usize>(items: &mut [u8], itemsize: usize, part: Range<usize>) {
        let sign = if cfg!(target_endian = "big") {
            0
        } else {
            N - 1
        };
        for item in items.chunks_exact_mut(itemsize) {
            let (words, _) = item[part.clone()].as_chunks_mut::<N>();
            words.iter_mut().for_each(|word| word[sign] ^= 0x80);
        }
    }
    match size {
        1 => flip::<1>(items, itemsize, part),
        2 => flip::<2>(items, itemsize, part),
        4 => flip::<4>(items, itemsize, part),
        _ => flip::<8>(items, itemsize, part),
    }
}

/// Reverses the bytes of each word of `size` bytes in the bytes `part` of each item.
fn reverse_part_of_each(items: &mut [u8], itemsize: usize, part: Range<usize>, size: u64) {
    /// Replaces words of `N` bytes. Of `swap_bytes`, the compiler does several at once.
    fn replace<const N: usize>(
        items: &mut [u8],
        itemsize: usize,
        part: Range<usize>,
        swap: impl Fn([u8; N]) -> [u8; N],
    ) {
        for item in items.chunks_exact_mut(itemsize) {
            let (words, _) = item[part.clone()].as_chunks_mut();
            words.iter_mut().for_each(|word| *word = swap(*word));
        }
    }
    match size {
        2 => replace(items, itemsize, part, |word| {
            u16::from_ne_bytes(word).swap_bytes().to_ne_bytes()
        }),
        4 => replace(items, itemsize, part, |word| {
            u32::from_ne_bytes(word).swap_bytes().to_ne_bytes()
        }),
        8 => replace(items, itemsize, part, |word| {
            u64::from_ne_bytes(word).swap_bytes().to_ne_bytes()
        }),
        _ => replace(items, itemsize, part, |word| {
            u128::from_ne_bytes(word).swap_bytes().to_ne_bytes()
        }),
    }
}
