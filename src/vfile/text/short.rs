//! A short text, such as one number, on the stack.

/// Size of the buffer in bytes. The longest value, a complex number of two doubles, is
/// shorter.
const CAPACITY: usize = 64;

/// A text of at most [`CAPACITY`] bytes.
pub(super) struct ShortText {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl ShortText {
    pub(super) fn new() -> ShortText {
        ShortText {
            bytes: [0; CAPACITY],
            len: 0,
        }
    }

    /// Appends `text`, truncated to the free space.
    pub(super) fn push(&mut self, text: &str) {
        let kept = text.len().min(CAPACITY - self.len);
        self.bytes[self.len..self.len + kept].copy_from_slice(&text.as_bytes()[..kept]);
        self.len += kept;
    }

    /// Appends an integer, padded with leading zeros to `width` bytes including a
    /// minus sign: `{:0width$}`.
    pub(super) fn push_integer(&mut self, number: i64, width: usize) {
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(number.unsigned_abs());
        let sign = usize::from(number < 0);
        if number < 0 {
            self.push("-");
        }
        for _ in digits.len() + sign..width {
            self.push("0");
        }
        self.push(digits);
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    #[cfg(test)]
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap()
    }
}
