//! The FITS format: header and data units (HDUs), each a header of cards and perhaps an image or
//! a table (<https://fits.gsfc.nasa.gov/fits_standard.html>). What the cards say is left to
//! `header`, what the data of an HDU is to `image` and `table`, and its names to `names`.

mod card;
mod header;
mod image;
mod names;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::header::{BLOCK, Header};
use self::names::Names;
use super::format::Reader;
use super::signature::Sample;
use super::{Contents, Details, Format, FormatError, Input, Member, Scale};
use crate::array::{Order, View};

/// The FITS format.
pub(super) const FORMAT: Format = Format {
    name: "fits",
    title: "FITS images and tables",
    suffixes: &[".fits", ".fit", ".fts"],
    matches,
    reader: Reader::SelfDescribing(read),
};

/// The most bytes of all headers together.
const MAX_HEADERS: u64 = 256 << 20;

fn matches(sample: &Sample) -> bool {
    sample.has(0, b"SIMPLE  =")
}

/// The HDUs of the file.
///
/// # Errors
///
/// When the first header is not valid, or the headers are too long altogether.
fn read(input: &Input) -> Result<Contents, FormatError> {
    let mut contents = Contents::group();
    let mut names = Names::default();
    let (mut at, mut number, mut header_bytes) = (0, 0, 0);
    while at < input.size() {
        let header = match Header::read(input, at, number) {
            Ok(header) => header,
            Err(error) if number == 0 => return Err(error),
            Err(error @ FormatError::Read(_)) => return Err(error),
            Err(error) => {
                skip_rest(input, at, number, &error, &mut contents)?;
                break;
            }
        };
        header_bytes += header.end - at;
        if header_bytes > MAX_HEADERS {
            return Err(FormatError::invalid(format!(
                "headers of over {MAX_HEADERS} bytes altogether"
            )));
        }
        at = header.next();
        add(header, number, &mut names, &mut contents)?;
        number += 1;
    }
    if number == 0 {
        return Err(FormatError::invalid("it is empty"));
    }
    if contents.members.is_empty() && contents.skipped.is_empty() {
        contents.skip("PRIMARY", "it has no data", None)?;
    }
    Ok(contents)
}

/// Says that HDU `number`, at byte `at`, and what follows is not shown. Padding is passed over.
fn skip_rest(
    input: &Input,
    at: u64,
    number: usize,
    error: &FormatError,
    contents: &mut Contents,
) -> Result<(), FormatError> {
    let beginning = input.up_to(at, BLOCK as usize)?;
    if beginning.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return Ok(());
    }
    let why = format!("bytes {at} to {}: no valid HDU: {error}", input.size());
    contents.skip(number.to_string(), why, None)
}

/// What an HDU holds.
#[derive(Debug)]
struct Data {
    view: View,
    scale: Option<Scale>,
    /// The scales of columns, by their names in the array.
    column_scales: BTreeMap<String, Scale>,
    /// What the array says besides the keywords: under `scaled_dtype` and `scaled_dtypes` the
    /// dtypes that numbers have after scaling, where only that makes them unsigned.
    attributes: Vec<(&'static str, serde_json::Value)>,
    /// Lines about the columns for the user.
    note: Option<&'static str>,
    /// Columns that are not shown as what they hold, and why.
    skipped: Vec<(String, String)>,
}

/// Adds an HDU to `contents`.
///
/// # Errors
///
/// When the file has too many HDUs.
fn add(
    mut header: Header,
    number: usize,
    names: &mut Names,
    contents: &mut Contents,
) -> Result<(), FormatError> {
    if header.has("CHECKSUM") || header.has("DATASUM") {
        contents.warning = Some(
            "a write makes its CHECKSUM and DATASUM wrong: \
             astropy.io.fits writes new ones with checksum=True",
        );
    }
    let name = names.of(&header, number);
    let found = match unsupported(&header) {
        Some((why, remedy)) => Err((why, Some(remedy))),
        None => data(&header).map_err(|why| (why, None)),
    };
    let is_shown = found.is_ok() && (number > 0 || header.has_data());
    if number == 0 && !is_shown {
        contents.attributes.clone_from(&header.keywords);
        contents.header = Some(header.text.clone().into());
    }
    let data = match found {
        Ok(_) if !is_shown => return Ok(()),
        Ok(data) => data,
        Err((why, remedy)) => return contents.skip(name.main, why, remedy),
    };
    for (column, why) in data.skipped {
        contents.skip(format!("{}/{column}", name.main), why, Some(READ))?;
    }
    for (key, value) in data.attributes {
        header.keywords.insert(key.to_owned(), value);
    }
    let mut member = Member::new(name.main, data.view, Order::C);
    member.aliases = name.aliases;
    member.details = Arc::new(Details {
        attributes: header.keywords,
        scale: data.scale,
        field_scales: data.column_scales,
        note: data.note,
        header: Some(header.text.into()),
    });
    contents.push(member)
}

const READ: &str = "read it with astropy.io.fits";

/// Why the data of an HDU cannot be shown, and what the user can do about it. `None` if it can.
fn unsupported(header: &Header) -> Option<(String, &'static str)> {
    if header.is_true("ZIMAGE") || header.is_true("ZTABLE") {
        let how = header.text_of("ZCMPTYPE").unwrap_or("tile by tile");
        let how = card::short(how);
        let remedy = "unpack the file with funpack, or rewrite it with astropy.io.fits";
        return Some((format!("its data is compressed ({how})"), remedy));
    }
    if header.is_random_groups() {
        return Some(("it holds random groups".into(), READ));
    }
    None
}

/// The data of an HDU, or why it cannot be shown.
fn data(header: &Header) -> Result<Data, String> {
    match header.extension.as_deref() {
        None | Some("IMAGE" | "IUEIMAGE") => image::data(header),
        Some("BINTABLE" | "A3DTABLE") => table::binary(header),
        Some("TABLE") => table::ascii(header),
        Some(other) => Err(format!(
            "extension {:?}, which is neither an image nor a table",
            card::short(other)
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A first HDU with 5 numbers, without padding at the end.
    fn file() -> Vec<u8> {
        let cards = [
            "SIMPLE  =                    T",
            "BITPIX  =                   16",
            "NAXIS   =                    1",
            "NAXIS1  =                    5",
            "END",
        ];
        let mut file = Vec::new();
        for card in cards {
            file.extend(format!("{card:80}").bytes());
        }
        file.resize(BLOCK as usize, b' ');
        file.extend([1; 10]);
        file
    }

    #[test]
    fn a_file_that_ends_at_any_byte_is_refused_or_has_members_that_do_not_fit() {
        let file = file();
        let end_of_cards = 4 * 80 + 3;
        for end in 0..=file.len() {
            let input = Input::from_bytes(Path::new("a.fits"), file[..end].to_vec());
            let result = read(&input);
            if end < end_of_cards {
                assert!(result.is_err(), "{end}");
                continue;
            }
            let mut contents = result.unwrap();
            contents.check(end as u64).unwrap();
            let is_whole = end == file.len();
            let found = (contents.members.len(), contents.skipped.len());
            let expected = if is_whole { (1, 0) } else { (0, 1) };
            assert_eq!(found, expected, "{end}");
        }
    }
}
