//! The encoding that ARCHITECTURE.md shows: the number of bytes, then the bytes.

use std::sync::Arc;

use super::{FileEncoding, Scope};
use crate::vfile::{Content, Literal};

/// The counted encoding.
pub(super) const ENCODING: FileEncoding = FileEncoding {
    folder: Some("counted"),
    suffix: ".counted",
    writable: true,
    scope: Scope::Slices,
    max_ndim: None,
    len: |view| view.nbytes()?.checked_add(8),
    contents: |mapping, view| {
        let bytes = view.bytes(mapping);
        let count: Arc<dyn Content> = Arc::new(Literal::exact(bytes.len().to_le_bytes()));
        vec![count, bytes]
    },
    is_equivalent: |fixed, data| fixed == data,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_architecture_page_shows() {
        assert_eq!(ENCODING.folder, Some("counted"));
        let page = include_str!("../../../docs/ARCHITECTURE.md");
        let (code, _) = include_str!("counted.rs")
            .split_once("\n#[cfg(test)]")
            .unwrap();
        let (_, code) = code.split_once("\n\n").unwrap();
        assert!(page.contains(code), "{code}");
    }
}
