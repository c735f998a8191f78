//! Statistics of a mount: for each kind of request, the count, errors, bytes moved and latency.
//! The counting itself is done by `request`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value, json};

/// The kinds of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestKind {
    Lookup,
    Attributes,
    Change,
    Open,
    Read,
    Write,
    Flush,
    Release,
    Sync,
    List,
    Usage,
    Allocate,
    Seek,
    Xattr,
    Create,
    Remove,
    Rename,
    Refused,
}

impl RequestKind {
    const ALL: [(RequestKind, &str); 18] = [
        (RequestKind::Lookup, "lookup"),
        (RequestKind::Attributes, "getattr"),
        (RequestKind::Change, "setattr"),
        (RequestKind::Open, "open"),
        (RequestKind::Read, "read"),
        (RequestKind::Write, "write"),
        (RequestKind::Flush, "flush"),
        (RequestKind::Release, "release"),
        (RequestKind::Sync, "fsync"),
        (RequestKind::List, "readdir"),
        (RequestKind::Usage, "statfs"),
        (RequestKind::Allocate, "fallocate"),
        (RequestKind::Seek, "lseek"),
        (RequestKind::Xattr, "xattr"),
        (RequestKind::Create, "create"),
        (RequestKind::Remove, "unlink"),
        (RequestKind::Rename, "rename"),
        (RequestKind::Refused, "refused"),
    ];

    /// The name of the FUSE request, in lower case.
    pub(super) fn name(self) -> &'static str {
        RequestKind::ALL[self as usize].1
    }
}

/// Contents of `.arrayfs/stats` that several requests read.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) text: Arc<[u8]>,
    /// When they were made.
    pub(super) time: SystemTime,
}

impl Report {
    /// Empty contents, until the name is looked up.
    pub(super) fn new() -> Report {
        Report {
            text: Arc::new([]),
            time: SystemTime::UNIX_EPOCH,
        }
    }
}

/// The number of powers of two in the histogram: up to 2^47 ns, about 39 hours.
const OCTAVES: usize = 44;

/// The number of buckets in each power of two.
const STEPS: usize = 8;

/// A histogram of latencies. The width of each bucket is an eighth of its lower power of two, so
/// its relative error is at most an eighth.
#[derive(Debug)]
struct Latencies {
    /// The count of each bucket, by time in nanoseconds.
    counts: [AtomicU64; OCTAVES * STEPS],
    longest: AtomicU64,
}

/// The totals of one kind of request.
#[derive(Debug)]
struct Counter {
    failed: AtomicU64,
    bytes: AtomicU64,
    latencies: Latencies,
}

/// The statistics of a mount.
#[derive(Debug)]
pub(super) struct Stats {
    started: Instant,
    /// The time of the last reply, in milliseconds after the start.
    last_reply: AtomicU64,
    counters: [Counter; RequestKind::ALL.len()],
}

impl Latencies {
    fn new() -> Latencies {
        Latencies {
            counts: [const { AtomicU64::new(0) }; OCTAVES * STEPS],
            longest: AtomicU64::new(0),
        }
    }

    fn add(&self, nanoseconds: u64) {
        self.counts[bucket(nanoseconds)].fetch_add(1, Ordering::Relaxed);
        self.longest.fetch_max(nanoseconds, Ordering::Relaxed);
    }

    /// The total count, and the given quantiles in nanoseconds. Each is an upper bound that
    /// exceeds the true value by at most an eighth.
    fn quantiles<const N: usize>(&self, quantiles: [f64; N]) -> (u64, [u64; N]) {
        let counts = self.counts.each_ref().map(|n| n.load(Ordering::Relaxed));
        let count = counts.iter().sum::<u64>();
        let longest = self.longest.load(Ordering::Relaxed);
        let of = |share: f64| {
            let rank = ((count as f64 * share).ceil() as u64).max(1);
            let mut before = 0;
            let bucket = counts.iter().position(|&n| {
                before += n;
                before >= rank
            });
            bucket.map_or(0, |bucket| bucket_end(bucket).min(longest))
        };
        (count, quantiles.map(of))
    }
}

/// The bucket of a latency.
fn bucket(nanoseconds: u64) -> usize {
    let time = nanoseconds.max(STEPS as u64);
    let octave = time.ilog2() as usize;
    // The three bits after the leading one.
    let step = (time >> (octave - 3)) as usize % STEPS;
    ((octave - 3) * STEPS + step).min(OCTAVES * STEPS - 1)
}

/// The first time, in nanoseconds, past the end of a bucket.
fn bucket_end(bucket: usize) -> u64 {
    let (octave, step) = (bucket / STEPS, bucket % STEPS);
    ((STEPS + step + 1) as u64) << octave
}

impl Stats {
    pub(super) fn new() -> Stats {
        let counter = |_| Counter {
            failed: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            latencies: Latencies::new(),
        };
        Stats {
            started: Instant::now(),
            last_reply: AtomicU64::new(0),
            counters: std::array::from_fn(counter),
        }
    }

    /// Counts a request that has been answered.
    pub(super) fn answered(&self, kind: RequestKind, latency: Duration, failed: bool) {
        let counter = &self.counters[kind as usize];
        counter.latencies.add(nanoseconds(latency));
        if failed {
            counter.failed.fetch_add(1, Ordering::Relaxed);
        }
        let now = self.started.elapsed().as_millis() as u64;
        self.last_reply.fetch_max(now, Ordering::Relaxed);
    }

    /// Adds `bytes` to the bytes moved by this kind of request.
    pub(super) fn moved(&self, kind: RequestKind, bytes: usize) {
        let counter = &self.counters[kind as usize];
        counter.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The time since the last reply, or since the start of the mount.
    pub(super) fn idle_time(&self) -> Duration {
        let last_reply = Duration::from_millis(self.last_reply.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last_reply)
    }

    /// The time since the start of the mount.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The totals as a JSON object, without kinds that have not occurred.
    pub(super) fn requests(&self) -> Value {
        let kinds = RequestKind::ALL.iter().zip(&self.counters);
        let requests = kinds.filter_map(|(&(_, name), counter)| {
            let (count, times) = counter.latencies.quantiles([0.5, 0.9, 0.99, 1.0]);
            let [p50, p90, p99, max] = times.map(|time| time as f64 / 1000.0);
            let totals = json!({
                "count": count,
                "errors": counter.failed.load(Ordering::Relaxed),
                "bytes": counter.bytes.load(Ordering::Relaxed),
                "microseconds": {"p50": p50, "p90": p90, "p99": p99, "max": max},
            });
            (count > 0).then(|| (name.to_owned(), totals))
        });
        Value::Object(requests.collect::<Map<_, _>>())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_in_order() {
        for (at, (kind, name)) in RequestKind::ALL.into_iter().enumerate() {
            assert_eq!((kind as usize, kind.name()), (at, name));
        }
    }

    #[test]
    fn buckets_are_at_most_an_eighth_wide() {
        for time in [8, 9, 15, 16, 17, 1000, 4095, 4096, 123_456_789, 1 << 46] {
            let end = bucket_end(bucket(time));
            assert!(time < end && end <= time + time / 8 + 1, "{time}: {end}");
            assert_eq!(bucket(end), bucket(time) + 1, "{time}");
        }
        assert_eq!((bucket(0), bucket(8)), (0, 0));
        assert_eq!(bucket(u64::MAX), OCTAVES * STEPS - 1);
    }

    #[test]
    fn requests_are_counted_by_kind() {
        let stats = Stats::new();
        for microseconds in 1..=1000 {
            let latency = Duration::from_micros(microseconds);
            stats.answered(RequestKind::Read, latency, microseconds % 100 == 0);
            stats.moved(RequestKind::Read, 10);
        }
        let requests = stats.requests();
        let read = &requests["read"];
        assert_eq!(requests.as_object().unwrap().len(), 1);
        assert_eq!(
            (&read["count"], &read["errors"], &read["bytes"]),
            (&json!(1000), &json!(10), &json!(10_000))
        );
        for (share, exact) in [("p50", 500.0), ("p90", 900.0), ("p99", 990.0)] {
            let shown = read["microseconds"][share].as_f64().unwrap();
            assert!(
                exact < shown && shown < exact * 1.125 + 1.0,
                "{share}: {shown}"
            );
        }
        assert_eq!(read["microseconds"]["max"], json!(1000.0));
    }
}
