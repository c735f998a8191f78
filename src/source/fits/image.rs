//! Images: arrays of numbers, big-endian, the last axis first.

use std::collections::BTreeMap;

use serde_json::json;

use super::Data;
use super::header::Header;
use crate::array::{MAX_NDIM, Order, Shape, View};
use crate::dtype::DType;
use crate::source::Scale;

/// The image of an HDU; an empty array if it has no axes. The error says why it cannot be shown.
pub(super) fn data(header: &Header) -> Result<Data, String> {
    let dtype = match header.int("BITPIX") {
        Some(8) => "u1",
        Some(16) => ">i2",
        Some(32) => ">i4",
        Some(64) => ">i8",
        Some(-32) => ">f4",
        _ => ">f8",
    };
    let parsed = DType::parse(dtype).map_err(|error| error.to_string())?;
    let axes = header.axes.len();
    if axes > MAX_NDIM {
        return Err(format!("{axes} axes: the maximum is {MAX_NDIM}"));
    }
    let lengths = match axes {
        0 => vec![0],
        _ => header.axes.iter().rev().copied().collect(),
    };
    let view = View::contiguous(parsed, header.end, Shape::new(lengths), Order::C)
        .map_err(|error| error.to_string())?;
    let number = |keyword: &str, default: f64| match header.has(keyword) {
        false => Some(default),
        true => header.number(keyword),
    };
    let (slope, intercept) = (number("BSCALE", 1.0), number("BZERO", 0.0));
    let scale = slope
        .zip(intercept)
        .and_then(|(slope, intercept)| Scale::unless_trivial(slope, intercept));
    let scaled = scaled_dtype(dtype, scale);
    let scaled = scaled.map(|scaled| ("scaled_dtype", json!(scaled)));
    Ok(Data {
        view,
        scale,
        column_scales: BTreeMap::new(),
        attributes: scaled.into_iter().collect(),
        note: None,
        skipped: Vec::new(),
    })
}

/// The dtype that integers are meant to have which the format cannot store, but as other ones
/// with an offset. `None` if the scale does something else.
pub(super) fn scaled_dtype(dtype: &str, scale: Option<Scale>) -> Option<&'static str> {
    let Scale { slope, intercept } = scale?;
    let (offset, scaled) = match dtype {
        "u1" => (-128.0, "int8"),
        ">i2" => (32_768.0, "uint16"),
        ">i4" => (2_147_483_648.0, "uint32"),
        ">i8" => (9_223_372_036_854_775_808.0, "uint64"),
        _ => return None,
    };
    (slope == 1.0 && intercept == offset).then_some(scaled)
}
