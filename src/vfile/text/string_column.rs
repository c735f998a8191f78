//! Columns of dtypes `S`, `U` and `V`: text of any length, quoted as in RFC 4180.
//! A value is read twice, in pieces of bounded size. The first pass finds its length
//! and whether it needs quotes; the second pass writes it.

use super::window::WINDOW;
use super::{RowWriter, SEPARATOR};
use crate::dtype::{ByteOrder, DType, Kind};
use crate::mapping::AccessError;

/// The rendering of values of one string dtype.
#[derive(Debug, Clone)]
pub(super) struct StringColumn {
    format: StringFormat,
    /// Item size in bytes.
    size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum StringFormat {
    /// `S`: bytes, written unchanged.
    Bytes,
    /// `U`: code points of 4 bytes in this byte order, written in UTF-8.
    Str(ByteOrder),
    /// `V`: bytes, written as two hexadecimal digits each.
    Void,
}

/// Whether a value that contains this byte needs quotes.
fn needs_quotes(byte: u8) -> bool {
    matches!(byte, SEPARATOR | b'"' | b'\r' | b'\n')
}

/// The name with quotes doubled, and whether it needs quotes around it.
pub(super) fn escape(name: &str) -> (String, bool) {
    (name.replace('"', "\"\""), name.bytes().any(needs_quotes))
}

impl StringColumn {
    /// The column of this dtype. `None` unless it is `S`, `U` or `V`.
    pub(super) fn of(dtype: &DType) -> Option<StringColumn> {
        let format = match dtype.kind() {
            Kind::Bytes => StringFormat::Bytes,
            Kind::Str => StringFormat::Str(dtype.byte_order()),
            Kind::Void => StringFormat::Void,
            _ => return None,
        };
        Some(StringColumn {
            format,
            size: dtype.itemsize(),
        })
    }

    /// Item size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The maximum width of a value in bytes of text. A code point takes at most 4
    /// bytes, as in the item; a doubled quote takes 2.
    pub(super) fn width(&self) -> u64 {
        match self.format {
            StringFormat::Bytes => 2 * self.size + 2,
            StringFormat::Str(_) => self.size + 2,
            StringFormat::Void => 2 * self.size,
        }
    }

    /// Writes the value at byte `at` of the view.
    ///
    /// # Errors
    ///
    /// When its bytes cannot be fetched.
    pub(super) fn write<F>(&self, at: u64, writer: &mut RowWriter<'_, F>) -> Result<(), AccessError>
    where
        F: FnMut(u64, &mut [u8]) -> Result<usize, AccessError>,
    {
        let (end, quoted) = self.measure(at, writer)?;
        if quoted {
            writer.out.push(b"\"");
        }
        for (start, len) in pieces(at, end) {
            if writer.out.is_full() {
                break;
            }
            let bytes = writer.window.bytes(start, len)?;
            self.each_character(bytes, |character| {
                writer.out.push(character);
                if character == b"\"" {
                    writer.out.push(character);
                }
            });
        }
        if quoted {
            writer.out.push(b"\"");
        }
        Ok(())
    }

    /// The length of the value in bytes of the view, without trailing zeros, and
    /// whether it needs quotes.
    fn measure<F>(&self, at: u64, writer: &mut RowWriter<'_, F>) -> Result<(u64, bool), AccessError>
    where
        F: FnMut(u64, &mut [u8]) -> Result<usize, AccessError>,
    {
        if self.format == StringFormat::Void {
            return Ok((self.size, false));
        }
        let (mut end, mut quoted) = (0, false);
        for (start, len) in pieces(at, self.size) {
            let bytes = writer.window.bytes(start, len)?;
            if let Some(last) = bytes.iter().rposition(|&byte| byte != 0) {
                end = start - at + last as u64 + 1;
            }
            match self.format {
                StringFormat::Bytes => quoted |= bytes.iter().copied().any(needs_quotes),
                _ => self.each_character(bytes, |character| quoted |= needs_quotes(character[0])),
            }
        }
        if self.format != StringFormat::Bytes {
            end = end.next_multiple_of(4);
        }
        Ok((end, quoted))
    }

    /// Calls `act` with the text of each character of `bytes`.
    fn each_character(&self, bytes: &[u8], mut act: impl FnMut(&[u8])) {
        match self.format {
            StringFormat::Bytes => bytes.chunks(1).for_each(act),
            StringFormat::Str(order) => {
                for unit in bytes.as_chunks().0 {
                    let point = match order {
                        ByteOrder::Big => u32::from_be_bytes(*unit),
                        _ => u32::from_le_bytes(*unit),
                    };
                    let character = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
                    act(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            StringFormat::Void => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                for byte in bytes {
                    act(&[byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
                }
            }
        }
    }
}

/// Splits `len` bytes from `at` into pieces of at most [`WINDOW`] bytes. Each is an
/// offset and a length.
fn pieces(at: u64, len: u64) -> impl Iterator<Item = (u64, usize)> {
    let starts = (0..len).step_by(WINDOW);
    starts.map(move |start| (at + start, (len - start).min(WINDOW as u64) as usize))
}

#[cfg(test)]
mod tests {
    use super::super::CsvForm;
    use super::super::tests::whole;

    fn utf32(text: &str, length: usize) -> Vec<u8> {
        let mut units: Vec<u32> = text.chars().map(u32::from).collect();
        units.resize(length, 0);
        units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
    }

    fn value(dtype: &str, data: &[u8]) -> Vec<u8> {
        let text = whole(dtype, &[], CsvForm::Unpadded, data);
        let end = text.iter().rposition(|byte| !b" \n".contains(byte));
        let (comma, value) = text[..=end.unwrap()].split_last().unwrap();
        assert_eq!(*comma, b',');
        value.to_vec()
    }

    #[test]
    fn bytes_are_written_unchanged_without_trailing_zeros() {
        for (data, expected) in [
            (&b"abc\0\0"[..], &b"abc"[..]),
            (b"\0\0\0\0\0", b""),
            (b"a\0b\0\0", b"a\0b"),
            (b"  a  ", b"  a  "),
            (b"\xff\xfe\xc3\x28\0", b"\xff\xfe\xc3\x28"),
            (b"a,b\0\0", b"\"a,b\""),
            (b"a\nb\0\0", b"\"a\nb\""),
            (b"\r\0\0\0\0", b"\"\r\""),
            (b"\"\"\"\"\"", b"\"\"\"\"\"\"\"\"\"\"\"\""),
        ] {
            assert_eq!(value("S5", data), expected, "{data:?}");
        }
    }

    #[test]
    fn characters_are_written_in_utf8() {
        for (text, expected) in [
            ("naïve", "naïve"),
            ("\u{10ffff}😀", "\u{10ffff}😀"),
            ("a\"é", "\"a\"\"é\""),
            ("a\0b", "a\0b"),
            // The low byte of this code point equals a comma.
            ("\u{ac}\u{2c00}", "\u{ac}\u{2c00}"),
        ] {
            assert_eq!(value("<U5", &utf32(text, 5)), expected.as_bytes());
        }
        let broken = [0xd800_u32, 0x0011_0000, 0xffff_ffff].map(u32::to_be_bytes);
        let expected = "\u{fffd}\u{fffd}\u{fffd}".as_bytes();
        assert_eq!(value(">U3", broken.as_flattened()), expected);
    }

    #[test]
    fn void_is_written_in_hexadecimal_with_trailing_zeros() {
        assert_eq!(value("V4", &[0, 0xab, 0x2c, 0]), b"00ab2c00");
    }

    #[test]
    fn values_larger_than_the_window_are_read_in_pieces() {
        let mut data = vec![b'x'; 200_000];
        data[199_990..].fill(0);
        data[150_000] = b'"';
        let mut expected = data[..199_990].to_vec();
        expected.insert(150_000, b'"');
        expected.insert(0, b'"');
        expected.push(b'"');
        assert_eq!(value("S200000", &data), expected);
        let text = "é".repeat(50_000) + "😀";
        assert_eq!(value("<U60000", &utf32(&text, 60_000)), text.as_bytes());
    }
}
