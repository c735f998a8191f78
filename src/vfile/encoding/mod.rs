//! The encodings in which every view can be had. Each is a row of
//! [`ENCODINGS`]: where its files lie, what they are called, how long they are
//! and of which segments they are made.

use std::sync::Arc;

use super::Segment;
use crate::array::View;
use crate::mapping::Mapping;

/// One way to present the bytes of a view as a file.
#[derive(Debug)]
pub struct Encoding {
    /// The folder in an array directory that holds the files; `None` for the
    /// array directory itself.
    pub folder: Option<&'static str>,
    /// What is appended to the files' names.
    pub suffix: &'static str,
    /// The size in bytes of the file of a view.
    pub len: fn(&View) -> u64,
    /// The segments of the file of a view.
    pub segments: fn(&Arc<Mapping>, &View) -> Vec<Segment>,
}

/// All encodings; the first is that of the array directories themselves.
pub const ENCODINGS: [Encoding; 1] = [RAW];

/// The bytes of the view in C order, as `numpy.ndarray.tobytes` has them.
const RAW: Encoding = Encoding {
    folder: None,
    suffix: "",
    len: View::nbytes,
    segments: |mapping, view| {
        vec![Segment::View {
            mapping: mapping.clone(),
            layout: view.layout(),
        }]
    },
};
