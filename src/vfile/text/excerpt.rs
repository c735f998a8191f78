//! The part of a text that is wanted. Whoever writes the text pushes all of it
//! in order, or skips what can be counted without being written; only what
//! falls into the part is kept.

/// Bytes of a text from a place in it on.
pub(super) struct Excerpt<'a> {
    at: u64,
    /// How many bytes the text still has before the part.
    skip: u64,
    out: &'a mut [u8],
    done: usize,
}

impl<'a> Excerpt<'a> {
    /// The bytes from `at` on that fit into `out`.
    pub(super) fn new(at: u64, out: &'a mut [u8]) -> Excerpt<'a> {
        Excerpt {
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

    /// Passes over `bytes` bytes, no more than [`skip`](Excerpt::skip) says.
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
    use super::Excerpt;

    fn write(excerpt: &mut Excerpt) {
        excerpt.push(b"abc");
        excerpt.push(b"");
        excerpt.push_blanks(3);
        excerpt.push_blanks(0);
        let passed = excerpt.pass_pieces(2, 3);
        for piece in passed..3 {
            excerpt.push(&[b'0' + piece as u8, b';']);
        }
        excerpt.push(b"z");
    }

    #[test]
    fn every_part_is_that_of_the_whole() {
        let whole = b"abc   0;1;2;z";
        for at in 0..=whole.len() {
            for end in at..=whole.len() {
                let mut out = vec![b'?'; end - at];
                let mut excerpt = Excerpt::new(at as u64, &mut out);
                write(&mut excerpt);
                assert!(excerpt.is_full());
                assert_eq!(excerpt.done(), end - at);
                assert_eq!(out, whole[at..end], "{at}..{end}");
            }
        }
    }

    #[test]
    fn the_position_counts_what_was_skipped() {
        let mut out = [0; 20];
        let mut excerpt = Excerpt::new(5, &mut out);
        excerpt.push(b"abc");
        assert_eq!((excerpt.position(), excerpt.skip()), (3, 2));
        excerpt.push_blanks(3);
        assert_eq!((excerpt.position(), excerpt.skip()), (6, 0));
        excerpt.push(b"abc");
        assert_eq!(excerpt.position(), 9);
    }
}
