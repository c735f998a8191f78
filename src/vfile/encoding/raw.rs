//! The raw encoding: the bytes of a view in C order, as `numpy.ndarray.tobytes`
//! returns them.

use super::{FileEncoding, Scope};

pub(super) const ENCODING: FileEncoding = FileEncoding {
    folder: None,
    suffix: "",
    writable: true,
    scope: Scope::Slices,
    max_ndim: None,
    len: |view| view.nbytes(),
    contents: |mapping, view| vec![view.bytes(mapping)],
    is_equivalent: |fixed, data| fixed == data,
};
