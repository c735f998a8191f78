//! The clients of a stress test. Each writes its own cells through one view and reads them
//! through another, or stores them through a mapping. Every cell that it reads is checked, also
//! those of other clients.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::Ordering::SeqCst;

use memmap2::{MmapOptions, MmapRaw};

use crate::common::calls::Numbers;
use crate::views::{Array, Fault};
use crate::workers::{Count, Worker};

/// Who writes cells: as many clients take turns, a few cells each.
const TURN: usize = 3;

/// The most files that a client keeps open.
const OPEN: usize = 60;

/// The most mappings that a client keeps.
const MAPPED: usize = 6;

/// The most cells in a write.
const LONGEST_RUN: usize = 64;

/// A place of a cell: a view, and the position among its cells.
type Place = (usize, usize);

/// A client of a mounted array.
pub struct Client<'a> {
    worker: &'a Worker,
    array: Array,
    file: File,
    numbers: Numbers,
    /// How many clients there are.
    clients: usize,
    /// Whether the mount is going to die, and failures are none.
    doomed: bool,
    /// The cells that nobody else writes, and where each of them is.
    own: Vec<usize>,
    places: HashMap<usize, Vec<Place>>,
    /// The length of each view's header, once it is known.
    headers: HashMap<usize, usize>,
    /// Views that are open, and whether for writing too.
    open: Vec<((usize, bool), Rc<File>)>,
    mapped: Vec<(usize, Rc<MmapRaw>)>,
}

/// How a view is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    NewHandle,
    OldHandle,
    Mapping,
}

impl<'a> Client<'a> {
    /// The client that a worker is: told the mount and how many there are.
    pub fn new(worker: &'a Worker, doomed: bool) -> Client<'a> {
        let array = Array::load(&worker.directory);
        let clients: usize = worker.words[1].parse().unwrap();
        let mut places: HashMap<usize, Vec<Place>> = HashMap::new();
        for (view, shown) in array.views.iter().enumerate() {
            for (position, &cell) in shown.cells.iter().enumerate() {
                if owner(cell as usize, clients) == worker.number {
                    let places = places.entry(cell as usize).or_default();
                    places.push((view, position));
                }
            }
        }
        let file = File::open(worker.directory.join("array.bin")).unwrap();
        let seed = (u64::from(std::process::id()) << 20) + worker.number as u64 + 1;
        Client {
            worker,
            array,
            file,
            numbers: Numbers(seed),
            clients,
            doomed,
            own: places.keys().copied().collect(),
            places,
            headers: HashMap::new(),
            open: Vec::new(),
            mapped: Vec::new(),
        }
    }

    fn owns(&self, cell: usize) -> bool {
        owner(cell, self.clients) == self.worker.number
    }

    fn open_anew(&mut self, view: usize, writes: bool) -> io::Result<Rc<File>> {
        let shown = &self.array.views[view];
        let path = Path::new(&self.worker.words[0]).join(&shown.path);
        let file = File::options().read(true).write(writes).open(path)?;
        if let Entry::Vacant(unknown) = self.headers.entry(view) {
            let last = shown.cells.len() - 1;
            let len = self.array.cells[shown.cells[last] as usize].len;
            let header = file.metadata()?.len() as usize - (shown.at(last) + len);
            assert_eq!(header > 0, shown.has_header(), "{}: size", shown.path);
            unknown.insert(header);
        }
        Ok(Rc::new(file))
    }

    /// A file that was opened before, unless it is for the first time.
    fn opened(&mut self, view: usize, writes: bool) -> io::Result<Rc<File>> {
        let how = (view, writes);
        if let Some((_, file)) = self.open.iter().find(|(other, _)| *other == how) {
            return Ok(file.clone());
        }
        let file = self.open_anew(view, writes)?;
        if self.open.len() == OPEN {
            let which = self.numbers.below(OPEN);
            self.open.swap_remove(which);
        }
        self.open.push((how, file.clone()));
        Ok(file)
    }

    /// A mapping that was there before, unless it is for the first time.
    fn map(&mut self, view: usize) -> io::Result<Rc<MmapRaw>> {
        if let Some((_, map)) = self.mapped.iter().find(|(other, _)| *other == view) {
            return Ok(map.clone());
        }
        let writes = self.numbers.below(2) == 0;
        let file = self.open_anew(view, writes)?;
        let map = Rc::new(MmapOptions::new().map_raw_read_only(&*file)?);
        if self.mapped.len() == MAPPED {
            let which = self.numbers.below(MAPPED);
            self.mapped.swap_remove(which);
        }
        self.mapped.push((view, map.clone()));
        Ok(map)
    }

    /// Some place of one of its cells; if it is to be mapped, mostly one that is.
    fn place_of(&mut self, cell: usize, mapped: bool) -> Place {
        let places = &self.places[&cell];
        if mapped && self.mapped.len() == MAPPED && self.numbers.below(8) > 0 {
            let is_mapped = |place: &&Place| self.mapped.iter().any(|(view, _)| *view == place.0);
            let candidates: Vec<Place> = places.iter().filter(is_mapped).copied().collect();
            if !candidates.is_empty() {
                return candidates[self.numbers.below(candidates.len())];
            }
        }
        places[self.numbers.below(places.len())]
    }

    /// Writes some of its cells through some view: which.
    fn write(&mut self) -> Result<Vec<usize>, ()> {
        let cell = self.own[self.numbers.below(self.own.len())];
        let (view, position) = self.place_of(cell, false);
        let limit = match self.numbers.below(4) {
            0 => LONGEST_RUN,
            _ => 1 + self.numbers.below(4),
        };
        let cells = &self.array.views[view].cells[position..];
        let run: Vec<usize> = cells
            .iter()
            .map(|&cell| cell as usize)
            .take_while(|&cell| self.owns(cell))
            .take(limit)
            .collect();
        let board = &self.worker.board;
        let mut bytes = Vec::new();
        for &cell in &run {
            let count = board.begun(cell).fetch_add(1, SeqCst) + 1;
            let value = self.array.value(cell, count);
            bytes.extend(self.array.shown(view, cell, value));
        }
        let file = match self.numbers.below(5) {
            0 => self.open_anew(view, true),
            _ => self.opened(view, true),
        };
        let at = self.array.views[view].at(position);
        match file.and_then(|file| file.write_at(&bytes, (self.headers[&view] + at) as u64)) {
            Ok(count) if count == bytes.len() => {
                run.iter().for_each(|&cell| self.written(cell));
                Ok(run)
            }
            other => {
                let how = format!("{other:?} of {} bytes", bytes.len());
                self.fails(view, "write", &how);
                Err(())
            }
        }
    }

    /// What has begun with a cell has been acknowledged.
    fn written(&self, cell: usize) {
        let board = &self.worker.board;
        let begun = board.begun(cell).load(SeqCst);
        board.written(cell).store(begun, SeqCst);
    }

    fn fails(&self, view: usize, what: &str, how: &str) {
        if !self.doomed {
            self.worker.board.add(self.worker.number, Count::Errors);
            let path = &self.array.views[view].path;
            eprintln!("worker {}: {what} of {path}: {how}", self.worker.number);
        }
    }

    /// Reads cells around one of its own, and checks them all.
    fn read(&mut self, cell: usize, mapping: bool) {
        let way = match self.numbers.below(if mapping { 3 } else { 2 }) {
            0 => Way::NewHandle,
            1 => Way::OldHandle,
            _ => Way::Mapping,
        };
        let (view, position) = self.place_of(cell, way == Way::Mapping);
        let start = position - self.numbers.below(4).min(position);
        let some = position - start + 1 + self.numbers.below(24);
        let cells = &self.array.views[view].cells[start..];
        let cells: Vec<usize> = cells.iter().take(some).map(|&cell| cell as usize).collect();
        let board = &self.worker.board;
        let low = |&cell: &usize| board.written(cell).load(SeqCst);
        let lows: Vec<u64> = cells.iter().map(low).collect();
        let bytes = match self.bytes(view, start, &cells, way) {
            Ok(bytes) => bytes,
            Err(error) => return self.fails(view, "read", &format!("{error} by {way:?}")),
        };
        let mut rest = &bytes[..];
        for (&cell, low) in cells.iter().zip(lows) {
            let read = rest.split_off(..self.array.cells[cell].len).unwrap();
            let high = board.begun(cell).load(SeqCst);
            let read = self.array.shown(view, cell, read.to_vec());
            if let Some(fault) = self.array.fault(cell, &read, low, high) {
                self.report(view, way, cell, &read, (fault, low, high));
            }
        }
    }

    /// The bytes of these cells, which begin at the position `start`.
    fn bytes(
        &mut self,
        view: usize,
        start: usize,
        cells: &[usize],
        way: Way,
    ) -> io::Result<Vec<u8>> {
        let lens: Vec<usize> = cells
            .iter()
            .map(|&cell| self.array.cells[cell].len)
            .collect();
        let mut bytes = vec![0; lens.iter().sum()];
        let start = self.array.views[view].at(start);
        // What is only read may be read through the page cache.
        let writes = self.numbers.below(2) == 0;
        let file = match way {
            Way::NewHandle => self.open_anew(view, writes)?,
            Way::OldHandle => self.opened(view, writes)?,
            Way::Mapping => {
                let map = self.map(view)?;
                let mut at = self.headers[&view] + start;
                let mut rest = &mut bytes[..];
                for len in lens {
                    load(&map, at, rest.split_off_mut(..len).unwrap());
                    at += len;
                }
                return Ok(bytes);
            }
        };
        file.read_exact_at(&mut bytes, (self.headers[&view] + start) as u64)?;
        Ok(bytes)
    }

    fn report(&self, view: usize, way: Way, cell: usize, read: &[u8], what: (Fault, u64, u64)) {
        let (fault, low, high) = what;
        let place = self.array.cells[cell];
        let mut held = vec![0; place.len];
        self.file.read_exact_at(&mut held, place.at as u64).unwrap();
        let is_lost = self.array.fault(cell, &held, low, u64::MAX) == Some(Fault::Stale);
        let count = match fault {
            Fault::Torn => Count::Torn,
            Fault::Stale if is_lost => Count::Lost,
            Fault::Stale => Count::Stale,
        };
        let worker = self.worker;
        worker.board.add(worker.number, count);
        eprintln!(
            "worker {}: {count:?}: cell {cell} at {} read through {} by {way:?}: count {} of \
             {low}..={high}; the file holds {}; {}",
            worker.number,
            place.at,
            self.array.views[view].path,
            self.array.count_near(cell, read, low),
            self.array.count_near(cell, &held, low),
            if self.owns(cell) {
                "its own"
            } else {
                "another's"
            },
        );
    }

    /// Writes and reads by turns, as long as the board says.
    pub fn write_and_read(&mut self, mapping: bool) {
        let worker = self.worker;
        while worker.board.goes_on() {
            if let Ok(run) = worker.in_time(|| self.write()) {
                let cell = run[self.numbers.below(run.len())];
                worker.in_time(|| self.read(cell, mapping));
                worker.board.add(worker.number, Count::Done);
            }
        }
    }

    /// Writes, as long as the board says and the mount lives.
    pub fn only_write(&mut self) {
        let worker = self.worker;
        while worker.board.goes_on() && worker.in_time(|| self.write()).is_ok() {
            worker.board.add(worker.number, Count::Done);
        }
    }

    /// Stores through a mapping of a view, as long as the board says. Only if
    /// `alone`, if no others store through mappings of other views, is it
    /// certain that what was synchronised is in the file.
    pub fn store(&mut self, path: &str, alone: bool) {
        let view = self.array.views.iter().position(|view| view.path == path);
        let view = view.unwrap();
        while self.worker.board.goes_on() {
            if let Err(error) = self.map_and_store(view, alone) {
                self.fails(view, "mapping", &error.to_string());
                return;
            }
        }
    }

    /// Stores through a mapping for a while, then unmaps it.
    fn map_and_store(&mut self, view: usize, alone: bool) -> io::Result<()> {
        let worker = self.worker;
        let map = MmapRaw::map_raw(&*self.open_anew(view, true)?)?;
        let mut stored = Vec::new();
        let written_back = |stored: &mut Vec<usize>, client: &Client<'_>| {
            let stored = stored.drain(..).filter(|_| alone);
            stored.for_each(|cell| client.written(cell));
        };
        for _ in 0..1 + self.numbers.below(2000) {
            stored.push(worker.in_time(|| self.store_one(view, &map)));
            worker.board.add(worker.number, Count::Stores);
            if self.numbers.below(40) == 0 {
                worker.in_time(|| map.flush())?;
                written_back(&mut stored, self);
            }
            if !worker.board.goes_on() {
                break;
            }
        }
        // `munmap` writes back too, but cannot tell that nobody took it.
        if self.doomed {
            worker.in_time(|| map.flush())?;
        }
        worker.in_time(|| drop(map));
        written_back(&mut stored, self);
        Ok(())
    }

    /// Stores one of its cells: which.
    fn store_one(&mut self, view: usize, map: &MmapRaw) -> usize {
        let cell = self.own[self.numbers.below(self.own.len())];
        let places = &self.places[&cell];
        let (_, position) = places.iter().find(|place| place.0 == view).unwrap();
        let count = self.worker.board.begun(cell).fetch_add(1, SeqCst) + 1;
        let value = self.array.value(cell, count);
        let value = self.array.shown(view, cell, value);
        store(map, self.array.views[view].at(*position), &value);
        cell
    }
}

/// The client that writes a cell.
fn owner(cell: usize, clients: usize) -> usize {
    cell / TURN % clients
}

/// Loads an element from a mapping, whole if it lies aligned there.
pub fn load(map: &MmapRaw, at: usize, out: &mut [u8]) {
    assert!(at + out.len() <= map.len());
    let place = map.as_ptr().wrapping_add(at);
    // SAFETY: each is read within the mapping and aligned, and as it is mapped
    // memory all values are valid.
    unsafe {
        match out.len() {
            4 if place.addr().is_multiple_of(4) => {
                out.copy_from_slice(&place.cast::<u32>().read_volatile().to_ne_bytes());
            }
            8 if place.addr().is_multiple_of(8) => {
                out.copy_from_slice(&place.cast::<u64>().read_volatile().to_ne_bytes());
            }
            len => (0..len).for_each(|k| out[k] = place.add(k).read_volatile()),
        }
    }
}

/// Stores an element to a mapping, in which it lies aligned.
pub fn store(map: &MmapRaw, at: usize, value: &[u8]) {
    assert!(at + value.len() <= map.len());
    let place = map.as_mut_ptr().wrapping_add(at);
    assert!(place.addr().is_multiple_of(value.len()));
    // SAFETY: within the mapping and aligned.
    unsafe {
        match *value {
            [byte] => place.write_volatile(byte),
            [a, b, c, d] => {
                let value = u32::from_ne_bytes([a, b, c, d]);
                place.cast::<u32>().write_volatile(value);
            }
            _ => {
                let value = u64::from_ne_bytes(value.try_into().unwrap());
                place.cast::<u64>().write_volatile(value);
            }
        }
    }
}
