//! Reads and writes of a mounted array with missing bytes. A call must transfer everything
//! before the first missing byte. At a missing byte it must fail.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;

use super::Tally;
use super::oracle::{View, views};
use crate::common::arrays::Raw;
use crate::common::calls::Numbers;
use crate::common::{Dir, Mount};

/// The bytes of a page.
pub const PAGE: usize = 4096;

/// What is to be expected of a mounted array.
pub struct Probe<'a> {
    pub tally: &'a Tally,
    pub views: Vec<View>,
    /// The views' files, opened once.
    pub files: Vec<File>,
    /// What the backing file holds, or would where it cannot be read.
    pub content: Vec<u8>,
    pub numbers: Numbers,
    pub writes: bool,
    /// The pages of the backing file that have been written.
    pub written: BTreeSet<usize>,
    /// Of what was read and written last, for the failures.
    last: Mutex<Vec<String>>,
}

/// What is there of the backing file, and what the error is for the rest.
pub struct State<'a> {
    pub is_there: &'a dyn Fn(usize) -> bool,
    pub errno: i32,
    /// What it is, for people.
    pub name: &'a str,
}

/// Everything is there.
pub const ALL: State<'static> = State {
    is_there: &|_| true,
    errno: 0,
    name: "all there",
};

impl<'a> Probe<'a> {
    /// Of the views at these paths of a mount whose backing file holds `content`.
    pub fn new(
        tally: &'a Tally,
        (dir, mount): (&Dir, &Mount),
        (raw, paths): (&Raw, &[String]),
        content: Vec<u8>,
        writes: bool,
    ) -> Probe<'a> {
        let views = views(dir, raw, mount, paths);
        let open = |view: &View| open(mount, view, writes).unwrap();
        Probe {
            tally,
            files: views.iter().map(open).collect(),
            views,
            content,
            numbers: Numbers(0x5eed_0f5e),
            writes,
            written: BTreeSet::new(),
            last: Mutex::default(),
        }
    }

    /// Goes on with another mount of the same array.
    pub fn reopen(&mut self, mount: &Mount) {
        let open = |view: &View| open(mount, view, self.writes).unwrap();
        self.files = self.views.iter().map(open).collect();
    }

    /// Flushes all of the array.
    pub fn sync(&self) -> io::Result<()> {
        self.files[self.whole()].sync_all()
    }

    /// Which view is `data`.
    pub fn whole(&self) -> usize {
        let is_whole = |view: &View| view.path == "data";
        self.views.iter().position(is_whole).unwrap()
    }

    /// Reads or writes some bytes of some view.
    pub fn exchange(&mut self, state: &State<'_>) {
        let which = self.numbers.below(self.views.len());
        let range = self.views[which].range(&mut self.numbers);
        if self.writes && self.views[which].is_writable() && self.numbers.below(2) == 0 {
            self.write(which, range, state);
        } else {
            self.read(which, range, state);
        }
    }

    /// Reads or writes around the first byte of some view that is not there.
    pub fn exchange_at_edge(&mut self, state: &State<'_>) {
        let which = self.numbers.below(self.views.len());
        let view = &self.views[which];
        let all = 0..view.bytes.len();
        let edge = view.reach(&all, state.is_there);
        if edge == all.end {
            return self.exchange(state);
        }
        let start = edge.saturating_sub(self.numbers.below(6));
        let range = start..(edge + 1 + self.numbers.below(6)).min(all.end);
        let writable = view.is_writable();
        self.read(which, range.clone(), state);
        if self.writes && writable {
            self.write(which, range, state);
        }
    }

    /// Reads every view as a whole.
    pub fn read_all(&self, state: &State<'_>) {
        for which in 0..self.views.len() {
            self.read(which, 0..self.views[which].bytes.len(), state);
        }
    }

    /// Writes `data` anew, all of it.
    pub fn rewrite(&mut self) {
        let which = self.whole();
        self.write(which, 0..self.views[which].bytes.len(), &ALL);
    }

    fn read(&self, which: usize, range: Range<usize>, state: &State<'_>) {
        let view = &self.views[which];
        let mut bytes = vec![0; range.len()];
        let outcome = self.files[which].read_at(&mut bytes, range.start as u64);
        let count = view.reach(&range, state.is_there);
        if self.moved(("read", which, &range), state, count, outcome) {
            let right = view.of(&self.content, &range);
            let wrong = (0..count).find(|&at| bytes[at] != right[at]);
            self.tally.expect(wrong.is_none(), || {
                let at = wrong.unwrap_or_default();
                let (read, right) = (bytes[at], right[at]);
                let what = format!("byte {at} is {read:#x}, not {right:#x}");
                self.shown(("read", which, &range), state, &what)
            });
        }
    }

    fn write(&mut self, which: usize, range: Range<usize>, state: &State<'_>) {
        let view = &self.views[which];
        let bytes = view.other(&mut self.numbers, &range);
        let outcome = self.files[which].write_at(&bytes, range.start as u64);
        let count = view.reach(&range, state.is_there);
        if let Ok(done) = outcome {
            view.put(&mut self.content, range.start, &bytes[..done]);
            let places = view.bytes[range.start..range.start + done].iter();
            let pages = places
                .flat_map(|byte| byte.needs())
                .map(|place| place / PAGE);
            self.written.extend(pages);
        }
        self.moved(("write", which, &range), state, count, outcome);
    }

    /// Whether as many bytes were moved as could be.
    fn moved(
        &self,
        what: (&str, usize, &Range<usize>),
        state: &State<'_>,
        count: usize,
        outcome: io::Result<usize>,
    ) -> bool {
        let right = match &outcome {
            Ok(done) => count > 0 && *done == count,
            Err(error) => count == 0 && error.raw_os_error() == Some(state.errno),
        };
        self.tally.expect(right, || {
            self.shown(what, state, &format!("{outcome:?}, not {count}"))
        });
        let mut last = self.last.lock().unwrap();
        last.push(format!(
            "{} {} {:?}",
            what.0, self.views[what.1].path, what.2
        ));
        let surplus = last.len().saturating_sub(8);
        last.drain(..surplus);
        right && count > 0
    }

    fn shown(&self, what: (&str, usize, &Range<usize>), state: &State<'_>, how: &str) -> String {
        let (operation, which, range) = what;
        let view = &self.views[which].path;
        let before = self.last.lock().unwrap().join(", ");
        format!(
            "{operation} of {view}, {range:?}, {}: {how}; before: {before}",
            state.name
        )
    }
}

/// Opens the file of a view.
pub fn open(mount: &Mount, view: &View, writes: bool) -> io::Result<File> {
    let writes = writes && view.is_writable();
    let mut options = File::options();
    options
        .read(true)
        .write(writes)
        .open(mount.join(&view.path))
}

/// The paths of the views of a two-dimensional array of `rows` by `columns`
/// that are read and written.
pub fn paths(rows: usize, columns: usize, text: bool) -> Vec<String> {
    let (last, middle) = (rows - 1, rows / 2);
    let mut leaves = vec!["data".to_owned()];
    leaves.extend([0, 1, middle, last].map(|i| format!("rows/{i}")));
    leaves.extend([0, columns / 3, columns - 1].map(|j| format!("cols/{j}")));
    leaves.push(format!("axes/1/{}", columns / 2));
    leaves.extend(
        [
            "::-1",
            "1:-1:3,::2",
            "...,5",
            "::-2,2:9",
            "3,4:7",
            "-5:,1:-1",
            "::3,::-5",
        ]
        .map(|index| format!("slices/{index}")),
    );
    let transposed = [
        "T/data",
        "T/rows/2",
        "T/cols/2",
        "T/slices/1::2,::-3",
        "T/npy/data.npy",
    ];
    let mut paths: Vec<String> = transposed.map(String::from).into();
    for leaf in &leaves {
        paths.push(leaf.clone());
        paths.push(format!("npy/{leaf}.npy"));
        if text {
            paths.push(format!("csv/{leaf}.csv"));
        }
    }
    paths
}
