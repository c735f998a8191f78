//! Elements that are shown with other bytes than they have in the file: in another byte order,
//! or with the sign bit flipped. Bytes are recoded in a private buffer, after or before the
//! guarded copy, so words that are aligned in the file are not torn. How an item is recoded is
//! left to `code`.

use std::ops::Range;
use std::sync::Arc;

use super::code::Code;
use super::content::{Content, Elements};
use crate::array::Layout;
use crate::mapping::{AccessError, Mapping};

/// The most bytes of a word, which are those of a `longdouble`.
const MAX_WORD: usize = 16;

/// The most bytes that are recoded at once when a gap is filled.
const FILL: usize = 1 << 16;

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
        self.read_all(whole.start, word)?;
        self.code.decode(whole.start, word);
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
        let mut word = [0; MAX_WORD];
        let word = &mut word[..(whole.end - whole.start) as usize];
        let from = (part.start - whole.start) as usize;
        let part = from..from + data.len();
        word[part.clone()].copy_from_slice(data);
        self.code.encode(whole.start, word);
        let stored = self.code.stored_part(whole.start, part, word.len());
        self.write_all(whole.start + stored.start as u64, &word[stored])
    }

    /// Reads stored bytes from byte `at` of the elements.
    ///
    /// # Errors
    ///
    /// When not all of them can be read.
    fn read_all(&self, at: u64, stored: &mut [u8]) -> Result<(), AccessError> {
        let mut done = 0;
        while done < stored.len() {
            let rest = &mut stored[done..];
            done += self.mapping.read(&self.layout, at + done as u64, rest)?;
        }
        Ok(())
    }

    /// Writes stored bytes at byte `at` of the elements.
    ///
    /// # Errors
    ///
    /// When not all of them can be written.
    fn write_all(&self, at: u64, stored: &[u8]) -> Result<(), AccessError> {
        let mut done = 0;
        while done < stored.len() {
            let rest = &stored[done..];
            done += self.mapping.write(&self.layout, at + done as u64, rest)?;
        }
        Ok(())
    }

    /// Reads whole words. Returns the number of bytes of the words before the first that cannot
    /// be read.
    ///
    /// # Errors
    ///
    /// When the first word cannot be read.
    fn read_words(&self, words: &Range<u64>, out: &mut [u8]) -> Result<usize, AccessError> {
        let count = self.mapping.read(&self.layout, words.start, out)?;
        let broken = self.word_after(words, count);
        let count = match self.read_all(words.start + count as u64, &mut out[count..broken.end]) {
            Err(error) if broken.start == 0 => return Err(error),
            Err(_) => broken.start,
            Ok(()) => broken.end,
        };
        self.code.decode(words.start, &mut out[..count]);
        Ok(count)
    }

    /// Writes whole words. Returns the number of bytes of the words before the first that cannot
    /// be written.
    ///
    /// # Errors
    ///
    /// When the first word cannot be written.
    fn write_words(&self, words: &Range<u64>, data: &[u8]) -> Result<usize, AccessError> {
        let mut stored = data.to_vec();
        self.code.encode(words.start, &mut stored);
        let count = self.mapping.write(&self.layout, words.start, &stored)?;
        let broken = self.word_after(words, count);
        match self.write_all(words.start + count as u64, &stored[count..broken.end]) {
            Err(error) if broken.start == 0 => Err(error),
            Err(_) => Ok(broken.start),
            Ok(()) => Ok(broken.end),
        }
    }

    /// The word of which some of the first `count` bytes of `words` are a part, but not all. At
    /// `count` and empty if there is none. Counts from the start of `words`.
    fn word_after(&self, words: &Range<u64>, count: usize) -> Range<usize> {
        let end = words.start + count as u64;
        let word = match end < words.end {
            true => self.code.word_at(end),
            false => end..end,
        };
        match word.start < end {
            true => (word.start - words.start) as usize..(word.end - words.start) as usize,
            false => count..count,
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
        Ok(done)
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
            self.read_words(part, out)
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
            self.write_words(part, data)
        })
    }

    fn fill(&self, range: Range<u64>) -> Result<(), AccessError> {
        let [head, whole, tail] = self.split(&range);
        let written = match self.code.keeps_zeros() {
            true => {
                self.mapping.fill(&self.layout, whole)?;
                [head, tail]
            }
            false => [head, whole.start..tail.end],
        };
        let zeros = [0; FILL];
        for part in written {
            let mut at = part.start;
            while at < part.end {
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

#[cfg(test)]
mod tests;
