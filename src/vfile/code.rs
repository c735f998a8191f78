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
    words: Vec<Words>,
    /// Whether every item is one number whose sign bit is flipped.
    flips_sign: bool,
}

impl Code {
    /// The code that reverses `words` of items of `itemsize` bytes. If `flips_sign` is set, every
    /// item is one number, and its sign bit is flipped.
    pub fn new(itemsize: u64, words: Vec<Words>, flips_sign: bool) -> Code {
        Code {
            itemsize,
            words,
            flips_sign,
        }
    }

    /// Whether the shown form is the stored one.
    pub fn is_identity(&self) -> bool {
        self.words.is_empty() && !self.flips_sign
    }

    /// Whether zeros are shown as zeros.
    pub(super) fn keeps_zeros(&self) -> bool {
        !self.flips_sign
    }

    /// The bytes that have to be recoded together with byte `at` of the elements.
    pub(super) fn word_at(&self, at: u64) -> Range<u64> {
        let item = at / self.itemsize * self.itemsize;
        if self.flips_sign {
            return item..item + self.itemsize;
        }
        let within = at - item;
        let position = self.words.partition_point(|words| words.offset <= within);
        let words = position.checked_sub(1).map(|k| self.words[k]);
        match words {
            Some(words) if within < words.end() => {
                let past = (within - words.offset) % words.size;
                at - past..at - past + words.size
            }
            _ => at..at + 1,
        }
    }

    /// The smallest range of whole words that contains `range`.
    pub(super) fn whole_words(&self, range: &Range<u64>) -> Range<u64> {
        match range.is_empty() {
            true => range.clone(),
            false => self.word_at(range.start).start..self.word_at(range.end - 1).end,
        }
    }

    /// The bytes in the stored form of the bytes `part` of the shown form, which belong to one
    /// word of `len` bytes. Both ranges count from the start of the word.
    pub(super) fn stored_part(&self, part: Range<usize>, len: usize) -> Range<usize> {
        match self.words.is_empty() {
            true => part,
            false => len - part.end..len - part.start,
        }
    }

    /// Turns the stored form of whole words, which begin at byte `at` of the elements, into the
    /// shown form.
    pub(super) fn decode(&self, at: u64, bytes: &mut [u8]) {
        self.reverse(at, bytes);
        self.flip_signs(bytes);
    }

    /// Turns the shown form of whole words, which begin at byte `at` of the elements, into the
    /// stored form.
    pub(super) fn encode(&self, at: u64, bytes: &mut [u8]) {
        self.flip_signs(bytes);
        self.reverse(at, bytes);
    }

    /// Flips the sign bits of whole items in the shown form, which is in the byte order of this
    /// machine.
    fn flip_signs(&self, bytes: &mut [u8]) {
        /// Flips the sign bits of items of `N` bytes, which the compiler does for several at once.
        fn flip<const N: usize>(bytes: &mut [u8]) {
            let sign = if cfg!(target_endian = "big") {
                0
            } else {
                N - 1
            };
            let (items, _) = bytes.as_chunks_mut::<N>();
            items.iter_mut().for_each(|item| item[sign] ^= 0x80);
        }
        match self.itemsize {
            _ if !self.flips_sign => {}
            1 => flip::<1>(bytes),
            2 => flip::<2>(bytes),
            4 => flip::<4>(bytes),
            _ => flip::<8>(bytes),
        }
    }

    fn reverse(&self, at: u64, bytes: &mut [u8]) {
        match self.words[..] {
            [] => {}
            [words] if words.size * words.count == self.itemsize => reverse_all(bytes, words.size),
            _ => self.reverse_in_items(at, bytes),
        }
    }

    fn reverse_in_items(&self, at: u64, bytes: &mut [u8]) {
        let past = at % self.itemsize;
        let before = (self.itemsize - past) % self.itemsize;
        let before = bytes
            .len()
            .min(usize::try_from(before).unwrap_or(usize::MAX));
        let (first, rest) = bytes.split_at_mut(before);
        self.reverse_in_item(past, first);
        let Ok(itemsize) = usize::try_from(self.itemsize) else {
            return self.reverse_in_item(0, rest);
        };
        let (items, last) = rest.split_at_mut(rest.len() / itemsize * itemsize);
        let block = (BLOCK / itemsize).max(1) * itemsize;
        for items in items.chunks_mut(block) {
            for words in &self.words {
                let part = words.offset as usize..words.end() as usize;
                reverse_part_of_each(items, itemsize, part, words.size);
            }
        }
        self.reverse_in_item(0, last);
    }

    /// Reverses the words of a part of an item, which begins at byte `start` of it.
    fn reverse_in_item(&self, start: u64, bytes: &mut [u8]) {
        let end = start + bytes.len() as u64;
        let first = self.words.partition_point(|words| words.end() <= start);
        let words = self.words[first..].iter();
        for words in words.take_while(|words| words.offset < end) {
            let low = words.offset.max(start) - start;
            let high = words.end().min(end) - start;
            reverse_all(&mut bytes[low as usize..high as usize], words.size);
        }
    }
}

/// Reverses the bytes of each word.
fn reverse_all(bytes: &mut [u8], size: u64) {
    reverse_part_of_each(bytes, bytes.len().max(1), 0..bytes.len(), size);
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
