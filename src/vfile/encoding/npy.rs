//! The view as `numpy.save` writes it, in C order: a header, then the bytes. Formatting and
//! parsing the header is the business of `source::npy`.

use super::Encoding;
use crate::array::{Order, View};
use crate::source::npy::{Header, same_meaning};
use crate::vfile::Segment;

pub(super) const ENCODING: Encoding = Encoding {
    folder: Some("npy"),
    suffix: ".npy",
    writable: true,
    len: |view| {
        let header = header(view)?.len() as u64;
        header.checked_add(view.nbytes())
    },
    segments: |mapping, view| {
        let literal = header(view).map(|bytes| Segment::Literal {
            bytes: bytes.into(),
            is_equivalent: same_meaning,
        });
        let bytes = Segment::view(mapping, view);
        literal.into_iter().chain([bytes]).collect()
    },
    is_equivalent: same_meaning,
};

/// The `.npy` header of a view; `None` for dtypes that NumPy cannot save.
fn header(view: &View) -> Option<Vec<u8>> {
    Header::write(view.dtype(), view.shape(), Order::C)
}
