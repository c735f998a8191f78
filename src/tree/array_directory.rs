//! An array of a mount, and the directory that shows it in one form: what its files are, and what
//! is said about it.
//! Which such directories there are is decided in `directory`.

use std::borrow::Cow;

use super::form::{Form, VARIANTS, Variant};
use super::group::NamedDirectories;
use super::node::Node;
use crate::array::View;
use crate::dtype::DType;
use crate::source::Meta;
use crate::vfile::{CodedView, Coding, Encoding, EncodingOptions, FileSet, Subject};

/// An array of the mount: a member of the file, or a field of one.
#[derive(Debug)]
pub(super) struct Array {
    /// The name of its directory; empty for the root.
    pub(super) name: String,
    /// The directory that lists it. The root is its own parent.
    pub(super) parent: Node,
    pub(super) meta: Meta,
    /// The member of the file; `None` for a field.
    pub(super) member: Option<usize>,
    /// How each variant shows its elements; `None` for those that it does not have.
    pub(super) codings: [Option<Coding>; VARIANTS.len()],
    /// The forms that it has.
    pub(super) forms: Vec<Form>,
    /// The most numbered files that a directory of these forms has.
    pub(super) most_files: u64,
    /// The array directories of its fields, in the order of the dtype.
    pub(super) fields: NamedDirectories,
}

/// A directory that shows one array in one form.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArrayDirectory<'a> {
    pub(super) array: &'a Array,
    pub(super) array_index: usize,
    pub(super) form: Form,
    pub(super) encoding: &'static Encoding,
    pub(super) coding: &'a Coding,
    pub(super) options: &'a EncodingOptions,
}

impl<'a> ArrayDirectory<'a> {
    /// The array that the directory shows.
    pub(super) fn view(&self) -> Cow<'a, View> {
        match self.form.is_transposed {
            true => Cow::Owned(self.array.meta.view.transposed()),
            false => Cow::Borrowed(&self.array.meta.view),
        }
    }

    /// A part of the array, as the directory shows its elements.
    pub(super) fn coded<'v>(&self, view: &'v View) -> CodedView<'v>
    where
        'a: 'v,
    {
        CodedView::new(view, self.coding)
    }

    /// The size in bytes of the file of `view`, a part of the array. `None` if the encoding has
    /// no file of it.
    pub(super) fn len_of(&self, view: &View) -> Option<u64> {
        (self.encoding.of_views()?.len)(&CodedView::new(view, self.coding))
    }

    /// Whether the array has more axes than the files of the encoding can have.
    pub(super) fn exceeds_max_ndim(&self) -> bool {
        let max_ndim = self.encoding.of_views().and_then(|files| files.max_ndim);
        let ndim = self.array.meta.view.ndim();
        max_ndim.is_some_and(|max_ndim| ndim > max_ndim)
    }

    /// The suffix of the files of views.
    pub(super) fn suffix(&self) -> &'static str {
        self.encoding.of_views().map_or("", |files| files.suffix)
    }

    /// The files that the directory has instead of those of views; `view` is what it shows.
    /// `None` if the encoding has files of views.
    pub(super) fn files<'v>(&self, view: &'v View) -> Option<Box<dyn FileSet + 'v>>
    where
        'a: 'v,
    {
        let meta = &self.array.meta;
        let mut dims: Vec<Option<&str>> = meta.dims.iter().map(Option::as_deref).collect();
        if self.form.is_transposed {
            dims.reverse();
        }
        let details = self.array.member.map(|_| &meta.details);
        self.encoding.files_of(&Subject {
            view: CodedView::new(view, self.coding),
            name: if self.form.is_in_store {
                &self.array.name
            } else {
                ""
            },
            dims,
            attributes: details.map(|details| &details.attributes),
            scale: meta.scale_of(self.coding_dtype()),
            options: self.options,
        })
    }

    /// The dtype in which the elements are shown, unless it is that of the file.
    fn coding_dtype(&self) -> Option<&'a DType> {
        match self.coding {
            Coding::Stored => None,
            Coding::Recoded { dtype, .. } => Some(dtype),
            Coding::Widened(_) => Some(&DType::FLOAT32),
        }
    }

    /// The metadata of the array that the directory shows.
    pub(super) fn meta(&self) -> Meta {
        let meta = match self.form.is_transposed {
            true => self.array.meta.transposed(),
            false => self.array.meta.clone(),
        };
        match self.coding_dtype() {
            None => meta,
            Some(dtype) => meta.recoded(dtype.clone(), self.coding.is_writable()),
        }
    }

    /// The name of the directory in its parent; empty for the root.
    pub(super) fn name(&self) -> &'a str {
        let form = self.form;
        match (
            self.encoding.folder(),
            form.is_transposed,
            form.variant.folder(),
        ) {
            _ if form.is_in_store => &self.array.name,
            (Some(folder), ..) => folder,
            (None, true, _) => "T",
            (None, false, Some(folder)) => folder,
            (None, false, None) => &self.array.name,
        }
    }

    /// Whether the directory shows the elements as they are stored, and not transposed.
    pub(super) fn shows_whole_member(&self) -> bool {
        self.form.variant == Variant::Stored && !self.form.is_transposed
    }
}
