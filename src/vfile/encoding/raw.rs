//! The raw encoding: the bytes of a view in C order, as `numpy.ndarray.tobytes`
//! returns them.

use std::sync::Arc;

use super::Encoding;
use crate::array::View;
use crate::vfile::ViewBytes;

pub(super) const ENCODING: Encoding = Encoding {
    folder: None,
    suffix: "",
    writable: true,
    len: |view| Some(View::nbytes(view)),
    contents: |mapping, view| vec![Arc::new(ViewBytes::new(mapping, view))],
    is_equivalent: |fixed, data| fixed == data,
};
