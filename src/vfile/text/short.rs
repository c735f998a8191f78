//! A text of a few bytes, such as one number, without allocation.

/// More than any number or date takes: a complex number of two doubles.
const CAPACITY: usize = 64;

pub(super) struct Short {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Short {
    pub(super) fn new() -> Short {
        Short {
            bytes: [0; CAPACITY],
            len: 0,
        }
    }

    /// Appends `text`, of which what does not fit is dropped.
    pub(super) fn push(&mut self, text: &str) {
        let kept = text.len().min(CAPACITY - self.len);
        self.bytes[self.len..self.len + kept].copy_from_slice(&text.as_bytes()[..kept]);
        self.len += kept;
    }

    /// Appends a number, with zeros before it up to `width` bytes, which count
    /// a minus sign: `{:0width$}`, as C's `printf` has it too.
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
