//! A view together with how its elements are shown: as stored, or recoded. Encodings take what
//! they show from here; where the elements lie is left to `array`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::code::Code;
use super::coded::CodedBytes;
use super::content::{Content, ViewBytes};
use super::widened::{Widened, Widening};
use crate::array::{Order, Shape, View};
use crate::dtype::{ByteOrder, DType, Kind, NarrowFloat};
use crate::mapping::Mapping;
use crate::source::Scale;

/// How the elements of an array are shown.
#[derive(Debug, Clone)]
pub enum Coding {
    /// With the bytes that they have in the file.
    Stored,
    /// With as many other bytes.
    Recoded {
        /// The dtype of the elements as they are shown.
        dtype: DType,
        /// The code between the two.
        code: Arc<Code>,
    },
    /// As float32 in the byte order of this machine, which holds every value of the type.
    Widened(NarrowFloat),
}

impl Coding {
    /// The coding that shows elements of `dtype` in the byte order of this machine. Integers to
    /// which the file adds half their range are shown as the integers that they stand for:
    /// unsigned ones in FITS. `scale` is that of the elements, `field_scales` has those of fields.
    /// `None` if the elements are shown like that already, or fields overlap.
    pub fn native(
        dtype: &DType,
        scale: Option<Scale>,
        field_scales: &BTreeMap<String, Scale>,
    ) -> Option<Coding> {
        let scaled = |dtype: &DType, scale: Option<Scale>| {
            let other_sign = scale.and_then(|scale| other_sign(dtype, scale));
            other_sign.unwrap_or_else(|| dtype.in_native_order())
        };
        let shown = match dtype.fields().is_empty() {
            true => scaled(dtype, scale),
            false => dtype.in_native_order_with(|field| {
                scaled(field.dtype(), field_scales.get(field.name()).copied())
            }),
        };
        Coding::between(dtype, shown)
    }

    /// The coding that shows elements of `stored` as of `shown`, a dtype in the byte order of this
    /// machine that differs from it by that order and by signs. `None` if the bytes are the same,
    /// or fields overlap.
    fn between(stored: &DType, shown: DType) -> Option<Coding> {
        let reversed = stored.foreign_words()?;
        let flipped = stored.words_of_other_sign(&shown);
        let code = Code::new(stored.itemsize(), reversed, flipped);
        if code.is_identity() {
            return None;
        }
        Some(Coding::Recoded {
            dtype: shown,
            code: Arc::new(code),
        })
    }

    /// The coding that shows elements of `dtype` as float32. `None` if they are no floats that
    /// NumPy lacks.
    pub fn float32(dtype: &DType) -> Option<Coding> {
        match dtype.kind() {
            Kind::NarrowFloat(float) => Some(Coding::Widened(*float)),
            _ => None,
        }
    }

    /// Whether elements can be written.
    pub fn is_writable(&self) -> bool {
        !matches!(self, Coding::Widened(_))
    }
}

/// The dtype, in the byte order of this machine, of integers of `dtype` in `scale`, if that only
/// moves all of them from signed to unsigned or back: then it flips their sign bits.
fn other_sign(dtype: &DType, scale: Scale) -> Option<DType> {
    let offset = scale.offset()?;
    let letter = match dtype.kind() {
        Kind::Int => 'u',
        Kind::UInt => 'i',
        _ => return None,
    };
    let size = dtype.itemsize();
    let half = 2f64.powi(8 * size as i32 - 1);
    let is_half = offset == if letter == 'u' { half } else { -half };
    let dtype = || DType::parse(&format!("{letter}{size}")).ok();
    is_half.then(dtype).flatten()
}

/// A view whose elements are shown in a coding.
#[derive(Debug, Clone, Copy)]
pub struct CodedView<'a> {
    stored: &'a View,
    coding: &'a Coding,
}

impl<'a> CodedView<'a> {
    /// The elements of `stored`, shown in `coding`.
    pub fn new(stored: &'a View, coding: &'a Coding) -> CodedView<'a> {
        CodedView { stored, coding }
    }

    /// The elements of `stored` with the bytes that they have in the file.
    pub fn as_stored(stored: &'a View) -> CodedView<'a> {
        CodedView {
            stored,
            coding: &Coding::Stored,
        }
    }

    /// The elements in the file.
    pub fn stored(&self) -> &'a View {
        self.stored
    }

    /// Those of the elements that are in `part`, which is derived from the [stored](Self::stored)
    /// view, shown in the same coding.
    pub fn part<'p>(&self, part: &'p View) -> CodedView<'p>
    where
        'a: 'p,
    {
        CodedView::new(part, self.coding)
    }

    /// The dtype of the elements as they are shown.
    pub fn dtype(&self) -> &'a DType {
        match self.coding {
            Coding::Stored => self.stored.dtype(),
            Coding::Recoded { dtype, .. } => dtype,
            Coding::Widened(_) => &DType::FLOAT32,
        }
    }

    /// The shape.
    pub fn shape(&self) -> &'a Shape {
        self.stored.shape()
    }

    /// The size of all elements as they are shown, in bytes. `None` if it exceeds 2^63 - 1.
    pub fn nbytes(&self) -> Option<u64> {
        let bytes = self.stored.size().checked_mul(self.dtype().itemsize())?;
        i64::try_from(bytes).ok().map(|_| bytes)
    }

    /// A contiguous array of the same dtype and shape, wherever the elements are. `None` if it
    /// exceeds 2^63 - 1 bytes.
    pub fn as_contiguous(&self) -> Option<View> {
        let (dtype, shape) = (self.dtype().clone(), self.shape().clone());
        View::contiguous(dtype, 0, shape, Order::C).ok()
    }

    /// The elements of `part`, a slice of the stored elements or of a field at any depth, in C
    /// order and as this view shows them, which is as of `shown`.
    pub fn bytes_of(&self, mapping: &Arc<Mapping>, part: &View, shown: &DType) -> Arc<dyn Content> {
        match self.coding {
            Coding::Recoded { .. } => {
                let coding = Coding::between(part.dtype(), shown.clone());
                CodedView::new(part, &coding.unwrap_or(Coding::Stored)).bytes(mapping)
            }
            coding => CodedView::new(part, coding).bytes(mapping),
        }
    }

    /// The elements in C order, as they are shown.
    pub fn bytes(&self, mapping: &Arc<Mapping>) -> Arc<dyn Content> {
        match self.coding {
            Coding::Stored => Arc::new(ViewBytes::new(mapping, self.stored)),
            Coding::Recoded { code, .. } => {
                Arc::new(CodedBytes::new(mapping, self.stored.layout(), code))
            }
            Coding::Widened(float) => {
                let is_big = self.stored.dtype().byte_order() == ByteOrder::Big;
                let stored = Arc::new(ViewBytes::new(mapping, self.stored));
                Arc::new(Widened::new(
                    stored,
                    Widening::Float {
                        float: *float,
                        is_big,
                    },
                ))
            }
        }
    }
}
