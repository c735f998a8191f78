//! A writer that keeps one byte range of a text. The caller writes the whole text in
//! order; it can skip text of known length before the range. Rendering is left to the
//! caller.

/// Collects a byte range of a text.
pub(super) struct RangeWriter<'a> {
    /// Start of the range, in bytes of the text.
    at: u64,
    /// Bytes of text still to come before the range.
    skip: u64,
    out: &'a mut [u8],
    done: usize,
}

impl<'a> RangeWriter<'a> {
    /// A writer for the range of `out.len()` bytes from byte `at`.
    pub(super) fn new(at: u64, out: &'a mut [u8]) -> RangeWriter<'a> {
        RangeWriter {
            at,
            skip: at,
            out,
            done: 0,
        }
    }

    /// The number of bytes of the range written so far.
    pub(super) fn done(&self) -> usize {
        self.done
    }

    /// Whether the range is complete, so that further text is discarded.
    pub(super) fn is_full(&self) -> bool {
        self.done == self.out.len()
    }

    /// The length in bytes of the text so far. Not valid once the range is complete.
    pub(super) fn position(&self) -> u64 {
        self.at - self.skip + self.done as u64
    }

    /// Bytes of text still to come before the range.
    pub(super) fn skip(&self) -> u64 {
        self.skip
    }

    /// Skips `bytes` bytes of text, at most [`skip`](RangeWriter::skip).
    pub(super) fn skip_bytes(&mut self, bytes: u64) {
        self.skip -= bytes;
    }

    /// Skips those of the next `count` pieces of `width` bytes that lie entirely
    /// before the range. Returns their number. `width` must not be 0.
    pub(super) fn skip_pieces(&mut self, width: u64, count: u64) -> u64 {
        let skipped = (self.skip / width).min(count);
        self.skip -= skipped * width;
        skipped
    }

    /// Appends `text`.
    pub(super) fn push(&mut self, text: &[u8]) {
        let skipped = self.skip.min(text.len() as u64);
        self.skip -= skipped;
        let text = &text[skipped as usize..];
        let kept = text.len().min(self.out.len() - self.done);
        self.out[self.done..self.done + kept].copy_from_slice(&text[..kept]);
        self.done += kept;
    }

    /// Appends `count` blanks.
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
        let passed = writer.skip_pieces(2, 3);
        for piece in passed..3 {
            writer.push(&[b'0' + piece as u8, b';']);
        }
        writer.push(b"z");
    }

    #[test]
    fn every_range_equals_that_of_the_whole_text() {
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
    fn the_position_includes_skipped_text() {
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
