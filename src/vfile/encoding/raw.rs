//! The bytes of the view in C order, without a header, like `numpy.ndarray.tobytes`.

use super::Encoding;
use crate::array::View;
use crate::vfile::Segment;

pub(super) const ENCODING: Encoding = Encoding {
    folder: None,
    suffix: "",
    writable: true,
    len: |view| Some(View::nbytes(view)),
    segments: |mapping, view| vec![Segment::view(mapping, view)],
    is_equivalent: |current, written| current == written,
};
