//! The encoding of the directory kind that ARCHITECTURE.md shows: a file for each index of the
//! first axis, called `item0`, `item1` and so on.

use std::sync::Arc;

use super::{DirectoryEncoding, FileSet, Subject};
use crate::mapping::Mapping;
use crate::vfile::ContentList;

/// The items encoding.
pub(super) const ENCODING: DirectoryEncoding = DirectoryEncoding {
    folder: "items",
    writable: true,
    files: |array| {
        let item = array.view.stored().take(0, 0)?;
        let item_len = array.view.part(&item).nbytes()?;
        Some(Box::new(Items {
            array: array.clone(),
            item_len,
        }))
    },
};

/// The files of an array.
#[derive(Debug)]
struct Items<'a> {
    array: Subject<'a>,
    item_len: u64,
}

impl FileSet for Items<'_> {
    fn count(&self) -> u64 {
        self.array.view.shape().lengths()[0]
    }

    fn name(&self, number: u64) -> String {
        format!("item{number}")
    }

    fn find(&self, name: &str) -> Option<u64> {
        let number = name.strip_prefix("item")?.parse().ok()?;
        // Each file has one name: `item01` and `item+1` are none.
        (number < self.count() && self.name(number) == name).then_some(number)
    }

    fn is_text(&self, _number: u64) -> bool {
        false
    }

    fn text(&self, _number: u64) -> Option<String> {
        None
    }

    fn len(&self, _number: u64) -> u64 {
        self.item_len
    }

    fn contents(&self, number: u64, mapping: &Arc<Mapping>) -> ContentList {
        let view = self.array.view;
        let item = view.stored().take(0, number);
        item.iter()
            .map(|item| view.part(item).bytes(mapping))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Order, Shape, View};
    use crate::dtype::DType;
    use crate::vfile::{CodedView, EncodingOptions};

    #[test]
    fn it_is_what_the_architecture_page_shows() {
        let page = include_str!("../../../docs/ARCHITECTURE.md");
        let (code, _) = include_str!("items.rs")
            .split_once("\n#[cfg(test)]")
            .unwrap();
        let (_, code) = code.split_once("\n\n").unwrap();
        assert!(page.contains(code), "{code}");
    }

    #[test]
    fn it_has_a_file_for_each_index() {
        let (shape, options) = (Shape::new(vec![12, 3]), EncodingOptions::default());
        let view = View::contiguous(DType::BYTE, 0, shape, Order::C).unwrap();
        let items = Subject::new(CodedView::as_stored(&view), &options);
        let items = (ENCODING.files)(&items).unwrap();
        assert_eq!((items.count(), items.len(11)), (12, 3));
        assert_eq!(items.find("item11"), Some(11));
        for absent in ["item12", "item01", "item+1", "item", "items"] {
            assert_eq!(items.find(absent), None, "{absent}");
        }
    }
}
