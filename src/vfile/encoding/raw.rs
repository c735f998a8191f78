//! The raw encoding: the bytes of a view in C order, as `numpy.ndarray.tobytes`
//! returns them.

use super::Encoding;
use crate::array::View;
use crate::vfile::Segment;

pub(super) const ENCODING: Encoding = Encoding {
    folder: None,
    suffix: "",
    writable: true,
    len: |view| Some(View::nbytes(view)),
    segments: |mapping, view| vec![Segment::view(mapping, view)],
    is_equivalent: |fixed, data| fixed == data,
};
