//! The `npy/` encoding: a header and the bytes in C order, as written by `numpy.save`.
//! The header format is left to `source::npy`.

use std::sync::Arc;

use super::{FileEncoding, Scope};
use crate::array::Order;
use crate::source::npy::{Header, same_meaning};
use crate::vfile::{CodedView, Content, Literal};

pub(super) const ENCODING: FileEncoding = FileEncoding {
    folder: Some("npy"),
    suffix: ".npy",
    writable: true,
    scope: Scope::Slices,
    max_ndim: None,
    len: |view| {
        let header = header(view)?.len() as u64;
        header.checked_add(view.nbytes()?)
    },
    contents: |mapping, view| {
        let header = header(view).map(|bytes| Literal {
            bytes: bytes.into(),
            is_equivalent: same_meaning,
        });
        let header = header.map(|header| Arc::new(header) as Arc<dyn Content>);
        header.into_iter().chain([view.bytes(mapping)]).collect()
    },
    is_equivalent: same_meaning,
};

/// The header of the file of `view`. `None` for dtypes that a header cannot describe.
fn header(view: &CodedView<'_>) -> Option<Vec<u8>> {
    Header::write(view.dtype(), view.shape(), Order::C)
}
