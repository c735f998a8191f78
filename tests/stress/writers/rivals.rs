//! Two clients write the same element. The second writes as soon as it sees the value of the
//! first, whose write of 1 MiB is still in progress. The value of the second must stay.

use std::fs;
use std::io;
use std::sync::atomic::Ordering::SeqCst;

use super::client::Client;
use super::history::{Deed, Histories, Stretch};
use super::layout::{LARGE, SHAPES, Shape};
use super::{ALWAYS, AUTO, NEVER, PASSTHROUGH, PRODUCE, create};
use crate::common::Dir;
use crate::common::arrays::mounted;
use crate::registers::Span;
use crate::traffic::load;
use crate::workers::{Board, Count, Crew, Worker, now};
use crate::{Budget, Outcome};

/// The second writes to the backing file.
const BELOW: &str = "below";

/// The most turns in one history.
const ROUND: u64 = 1_000;

/// How the array is mounted, where the second writes, and whether a third process
/// writes elsewhere in the file.
type Rivalry = (&'static [&'static str], &'static str, bool);

/// The second writes to the backing file itself.
pub fn rivals(budget: &Budget) -> Outcome {
    let rivalries = [
        (NEVER, BELOW, false),
        (NEVER, BELOW, true),
        (PASSTHROUGH, BELOW, false),
    ];
    rounds(budget, &rivalries)
}

/// The second writes through a row.
pub fn rivals_in_views(budget: &Budget) -> Outcome {
    let rivalries = [
        (NEVER, "rows", false),
        (NEVER, "rows", true),
        (AUTO, "rows", true),
        (ALWAYS, "rows", false),
    ];
    rounds(budget, &rivalries)
}

fn rounds(budget: &Budget, rivalries: &[Rivalry]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut turns = 0;
    let each = budget.each(rivalries.len() as u64);
    let shape = &SHAPES[LARGE];
    for (options, second, beside) in rivalries.iter().cycle() {
        if !budget.lasts(outcome.done) {
            break;
        }
        let Some(dir) = Dir::with_fuse() else {
            return Outcome::skipped("no FUSE");
        };
        let file = create(&dir, shape);
        let described = shape.options();
        let described: Vec<&str> = described.iter().map(String::as_str).collect();
        let mount = mounted(&dir, &file, &[&described, *options].concat());
        let board = Board::create(&dir, 2);
        let mut crew = Crew::new();
        let number = LARGE.to_string();
        let words = [mount.point().to_str().unwrap(), &number, "", second];
        let mut tasks = vec!["rival first", "rival second"];
        if *beside {
            tasks.push(PRODUCE);
        }
        for task in &tasks {
            crew.start(&dir, &board, task, &words);
        }
        let share = each();
        let done = || board.sum(Count::Done);
        crew.wait(&board, || done() >= ROUND || !share.lasts(done()));
        crew.stop(&board);
        let mut histories = Histories::new(shape);
        (0..tasks.len()).for_each(|client| histories.load(dir.path(), client));
        mount.unmount();
        histories.end(shape, &fs::read(&file).unwrap(), now());
        let what = format!("{second} with {options:?}, a third: {beside}");
        outcome.failures += board.failures() + histories.judge(&what);
        outcome.done += done();
        turns += board.begun(0).load(SeqCst);
    }
    outcome.note = format!("of {turns} turns");
    outcome
}

/// What a worker does that was started for one of these rows.
pub fn work(task: &str, worker: &Worker) {
    let mut client = Client::new(worker);
    for turn in 1.. {
        if !worker.board.goes_on() {
            break;
        }
        let outcome = worker.in_time(|| match task {
            "first" => first(&mut client, turn),
            _ => second(&mut client, turn),
        });
        if let Err(error) = outcome {
            eprintln!("worker {}: {error}", worker.number);
            worker.board.add(worker.number, Count::Errors);
        }
    }
    client.leave_notes();
}

/// The element that both write: mostly one that the first writes at once.
fn element(shape: &Shape, turn: u64) -> usize {
    let looked_at = |element: &usize| shape.is_looked_at(*element);
    let early = |element: &usize| (element % shape.columns, element / shape.columns);
    let all = (0..shape.len()).filter(looked_at);
    match turn % 4 {
        0 => {
            let which = turn as usize / 4 % all.clone().count();
            all.clone().nth(which).unwrap()
        }
        _ => all.min_by_key(early).unwrap(),
    }
}

/// Writes the whole array, and reads the element when the other has written it.
fn first(client: &mut Client<'_>, turn: u64) -> io::Result<()> {
    let board = &client.worker.board;
    let view = client.shape.transposed();
    let whole = Stretch {
        position: 0,
        count: view.len(),
        view,
    };
    let value = client.value();
    board.begun(0).store(turn, SeqCst);
    client.write(&whole, value)?;
    board.written(0).store(turn, SeqCst);
    while board.written(1).load(SeqCst) < turn && board.goes_on() {
        std::thread::yield_now();
    }
    let element = element(client.shape, turn);
    client.read_directly(&one(client.shape, element))
}

/// One element, as the row shows it.
fn one(shape: &Shape, element: usize) -> Stretch {
    Stretch {
        view: shape.row(element / shape.columns),
        position: element % shape.columns,
        count: 1,
    }
}

/// Waits until what the first writes has reached the element, writes it, and reads it.
fn second(client: &mut Client<'_>, turn: u64) -> io::Result<()> {
    let board = &client.worker.board;
    while board.begun(0).load(SeqCst) < turn {
        if !board.goes_on() {
            return Ok(());
        }
    }
    let stretch = one(client.shape, element(client.shape, turn));
    // The first is worker 0, and writes one value a turn.
    let expected = 1 << 32 | turn;
    let place = client.shape.place(stretch.elements().next().unwrap()) as usize;
    let mut word = [0; 8];
    while board.written(0).load(SeqCst) < turn {
        let begin = now();
        load(&client.map, place, &mut word);
        if u64::from_le_bytes(word) == expected {
            let span = Span { begin, end: now() };
            client.note_read(Deed::ReadAtomic, &stretch, span, &word);
            let value = client.value();
            match client.worker.words[3].as_str() {
                BELOW => client.write_directly(&stretch, value)?,
                _ => client.write(&stretch, value)?,
            }
            if board.written(0).load(SeqCst) < turn {
                board.add(client.worker.number, Count::Done);
            }
            client.read_directly(&stretch)?;
            break;
        }
    }
    board.written(1).store(turn, SeqCst);
    Ok(())
}
