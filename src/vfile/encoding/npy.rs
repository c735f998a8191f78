//! The `npy/` encoding: a header and the bytes in C order, as written by `numpy.save`.
//! The header format is left to `source::npy`.

use std::sync::Arc;

use super::Encoding;
use crate::array::{Order, View};
use crate::source::npy::{Header, same_meaning};
use crate::vfile::{Content, Literal, ViewBytes};

pub(super) const ENCODING: Encoding = Encoding {
    folder: Some("npy"),
    suffix: ".npy",
    writable: true,
    len: |view| {
        let header = header(view)?.len() as u64;
        header.checked_add(view.nbytes())
    },
    contents: |mapping, view| {
        let header = header(view).map(|bytes| Literal {
            bytes: bytes.into(),
            is_equivalent: same_meaning,
        });
        let header = header.map(|header| Arc::new(header) as Arc<dyn Content>);
        let bytes = Arc::new(ViewBytes::new(mapping, view));
        header.into_iter().chain([bytes as _]).collect()
    },
    is_equivalent: same_meaning,
};

/// The header of the file of `view`. `None` for dtypes that a header cannot describe.
fn header(view: &View) -> Option<Vec<u8>> {
    Header::write(view.dtype(), view.shape(), Order::C)
}
