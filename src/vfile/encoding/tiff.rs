//! The `tiff/` encoding: arrays of two axes and more as images. The last two axes are rows and
//! columns of a page, or those before a last axis of 3 or 4 colours. The others are the pages.
//! The layout of the file is left to `vfile::tiff_header`.
//!
//! One description makes a stack of several pages. Two of them would break the rule that a tag
//! comes once, of which libtiff warns.
//!
//! - ImageJ's where ImageJ reads the elements and the size. It names up to three axes of pages.
//!   tifffile reads it too, but drops axes of length 1, and ImageJ takes 16-bit colours for
//!   another type.
//! - tifffile's for the rest, which is the shape. ImageJ then counts the directories.

use std::sync::Arc;

use super::{FileEncoding, Scope};
use crate::dtype::{ByteOrder, DType, Kind};
use crate::vfile::tiff_header::{Frame, Numbers, Tag, Variant};
use crate::vfile::{CodedView, Content, Literal};

pub(super) const ENCODING: FileEncoding = FileEncoding {
    folder: Some("tiff"),
    suffix: ".tif",
    writable: true,
    scope: Scope::Slices,
    max_ndim: None,
    len: |view| Some(Stack::of(view)?.frame()?.len),
    contents: |mapping, view| {
        let Some(frame) = Stack::of(view).and_then(|stack| stack.frame()) else {
            return Vec::new();
        };
        let header: Arc<dyn Content> = Arc::new(Literal::exact(frame.header));
        vec![header, view.bytes(mapping), Arc::new(frame.directories)]
    },
    is_equivalent: |fixed, data| fixed == data,
};

/// How the bits of a number are to be understood, in the words of TIFF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SampleFormat {
    Unsigned = 1,
    Signed = 2,
    Float = 3,
    Complex = 6,
}

impl SampleFormat {
    /// That of elements of `dtype`. Truth values are numbers of one byte. `None` for types that
    /// TIFF lacks.
    fn of(dtype: &DType) -> Option<SampleFormat> {
        match (dtype.kind(), dtype.itemsize()) {
            (Kind::Bool | Kind::UInt, _) => Some(SampleFormat::Unsigned),
            (Kind::Int, _) => Some(SampleFormat::Signed),
            (Kind::Float, ..=8) => Some(SampleFormat::Float),
            (Kind::Complex, ..=16) => Some(SampleFormat::Complex),
            _ => None,
        }
    }
}

/// The pages that show an array.
#[derive(Debug)]
struct Stack<'a> {
    shape: &'a [u64],
    /// The axes of the pages, which are the first ones.
    page_axes: &'a [u64],
    pages: u64,
    width: u32,
    height: u32,
    /// The number of colours of a pixel; 1 for grey.
    samples: u16,
    /// The bytes of a colour.
    sample_len: u16,
    format: SampleFormat,
    is_big_endian: bool,
    /// The bytes of a page.
    page_len: u64,
}

impl<'a> Stack<'a> {
    /// The pages of `view`. `None` if it is empty, has fewer than two axes, a side of 2^32 pixels
    /// or more, or elements that TIFF lacks.
    fn of(view: &CodedView<'a>) -> Option<Stack<'a>> {
        let (dtype, shape) = (view.dtype(), view.shape().lengths());
        let format = SampleFormat::of(dtype)?;
        let sample_len = dtype.itemsize();
        let can_be_colours = matches!(dtype.kind(), Kind::UInt) && sample_len <= 2;
        let (axes, samples) = match shape {
            [axes @ .., samples @ (3 | 4)] if can_be_colours && axes.len() >= 2 => (axes, *samples),
            axes => (axes, 1),
        };
        let [page_axes @ .., height, width] = axes else {
            return None;
        };
        let pages = page_axes.iter().try_fold(1u64, |n, k| n.checked_mul(*k))?;
        let mut page = [*height, *width, samples].into_iter();
        let page_len = page.try_fold(sample_len, |n, k| n.checked_mul(k))?;
        if pages == 0 || page_len == 0 {
            return None;
        }
        Some(Stack {
            shape,
            page_axes,
            pages,
            width: u32::try_from(*width).ok()?,
            height: u32::try_from(*height).ok()?,
            samples: samples as u16,
            sample_len: sample_len as u16,
            format,
            is_big_endian: dtype.byte_order() == ByteOrder::Big,
            page_len,
        })
    }

    /// What surrounds the data, in the first variant that can hold it. `None` if the file exceeds
    /// 2^63 - 1 bytes.
    fn frame(&self) -> Option<Frame> {
        let mut variants = [Variant::Classic, Variant::Big].into_iter();
        variants.find_map(|variant| {
            let numbers = Numbers {
                variant,
                is_big_endian: self.is_big_endian,
            };
            Frame::new(numbers, self.tags(numbers), self.pages, self.page_len)
        })
    }

    /// The tags of the first page, in the order of their numbers.
    fn tags(&self, numbers: Numbers) -> Vec<Tag> {
        let short = |number, value| Tag::short(numbers, number, value, 1);
        let of_each_sample = |number, value| Tag::short(numbers, number, value, self.samples);
        let is_grey = self.samples == 1;
        let tags = [
            Some(Tag::long(numbers, 256, self.width)),
            Some(Tag::long(numbers, 257, self.height)),
            Some(of_each_sample(258, 8 * self.sample_len)),
            // Not compressed; black is zero, or red, green and blue.
            Some(short(259, 1)),
            Some(short(262, if is_grey { 1 } else { 2 })),
            Some(Tag::description(&self.description(numbers.variant))),
            Some(Tag::position(numbers)),
            Some(short(277, self.samples)),
            // The whole page in one strip.
            Some(Tag::long(numbers, 278, self.height)),
            Some(Tag::size(numbers, 279, self.page_len)),
            // The colours of a pixel together; the fourth is the opacity, not multiplied.
            (!is_grey).then(|| short(284, 1)),
            (self.samples == 4).then(|| short(338, 2)),
            Some(of_each_sample(339, self.format as u16)),
        ];
        tags.into_iter().flatten().collect()
    }

    /// The text from which programs know the axes of the pages.
    fn description(&self, variant: Variant) -> String {
        let is_read_by_imagej = match self.format {
            _ if variant == Variant::Big => false,
            SampleFormat::Unsigned | SampleFormat::Signed if self.samples == 1 => {
                self.sample_len <= 4
            }
            SampleFormat::Unsigned => self.sample_len == 1,
            SampleFormat::Float => self.sample_len == 4,
            SampleFormat::Signed | SampleFormat::Complex => false,
        };
        let axes = match *self.page_axes {
            _ if !is_read_by_imagej || self.page_axes.contains(&1) => None,
            [slices] => Some(format!("slices={slices}\n")),
            [frames, slices] => Some(format!(
                "slices={slices}\nframes={frames}\nhyperstack=true\n"
            )),
            [frames, slices, channels] => Some(format!(
                "channels={channels}\nslices={slices}\nframes={frames}\nhyperstack=true\n"
            )),
            _ => None,
        };
        match axes {
            Some(axes) => format!("ImageJ=1.53t\nimages={}\n{axes}loop=false\n", self.pages),
            None => format!("{{\"shape\": {:?}}}", self.shape),
        }
    }
}
