//! Throughput of copies between views of a mapped file and memory, in requests of the size that
//! the kernel makes, without FUSE: `cargo bench --bench kernels`.
//!
//! Prints a line for each case: GB/s of reads and of writes, each the median of several passes.
//! `-- --test` is a smoke test with small arrays and a single pass. Other arguments select the
//! cases whose names contain one of them.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use arrayfs::array::{Index, Order, Shape, View};
use arrayfs::dtype::DType;
use arrayfs::mapping::{BackingFile, Mapping, Mode};

/// The size of a request in bytes.
const REQUEST: usize = 1 << 20;

/// The most bytes of one pass.
const MAX_BYTES: u64 = 256 << 20;

/// A view of an array.
struct Case {
    name: &'static str,
    dtype: &'static str,
    shape: [u64; 2],
    view: fn(&View) -> View,
    /// The size of the column cache in bytes; 0 for none.
    cache: u64,
}

const fn case(
    name: &'static str,
    dtype: &'static str,
    shape: [u64; 2],
    view: fn(&View) -> View,
) -> Case {
    Case {
        name,
        dtype,
        shape,
        view,
        cache: 0,
    }
}

const SQUARE: [u64; 2] = [16384, 16384];
const TALL: [u64; 2] = [262_144, 1024];
const DEEP: [u64; 2] = [1024 * 1024, 256];

const CASES: &[Case] = &[
    case("data of square", "<f4", SQUARE, View::clone),
    case("T/data of square", "<f4", SQUARE, View::transposed),
    case(
        "T/data of square, f8",
        "<f8",
        [16384, 8192],
        View::transposed,
    ),
    case(
        "T/data of square, u1",
        "u1",
        [16384, 65536],
        View::transposed,
    ),
    case(
        "T/data of square, c16",
        "<c16",
        [8192, 8192],
        View::transposed,
    ),
    case(
        "T/data of square, V3",
        "V3",
        [16384, 16384],
        View::transposed,
    ),
    case("T/data of tall", "<f4", TALL, View::transposed),
    Case {
        cache: 32 << 20,
        ..case("T/data of tall, cache", "<f4", TALL, View::transposed)
    },
    Case {
        cache: 64 << 20,
        ..case("T/data of deep, cache", "<f4", DEEP, View::transposed)
    },
    case("a column of square", "<f4", SQUARE, |a| {
        a.take(1, 7).unwrap()
    }),
    case("a column of tall", "<f4", TALL, |a| a.take(1, 7).unwrap()),
    case("::2,::2 of square", "<f4", SQUARE, |a| index(a, "::2,::2")),
    case("::-1,::-1 of square", "<f4", SQUARE, |a| {
        index(a, "::-1,::-1")
    }),
    case("T of ::-1,::-1 of square", "<f4", SQUARE, |a| {
        index(a, "::-1,::-1").transposed()
    }),
    case("a field of 48 bytes", "x:f4,rest:V44", [16384, 1024], |a| {
        field(a, "x")
    }),
    case(
        "a field of 48 bytes, unaligned",
        "x:f4,y:f8,rest:V36",
        [16384, 1024],
        |a| field(a, "y"),
    ),
    case(
        "a field of 13 bytes",
        "x:f8,y:f4,n:u1",
        [16384, 4096],
        |a| field(a, "y"),
    ),
    case(
        "a field of 301 bytes",
        "k:u1,x:f8,rest:V292",
        [16384, 256],
        |a| field(a, "x"),
    ),
    case(
        "all but a field of 48 bytes",
        "x:f4,rest:V44",
        [16384, 1024],
        |a| field(a, "rest"),
    ),
];

fn index(array: &View, text: &str) -> View {
    let index: Index = text.parse().unwrap();
    array.index(&index).unwrap().view
}

fn field(array: &View, name: &str) -> View {
    let fields = array.dtype().fields();
    let field = fields.iter().find(|field| field.name() == name);
    array.field(field.unwrap()).unwrap()
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let quick = words.iter().any(|word| word == "--test");
    let wanted: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("array.bin");
    println!("{:<32} {:>8} {:>8}   GB/s", "", "read", "written");
    for case in CASES {
        if wanted.is_empty() || wanted.iter().any(|&word| case.name.contains(word)) {
            measure(case, &file, quick);
        }
    }
}

fn measure(case: &Case, file: &Path, quick: bool) {
    let shape = match quick {
        true => case.shape.map(|length| length.div_ceil(64)),
        false => case.shape,
    };
    let dtype = DType::parse(case.dtype).unwrap();
    let array = View::contiguous(dtype, 0, Shape::new(shape.to_vec()), Order::C).unwrap();
    fill(file, array.nbytes());
    let backing = BackingFile::open(file, Mode::ReadWrite).unwrap();
    let (mut mapping, pending) = Mapping::new(backing, &(0..array.nbytes())).unwrap();
    pending.commit().unwrap();
    mapping.read_by_several(4);
    if case.cache > 0 {
        mapping.enable_column_cache(case.cache, true);
    }
    let view = (case.view)(&array).layout();
    let bytes = view.nbytes().min(MAX_BYTES);
    let mut buffer = vec![0; REQUEST];
    let mut requests = |work: &mut dyn FnMut(u64, &mut [u8]) -> usize| {
        for at in (0..bytes).step_by(REQUEST) {
            let buffer = &mut buffer[..REQUEST.min((bytes - at) as usize)];
            assert_eq!(work(at, buffer), buffer.len());
        }
    };
    // Small views need many passes until clock rate and caches are steady.
    let passes = match quick {
        true => 1,
        false => (MAX_BYTES / bytes).clamp(5, 200) as usize,
    };
    let mut median = |work: &mut dyn FnMut(u64, &mut [u8]) -> usize| {
        // The first pass maps the pages.
        requests(work);
        let mut times: Vec<Duration> = (0..passes)
            .map(|_| {
                let start = Instant::now();
                requests(work);
                start.elapsed()
            })
            .collect();
        times.sort();
        bytes as f64 / times[passes / 2].as_secs_f64() / 1e9
    };
    let read = median(&mut |at, buffer| mapping.read(&view, at, buffer).unwrap());
    let written = median(&mut |at, buffer| mapping.write(&view, at, buffer).unwrap());
    println!("{:<32} {read:>8.2} {written:>8.2}", case.name);
}

/// Creates a file of `bytes` bytes without holes.
fn fill(path: &Path, bytes: u64) {
    let mut file = File::create(path).unwrap();
    let piece: Vec<u8> = (0..1 << 20).map(|k| (k % 251) as u8).collect();
    let mut left = bytes;
    while left > 0 {
        let some = left.min(piece.len() as u64);
        std::io::Write::write_all(&mut file, &piece[..some as usize]).unwrap();
        left -= some;
    }
}
