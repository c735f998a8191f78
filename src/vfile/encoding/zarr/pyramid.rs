//! The `ome.zarr/` encoding: an array as an OME-Zarr 0.5 image, a group of ever smaller Zarr arrays
//! for viewers. Level `k` has every `2^k`-th element along the axes that are halved, so all levels
//! are views of one array and nothing is computed. The store of a level is left to `zarr`.
//!
//! - Programs that write an image write levels that they have averaged. As views these would
//!   overwrite each other, so no level can be written.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Store, Text, has_type, order_of};
use crate::array::{Order, View};
use crate::dtype::Kind;
use crate::mapping::Mapping;
use crate::vfile::ContentList;
use crate::vfile::encoding::{DirectoryEncoding, FileSet, MAX_SUBDIRECTORIES, Subject};

pub(in crate::vfile::encoding) const PYRAMID: DirectoryEncoding = DirectoryEncoding {
    folder: "ome.zarr",
    writable: false,
    files: |array| Some(Box::new(Pyramid::new(array)?)),
};

/// There is a further level while the last two axes are longer than this.
const SMALL: u64 = 256;

/// An axis of space is halved if it has at least this part of the longer of the last two axes.
const PART: u64 = 4;

/// The names and types of the axes of an image with five. With fewer axes there is no channel, then
/// no time, then no `z`.
const AXES: [(&str, &str); 5] = [
    ("t", "time"),
    ("c", "channel"),
    ("z", "space"),
    ("y", "space"),
    ("x", "space"),
];

/// The levels of an array.
#[derive(Debug)]
struct Pyramid<'a> {
    array: Subject<'a>,
    /// The order of the elements in the chunks of all levels.
    order: Order,
    levels: Vec<Level>,
}

/// A level of an image.
#[derive(Debug)]
struct Level {
    /// The elements as they are stored.
    view: View,
    /// The numbers of its files.
    numbers: Range<u64>,
}

impl<'a> Pyramid<'a> {
    /// The levels of `array`. `None` if OME-Zarr has no image of it: it is empty, has other than 2
    /// to 5 axes, or is not of numbers that Zarr has.
    fn new(array: &Subject<'a>) -> Option<Pyramid<'a>> {
        let (view, dtype) = (array.view.stored(), array.view.dtype());
        let is_number = matches!(
            dtype.kind(),
            Kind::Bool | Kind::Int | Kind::UInt | Kind::Float | Kind::Complex
        );
        let has_image = (2..=AXES.len()).contains(&view.ndim()) && view.size() > 0;
        if !(has_image && is_number && has_type(dtype)) {
            return None;
        }
        let mut pyramid = Pyramid {
            array: array.clone(),
            order: order_of(view),
            levels: Vec::new(),
        };
        let mut start = 1;
        for level in 0..level_count(view) {
            let view = decimated(view, level)?;
            let store = pyramid.store(&view, Vec::new())?;
            let end = store.count().checked_add(start)?;
            pyramid.levels.push(Level {
                view,
                numbers: start..end,
            });
            start = end;
        }
        Some(pyramid)
    }

    /// The store of a level with these elements, whose axes have these names.
    fn store<'s>(&'s self, view: &'s View, dims: Vec<Option<&'s str>>) -> Option<Store<'s>> {
        let level = Subject {
            view: self.array.view.part(view),
            name: "",
            dims,
            ..self.array.clone()
        };
        Store::with_texts(level, self.order, &[Text::V3])
    }

    /// What `read` gives for the store of the level that has file `number`, and the number of the
    /// file there. `None` for a file that no level has.
    fn with_level<T>(&self, number: u64, read: impl FnOnce(&Store<'_>, u64) -> T) -> Option<T> {
        let mut levels = self.levels.iter();
        let level = levels.find(|level| level.numbers.contains(&number))?;
        let names = self.names();
        let dims = names.iter().map(|name| Some(name.as_str())).collect();
        let store = self.store(&level.view, dims)?;
        Some(read(&store, number - level.numbers.start))
    }

    /// The usual names and the types of the axes.
    fn axes(&self) -> Vec<(&'static str, &'static str)> {
        let [time, _, space @ ..] = AXES;
        match self.array.view.shape().ndim() {
            ndim @ ..=3 => space[3 - ndim..].to_vec(),
            4 => [&[time], &space[..]].concat(),
            _ => AXES.to_vec(),
        }
    }

    /// The names of the axes: those of the file, unless some are the same, and else the usual ones.
    fn names(&self) -> Vec<String> {
        let usual: Vec<String> = self.axes().iter().map(|(name, _)| (*name).into()).collect();
        let name = |(axis, usual): (usize, &String)| {
            let name = self.array.dims.get(axis).copied().flatten();
            name.unwrap_or(usual).to_owned()
        };
        let names: Vec<String> = usual.iter().enumerate().map(name).collect();
        let different: HashSet<&String> = names.iter().collect();
        match different.len() == names.len() {
            true => names,
            false => usual,
        }
    }

    /// The file of the group.
    fn group(&self) -> Value {
        let lengths = self.array.view.shape().lengths();
        let is_halved = halved(lengths);
        let axes = self.axes().into_iter().zip(self.names());
        let axes: Vec<Value> = axes
            .map(|((_, kind), name)| json!({"name": name, "type": kind}))
            .collect();
        let dataset = |level: usize| {
            let scale = is_halved.iter().map(|&is_halved| match is_halved {
                true => (1u64 << level) as f64,
                false => 1.0,
            });
            let scale: Vec<f64> = scale.collect();
            json!({
                "path": level.to_string(),
                "coordinateTransformations": [{"type": "scale", "scale": scale}],
            })
        };
        let datasets: Vec<Value> = (0..self.levels.len()).map(dataset).collect();
        let index = is_halved.iter().map(|&is_halved| match is_halved {
            true => "::2**k",
            false => ":",
        });
        let index: Vec<&str> = index.collect();
        json!({
            "zarr_format": 3,
            "node_type": "group",
            "attributes": {"ome": {
                "version": "0.5",
                "multiscales": [{
                    "axes": axes,
                    "datasets": datasets,
                    "type": "nearest",
                    "metadata": {
                        "description": "level k has every 2**k-th element, without averaging",
                        "method": format!("a[{}]", index.join(", ")),
                    },
                }],
            }},
        })
    }
}

/// Which axes the levels halve: those of space, without those that are short beside the others.
fn halved(lengths: &[u64]) -> Vec<bool> {
    let longest = longest(lengths);
    let from_end = (0..lengths.len()).rev();
    let axes = lengths.iter().zip(from_end);
    axes.map(|(&length, from_end)| from_end < 3 && length >= longest.div_ceil(PART))
        .collect()
}

/// The length of the longer of the last two axes.
fn longest(lengths: &[u64]) -> u64 {
    let last = lengths.iter().rev().take(2);
    last.copied().max().unwrap_or(0)
}

/// The number of levels of an array.
fn level_count(view: &View) -> usize {
    let longest = longest(view.shape().lengths());
    let mut count = 1;
    while count < MAX_SUBDIRECTORIES && longest.div_ceil(1 << (count - 1)) > SMALL {
        count += 1;
    }
    count
}

/// Every `2^level`-th element of the axes that are halved.
fn decimated(view: &View, level: usize) -> Option<View> {
    let is_halved = halved(view.shape().lengths());
    let mut axes = is_halved.iter().enumerate().filter(|(_, halved)| **halved);
    axes.try_fold(view.clone(), |view, (axis, _)| view.every(axis, 1 << level))
}

impl FileSet for Pyramid<'_> {
    fn count(&self) -> u64 {
        self.levels.last().map_or(1, |level| level.numbers.end)
    }

    fn name(&self, number: u64) -> String {
        let name = self.with_level(number, |store, file| store.name(file));
        name.unwrap_or_else(|| Text::V3.name().to_owned())
    }

    fn find(&self, name: &str) -> Option<u64> {
        (name == Text::V3.name()).then_some(0)
    }

    fn subdirectories(&self) -> Vec<(String, Range<u64>)> {
        let levels = self.levels.iter().enumerate();
        levels
            .map(|(level, of_level)| (level.to_string(), of_level.numbers.clone()))
            .collect()
    }

    fn find_in(&self, subdirectory: usize, name: &str) -> Option<u64> {
        let start = self.levels.get(subdirectory)?.numbers.start;
        let file = self.with_level(start, |store, _| store.find(name))??;
        Some(start + file)
    }

    fn is_text(&self, number: u64) -> bool {
        let is_text = self.with_level(number, |store, file| store.is_text(file));
        is_text.unwrap_or(true)
    }

    fn text(&self, number: u64) -> Option<String> {
        match number {
            0 => Some(self.group().to_string()),
            _ => self.with_level(number, |store, file| store.text(file))?,
        }
    }

    fn len(&self, number: u64) -> u64 {
        let len = self.with_level(number, |store, file| store.len(file));
        len.unwrap_or(0)
    }

    fn contents(&self, number: u64, mapping: &Arc<Mapping>) -> ContentList {
        let contents = self.with_level(number, |store, file| store.contents(file, mapping));
        contents.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Order, Shape};
    use crate::dtype::DType;
    use crate::vfile::{CodedView, EncodingOptions};

    #[test]
    fn the_files_of_all_levels_are_numbered_once() {
        let shape = Shape::new(vec![2, 300, 5000]);
        let view = View::contiguous(DType::parse("<f8").unwrap(), 0, shape, Order::C).unwrap();
        let options = EncodingOptions {
            zarr_chunks: Some(Shape::new(vec![1, 100, 1000])),
            ..EncodingOptions::default()
        };
        let pyramid = Pyramid::new(&Subject::new(CodedView::as_stored(&view), &options)).unwrap();
        let mut numbers = 1;
        for (level, (name, files)) in pyramid.subdirectories().into_iter().enumerate() {
            assert_eq!((level.to_string(), numbers), (name, files.start));
            for number in files.clone() {
                let file = pyramid.name(number);
                assert_eq!(
                    pyramid.find_in(level, &file),
                    Some(number),
                    "{level}/{file}"
                );
            }
            numbers = files.end;
        }
        // 2 * 3 * 5 chunks, and 2 * 3 of 3, 2, 1 and 1 along the last axis, each with a text.
        assert_eq!(
            (pyramid.levels.len(), numbers),
            (6, 1 + 6 * (5 + 3 + 2 + 1 + 1 + 1) + 6)
        );
        assert_eq!(pyramid.count(), numbers);
        assert_eq!(
            (pyramid.find("zarr.json"), pyramid.find("0")),
            (Some(0), None)
        );
    }

    #[test]
    fn there_are_no_more_levels_than_subdirectories() {
        let shape = Shape::new(vec![1, 1 << 40]);
        let view = View::strided(DType::parse("u1").unwrap(), 0, shape, vec![0, 0]).unwrap();
        let options = EncodingOptions::default();
        let pyramid = Pyramid::new(&Subject::new(CodedView::as_stored(&view), &options)).unwrap();
        assert_eq!(pyramid.levels.len(), MAX_SUBDIRECTORIES);
        assert_eq!(pyramid.levels[15].view.shape().lengths(), [1, 1 << 25]);
    }
}
