//! Text in headers: fields of a fixed size. What the text means is left to the formats.

/// The text of a field of a fixed size, which zeros or blanks fill up.
pub(super) fn fixed(bytes: &[u8]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_field_ends_at_a_zero_or_before_blanks() {
        assert_eq!(fixed(b"mm\0junk"), "mm");
        assert_eq!(fixed(b" mm   "), " mm");
        assert_eq!(fixed(b"\0\0"), "");
        assert_eq!(fixed(b"\xff\0"), "\u{fffd}");
    }
}
