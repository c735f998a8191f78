//! The bytes of a TIFF file around its data: the signature and the first page's directory before
//! them, the directories of the other pages after them. Those are computed by range, since there
//! can be millions. What the tags say is left to `encoding::tiff`.
//!
//! ```text
//! signature | directory of page 0 | values | zeros | data | zeros | directories of pages 1 ...
//! ```
//!
//! - Values are those that do not fit an entry of a directory. All pages share them.
//! - Readers that take the first directory and the data behind it for a whole stack, tifffile
//!   and ImageJ among them, need no other directory. So these are not between the two.

use std::ops::Range;

use super::content::Content;
use crate::mapping::AccessError;

/// The tag of a page's position in the file.
const STRIP_OFFSETS: u16 = 273;

/// The tag of the description, which only the first page has.
const IMAGE_DESCRIPTION: u16 = 270;

/// The position of the data is a multiple of this, and that of the second directory.
const ALIGNMENT: u64 = 16;

/// The length of each directory after the first is a multiple of this, as BigTIFF has it.
const DIRECTORY_ALIGNMENT: usize = 8;

/// The most bytes of a write that are compared at once.
const COMPARED: usize = 4096;

/// The variant of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// With positions of 4 bytes.
    Classic,
    /// BigTIFF, with positions of 8 bytes.
    Big,
}

impl Variant {
    /// The size of a position, and of the number of values in an entry, in bytes.
    fn word(self) -> usize {
        match self {
            Variant::Classic => 4,
            Variant::Big => 8,
        }
    }

    /// The size of the number of entries of a directory, in bytes.
    fn count(self) -> usize {
        match self {
            Variant::Classic => 2,
            Variant::Big => 8,
        }
    }

    /// The size of an entry of a directory, in bytes: tag, type, number of values, values.
    fn entry(self) -> usize {
        4 + 2 * self.word()
    }

    /// The size of a directory of `entries` entries, in bytes.
    fn directory(self, entries: usize) -> usize {
        self.count() + entries * self.entry() + self.word()
    }
}

/// How numbers are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    pub(super) variant: Variant,
    /// Whether the most significant byte comes first.
    pub(super) is_big_endian: bool,
}

impl Numbers {
    /// Writes `value` over `out`, at most 8 bytes, which can hold it.
    fn put(self, value: u64, out: &mut [u8]) {
        let size = out.len();
        match self.is_big_endian {
            true => out.copy_from_slice(&value.to_be_bytes()[8 - size..]),
            false => out.copy_from_slice(&value.to_le_bytes()[..size]),
        }
    }

    /// `value` in `size` bytes, which can hold it.
    fn bytes(self, value: u64, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        self.put(value, &mut bytes);
        bytes
    }

    /// A position in the file, or a number of bytes.
    fn word(self, value: u64) -> Vec<u8> {
        self.bytes(value, self.variant.word())
    }

    /// The signature of the file, which ends with the position of the first directory: the next
    /// byte.
    fn signature(self) -> Vec<u8> {
        let mark = if self.is_big_endian { *b"MM" } else { *b"II" };
        let fields: &[u64] = match self.variant {
            Variant::Classic => &[42],
            Variant::Big => &[43, 8, 0],
        };
        let fields = fields.iter().flat_map(|&field| self.bytes(field, 2));
        let mut signature: Vec<u8> = mark.into_iter().chain(fields).collect();
        let first = signature.len() + self.variant.word();
        signature.extend(self.word(first as u64));
        signature
    }

    /// The bytes of a directory that ends with the position `next` of the next one.
    fn directory(self, tags: &[Tag], next: u64) -> Vec<u8> {
        let mut bytes = self.bytes(tags.len() as u64, self.variant.count());
        for tag in tags {
            bytes.extend(self.bytes(tag.number.into(), 2));
            bytes.extend(self.bytes(tag.code.into(), 2));
            bytes.extend(self.word(tag.count));
            let end = bytes.len() + self.variant.word();
            bytes.extend(&tag.value);
            bytes.resize(end, 0);
        }
        bytes.extend(self.word(next));
        bytes
    }
}

/// A tag of a page with its values.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    number: u16,
    /// The code of the type of the values.
    code: u16,
    /// The number of values.
    count: u64,
    /// The bytes of the values; of values that do not fit an entry, their position.
    value: Vec<u8>,
}

impl Tag {
    /// A text of ASCII characters.
    pub(super) fn ascii(number: u16, text: &str) -> Tag {
        let value = [text.as_bytes(), b"\0"].concat();
        let (code, count) = (2, value.len() as u64);
        Tag {
            number,
            code,
            count,
            value,
        }
    }

    /// `count` times the same number of 16 bits.
    pub(super) fn short(numbers: Numbers, number: u16, value: u16, count: u16) -> Tag {
        Tag {
            number,
            code: 3,
            count: count.into(),
            value: numbers.bytes(value.into(), 2).repeat(count.into()),
        }
    }

    /// A number of 32 bits.
    pub(super) fn long(numbers: Numbers, number: u16, value: u32) -> Tag {
        Tag {
            number,
            code: 4,
            count: 1,
            value: numbers.bytes(value.into(), 4),
        }
    }

    /// A number of bytes.
    pub(super) fn size(numbers: Numbers, number: u16, value: u64) -> Tag {
        Tag {
            number,
            code: match numbers.variant {
                Variant::Classic => 4,
                Variant::Big => 16,
            },
            count: 1,
            value: numbers.word(value),
        }
    }

    /// The position of the page, which [`Frame::new`] fills in.
    pub(super) fn position(numbers: Numbers) -> Tag {
        Tag::size(numbers, STRIP_OFFSETS, 0)
    }

    /// A text that only the first page has.
    pub(super) fn description(text: &str) -> Tag {
        Tag::ascii(IMAGE_DESCRIPTION, text)
    }
}

/// What surrounds the data of a file.
#[derive(Debug)]
pub(super) struct Frame {
    /// The bytes before the data.
    pub(super) header: Vec<u8>,
    /// What follows the data.
    pub(super) directories: PageDirectories,
    /// The size of the file, data included.
    pub(super) len: u64,
}

impl Frame {
    /// The frame of `pages` pages of `page_len` bytes each, whose first page has the tags `tags`.
    /// They are in the order of their numbers, the [position](Tag::position) among them. `None`
    /// if the file exceeds what the variant can hold.
    pub(super) fn new(
        numbers: Numbers,
        mut tags: Vec<Tag>,
        pages: u64,
        page_len: u64,
    ) -> Option<Frame> {
        let variant = numbers.variant;
        let mut header = numbers.signature();
        let directory_at = header.len();
        let values_at = directory_at + variant.directory(tags.len());
        let values = place_values(numbers, &mut tags, values_at);
        let data = ((values_at + values.len()) as u64).next_multiple_of(ALIGNMENT);
        let data_end = pages.checked_mul(page_len)?.checked_add(data)?;
        let others = data_end.checked_next_multiple_of(ALIGNMENT)?;

        let strip = tags.iter().position(|tag| tag.number == STRIP_OFFSETS)?;
        tags[strip].value = numbers.word(data);
        let next = if pages > 1 { others } else { 0 };
        header.extend(numbers.directory(&tags, next));
        header.extend(values);
        header.resize(data as usize, 0);

        tags.retain(|tag| tag.number != IMAGE_DESCRIPTION);
        let strip = tags.iter().position(|tag| tag.number == STRIP_OFFSETS)?;
        let next_field = variant.directory(tags.len()) - variant.word();
        let mut template = numbers.directory(&tags, 0);
        template.resize(template.len().next_multiple_of(DIRECTORY_ALIGNMENT), 0);
        let gap = if pages > 1 { others - data_end } else { 0 };
        let directories_len = (pages - 1).checked_mul(template.len() as u64)?;
        let directories = PageDirectories {
            len: directories_len.checked_add(gap)?,
            strip_field: variant.count() + strip * variant.entry() + 4 + variant.word(),
            next_field,
            numbers,
            gap,
            start: others,
            count: pages - 1,
            first_page: data + page_len,
            page_len,
            template: template.into(),
        };
        let len = directories.len.checked_add(data_end)?;
        let largest = match variant {
            Variant::Classic => u64::from(u32::MAX),
            Variant::Big => i64::MAX as u64,
        };
        (len <= largest).then_some(Frame {
            header,
            directories,
            len,
        })
    }
}

/// Moves the values that do not fit an entry out of the tags. Returns these values, which are at
/// byte `at` of the file.
fn place_values(numbers: Numbers, tags: &mut [Tag], at: usize) -> Vec<u8> {
    let mut values = Vec::new();
    for tag in tags {
        if tag.value.len() > numbers.variant.word() {
            let position = numbers.word((at + values.len()) as u64);
            values.append(&mut tag.value);
            values.resize(values.len().next_multiple_of(2), 0);
            tag.value = position;
        }
    }
    values
}

/// The directories of all pages but the first, with the zeros before them.
#[derive(Debug)]
pub(super) struct PageDirectories {
    /// The size in bytes.
    len: u64,
    numbers: Numbers,
    /// The number of zeros before the first directory.
    gap: u64,
    /// The position of the first directory in the file.
    start: u64,
    /// The number of directories.
    count: u64,
    /// The position of the first directory's page in the file.
    first_page: u64,
    page_len: u64,
    /// A directory without the two positions that differ.
    template: Box<[u8]>,
    /// Where in a directory the position of the page is.
    strip_field: usize,
    /// Where in a directory the position of the next directory is.
    next_field: usize,
}

impl PageDirectories {
    /// Makes `directory` the one of number `index`.
    fn fill(&self, directory: &mut [u8], index: u64) {
        let next = match index + 1 < self.count {
            true => self.start + (index + 1) * self.template.len() as u64,
            false => 0,
        };
        let page = self.first_page + index * self.page_len;
        let word = self.numbers.variant.word();
        self.numbers
            .put(page, &mut directory[self.strip_field..][..word]);
        self.numbers
            .put(next, &mut directory[self.next_field..][..word]);
    }

    /// Computes the bytes from byte `at`.
    fn compute(&self, at: u64, out: &mut [u8]) {
        let zeros = self.gap.saturating_sub(at).min(out.len() as u64) as usize;
        let (zeros, mut rest) = out.split_at_mut(zeros);
        zeros.fill(0);
        let len = self.template.len();
        let from = at.saturating_sub(self.gap);
        let (mut index, mut from) = (from / len as u64, (from % len as u64) as usize);
        let mut directory = self.template.clone();
        while !rest.is_empty() {
            self.fill(&mut directory, index);
            let count = rest.len().min(len - from);
            rest[..count].copy_from_slice(&directory[from..from + count]);
            rest = &mut rest[count..];
            (index, from) = (index + 1, 0);
        }
    }
}

impl Content for PageDirectories {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        self.compute(at, out);
        Ok(out.len())
    }

    fn accepts(&self, at: u64, data: &[u8]) -> bool {
        let mut expected = [0; COMPARED];
        let mut pieces = (at..).step_by(COMPARED).zip(data.chunks(COMPARED));
        pieces.all(|(at, piece)| {
            let expected = &mut expected[..piece.len()];
            self.compute(at, expected);
            expected == piece
        })
    }

    fn is_fixed(&self) -> bool {
        true
    }

    fn covering_range(&self, _range: Range<u64>) -> Range<u64> {
        0..0
    }

    fn range_showing(&self, _backing: &Range<u64>) -> Range<u64> {
        0..0
    }

    fn boundary(&self, at: u64, _word: u64) -> u64 {
        // Only equal bytes are accepted, so they can be split anywhere.
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(variant: Variant, pages: u64, page_len: u64) -> Option<Frame> {
        let numbers = Numbers {
            variant,
            is_big_endian: true,
        };
        let tags = vec![
            Tag::description("five"),
            Tag::position(numbers),
            Tag::short(numbers, 339, 3, 5),
        ];
        Frame::new(numbers, tags, pages, page_len)
    }

    #[test]
    fn any_range_of_the_directories_equals_that_part_of_the_whole() {
        for variant in [Variant::Classic, Variant::Big] {
            let directories = frame(variant, 5, 3).unwrap().directories;
            let mut whole = vec![0; directories.len() as usize];
            directories.read(0, &mut whole).unwrap();
            for start in 0..whole.len() {
                for end in start..whole.len() {
                    let mut part = vec![0xff; end - start];
                    directories.read(start as u64, &mut part).unwrap();
                    assert_eq!(part, whole[start..end], "{variant:?} {start}..{end}");
                    assert!(directories.accepts(start as u64, &part));
                    if let Some(last) = part.last_mut() {
                        *last ^= 1;
                        assert!(!directories.accepts(start as u64, &part));
                    }
                }
            }
        }
    }

    #[test]
    fn sizes_are_exact_up_to_the_limit_of_the_variant() {
        let others = |variant| frame(variant, 2, 16).unwrap().directories.len();
        for (variant, limit) in [
            (Variant::Classic, u64::from(u32::MAX)),
            (Variant::Big, i64::MAX as u64),
        ] {
            let header = frame(variant, 1, 16).unwrap().header.len() as u64;
            assert_eq!(frame(variant, 1, limit - header).unwrap().len, limit);
            assert!(frame(variant, 1, limit - header + 1).is_none());
            let largest = (limit - header - others(variant)) / 32 * 16;
            let len = frame(variant, 2, largest).unwrap().len;
            assert_eq!(len, header + 2 * largest + others(variant));
            assert!(frame(variant, 2, largest + 16).is_none());
            for (pages, page_len) in [(u64::MAX, 1), (1, u64::MAX), (u64::MAX, u64::MAX)] {
                assert!(frame(variant, pages, page_len).is_none());
            }
        }
    }
}
