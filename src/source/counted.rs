//! The format that ARCHITECTURE.md shows: `COUNTED` and a newline, the number of values in
//! 8 bytes, and as many float64.

use super::format::Reader;
use super::{Contents, Endian, Format, FormatError, Input, Member};
use crate::array::{Order, Shape, View};
use crate::dtype::DType;

/// The counted format.
pub(super) const FORMAT: Format = Format {
    name: "counted",
    title: "counted float64 values",
    suffixes: &[],
    matches: |sample| sample.has(0, b"COUNTED\n"),
    reader: Reader::SelfDescribing(read),
};

/// The array of the file.
///
/// # Errors
///
/// When the file ends within its header, or the values exceed 2^63 bytes.
fn read(input: &Input) -> Result<Contents, FormatError> {
    let mut header = input.cursor(8, Endian::Little);
    let shape = Shape::new(vec![header.u64()?]);
    let offset = header.position();
    let view = View::contiguous(DType::parse("<f8")?, offset, shape, Order::C)?;
    Ok(Contents::array(Member::new("", view, Order::C)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counted_file_is_an_array_behind_its_header() {
        let bytes = [&b"COUNTED\n"[..], &3u64.to_le_bytes(), &[0; 24]].concat();
        let contents = read(&Input::from_bytes("a".as_ref(), bytes)).unwrap();
        let view = &contents.members[0].view;
        assert_eq!((view.offset(), view.shape().lengths()), (16, &[3][..]));
        assert_eq!(FORMAT.name, "counted");
    }

    #[test]
    fn it_is_what_the_architecture_page_shows() {
        let page = include_str!("../../docs/ARCHITECTURE.md");
        let (code, _) = include_str!("counted.rs")
            .split_once("\n#[cfg(test)]")
            .unwrap();
        let (_, code) = code.split_once("\n\n").unwrap();
        assert!(page.contains(code), "{code}");
    }
}
