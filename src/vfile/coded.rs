//! Elements that are shown with other bytes than they have in the file: in another byte order,
//! with the sign bit flipped, or widened to float32. Bytes are recoded in the buffer of the
//! request, after or before the guarded copy, so words that are aligned in the file are not torn.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::content::{Content, Elements};
use crate::array::Layout;
use crate::dtype::Words;
use crate::mapping::{AccessError, Mapping};

/// The most bytes of a word, which are those of a `longdouble`.
const MAX_WORD: usize = 16;

/// The most bytes that are recoded at once when a gap is filled.
const FILL: usize = 1 << 16;

/// How each item is recoded: words are reversed, and sign bits are flipped. It is its own
/// inverse, so the same code reads and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    itemsize: u64,
    /// The words that are reversed, in the order of their offsets, without overlaps.
    words: Vec<Words>,
    /// Whether every item is one number whose sign bit, in the byte order of this machine, is
    /// flipped.
    flips_sign: bool,
}

impl Code {
    /// The code that reverses `words` of items of `itemsize` bytes, and flips the sign bit of
    /// every item if `flips_sign` is set.
    pub fn new(itemsize: u64, words: Vec<Words>, flips_sign: bool) -> Code {
        Code {
            itemsize,
            words,
            flips_sign,
        }
    }

    /// Whether elements are shown as they are.
    pub fn is_identity(&self) -> bool {
        self.words.is_empty() && !self.flips_sign
    }

    /// The bytes that have to be recoded together with byte `at` of the elements.
    fn word_at(&self, at: u64) -> Range<u64> {
        let item = at / self.itemsize * self.itemsize;
        if self.flips_sign {
            return item..item + self.itemsize;
        }
        let within = at - item;
        let position = self.words.partition_point(|words| words.offset <= within);
        let words = position.checked_sub(1).map(|k| self.words[k]);
        match words {
            Some(Words {
                offset,
                size,
                count,
            }) if within < offset + size * count => {
                let start = item + offset + (within - offset) / size * size;
                start..start + size
            }
            _ => at..at + 1,
        }
    }

    /// The smallest range of whole words that contains `range`.
    fn whole_words(&self, range: &Range<u64>) -> Range<u64> {
        match range.is_empty() {
            true => range.clone(),
            false => self.word_at(range.start).start..self.word_at(range.end - 1).end,
        }
    }

    /// Recodes `bytes`, which begin at byte `at` of the elements and consist of whole words.
    fn recode(&self, at: u64, bytes: &mut [u8]) {
        if let [Words { size, count, .. }] = self.words[..]
            && size * count == self.itemsize
        {
            reverse_all(bytes, size);
        } else if !self.words.is_empty() {
            self.reverse_by_item(at, bytes);
        }
        if self.flips_sign {
            let sign = match cfg!(target_endian = "big") {
                true => 0,
                false => self.itemsize as usize - 1,
            };
            let items = bytes.chunks_exact_mut(self.itemsize as usize);
            items.for_each(|item| item[sign] ^= 0x80);
        }
    }

    fn reverse_by_item(&self, at: u64, bytes: &mut [u8]) {
        let end = at + bytes.len() as u64;
        let mut item = at / self.itemsize * self.itemsize;
        while item < end {
            for words in &self.words {
                let first = item + words.offset;
                let start = first.max(at);
                let stop = (first + words.size * words.count).min(end);
                if start < stop {
                    let part = (start - at) as usize..(stop - at) as usize;
                    reverse_all(&mut bytes[part], words.size);
                }
            }
            item += self.itemsize;
        }
    }
}

/// Reverses the bytes of each word.
fn reverse_all(bytes: &mut [u8], size: u64) {
    /// Reverses words of `N` bytes, which the compiler does for several at once.
    fn reverse<const N: usize>(bytes: &mut [u8]) {
        let (words, _) = bytes.as_chunks_mut::<N>();
        words.iter_mut().for_each(|word| word.reverse());
    }
    match size {
        2 => reverse::<2>(bytes),
        4 => reverse::<4>(bytes),
        8 => reverse::<8>(bytes),
        _ => {
            let words = bytes.chunks_exact_mut(size as usize);
            words.for_each(<[u8]>::reverse);
        }
    }
}

/// Recoded elements of a view, in C order. Writes are recoded too.
#[derive(Debug)]
pub struct CodedBytes {
    mapping: Arc<Mapping>,
    layout: Layout,
    code: Arc<Code>,
}

impl CodedBytes {
    /// The elements of `layout`, recoded by `code`.
    pub fn new(mapping: &Arc<Mapping>, layout: Layout, code: &Arc<Code>) -> CodedBytes {
        CodedBytes {
            mapping: mapping.clone(),
            layout,
            code: code.clone(),
        }
    }

    /// Splits `range` into a part of a word at its start, whole words, and a part of a word at
    /// its end.
    fn split(&self, range: &Range<u64>) -> [Range<u64>; 3] {
        let first = self.code.word_at(range.start);
        let head = match first.start < range.start {
            true => range.start..first.end.min(range.end),
            false => range.start..range.start,
        };
        let rest = head.end..range.end;
        let last = match rest.is_empty() {
            true => rest.clone(),
            false => self.code.word_at(rest.end - 1),
        };
        let tail = match last.end > rest.end {
            true => last.start.max(rest.start)..rest.end,
            false => rest.end..rest.end,
        };
        [head, rest.start..tail.start, tail]
    }

    /// Reads a part of a word.
    ///
    /// # Errors
    ///
    /// When the word cannot be read as a whole.
    fn read_part(&self, part: &Range<u64>, out: &mut [u8]) -> Result<(), AccessError> {
        let whole = self.code.word_at(part.start);
        let mut word = [0; MAX_WORD];
        let word = &mut word[..(whole.end - whole.start) as usize];
        let count = self.mapping.read(&self.layout, whole.start, word)?;
        if count < word.len() {
            return Err(self.error_at(whole.start + count as u64));
        }
        self.code.recode(whole.start, word);
        let from = (part.start - whole.start) as usize;
        out.copy_from_slice(&word[from..from + out.len()]);
        Ok(())
    }

    /// Writes a part of a word: the bytes of the file that show it, and no others.
    ///
    /// # Errors
    ///
    /// When not all of them can be written.
    fn write_part(&self, part: &Range<u64>, data: &[u8]) -> Result<(), AccessError> {
        let whole = self.code.word_at(part.start);
        let from = (part.start - whole.start) as usize;
        let mut word = [0; MAX_WORD];
        let word = &mut word[..(whole.end - whole.start) as usize];
        word[from..from + data.len()].copy_from_slice(data);
        self.code.recode(whole.start, word);
        let first = match self.code.words.is_empty() {
            true => from,
            // The word is reversed.
            false => word.len() - from - data.len(),
        };
        let (at, stored) = (whole.start + first as u64, &word[first..first + data.len()]);
        match self.mapping.write(&self.layout, at, stored)? {
            count if count == data.len() => Ok(()),
            count => Err(self.error_at(at + count as u64)),
        }
    }

    /// The bytes of the whole words among the first `count` bytes of `range`.
    fn complete(&self, range: &Range<u64>, count: usize) -> usize {
        match range.start + count as u64 {
            end if end < range.end => (self.code.word_at(end).start - range.start) as usize,
            _ => count,
        }
    }

    /// Why byte `at` cannot be accessed.
    fn error_at(&self, at: u64) -> AccessError {
        match self.mapping.read(&self.layout, at, &mut [0]) {
            Err(error) => error,
            Ok(_) => io::Error::from_raw_os_error(libc::EIO).into(),
        }
    }

    /// Transfers the parts of `range` in order: each by `transfer`, which gets the part of the
    /// range, its offset in the buffer, and whether it consists of whole words. Returns the
    /// number of bytes before the first that could not be transferred.
    ///
    /// # Errors
    ///
    /// When the first byte could not be transferred.
    fn in_parts(
        &self,
        range: &Range<u64>,
        mut transfer: impl FnMut(&Range<u64>, usize, bool) -> Result<usize, AccessError>,
    ) -> Result<usize, AccessError> {
        let mut done = 0;
        for (k, part) in self.split(range).iter().enumerate() {
            if part.is_empty() {
                continue;
            }
            let wanted = (part.end - part.start) as usize;
            match transfer(part, done, k == 1) {
                Ok(count) => done += count,
                Err(error) if done == 0 => return Err(error),
                Err(_) => return Ok(done),
            }
            if done < (part.start - range.start) as usize + wanted {
                break;
            }
        }
        match done {
            0 if !range.is_empty() => Err(self.error_at(range.start)),
            done => Ok(done),
        }
    }
}

impl Content for CodedBytes {
    fn len(&self) -> u64 {
        self.layout.nbytes()
    }

    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        let range = at..at + out.len() as u64;
        self.in_parts(&range, |part, from, is_whole| {
            let out = &mut out[from..from + (part.end - part.start) as usize];
            if !is_whole {
                return self.read_part(part, out).map(|()| out.len());
            }
            let count = self.mapping.read(&self.layout, part.start, out)?;
            let complete = self.complete(part, count);
            self.code.recode(part.start, &mut out[..complete]);
            Ok(complete)
        })
    }

    fn accepts(&self, _at: u64, _data: &[u8]) -> bool {
        true
    }

    fn write(&self, at: u64, data: &[u8]) -> Result<usize, AccessError> {
        let range = at..at + data.len() as u64;
        self.in_parts(&range, |part, from, is_whole| {
            let data = &data[from..from + (part.end - part.start) as usize];
            if !is_whole {
                return self.write_part(part, data).map(|()| data.len());
            }
            let mut stored = data.to_vec();
            self.code.recode(part.start, &mut stored);
            let count = self.mapping.write(&self.layout, part.start, &stored)?;
            Ok(self.complete(part, count))
        })
    }

    fn fill(&self, range: Range<u64>) -> Result<(), AccessError> {
        let [head, whole, tail] = self.split(&range);
        let is_zero = !self.code.flips_sign;
        if is_zero && !whole.is_empty() {
            self.mapping.fill(&self.layout, whole.clone())?;
        }
        let rest = if is_zero { whole.end..whole.end } else { whole };
        for part in [head, rest, tail] {
            let mut at = part.start;
            while at < part.end {
                let zeros = [0; FILL];
                let count = (part.end - at).min(FILL as u64) as usize;
                at += self.write(at, &zeros[..count])? as u64;
            }
        }
        Ok(())
    }

    fn elements(&self) -> Option<Elements<'_>> {
        Some(Elements {
            mapping: &self.mapping,
            layout: &self.layout,
        })
    }

    fn stored_range(&self, range: Range<u64>) -> Range<u64> {
        let len = self.len();
        self.code
            .whole_words(&(range.start.min(len)..range.end.min(len)))
    }

    fn covering_range(&self, range: Range<u64>) -> Range<u64> {
        self.layout.covering_range(self.stored_range(range))
    }

    fn range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        self.code.whole_words(&self.layout.view_range_in(backing))
    }

    fn boundary(&self, at: u64, word: u64) -> u64 {
        self.code.word_at(self.layout.boundary(at, word)).start
    }
}
