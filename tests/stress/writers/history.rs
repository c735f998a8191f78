//! The operation logs of the clients, one file each, and their conversion to a history for every
//! element.

use std::fs;
use std::path::Path;

use super::layout::{Shape, View};
use crate::registers::{History, Promise, Span};

/// What a file holds before anybody writes.
pub const INITIAL: u64 = 1;

/// The name of the file with a client's notes.
fn name(number: usize) -> String {
    format!("notes-{number}")
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Deed {
    Write,
    ReadAtomic,
    ReadRegular,
    Erase,
}

const DEEDS: [Deed; 4] = [
    Deed::Write,
    Deed::ReadAtomic,
    Deed::ReadRegular,
    Deed::Erase,
];

/// A client's notes.
#[derive(Default)]
pub struct Notes {
    words: Vec<u64>,
}

/// Elements of a view that follow one another.
#[derive(Clone)]
pub struct Stretch {
    pub view: View,
    pub position: usize,
    pub count: usize,
}

impl Stretch {
    /// The elements.
    pub fn elements(&self) -> impl Iterator<Item = usize> {
        (self.position..self.position + self.count).map(|position| self.view.element(position))
    }

    /// All but the first few.
    pub fn after(&self, count: usize) -> Stretch {
        Stretch {
            view: self.view.clone(),
            position: self.position + count,
            count: self.count - count,
        }
    }

    /// The first few.
    pub fn before(&self, count: usize) -> Stretch {
        Stretch {
            count,
            ..self.clone()
        }
    }
}

impl Notes {
    /// Notes that a value was written to all of these elements, or that they were erased.
    pub fn change(&mut self, deed: Deed, stretch: &Stretch, span: Span, value: u64) {
        self.begin(deed, stretch, span);
        self.words.push(value);
    }

    /// Notes what was read of these elements.
    pub fn read(&mut self, deed: Deed, shape: &Shape, stretch: &Stretch, span: Span, read: &[u64]) {
        assert_eq!(read.len(), stretch.count);
        self.begin(deed, stretch, span);
        let pairs = stretch.elements().zip(read);
        let looked_at = pairs.filter(|(element, _)| shape.is_looked_at(*element));
        self.words.extend(looked_at.map(|(_, value)| value));
    }

    fn begin(&mut self, deed: Deed, stretch: &Stretch, span: Span) {
        let View {
            start, lens, steps, ..
        } = stretch.view;
        self.words.extend([deed as u64, span.begin, span.end]);
        self.words
            .extend([start as u64, lens[0] as u64, lens[1] as u64]);
        self.words.extend([steps[0] as u64, steps[1] as u64]);
        self.words
            .extend([stretch.position as u64, stretch.count as u64]);
    }

    /// Leaves them to be judged.
    pub fn save(&self, directory: &Path, number: usize) {
        let bytes: Vec<u8> = self
            .words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        fs::write(directory.join(name(number)), bytes).unwrap();
    }
}

/// The history of every element that is looked at, by its number.
pub struct Histories(Vec<Option<History>>);

impl Histories {
    /// Those of an array in which nothing has been done yet.
    pub fn new(shape: &Shape) -> Histories {
        let initial = |element| {
            let span = Span { begin: 0, end: 0 };
            shape.is_looked_at(element).then(|| History {
                writes: vec![(INITIAL, span)],
                ..History::default()
            })
        };
        Histories((0..shape.len()).map(initial).collect())
    }

    /// Adds the notes of a client, which are deleted.
    pub fn load(&mut self, directory: &Path, number: usize) {
        let path = directory.join(name(number));
        let Ok(bytes) = fs::read(&path) else {
            panic!("client {number} has left no notes");
        };
        fs::remove_file(path).unwrap();
        let words = bytes.as_chunks().0.iter();
        let mut words = words.map(|word| u64::from_le_bytes(*word));
        while let Some(deed) = words.next() {
            let mut next = || words.next().unwrap();
            let span = Span {
                begin: next(),
                end: next(),
            };
            let view = View {
                path: String::new(),
                start: next() as i64,
                lens: [next() as usize, next() as usize],
                steps: [next() as i64, next() as i64],
            };
            let stretch = Stretch {
                view,
                position: next() as usize,
                count: next() as usize,
            };
            self.add(DEEDS[deed as usize], &stretch, span, next);
        }
    }

    fn add(&mut self, deed: Deed, stretch: &Stretch, span: Span, mut next: impl FnMut() -> u64) {
        let promise = match deed {
            Deed::ReadAtomic => Some(Promise::Atomic),
            Deed::ReadRegular => Some(Promise::Regular),
            Deed::Write | Deed::Erase => None,
        };
        let value = if promise.is_none() { next() } else { 0 };
        for element in stretch.elements() {
            let Some(history) = &mut self.0[element] else {
                continue;
            };
            match promise {
                Some(promise) => history.reads.push((next(), span, promise)),
                None if deed == Deed::Write => history.writes.push((value, span)),
                None => history.erasures.push(span),
            }
        }
    }

    /// Adds what the file holds when all is over.
    pub fn end(&mut self, shape: &Shape, bytes: &[u8], moment: u64) {
        let span = Span {
            begin: moment,
            end: moment,
        };
        for (element, history) in self.0.iter_mut().enumerate() {
            let Some(history) = history else { continue };
            let value = &bytes[shape.place(element) as usize..][..8];
            let value = u64::from_le_bytes(value.try_into().unwrap());
            history.reads.push((value, span, Promise::Atomic));
        }
    }

    /// How much is wrong. Some of it is printed.
    pub fn judge(&self, what: &str) -> u64 {
        let mut count = 0;
        for (element, history) in self.0.iter().enumerate() {
            for fault in history.iter().flat_map(History::faults) {
                count += 1;
                if count <= 8 {
                    eprintln!("{what}: element {element}: {fault}");
                }
            }
        }
        count
    }

    /// How many reads are judged.
    pub fn reads(&self) -> u64 {
        let reads = self.0.iter().flatten().map(|history| history.reads.len());
        reads.sum::<usize>() as u64
    }
}
