//! The origin of each byte of a view according to NumPy: a byte of the backing file, a byte of a
//! header, or a character of an element's text.

use std::fs;
use std::ops::Range;

use crate::common::arrays::{Raw, run_script};
use crate::common::calls::Numbers;
use crate::common::{Dir, Mount};

/// What a byte of a view is.
#[derive(Debug, Clone, Copy)]
pub enum Byte {
    /// Always this.
    Fixed(u8),
    /// This one of the backing file.
    Stored(usize),
    /// A character of the text of the four-byte integer at `element`, padded on
    /// the left to `width`, or of the separator after it.
    Text {
        element: usize,
        nth: usize,
        width: usize,
        separator: u8,
    },
}

/// A file of the mount.
pub struct View {
    pub path: String,
    pub bytes: Vec<Byte>,
}

/// The options of an array whose text has each element at a place of its own.
pub fn padded<'a>(raw: &Raw, mode: &'a str) -> Vec<&'a str> {
    let mut options = raw.options();
    options.extend(["--mode", mode, "--csv", "padded"]);
    options
}

/// The views at these paths of a mounted array. The text files in it have to be of `<i4`,
/// and [`padded`].
pub fn views(dir: &Dir, raw: &Raw, mount: &Mount, paths: &[String]) -> Vec<View> {
    let described = [raw.dtype, raw.shape, raw.order, raw.offset].map(String::from);
    let printed = run_script(
        dir,
        "stress/storage/view_bytes.py",
        &[&described, paths].concat(),
    );
    let described: Vec<(String, Vec<u8>, usize)> = serde_json::from_str(&printed).unwrap();
    let places = fs::read(dir.join("places.u32")).unwrap();
    let mut places = places
        .as_chunks()
        .0
        .iter()
        .map(|place| u32::from_le_bytes(*place) as usize);
    let view = |(path, header, count): (String, Vec<u8>, usize)| {
        let places: Vec<usize> = places.by_ref().take(count).collect();
        let bytes = match path.ends_with(".csv") {
            true => text(&fs::read(mount.join(&path)).unwrap(), &places),
            false => {
                let header = header.into_iter().map(Byte::Fixed);
                header.chain(places.into_iter().map(Byte::Stored)).collect()
            }
        };
        View { path, bytes }
    };
    described.into_iter().map(view).collect()
}

/// What the bytes of a text are, whose elements lie at these places.
fn text(text: &[u8], places: &[usize]) -> Vec<Byte> {
    let cells = text.split_inclusive(|byte| b",\n".contains(byte));
    let elements = places.iter().step_by(4);
    assert_eq!(cells.clone().count(), elements.len());
    let cell = |(cell, &element): (&[u8], &usize)| {
        let width = cell.len() - 1;
        let separator = cell[width];
        (0..cell.len()).map(move |nth| Byte::Text {
            element,
            nth,
            width,
            separator,
        })
    };
    cells.zip(elements).flat_map(cell).collect()
}

impl Byte {
    /// The bytes of the backing file that it is made of.
    pub fn needs(self) -> Range<usize> {
        match self {
            Byte::Fixed(_) => 0..0,
            Byte::Stored(place) => place..place + 1,
            Byte::Text { element, .. } => element..element + 4,
        }
    }

    fn of(self, file: &[u8]) -> u8 {
        match self {
            Byte::Fixed(byte) => byte,
            Byte::Stored(place) => file[place],
            Byte::Text {
                nth,
                width,
                separator,
                ..
            } if nth == width => separator,
            Byte::Text {
                element,
                nth,
                width,
                ..
            } => {
                let stored = file[element..element + 4].try_into().unwrap();
                format!("{:>width$}", i32::from_le_bytes(stored)).as_bytes()[nth]
            }
        }
    }
}

impl View {
    /// Whether it can be written.
    pub fn is_writable(&self) -> bool {
        !self.path.ends_with(".csv")
    }

    /// Some of its bytes, mostly not many.
    pub fn range(&self, numbers: &mut Numbers) -> Range<usize> {
        let range = numbers.range(self.bytes.len());
        let longest = [8, 100, 5000, usize::MAX][numbers.below(4)];
        range.start..range.end.min(range.start.saturating_add(longest))
    }

    /// How many of these bytes come before the first that is made of one that
    /// is not there.
    pub fn reach(&self, range: &Range<usize>, is_there: &dyn Fn(usize) -> bool) -> usize {
        let wanted = &self.bytes[range.clone()];
        let missing = wanted.iter().position(|byte| !byte.needs().all(is_there));
        missing.unwrap_or(wanted.len())
    }

    /// These bytes, if the backing file is `file`.
    pub fn of(&self, file: &[u8], range: &Range<usize>) -> Vec<u8> {
        let wanted = self.bytes[range.clone()].iter();
        wanted.map(|byte| byte.of(file)).collect()
    }

    /// Bytes that can be written in place of these.
    pub fn other(&self, numbers: &mut Numbers, range: &Range<usize>) -> Vec<u8> {
        let bytes = self.bytes[range.clone()].iter();
        let other = bytes.map(|byte| match byte {
            Byte::Fixed(byte) => *byte,
            _ => numbers.below(256) as u8,
        });
        other.collect()
    }

    /// Does to `file` what writing these bytes from `at` does.
    pub fn put(&self, file: &mut [u8], at: usize, bytes: &[u8]) {
        for (byte, &new) in self.bytes[at..].iter().zip(bytes) {
            if let Byte::Stored(place) = *byte {
                file[place] = new;
            }
        }
    }
}
