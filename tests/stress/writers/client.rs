//! One of several clients of a mounted array. It reads, writes, truncates or stores the same
//! elements as the others, through views or directly in the backing file, and records each
//! operation.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::rc::Rc;

use memmap2::{MmapOptions, MmapRaw};
use nix::unistd::truncate;

use super::history::{Deed, Notes, Stretch};
use super::layout::{SHAPES, Shape, View, WORD};
use crate::common::calls::Numbers;
use crate::registers::{NEVER, Span};
use crate::traffic::{load, store};
use crate::workers::{Count, Worker, now};

/// The most files, and the most mappings, that a client keeps.
const KEPT: usize = 24;

/// How often what is stored is synchronised: once in so many stores.
const STORES: usize = 8;

/// A client.
pub struct Client<'a> {
    pub worker: &'a Worker,
    pub shape: &'static Shape,
    pub numbers: Numbers,
    pub notes: Notes,
    /// Where the array is mounted; empty if it is not, and all views are parts of the file.
    root: PathBuf,
    /// The backing file, and a mapping of it.
    pub file: File,
    pub map: MmapRaw,
    /// Whether elements are left to those who store through mappings.
    spares_stored: bool,
    /// Whether it reads through mappings of views, too.
    maps: bool,
    /// Whether it leaves alone what the kernel would write past the daemon.
    spares_passthrough: bool,
    /// Whether what is opened for reading only is read through the kernel's cache.
    is_cached: bool,
    written: u64,
    open: Vec<(String, bool, Opened)>,
    mapped: Vec<(String, Rc<MmapRaw>, usize)>,
}

/// An open view, and the length of its header.
type Opened = (Rc<File>, usize);

impl<'a> Client<'a> {
    /// The client that a worker is: told the mount, the array, and what it is to spare.
    pub fn new(worker: &'a Worker) -> Client<'a> {
        let [root, shape, traits, ..] = &worker.words[..] else {
            panic!("{:?}: not what a client needs", worker.words);
        };
        let path = worker.directory.join("array.bin");
        let file = File::options().read(true).write(true).open(path).unwrap();
        let seed = (u64::from(std::process::id()) << 20) + worker.number as u64 + 1;
        Client {
            shape: &SHAPES[shape.parse::<usize>().unwrap()],
            numbers: Numbers(seed),
            notes: Notes::default(),
            root: root.into(),
            map: MmapRaw::map_raw(&file).unwrap(),
            file,
            spares_stored: traits.contains("spares"),
            maps: traits.contains("maps"),
            spares_passthrough: traits.contains("indirect"),
            is_cached: traits.contains("cached"),
            written: 0,
            open: Vec::new(),
            mapped: Vec::new(),
            worker,
        }
    }

    /// Does what it is to do for as long as the board says, and leaves its notes.
    pub fn work(mut self, task: &str) {
        while self.worker.board.goes_on() {
            let worker = self.worker;
            let outcome = worker.in_time(|| match task {
                "write several" => self.write_between(Self::write),
                "write several below" => self.write_between(Self::write_directly),
                "store several below" => self.write_between(Self::store_below),
                "truncate several" => self.truncate(),
                "store several" => self.map_and_store(),
                "produce several" => self.produce(),
                _ => panic!("{task}: no such task"),
            });
            if outcome.is_ok() && !matches!(task, "store several" | "produce several") {
                worker.board.add(worker.number, Count::Done);
            }
            let outcome = outcome.and_then(|()| {
                let stretch = self.stretch(|_| true);
                worker.in_time(|| self.read(&stretch))
            });
            if let Err(error) = outcome {
                eprintln!("worker {}: {task}: {error}", worker.number);
                worker.board.add(worker.number, Count::Errors);
            }
        }
        self.leave_notes();
    }

    /// Leaves its notes.
    pub fn leave_notes(self) {
        self.notes.save(&self.worker.directory, self.worker.number);
    }

    /// A value that nobody has written.
    pub fn value(&mut self) -> u64 {
        self.written += 1;
        (self.worker.number as u64 + 1) << 32 | self.written
    }

    /// Elements around some one: one, a few, a row, or the whole array.
    fn stretch(&mut self, may_have: impl Fn(usize) -> bool) -> Stretch {
        let (view, position) = loop {
            let (view, position) = self.view();
            if may_have(view.element(position)) {
                break (view, position);
            }
        };
        let (start, most) = match self.numbers.below(16) {
            0..5 => (position, 1),
            5..10 => (position, 1 + self.numbers.below(16)),
            10..14 => (position - position % view.lens[1], view.lens[1]),
            _ => (0, view.len()),
        };
        let all = (start..view.len()).take(most);
        let ends = |position: &usize| may_have(view.element(*position));
        let count = all.take_while(ends).count();
        match count {
            // What comes first may not be had.
            0 => Stretch {
                view,
                position,
                count: 1,
            },
            _ => Stretch {
                view,
                position: start,
                count,
            },
        }
    }

    /// A view of some element, and the element's position there.
    fn view(&mut self) -> (View, usize) {
        loop {
            let element = self.shape.some(&mut self.numbers);
            let (view, position) = self.shape.view_of(element, &mut self.numbers);
            if !(self.spares_passthrough && view.path == "data") {
                return (view, position);
            }
        }
    }

    /// What it may write.
    fn writable(&mut self) -> Stretch {
        let (shape, spares_stored) = (self.shape, self.spares_stored);
        self.stretch(|element| !(spares_stored && shape.is_stored(element)))
    }

    fn opened(&mut self, view: &View, writes: bool) -> io::Result<Opened> {
        let is_it = |kept: &&(String, bool, Opened)| kept.0 == view.path && kept.1 == writes;
        let kept = self.open.iter().find(is_it);
        if let Some((_, _, opened)) = kept.filter(|_| self.numbers.below(5) > 0) {
            return Ok(opened.clone());
        }
        let path = self.root.join(&view.path);
        let file = File::options().read(true).write(writes).open(path)?;
        let header = file.metadata()?.len() as usize - view.len() * WORD;
        assert_eq!(header > 0, view.has_header(), "{}: size", view.path);
        let opened = (Rc::new(file), header);
        if self.open.len() == KEPT {
            let which = self.numbers.below(KEPT);
            self.open.swap_remove(which);
        }
        self.open.push((view.path.clone(), writes, opened.clone()));
        Ok(opened)
    }

    /// Where in the file these elements lie: pieces of so many elements.
    fn pieces(&self, stretch: &Stretch) -> Vec<(u64, usize)> {
        let mut pieces: Vec<(u64, usize)> = Vec::new();
        for element in stretch.elements() {
            let place = self.shape.place(element);
            match pieces.last_mut() {
                Some((start, count)) if *start + (*count * WORD) as u64 == place => *count += 1,
                _ => pieces.push((place, 1)),
            }
        }
        pieces
    }

    /// Writes a value to all of these elements through the view, by as many calls as it takes.
    pub fn write(&mut self, stretch: &Stretch, value: u64) -> io::Result<()> {
        if self.root.as_os_str().is_empty() {
            return self.write_directly(stretch, value);
        }
        let (file, header) = self.opened(&stretch.view, true)?;
        self.write_through(&file, header, stretch, value)
    }

    fn write_through(
        &mut self,
        file: &File,
        header: usize,
        stretch: &Stretch,
        value: u64,
    ) -> io::Result<()> {
        let word = stretch.view.shown(value.to_le_bytes());
        let bytes = word.repeat(stretch.count);
        let (mut done, mut begin) = (0, now());
        while done < stretch.count {
            let at = header + (stretch.position + done) * WORD;
            let written = file.write_at(&bytes[done * WORD..], at as u64);
            let end = now();
            let rest = stretch.after(done);
            let count = match written {
                Ok(count) if count > 0 => count,
                // It may have been done in part.
                other => {
                    let span = Span { begin, end: NEVER };
                    self.notes.change(Deed::Write, &rest, span, value);
                    let refused = format!("write of {}: {other:?}", stretch.view.path);
                    return Err(other.err().unwrap_or(io::Error::other(refused)));
                }
            };
            let whole = rest.before(count / WORD);
            self.notes
                .change(Deed::Write, &whole, Span { begin, end }, value);
            done += whole.count;
            // The element in which it ended is written once more.
            if count.is_multiple_of(WORD) {
                begin = now();
            }
        }
        Ok(())
    }

    /// Writes to the backing file itself.
    pub fn write_directly(&mut self, stretch: &Stretch, value: u64) -> io::Result<()> {
        let begin = now();
        for (place, count) in self.pieces(stretch) {
            let bytes = value.to_le_bytes().repeat(count);
            self.file.write_all_at(&bytes, place)?;
        }
        let span = Span { begin, end: now() };
        self.notes.change(Deed::Write, stretch, span, value);
        Ok(())
    }

    /// Writes some elements. Mostly one of them is read before and after: what was seen
    /// before tells which write was first.
    fn write_between(
        &mut self,
        write: impl FnOnce(&mut Self, &Stretch, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let (stretch, value) = (self.writable(), self.value());
        let which = self.numbers.below(stretch.count);
        let one = stretch.after(which).before(1);
        let is_between = self.numbers.below(4) > 0;
        if is_between {
            self.read(&one)?;
        }
        write(self, &stretch, value)?;
        if is_between {
            self.read(&one)?;
        }
        Ok(())
    }

    /// Stores to a mapping of the backing file.
    fn store_below(&mut self, stretch: &Stretch, value: u64) -> io::Result<()> {
        let begin = now();
        for element in stretch.elements() {
            let place = self.shape.place(element) as usize;
            store(&self.map, place, &value.to_le_bytes());
        }
        let span = Span { begin, end: now() };
        self.notes.change(Deed::Write, stretch, span, value);
        Ok(())
    }

    /// Writes elsewhere in the file: to the last row, which nobody looks at.
    fn produce(&mut self) -> io::Result<()> {
        let row = self.shape.len() - self.shape.columns;
        let element = row + self.numbers.below(self.shape.columns);
        self.file
            .write_all_at(&[7; WORD], self.shape.place(element))
    }

    /// Truncates a view and writes it anew, as a whole or in part.
    fn truncate(&mut self) -> io::Result<()> {
        let (view, position) = self.view();
        let path = self.root.join(&view.path);
        let len = File::open(&path)?.metadata()?.len();
        let header = len as usize - view.len() * WORD;
        let stretch = Stretch {
            count: view.len(),
            position: 0,
            view,
        };
        let begin = now();
        // By its name, as it is opened, or by its descriptor.
        let how = self.numbers.below(3);
        if how == 0 {
            truncate(&path, 0)?;
        }
        let file = File::options().write(true).truncate(how == 1).open(&path)?;
        if how == 2 {
            file.set_len(0)?;
        }
        let span = Span { begin, end: now() };
        self.notes.change(Deed::Erase, &stretch, span, 0);
        let part = match self.numbers.below(4) {
            0 => return Ok(()),
            // One write leaves a gap before it.
            1 => stretch.after(position).before(1),
            2 => stretch.before(position + 1),
            _ => stretch,
        };
        let mut done = 0;
        while done < part.count {
            let count = (1 + self.numbers.below(part.count)).min(part.count - done);
            let value = self.value();
            let piece = part.after(done).before(count);
            self.write_through(&file, header, &piece, value)?;
            done += count;
        }
        if self.numbers.below(3) == 0 {
            file.set_len(len)?;
        }
        Ok(())
    }

    /// Reads elements through a view, or past the mount.
    fn read(&mut self, stretch: &Stretch) -> io::Result<()> {
        let way = self.numbers.below(8);
        if self.maps && way < 3 {
            return self.read_mapped();
        }
        if way == 7 || self.root.as_os_str().is_empty() {
            return self.read_directly(stretch);
        }
        let writes = self.numbers.below(2) == 0;
        let begin = now();
        let (file, header) = self.opened(&stretch.view, writes)?;
        let mut bytes = vec![0; stretch.count * WORD];
        file.read_exact_at(&mut bytes, (header + stretch.position * WORD) as u64)?;
        let span = Span { begin, end: now() };
        // The kernel shows at once what is stored to pages that it has cached.
        let mut elements = stretch.elements();
        let may_be_stored = elements.any(|element| self.shape.is_stored(element));
        let deed = match self.is_cached && !writes && may_be_stored {
            true => Deed::ReadRegular,
            false => Deed::ReadAtomic,
        };
        self.note_read(deed, stretch, span, &shown(&stretch.view, &bytes));
        Ok(())
    }

    /// Reads the backing file itself.
    pub fn read_directly(&mut self, stretch: &Stretch) -> io::Result<()> {
        let mut bytes = vec![0; stretch.count * WORD];
        let by_mapping = self.numbers.below(2) == 0;
        let begin = now();
        let mut rest = &mut bytes[..];
        for (place, count) in self.pieces(stretch) {
            let piece = rest.split_off_mut(..count * WORD).unwrap();
            match by_mapping {
                true => {
                    let words = piece.as_chunks_mut::<WORD>().0.iter_mut().enumerate();
                    words.for_each(|(k, word)| load(&self.map, place as usize + k * WORD, word));
                }
                false => self.file.read_exact_at(piece, place)?,
            }
        }
        let span = Span { begin, end: now() };
        self.note_read(Deed::ReadAtomic, stretch, span, &bytes);
        Ok(())
    }

    /// Reads a few elements through a mapping of a view. What others store through
    /// mappings is not promised to show there.
    fn read_mapped(&mut self) -> io::Result<()> {
        let stretch = self.writable();
        let stretch = stretch.before(stretch.count.min(64));
        let (map, header) = self.mapped(&stretch.view)?;
        let mut bytes = vec![0; stretch.count * WORD];
        let begin = now();
        for (k, word) in bytes.as_chunks_mut::<WORD>().0.iter_mut().enumerate() {
            load(&map, header + (stretch.position + k) * WORD, word);
        }
        let span = Span { begin, end: now() };
        self.note_read(
            Deed::ReadRegular,
            &stretch,
            span,
            &shown(&stretch.view, &bytes),
        );
        Ok(())
    }

    fn mapped(&mut self, view: &View) -> io::Result<(Rc<MmapRaw>, usize)> {
        let kept = self.mapped.iter().find(|(path, ..)| *path == view.path);
        if let Some((_, map, header)) = kept {
            return Ok((map.clone(), *header));
        }
        let (file, header) = self.opened(view, true)?;
        let map = Rc::new(MmapOptions::new().map_raw_read_only(&*file)?);
        if self.mapped.len() == KEPT {
            let which = self.numbers.below(KEPT);
            self.mapped.swap_remove(which);
        }
        self.mapped.push((view.path.clone(), map.clone(), header));
        Ok((map, header))
    }

    /// Notes what was read, the words as they are in the file.
    pub fn note_read(&mut self, deed: Deed, stretch: &Stretch, span: Span, bytes: &[u8]) {
        let words = bytes.as_chunks().0.iter();
        let words: Vec<u64> = words.map(|word| u64::from_le_bytes(*word)).collect();
        self.notes.read(deed, self.shape, stretch, span, &words);
    }

    /// Stores elements of its own through a mapping of a view, and synchronises them: what
    /// is stored is written at some time between. All who store map the same view, as
    /// through others they could overwrite each other.
    fn map_and_store(&mut self) -> io::Result<()> {
        let view = match self.worker.words[3].as_str() {
            "data" => self.shape.whole(),
            _ => self.shape.transposed(),
        };
        let (file, _) = self.opened(&view, true)?;
        let map = MmapRaw::map_raw(&*file)?;
        for _ in 0..1 + self.numbers.below(4) {
            let mut stored = Vec::new();
            for _ in 0..1 + self.numbers.below(STORES) {
                let own = self.own();
                let (row, column) = (own / self.shape.columns, own % self.shape.columns);
                let position = match view.path.as_str() {
                    "data" => own,
                    _ => column * self.shape.rows + row,
                };
                let value = self.value();
                stored.push((position, value, now()));
                store(&map, position * WORD, &value.to_le_bytes());
                self.worker.board.add(self.worker.number, Count::Stores);
            }
            map.flush()?;
            let end = now();
            for (position, value, begin) in stored {
                let stretch = Stretch {
                    view: view.clone(),
                    position,
                    count: 1,
                };
                let span = Span { begin, end };
                self.notes.change(Deed::Write, &stretch, span, value);
            }
        }
        Ok(())
    }

    /// An element that only this client stores to.
    fn own(&mut self) -> usize {
        let row = loop {
            let row = self.numbers.below(self.shape.rows - 1);
            if row % 2 == self.worker.number % 2 {
                break row;
            }
        };
        row * self.shape.columns + self.shape.columns - 1
    }
}

/// The bytes in the file of words that a view has shown.
fn shown(view: &View, bytes: &[u8]) -> Vec<u8> {
    let (words, _) = bytes.as_chunks();
    words.iter().flat_map(|word| view.shown(*word)).collect()
}
