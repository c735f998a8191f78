//! The lines of `README.txt` for fields that have a scale. That of a whole array is left to the
//! template.

use super::example::escape_control_characters;
use crate::source::{Meta, Scale};

/// The most fields that are listed.
const LISTED: usize = 10;

/// A line with the scale of each field that has one; empty if none has.
pub(super) fn of_fields(meta: &Meta) -> String {
    let scales = &meta.details.field_scales;
    let fields = meta.view.dtype().fields().iter();
    let scaled = fields.filter_map(|field| Some((field.name(), scales.get(field.name())?)));
    let lines = scaled.map(|(name, Scale { slope, intercept })| {
        let name = escape_control_characters(name);
        format!("- {name}: {slope} * number + {intercept}")
    });
    let mut lines: Vec<String> = lines.collect();
    let more = lines.len().saturating_sub(LISTED);
    lines.truncate(LISTED);
    if more > 0 {
        lines.push(format!("- {more} more: see meta.json"));
    }
    lines.join("\n")
}
