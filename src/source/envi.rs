//! The ENVI format of images with many bands: a header of text, and one array in another file
//! (<https://www.nv5geospatialsoftware.com/docs/enviheaderfiles.html>). All interleaves have the
//! shape (lines, samples, bands), as in `spectral`. The data file is found by its name.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::format::Reader;
use super::signature::Sample;
use super::text::{self, quoted};
use super::{Attributes, Contents, Details, Format, FormatError, Input, Member, Scale};
use crate::array::{Order, Shape, View};
use crate::dtype::DType;

/// The ENVI format.
pub(super) const FORMAT: Format = Format {
    name: "envi",
    title: "ENVI",
    suffixes: &[],
    matches,
    reader: Reader::SelfDescribing(read),
};

/// The suffixes of data files, in the order in which `spectral` looks for them. That of the
/// interleave comes after them.
const SUFFIXES: [&str; 7] = ["", ".img", ".dat", ".sli", ".hyspex", ".raw", ".bin"];

/// The fields that say where and what the array is. The others are attributes.
const OF_ARRAY: [&str; 8] = [
    "lines",
    "samples",
    "bands",
    "header offset",
    "data type",
    "interleave",
    "byte order",
    "file compression",
];

/// What the user has to know of gains that one scale cannot express.
const GAINS: &str = "\
The numbers are as stored, without `data gain values` and `data offset values`: see meta.json.";

/// Whether the file is text that begins with the name of the format.
fn matches(sample: &Sample) -> bool {
    let ends = |byte: &u8| byte.is_ascii_whitespace();
    let is_text = |&byte: &u8| byte >= b' ' || byte.is_ascii_whitespace();
    let begins = sample.has(0, b"ENVI") && sample.first.get(4).is_some_and(ends);
    begins && sample.first.iter().all(is_text)
}

/// The image of which the file is the header.
///
/// # Errors
///
/// When the header is not valid, the data is compressed, or its file is not found.
fn read(input: &Input) -> Result<Contents, FormatError> {
    let start = text::header(input)?;
    let header = Header::parse(&start)?;
    header.check()?;
    let interleave = header.field("interleave")?.to_ascii_lowercase();
    let view = header.view(&interleave)?;
    let name = data_file(input, &interleave)?;
    let mut member = Member::new("", view, Order::C);
    let dims = ["line", "sample", "band"];
    let dims = dims.iter().take(member.view.ndim());
    member.dims = dims.map(|&dim| Some(dim.into())).collect();
    let (scale, note) = header.scale();
    member.details = Arc::new(Details {
        scale,
        note,
        attributes: header.attributes(),
        header: Some(start.into()),
        ..Details::default()
    });
    let mut contents = Contents::array(member);
    contents.data_file = Some(name);
    Ok(contents)
}

/// The name of the data file: that of the header, with another suffix or none.
///
/// # Errors
///
/// When there is none, or the header is not called `.hdr`.
fn data_file(input: &Input, interleave: &str) -> Result<String, FormatError> {
    const RENAME: &str = "give both the same name, as a.hdr and a.img";
    let name = input.path().file_name().and_then(|name| name.to_str());
    let stem = name.and_then(|name| {
        let stem = name.strip_suffix(".hdr");
        stem.or_else(|| name.strip_suffix(".HDR"))
    });
    let stem = stem.ok_or_else(|| {
        FormatError::unsupported(
            "its array is in another file, and it is not called .hdr",
            RENAME,
        )
    })?;
    let interleave = format!(".{interleave}");
    let suffixes = SUFFIXES.into_iter().chain([interleave.as_str()]);
    let suffixes: Vec<&str> = suffixes.collect();
    let lower = suffixes.iter().map(|suffix| format!("{stem}{suffix}"));
    let upper = suffixes
        .iter()
        .map(|suffix| format!("{stem}{}", suffix.to_ascii_uppercase()));
    let mut names = lower.chain(upper);
    names
        .find(|name| input.sibling_size(name).is_ok())
        .ok_or_else(|| {
            FormatError::unsupported(
                format!("none of {stem}, {stem}.img, {stem}.dat and the like is beside it"),
                RENAME,
            )
        })
}

/// The fields of a header, by their names in lower case.
struct Header {
    fields: HashMap<String, String>,
}

impl Header {
    fn parse(start: &[u8]) -> Result<Header, FormatError> {
        let mut lines = text::lines(start).map(|(line, _)| line);
        let first = lines.next().unwrap_or_default();
        if !first.starts_with("ENVI") {
            return Err(FormatError::invalid(format!(
                "it begins {}: expected ENVI",
                quoted(&first)
            )));
        }
        let mut fields = HashMap::new();
        while let Some(line) = lines.next() {
            let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with(';'))
            else {
                continue;
            };
            let mut value = value.trim().to_owned();
            // A list can have several lines.
            while value.starts_with('{') && !value.ends_with('}') {
                let Some(line) = lines.next() else {
                    return Err(FormatError::invalid(format!(
                        "the value of {} has no end",
                        quoted(name.trim())
                    )));
                };
                if !line.starts_with(';') {
                    value.push('\n');
                    value.push_str(line.trim());
                }
            }
            fields.insert(name.trim().to_lowercase(), value);
        }
        Ok(Header { fields })
    }

    fn field(&self, name: &str) -> Result<&str, FormatError> {
        let value = self.fields.get(name).map(String::as_str);
        value.ok_or_else(|| FormatError::invalid(format!("the field {name:?} is missing")))
    }

    fn length(&self, name: &str) -> Result<u64, FormatError> {
        let value = self.field(name)?;
        value.parse().map_err(|_| {
            FormatError::invalid(format!("{name} is {}: expected a length", quoted(value)))
        })
    }

    /// Checks that the bytes of the data are in one piece.
    fn check(&self) -> Result<(), FormatError> {
        let is_zero = |value: &String| {
            let mut parts = value.split(['{', '}', ',']).map(str::trim);
            parts.all(|part| part.is_empty() || part.parse() == Ok(0))
        };
        for (name, why) in [
            ("file compression", "its data is compressed"),
            ("major frame offsets", "its lines lie between other bytes"),
            ("minor frame offsets", "its lines lie between other bytes"),
        ] {
            if !self.fields.get(name).is_none_or(is_zero) {
                return Err(FormatError::unsupported(
                    format!("{why}: {name} is not 0"),
                    "save it again without them, for example in ENVI or with GDAL",
                ));
            }
        }
        Ok(())
    }

    fn dtype(&self) -> Result<DType, FormatError> {
        let code = match self.field("data type")? {
            "1" => "u1",
            "2" => "i2",
            "3" => "i4",
            "4" => "f4",
            "5" => "f8",
            "6" => "c8",
            "9" => "c16",
            "12" => "u2",
            "13" => "u4",
            "14" => "i8",
            "15" => "u8",
            other => {
                return Err(FormatError::invalid(format!(
                    "data type {}: expected 1 to 6, 9 or 12 to 15",
                    quoted(other)
                )));
            }
        };
        let order = match self.fields.get("byte order").map(String::as_str) {
            _ if code == "u1" => "",
            Some("0") => "<",
            Some("1") => ">",
            other => {
                return Err(FormatError::invalid(format!(
                    "byte order is {}: expected 0 or 1",
                    other.map_or("missing".into(), quoted)
                )));
            }
        };
        DType::parse(&format!("{order}{code}"))
            .map_err(|error| FormatError::invalid(error.to_string()))
    }

    /// The array in the data file. A library of spectra has no axis of bands.
    fn view(&self, interleave: &str) -> Result<View, FormatError> {
        let dtype = self.dtype()?;
        let (lines, samples) = (self.length("lines")?, self.length("samples")?);
        let offset = match self.fields.contains_key("header offset") {
            true => self.length("header offset")?,
            false => 0,
        };
        let file_type = self.fields.get("file type").map(String::as_str);
        let invalid = |error: crate::array::ArrayError| FormatError::invalid(error.to_string());
        if file_type == Some("ENVI Spectral Library") {
            let shape = Shape::new(vec![lines, samples]);
            return View::contiguous(dtype, offset, shape, Order::C).map_err(invalid);
        }
        let bands = self.length("bands")?;
        let item = i64::try_from(dtype.itemsize()).ok();
        let times =
            |stride: Option<i64>, length: u64| stride?.checked_mul(i64::try_from(length).ok()?);
        let [line, sample, band] = match interleave {
            "bsq" => {
                let line = times(item, samples);
                [line, item, times(line, lines)]
            }
            "bil" => {
                let band = times(item, samples);
                [times(band, bands), item, band]
            }
            "bip" => {
                let sample = times(item, bands);
                [times(sample, samples), sample, item]
            }
            _ => {
                return Err(FormatError::invalid(format!(
                    "interleave is {}: expected bsq, bil or bip",
                    quoted(interleave)
                )));
            }
        };
        let shape = Shape::new(vec![lines, samples, bands]);
        let strides: Option<Vec<i64>> = [line, sample, band].into_iter().collect();
        let strides = strides.ok_or_else(|| {
            FormatError::invalid(format!(
                "an image of shape {shape} is larger than a file can be"
            ))
        })?;
        View::strided(dtype, offset, shape, strides).map_err(invalid)
    }

    /// How numbers are meant to be scaled, and a line about gains that this leaves out.
    fn scale(&self) -> (Option<Scale>, Option<&'static str>) {
        let factor = self.fields.get("reflectance scale factor");
        let factor: Option<f64> = factor.and_then(|factor| factor.parse().ok());
        let whole = factor.and_then(|factor| Scale::unless_trivial(1.0 / factor, 0.0));
        let gain = self.of_all_bands("data gain values", 1.0);
        let offset = self.of_all_bands("data offset values", 0.0);
        let Some((gain, offset)) = gain.zip(offset) else {
            return (whole, Some(GAINS));
        };
        match (whole, Scale::unless_trivial(gain, offset)) {
            (Some(whole), Some(_)) => (Some(whole), Some(GAINS)),
            (whole, of_bands) => (whole.or(of_bands), None),
        }
    }

    /// The number in a list that has the same one for each band; `default` if there is no list.
    fn of_all_bands(&self, name: &str, default: f64) -> Option<f64> {
        let Some(list) = self.fields.get(name) else {
            return Some(default);
        };
        let numbers = list.trim_matches(['{', '}']).split(',');
        let mut numbers = numbers.map(|number| number.trim().parse::<f64>().ok());
        let first = numbers.next()??;
        let mut count = 1;
        for number in numbers {
            number.filter(|&number| number == first)?;
            count += 1;
        }
        let is_whole = first.is_finite() && self.length("bands").is_ok_and(|bands| bands == count);
        is_whole.then_some(first)
    }

    /// The fields that do not say what or where the array is. Lists are arrays of JSON.
    fn attributes(self) -> Attributes {
        let mut attributes = Attributes::new();
        for (name, value) in &self.fields {
            if !OF_ARRAY.contains(&name.as_str()) {
                let is_text = name == "description";
                text::insert(&mut attributes, name, value, |value| parse(value, is_text));
            }
        }
        attributes
    }
}

/// A value of a header: a list in braces, a number, or text.
fn parse(value: &str, is_text: bool) -> Value {
    let inner = value
        .strip_prefix('{')
        .and_then(|inner| inner.strip_suffix('}'));
    match inner {
        None => text::value(value),
        Some(inner) if is_text => inner.trim().into(),
        Some(inner) => inner
            .split(',')
            .map(|part| text::value(part.trim()))
            .collect(),
    }
}
