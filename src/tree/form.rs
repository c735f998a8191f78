//! The forms in which an array directory can show its array. Which an array has is decided in
//! `directory`.

use std::collections::BTreeMap;

use crate::dtype::DType;
use crate::source::{Meta, Scale};
use crate::vfile::Coding;

/// How an array directory shows the elements of its array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// As they are stored.
    Stored,
    /// In the byte order of this machine.
    Native,
    /// As float32, for types that NumPy lacks.
    Float32,
}

/// All variants, in the order of their numbers.
pub(super) const VARIANTS: [Variant; 3] = [Variant::Stored, Variant::Native, Variant::Float32];

impl Variant {
    /// How the variant shows elements of `dtype`, which the file says are to be scaled by
    /// `scale`, and their fields by `field_scales`. `None` if it is no other than the stored one.
    pub(super) fn coding(
        self,
        dtype: &DType,
        scale: Option<Scale>,
        field_scales: &BTreeMap<String, Scale>,
    ) -> Option<Coding> {
        match self {
            Variant::Stored => Some(Coding::Stored),
            Variant::Native => Coding::native(dtype, scale, field_scales),
            Variant::Float32 => Coding::float32(dtype),
        }
    }

    /// Whether an array that `meta` describes, or that of a field at any depth, has the variant.
    pub(super) fn is_of(self, meta: &Meta) -> bool {
        let has = self.coding(meta.view.dtype(), meta.scale, &meta.details.field_scales);
        let mut fields = meta.view.dtype().fields().iter();
        has.is_some() || fields.any(|field| meta.field(field).is_some_and(|meta| self.is_of(&meta)))
    }

    /// The name of the directory; `None` for the array itself.
    pub(super) fn folder(self) -> Option<&'static str> {
        match self {
            Variant::Stored => None,
            Variant::Native => Some("native"),
            Variant::Float32 => Some("float32"),
        }
    }
}

/// How an array directory shows its array. The first form of all is the array as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) variant: Variant,
    pub(super) is_transposed: bool,
    /// The index of the encoding. 0 is raw.
    pub(super) encoding_index: u8,
    /// Whether the directory is in the store of the root, which has all arrays.
    pub(super) is_in_store: bool,
}

impl Form {
    /// The form of the array directory itself in which the directory of this form lies, or which
    /// it is.
    pub(super) fn raw(self) -> Form {
        Form {
            encoding_index: 0,
            is_in_store: false,
            ..self
        }
    }

    /// Whether the directory shows the array as it is: stored, raw, and not transposed.
    pub(super) fn is_plain(self) -> bool {
        let Form {
            variant,
            is_transposed,
            ..
        } = self;
        self == self.raw() && variant == Variant::Stored && !is_transposed
    }
}
