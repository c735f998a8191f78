//! Thrift's compact protocol, as far as the metadata of Parquet files needs it. A number has as
//! many bytes as its value needs, or is padded to a length, as the protocol allows.

/// The types of values, by their numbers in the protocol.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wire {
    False = 2,
    I32 = 5,
    I64 = 6,
    Binary = 8,
    List = 9,
    Struct = 12,
}

/// Writes structs.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    /// The number of the last field of each open struct, from the outermost.
    fields: Vec<u8>,
}

impl Writer {
    /// Begins a struct that is no field of another.
    pub(super) fn begin(&mut self) {
        self.fields.push(0);
    }

    /// Begins a struct that is field `number`.
    pub(super) fn begin_field(&mut self, number: u8) {
        self.field(number, Wire::Struct);
        self.begin();
    }

    /// Ends the innermost struct.
    pub(super) fn end(&mut self) {
        self.bytes.push(0);
        self.fields.pop();
    }

    /// Begins field `number`, whose number is at most 15 above that of the last one.
    pub(super) fn field(&mut self, number: u8, wire: Wire) {
        let last = self
            .fields
            .last_mut()
            .map(|last| std::mem::replace(last, number));
        let step = number - last.unwrap_or(0);
        self.bytes.push(step << 4 | wire as u8);
    }

    pub(super) fn i32(&mut self, number: u8, value: u64) {
        self.field(number, Wire::I32);
        self.varint(zigzag(value), 0);
    }

    pub(super) fn i64(&mut self, number: u8, value: u64) {
        self.padded(number, Wire::I64, value, 0);
    }

    /// A number of at least `len` bytes.
    pub(super) fn padded(&mut self, number: u8, wire: Wire, value: u64, len: usize) {
        self.field(number, wire);
        self.varint(zigzag(value), len);
    }

    pub(super) fn binary(&mut self, number: u8, value: &[u8]) {
        self.field(number, Wire::Binary);
        self.item(value);
    }

    /// Begins field `number`, a list of `len` items.
    pub(super) fn list(&mut self, number: u8, wire: Wire, len: u64) {
        self.field(number, Wire::List);
        self.list_header(wire, len);
    }

    /// Begins a list of `len` items.
    pub(super) fn list_header(&mut self, wire: Wire, len: u64) {
        match len {
            0..15 => self.bytes.push((len as u8) << 4 | wire as u8),
            _ => {
                self.bytes.push(0xf0 | wire as u8);
                self.varint(len, 0);
            }
        }
    }

    /// A binary in a list.
    pub(super) fn item(&mut self, value: &[u8]) {
        self.varint(value.len() as u64, 0);
        self.bytes.extend(value);
    }

    /// A number of 7 bits a byte, of at least `len` bytes.
    fn varint(&mut self, mut value: u64, len: usize) {
        let end = self.bytes.len() + len;
        while value >= 0x80 || self.bytes.len() + 1 < end {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// The form in which a number is written that is not negative, and below 2^63.
fn zigzag(value: u64) -> u64 {
    value << 1
}

/// The bytes of a number up to `value`.
pub(super) fn padded_len(value: u64) -> usize {
    let bits = u64::BITS - zigzag(value).leading_zeros();
    bits.div_ceil(7).max(1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_changes_the_length_of_a_number_only() {
        for (value, len, expected) in [
            (0, 0, &[0][..]),
            (0, 3, &[0x80, 0x80, 0]),
            (63, 1, &[126]),
            (64, 1, &[0x80, 1]),
            (64, 4, &[0x80, 0x81, 0x80, 0]),
            (
                i64::MAX as u64,
                10,
                &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            ),
        ] {
            let mut writer = Writer::default();
            writer.begin();
            writer.padded(1, Wire::I64, value, len);
            assert_eq!(writer.bytes[1..], *expected, "{value} in {len}");
            assert!(padded_len(value) <= expected.len());
        }
    }
}
