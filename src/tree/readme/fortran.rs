//! Fortran: an allocatable array of the right shape, read as a stream. The
//! indices are NumPy's plus 1, since `T/data` is in Fortran's order.

use super::reading::{Element, Language, Reading, Section};

pub(super) const LANGUAGE: Language = Language {
    name: "Fortran",
    records: false,
    empty: false,
    write,
};

/// The most axes that the standard allows for.
const MAX_RANK: usize = 15;

/// The bytes of a path that one line has; it can have 132 altogether.
const PIECE: usize = 96;

/// How the elements are read, and what is made of them.
struct Read {
    note: &'static str,
    /// The type that is read.
    stored: String,
    /// The values of one element, if it is an array of them.
    count: Option<u64>,
    /// The type of what is made of it, and how, if it is not what was read.
    made: Option<(String, String)>,
    /// How an element is printed.
    format: &'static str,
}

fn write(reading: &Reading) -> Section {
    let read = read(reading.element());
    let mut note = read.note.to_owned();
    let mut axes: Vec<u64> = read.count.iter().chain(reading.shape()).copied().collect();
    if reading.ndim() == 0 {
        // A single element is an array of one.
        axes.push(1);
    }
    if axes.len() > MAX_RANK {
        let flat = [read.count, Some(reading.size())];
        axes = flat.into_iter().flatten().collect();
        note += "\nFortran has at most 15 axes: all are in one here, the first the fastest.";
    }
    let convert = match (reading.swapped(), reading.big_endian()) {
        (false, _) => "",
        (true, true) => "convert='big_endian', ",
        (true, false) => "convert='little_endian', ",
    };
    if !convert.is_empty() {
        note += "\nconvert= is an extension that GNU, Intel and most others have.";
    }
    let (name, make) = match &read.made {
        Some((_, how)) => ("raw", how.as_str()),
        None => ("a", ""),
    };
    let last = match read.count {
        Some(_) => format!(":, {}", joined_indices(&axes[1..])),
        None => joined_indices(&axes),
    };
    let code = format!(
        "program read_array\n\
         {}  \
           integer :: unit\n  \
           allocate ({name}({}))\n  \
           open (newunit=unit, access='stream', form='unformatted', action='read', &\n        \
                 {convert}status='old', &\n        \
                 file={})\n  \
           read (unit) {name}\n  \
           close (unit)\n\
         {make}  \
           print {}, a({last})\n\
         end program read_array\n",
        declarations(&read, axes.len()),
        joined_indices(&axes),
        quoted(&reading.column_major()),
        read.format,
    );
    let note = note.trim_start().to_owned();
    Section { note, code }
}

/// The modules that are used, and the arrays.
fn declarations(read: &Read, rank: usize) -> String {
    let rank = vec![":"; rank].join(", ");
    let mut arrays = vec![(read.stored.as_str(), "a")];
    let mut modules = vec!["iso_fortran_env"];
    if let Some((of, how)) = &read.made {
        arrays = vec![(&read.stored, "raw"), (of, "a")];
        if how == HALF {
            modules.push("ieee_arithmetic");
            arrays.extend([("integer(int32)", "e"), ("integer(int32)", "m")]);
        }
    }
    if read.stored.contains("c_long_double") {
        modules.push("iso_c_binding");
    }
    let uses = modules
        .iter()
        .map(|module| format!("  use, intrinsic :: {module}\n"));
    let arrays = arrays
        .iter()
        .map(|(of, name)| format!("  {of}, allocatable :: {name}({rank})\n"));
    let none = "  implicit none\n".to_owned();
    uses.chain([none]).chain(arrays).collect()
}

/// Values of a type that Fortran has.
fn plain(stored: &str) -> Read {
    Read {
        note: "",
        stored: stored.to_owned(),
        count: None,
        made: None,
        format: "*",
    }
}

/// Unsigned integers of so many bits, in signed ones of more.
fn unsigned(bits: u64, wide: u64) -> Read {
    let mask = (1u64 << bits) - 1;
    let how = format!("  a = iand(int(raw, int{wide}), {mask}_int{wide})\n");
    Read {
        note: "Fortran has no unsigned integers: they are read into the next wider ones.",
        made: Some((format!("integer(int{wide})"), how)),
        ..plain(&format!("integer(int{bits})"))
    }
}

fn read(element: Element) -> Read {
    match element {
        Element::Bool => Read {
            made: Some(("logical".into(), "  a = raw /= 0\n".into())),
            ..plain("integer(int8)")
        },
        Element::Int(size) => plain(&format!("integer(int{})", 8 * size)),
        Element::UInt(1) => unsigned(8, 16),
        Element::UInt(2) => unsigned(16, 32),
        Element::UInt(4) => unsigned(32, 64),
        Element::UInt(_) => Read {
            note: "Fortran has no unsigned integers: from 2^63 on they are negative here.",
            ..plain("integer(int64)")
        },
        Element::Float(2) => Read {
            note: "Fortran has no 16-bit reals. They are read as 32-bit ones, exactly.",
            made: Some(("real(real32)".into(), HALF.into())),
            ..plain("integer(int16)")
        },
        Element::Float(16) => Read {
            note: LONG_DOUBLE,
            ..plain("real(c_long_double)")
        },
        Element::Complex(16) => Read {
            note: LONG_DOUBLE,
            ..plain("complex(c_long_double)")
        },
        Element::Float(size) => plain(&format!("real(real{})", 8 * size)),
        Element::Complex(size) => plain(&format!("complex(real{})", 8 * size)),
        Element::Bytes(length) => Read {
            note: "Shorter strings end with achar(0).",
            format: "'(a)'",
            ..plain(&format!("character(len={length})"))
        },
        Element::Text(length) => Read {
            note: "Strings are read as code points, along the first axis.",
            count: Some(length),
            ..plain("integer(int32)")
        },
        Element::Opaque(length) => Read {
            note: "The bytes of an element are along the first axis.",
            count: Some(length),
            format: "'(*(z2.2))'",
            ..plain("integer(int8)")
        },
    }
}

const LONG_DOUBLE: &str = "c_long_double is what NumPy's longdouble is on the same machine.";

/// Makes 32-bit numbers of 16-bit ones.
const HALF: &str = "  e = ibits(int(raw), 10, 5)
  m = ibits(int(raw), 0, 10)
  a = merge(m * 2.0**(-24), (m + 1024) * 2.0**(e - 25), e == 0)
  where (e == 31) a = merge(ieee_value(a, ieee_positive_inf), ieee_value(a, ieee_quiet_nan), m == 0)
  where (raw < 0) a = -a
";

/// Lengths, which are also the last indices; large ones need their kind.
fn joined_indices(lengths: &[u64]) -> String {
    let indices: Vec<String> = lengths
        .iter()
        .map(|&length| match i32::try_from(length) {
            Ok(_) => length.to_string(),
            Err(_) => format!("{length}_int64"),
        })
        .collect();
    indices.join(", ")
}

/// A string, in several lines if it is long.
fn quoted(path: &str) -> String {
    let mut pieces = vec![String::new()];
    for c in path.chars() {
        let doubled = c.to_string().replace('\'', "''");
        match pieces.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push_str(&doubled),
            _ => pieces.push(doubled),
        }
    }
    format!("'{}'", pieces.join("' // &\n        '"))
}
