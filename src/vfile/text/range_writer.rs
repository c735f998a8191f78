//! The part of a text that is wanted. Whoever writes the text pushes all of it
//! in order, or skips what can be counted without being written; only what
//! falls into the part is kept.

/// Bytes of a text from a place in it on.
pub(super) struct RangeWriter<'a> {
    at: u64,
    /// How many bytes the text still has before the part.
    skip: u64,
    out: &'a mut [u8],
    done: usize,
}

impl<'a> RangeWriter<'a> {
    /// The bytes from `at` on that fit into `out`.
    pub(super) fn new(at: u64, out: &'a mut [u8]) -> RangeWriter<'a> {
        RangeWriter {
            at,
            skip: at,
            out,
            done: 0,
        }
    }

    /// How many bytes of the part are there.
    pub(super) fn done(&self) -> usize {
        self.done
    }

    /// Whether nothing that follows can be kept.
    pub(super) fn is_full(&self) -> bool {
        self.done == self.out.len()
    }

    /// How far the text has come; true until the part is full.
    pub(super) fn position(&self) -> u64 {
        self.at - self.skip + self.done as u64
    }

    /// How many bytes come before the next that would be kept.
    pub(super) fn skip(&self) -> u64 {
        self.skip
    }

    /// Passes over `bytes` bytes, no more than [`skip`](RangeWriter::skip) says.
    pub(super) fn pass(&mut self, bytes: u64) {
        self.skip -= bytes;
    }

    /// Passes over as many of `count` pieces of `width` bytes as lie before the
    /// part, and returns their number. The width is not 0.
    pub(super) fn pass_pieces(&mut self, width: u64, count: u64) -> u64 {
        let passed = (self.skip / width).min(count);
        self.skip -= passed * width;
        passed
    }

    pub(super) fn push(&mut self, text: &[u8]) {
        let skipped = self.skip.min(text.len() as u64);
        self.skip -= skipped;
        let text = &text[skipped as usize..];
        let kept = text.len().min(self.out.len() - self.done);
        self.out[self.done..self.done + kept].copy_from_slice(&text[..kept]);
        self.done += kept;
    }

    pub(super) fn push_blanks(&mut self, count: u64) {
        let skipped = self.skip.min(count);
        self.skip -= skipped;
        let room = self.out.len() - self.done;
        let kept = (count - skipped).min(room as u64) as usize;
        self.out[self.done..self.done + kept].fill(b' ');
        self.done += kept;
    }
}

#[cfg(test)]
mod tests {
    use super::RangeWriter;

    fn write(writer: &mut RangeWriter) {
        writer.push(b"abc");
        writer.push(b"");
        writer.push_blanks(3);
        writer.push_blanks(0);
        let passed = writer.pass_pieces(2, 3);
        for piece in passed..3 {
            writer.push(&[b'0' + piece as u8, b';']);
        }
        writer.push(b"z");
    }

    #[test]
    fn every_part_is_that_of_the_whole() {
        let whole = b"abc   0;1;2;z";
        for at in 0..=whole.len() {
            for end in at..=whole.len() {
                let mut out = vec![b'?'; end - at];
                let mut writer = RangeWriter::new(at as u64, &mut out);
                write(&mut writer);
                assert!(writer.is_full());
                assert_eq!(writer.done(), end - at);
                assert_eq!(out, whole[at..end], "{at}..{end}");
            }
        }
    }

    #[test]
    fn the_position_counts_what_was_skipped() {
        let mut out = [0; 20];
        let mut writer = RangeWriter::new(5, &mut out);
        writer.push(b"abc");
        assert_eq!((writer.position(), writer.skip()), (3, 2));
        writer.push_blanks(3);
        assert_eq!((writer.position(), writer.skip()), (6, 0));
        writer.push(b"abc");
        assert_eq!(writer.position(), 9);
    }
}
