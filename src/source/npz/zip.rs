//! The entries of a ZIP archive, ZIP64 included, as Python's `zipfile` finds them: by the record
//! at the end of the file, which locates the directory. What the entries hold is left to the
//! caller (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>).

use crate::source::{Cursor, Endian, FormatError, Input};

/// The most bytes of a directory that are read. An entry of an `.npz` file has about 60.
const MAX_DIRECTORY: u64 = 64 << 20;

/// The bytes before the comment of the record at the end.
const END_RECORD: usize = 22;

/// The most bytes of the comment after it.
const MAX_COMMENT: usize = 0xffff;

/// The bytes of the ZIP64 record at the end, and of its locator, which follows it.
const END_RECORD_64: u64 = 56;
const LOCATOR_64: u64 = 20;

/// The value of a field of 4 bytes that is in the ZIP64 extra field instead.
const IN_EXTRA: u64 = 0xffff_ffff;

/// The tag of the ZIP64 extra field.
const EXTRA_64: u16 = 1;

/// A file in the archive.
#[derive(Debug)]
pub(super) struct Entry {
    /// The name as stored. Its encoding is often not stated.
    pub(super) name: Vec<u8>,
    flags: u16,
    /// The compression method; 0 if stored.
    pub(super) method: u16,
    /// The size in the archive, in bytes.
    pub(super) stored_size: u64,
    /// The size of the file, in bytes.
    pub(super) size: u64,
    /// The file offset of the local header.
    header_at: u64,
}

impl Entry {
    /// Whether the bytes are encrypted, or are a patch of another file.
    pub(super) fn is_encoded(&self) -> bool {
        // Bits 0 and 6 are encryption, bit 5 is patch data.
        self.flags & 0b0110_0001 != 0
    }

    /// Whether this is a directory.
    pub(super) fn is_directory(&self) -> bool {
        self.name.ends_with(b"/")
    }

    /// The file offset of the first byte. Only the local header tells it: its extra field can
    /// have another length than that in the directory.
    ///
    /// # Errors
    ///
    /// When there is no local header of this name.
    pub(super) fn data_at(&self, input: &Input) -> Result<u64, FormatError> {
        let mut local = input.cursor(self.header_at, Endian::Little);
        if local.array()? != *b"PK\x03\x04" {
            let at = self.header_at;
            return Err(FormatError::invalid(format!(
                "no local header at byte {at}"
            )));
        }
        local.skip(22)?;
        let [name_size, extra_size] = [local.u16()?, local.u16()?];
        if local.bytes(name_size.into())? != self.name {
            return Err(FormatError::invalid("its local header has another name"));
        }
        local.skip(extra_size.into())?;
        Ok(local.position())
    }
}

/// The entries of an archive, in the order of its directory.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    cursor: Cursor<'a>,
    /// Where the directory begins and ends.
    start: u64,
    end: u64,
    /// Where it begins by the archive. It is less than `start` if bytes were put before the
    /// archive.
    stated_start: u64,
}

impl Entries<'_> {
    /// Finds the directory.
    ///
    /// # Errors
    ///
    /// When there is none, or it does not lie within the file.
    pub(super) fn of(input: &Input) -> Result<Entries<'_>, FormatError> {
        let record = end_record(input)?;
        let mut cursor = input.cursor(record + 12, Endian::Little);
        let mut size = u64::from(cursor.u32()?);
        let mut stated_start = u64::from(cursor.u32()?);
        let mut end = record;
        if let Some(record) = end_record_64(&mut cursor, record)? {
            cursor.seek(record + 40);
            (size, stated_start, end) = (cursor.u64()?, cursor.u64()?, record);
        }
        let start = end.checked_sub(size).ok_or_else(|| {
            FormatError::invalid(format!("a directory of {size} bytes before byte {end}"))
        })?;
        if size > MAX_DIRECTORY {
            return Err(FormatError::invalid(format!(
                "a directory of {size} bytes: the maximum is {MAX_DIRECTORY}"
            )));
        }
        cursor.seek(start);
        Ok(Entries {
            cursor,
            start,
            end,
            stated_start,
        })
    }

    /// Reads the next entry.
    fn entry(&mut self) -> Result<Entry, FormatError> {
        let (at, cursor) = (self.cursor.position(), &mut self.cursor);
        if cursor.array()? != *b"PK\x01\x02" {
            return Err(FormatError::invalid(format!(
                "no entry of the directory at byte {at}"
            )));
        }
        cursor.skip(4)?;
        let [flags, method] = [cursor.u16()?, cursor.u16()?];
        cursor.skip(8)?;
        let [stored_size, size] = [cursor.u32()?, cursor.u32()?].map(u64::from);
        let [name_size, extra_size, comment_size] = [cursor.u16()?, cursor.u16()?, cursor.u16()?];
        cursor.skip(8)?;
        let stated_at = u64::from(cursor.u32()?);
        let mut entry = Entry {
            name: cursor.bytes(name_size.into())?,
            flags,
            method,
            stored_size,
            size,
            header_at: stated_at,
        };
        read_extra(cursor, extra_size, &mut entry)?;
        cursor.skip(comment_size.into())?;
        let header_at = entry.header_at.checked_add(self.start);
        let header_at = header_at.and_then(|at| at.checked_sub(self.stated_start));
        entry.header_at = header_at.ok_or_else(|| {
            FormatError::invalid(format!("the entry at byte {at} has its data nowhere"))
        })?;
        Ok(entry)
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let is_within = self.cursor.position() < self.end;
        let entry = is_within.then(|| self.entry());
        if matches!(entry, Some(Err(_))) {
            self.end = 0;
        }
        entry
    }
}

/// The file offset of the record at the end of the archive.
fn end_record(input: &Input) -> Result<u64, FormatError> {
    let most = END_RECORD + MAX_COMMENT;
    let tail_at = input.size().saturating_sub(most as u64);
    let tail = input.up_to(tail_at, most)?;
    let found = tail
        .windows(END_RECORD)
        .rposition(|record| record.starts_with(b"PK\x05\x06"));
    match found {
        Some(at) => Ok(tail_at + at as u64),
        None => Err(FormatError::Invalid {
            message: "no end of the zip archive".into(),
            remedy: Some("the file is incomplete, as after an interrupted download"),
        }),
    }
}

/// The file offset of the ZIP64 record, if one precedes the record at `end`.
fn end_record_64(cursor: &mut Cursor, end: u64) -> Result<Option<u64>, FormatError> {
    let Some(record) = end.checked_sub(LOCATOR_64 + END_RECORD_64) else {
        return Ok(None);
    };
    cursor.seek(record + END_RECORD_64);
    let has_locator = cursor.array()? == *b"PK\x06\x07";
    cursor.seek(record);
    let has_record = cursor.array()? == *b"PK\x06\x06";
    Ok((has_locator && has_record).then_some(record))
}

/// Reads the extra fields, `size` bytes: one can hold the numbers that need more than 4 bytes.
fn read_extra(cursor: &mut Cursor, size: u16, entry: &mut Entry) -> Result<(), FormatError> {
    let invalid = |what| FormatError::invalid(format!("an extra field of an entry: {what}"));
    let end = cursor.position().saturating_add(size.into());
    while cursor.position().saturating_add(4) <= end {
        let [tag, length] = [cursor.u16()?, cursor.u16()?];
        let end_of_field = cursor.position().saturating_add(length.into());
        if end_of_field > end {
            return Err(invalid("it ends after the entry"));
        }
        let numbers = [
            &mut entry.size,
            &mut entry.stored_size,
            &mut entry.header_at,
        ];
        for number in numbers.into_iter().filter(|number| **number == IN_EXTRA) {
            if tag == EXTRA_64 && cursor.position().saturating_add(8) <= end_of_field {
                *number = cursor.u64()?;
            } else if tag == EXTRA_64 {
                return Err(invalid("it lacks a number of ZIP64"));
            }
        }
        cursor.seek(end_of_field);
    }
    cursor.seek(end);
    Ok(())
}
