//! Checks linearizability of histories of a register with concurrent readers and writers: each
//! operation must take effect at one instant between its call and its return.
//!
//! Every value is written once. Then a history is linearizable if and only if no two values must
//! precede each other (Gibbons and Korach, "Testing shared memories", 1997). The check takes O(n
//! log n).

use std::collections::HashMap;
use std::fmt;

/// What a register reads as that has been erased. Nobody writes it.
pub const ERASED: u64 = 0;

/// The end of what was not answered: it may take effect at any time.
pub const NEVER: u64 = u64::MAX;

/// The time from the call to the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub begin: u64,
    pub end: u64,
}

/// How much a read is promised to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// It happens at one instant: what follows it sees nothing older.
    Atomic,
    /// It shows nothing that was replaced before it began.
    Regular,
}

/// What was done to one register.
#[derive(Default)]
pub struct History {
    pub writes: Vec<(u64, Span)>,
    pub reads: Vec<(u64, Span, Promise)>,
    /// Each may erase, at one instant, or do nothing.
    pub erasures: Vec<Span>,
}

/// What cannot have been.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// A value that nobody has written.
    Unknown { value: u64, read: Span },
    /// A value before it was written.
    Early { value: u64, read: Span },
    /// A read returned what had been replaced before it began.
    Stale { value: u64, read: Span },
    /// Each of two values was seen after the other had replaced it.
    Undone { zones: [Zone; 2] },
    /// Nothing, or nothing since the last write, had erased.
    Lost { read: Span },
}

/// The part of the history in which a value is known to have been there: from the
/// first operation on it that had ended to the last that began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    value: u64,
    first_end: u64,
    last_begin: u64,
}

impl Zone {
    /// Whether the value was there all the time between the two, rather than at
    /// some instant between them.
    fn is_forward(&self) -> bool {
        self.first_end < self.last_begin
    }

    fn add(&mut self, span: Span) {
        self.first_end = self.first_end.min(span.end);
        self.last_begin = self.last_begin.max(span.begin);
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |value: u64| match value {
            ERASED => "zeros".to_owned(),
            _ => format!("value {} of writer {}", value & 0xffff_ffff, value >> 32),
        };
        match self {
            Fault::Unknown { value, read } => write!(f, "{value:#x}, which nobody wrote: {read:?}"),
            Fault::Early { value, read } => write!(f, "{} too early: {read:?}", named(*value)),
            Fault::Stale { value, read } => {
                write!(f, "{} after it was replaced: {read:?}", named(*value))
            }
            Fault::Lost { read } => write!(f, "zeros that no truncation accounts for: {read:?}"),
            Fault::Undone { zones: [a, b] } => write!(
                f,
                "{} was seen from {} to {}, and {} from {} to {}",
                named(a.value),
                a.first_end,
                a.last_begin,
                named(b.value),
                b.first_end,
                b.last_begin
            ),
        }
    }
}

impl History {
    /// All that is wrong, each value once at the most.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let written: HashMap<u64, Span> = self.writes.iter().copied().collect();
        assert_eq!(written.len(), self.writes.len(), "a value is written twice");
        let replaced = Latest::new(self.writes.iter().map(|(_, span)| (span.end, span.begin)));
        let erased = Latest::new(self.erasures.iter().map(|span| (span.begin, span.end)));
        let zone = |&(value, span): &(u64, Span)| Zone {
            value,
            first_end: span.end,
            last_begin: span.begin,
        };
        let mut zones: HashMap<u64, Zone> = self
            .writes
            .iter()
            .map(|write| (write.0, zone(write)))
            .collect();
        // Which erasure one saw is not known: each is a value of its own.
        let mut empty = Vec::new();
        for &(value, read, promise) in &self.reads {
            let last_replaced = replaced.before(read.begin);
            if value == ERASED {
                let last_erased = erased.before(read.end);
                match last_erased {
                    Some(end) if last_replaced.is_none_or(|begin| end >= begin) => {}
                    _ => faults.push(Fault::Lost { read }),
                }
                if promise == Promise::Atomic {
                    empty.push(zone(&(ERASED, read)));
                }
                continue;
            }
            let Some(write) = written.get(&value) else {
                faults.push(Fault::Unknown { value, read });
                continue;
            };
            if read.end < write.begin {
                faults.push(Fault::Early { value, read });
            } else if promise == Promise::Atomic {
                zones.get_mut(&value).unwrap().add(read);
            } else if last_replaced.is_some_and(|begin| write.end < begin) {
                faults.push(Fault::Stale { value, read });
            }
        }
        let zones: Vec<Zone> = zones.into_values().chain(empty).collect();
        faults.extend(conflicts(zones));
        faults
    }
}

/// Pairs of values that had to precede each other.
fn conflicts(zones: Vec<Zone>) -> Vec<Fault> {
    let (mut forward, backward): (Vec<Zone>, Vec<Zone>) =
        zones.into_iter().partition(Zone::is_forward);
    forward.sort_by_key(|zone| zone.first_end);
    // Of those so far, the one that was there longest.
    let mut longest: Vec<Zone> = Vec::with_capacity(forward.len());
    let mut faults = Vec::new();
    for zone in forward.iter().copied() {
        let before = longest.last().copied();
        if let Some(before) = before.filter(|before| zone.first_end < before.last_begin) {
            faults.push(Fault::Undone {
                zones: [before, zone],
            });
        }
        let is_longer = before.is_none_or(|before| before.last_begin < zone.last_begin);
        longest.push(if is_longer { zone } else { before.unwrap() });
    }
    for zone in backward {
        let count = forward.partition_point(|other| other.first_end < zone.last_begin);
        let before = count.checked_sub(1).map(|last| longest[last]);
        if let Some(before) = before.filter(|before| zone.first_end < before.last_begin) {
            faults.push(Fault::Undone {
                zones: [before, zone],
            });
        }
    }
    faults
}

/// The largest of what comes with all that was before a moment.
struct Latest(Vec<(u64, u64)>);

impl Latest {
    fn new(pairs: impl Iterator<Item = (u64, u64)>) -> Latest {
        let mut pairs: Vec<(u64, u64)> = pairs.collect();
        pairs.sort_unstable();
        let mut largest = 0;
        for pair in &mut pairs {
            largest = largest.max(pair.1);
            pair.1 = largest;
        }
        Latest(pairs)
    }

    fn before(&self, moment: u64) -> Option<u64> {
        let count = self.0.partition_point(|pair| pair.0 < moment);
        count.checked_sub(1).map(|last| self.0[last].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::calls::Numbers;

    /// `w` writes, `r` reads at an instant, `m` reads as mappings do, each a value from a
    /// moment to another; `e` erases. `-` is never.
    fn history(text: &str) -> History {
        let mut history = History::default();
        for operation in text.split(", ") {
            let mut words = operation.split(' ');
            let kind = words.next().unwrap();
            let mut number = || match words.next().unwrap() {
                "-" => NEVER,
                word => word.parse().unwrap(),
            };
            let value = if kind == "e" { 0 } else { number() };
            let (begin, end) = (number(), number());
            let span = Span { begin, end };
            match kind {
                "w" => history.writes.push((value, span)),
                "r" => history.reads.push((value, span, Promise::Atomic)),
                "m" => history.reads.push((value, span, Promise::Regular)),
                _ => history.erasures.push(span),
            }
        }
        history
    }

    #[test]
    fn histories_of_a_register_are_told_from_others() {
        let right = [
            "w 1 0 10, r 1 20 30",
            // A read beside a write returns what was before or what is new.
            "w 1 0 1, w 2 10 20, r 1 12 14, r 2 16 18, r 2 30 31",
            "w 1 0 1, w 2 10 20, r 1 15 25",
            // Two writes beside each other may have either order, for everybody the same.
            "w 1 0 20, w 2 0 20, r 1 30 31, r 1 40 41",
            "w 1 0 20, w 2 0 20, r 2 5 6, r 1 30 31",
            // What was not answered may have been done late, or never.
            "w 1 0 1, w 2 5 -, r 1 50 51, r 2 60 61",
            "w 1 0 1, w 2 5 -, r 1 50 51",
            // A mapping may show what is new, and then what is old, beside a write.
            "w 1 0 1, w 2 10 20, m 2 12 13, m 1 14 15",
            // An answer and a call at the same moment are beside each other.
            "w 1 0 10, w 2 10 20, r 1 20 21, r 2 30 31",
            // A truncation erases, or does not.
            "w 1 0 1, e 5 6, r 0 8 9",
            "w 1 0 1, e 5 6, r 1 8 9",
            "w 1 0 1, e 5 6, r 1 8 9, r 0 10 11",
            "w 1 0 1, e 5 10, w 2 7 8, r 0 9 10",
            "w 1 0 1, e 5 6, w 2 7 -, r 0 20 21, r 2 30 31",
        ];
        for text in right {
            assert_eq!(history(text).faults(), [], "{text}");
        }
        let wrong = [
            // An acknowledged write was undone by an older one.
            "w 1 0 30, r 1 5 6, w 2 10 20, r 2 22 24, r 1 40 50",
            "w 1 0 1, w 2 5 6, r 1 8 9",
            "w 1 0 1, w 2 5 6, m 1 8 9",
            // The same in two orders.
            "w 1 0 20, w 2 0 20, r 1 30 31, r 2 40 41, r 1 50 51",
            "w 1 0 1, w 2 10 20, r 2 12 13, r 1 14 15",
            "r 1 0 1, w 1 5 6",
            "w 1 0 1, r 2 5 6",
            // Zeros that nobody has brought about, or that are older than a write.
            "w 1 0 1, r 0 5 6",
            "w 1 0 1, e 5 6, w 2 8 9, r 0 10 11",
            "w 1 0 1, e 20 21, r 0 10 11",
            "w 1 0 1, e 5 6, r 0 8 9, r 1 10 11",
            // One that was not answered was seen, and then the one before.
            "w 1 0 1, w 2 5 -, r 2 8 9, r 1 20 21",
        ];
        for text in wrong {
            assert_eq!(history(text).faults().len(), 1, "{text}");
        }
    }

    /// Whether some order explains a history without erasures, found by trying all.
    fn has_an_order(done: u64, last: u64, operations: &[(bool, u64, Span)]) -> bool {
        let is_open = |number: &usize| done & 1 << number == 0;
        let mut open = (0..operations.len()).filter(is_open).peekable();
        if open.peek().is_none() {
            return true;
        }
        let ends = (0..operations.len()).filter(is_open);
        let first_end = ends.map(|number| operations[number].2.end).min().unwrap();
        open.any(|number| {
            let (is_write, value, span) = operations[number];
            span.begin <= first_end
                && (is_write || value == last)
                && has_an_order(done | 1 << number, value, operations)
        })
    }

    #[test]
    fn random_histories_are_judged_as_by_trying_all_orders() {
        let mut numbers = Numbers(0x9e37_79b9);
        let mut counts = [0; 2];
        for _ in 0..30_000 {
            let mut history = History::default();
            let mut span = |least| {
                let begin = least + numbers.below(16) as u64;
                let end = begin + 1 + numbers.below(8) as u64;
                Span { begin, end }
            };
            history.writes = (1..=3).map(|value| (value, span(0))).collect();
            let spans: Vec<Span> = (0..4).map(|_| span(0)).collect();
            let read = |span| (1 + numbers.below(3) as u64, span, Promise::Atomic);
            history.reads = spans.into_iter().map(read).collect();
            let writes = history
                .writes
                .iter()
                .map(|&(value, span)| (true, value, span));
            let reads = history
                .reads
                .iter()
                .map(|&(value, span, _)| (false, value, span));
            let operations: Vec<_> = writes.chain(reads).collect();
            let is_right = has_an_order(0, NEVER, &operations);
            assert_eq!(history.faults().is_empty(), is_right, "{operations:?}");
            counts[usize::from(is_right)] += 1;
        }
        assert!(counts.iter().all(|&count| count > 1000), "{counts:?}");
    }
}
