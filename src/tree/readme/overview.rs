//! The part that is not about a language: what the array is, and which files
//! the mount has.

use super::reading::Reading;
use super::underlined;
use crate::array::Order;
use crate::dtype::{ByteOrder, DType, Kind, TimeUnit, Unit};
use crate::mapping::Mode;
use crate::source::Meta;
use crate::tree::name;

/// What the array is, and which files there are.
pub(super) fn text(meta: &Meta, whole: &Reading, pad: bool) -> String {
    let view = &meta.view;
    let order = match view.ndim() {
        0 | 1 => String::new(),
        _ => format!(
            "order    {}: in the file, the {} axis is the fastest\n",
            meta.order,
            match meta.order {
                Order::C => "last",
                Order::F => "first",
            }
        ),
    };
    let mut text = underlined("An array as files", '=').trim_start().to_owned();
    text += &format!(
        "file     {}, {}, from byte {} on\n\
         dtype    {}: {}\n\
         shape    {}: {}, {}\n\
         {order}\
         mode     {}: {}\n",
        shown(&meta.file.to_string_lossy()),
        meta.format,
        view.offset(),
        shown(&view.dtype().to_string()),
        meaning(view.dtype()),
        view.shape(),
        number(view.size(), "element"),
        number(view.nbytes(), "byte"),
        meta.mode,
        access(meta),
    );
    text += "\nmeta.json says this to programs. ";
    text += "Every file here is a window on the array: nothing is copied.\n";
    text += &underlined("Files", '-');
    text += &files(meta, whole, pad);
    text += "\nBytes are in row-major (C) order, whatever the order in the file, and in the file's \
             byte order.\nSizes are fixed.";
    if view.ndim() > 0 {
        text += " An index counts from 0, or from the end: rows/-1.\n";
        text += if pad {
            "Names of indices are padded with zeros, so that `cat rows/*` is in order.\n"
        } else {
            "A shell sorts rows/* by character, 10 before 2: `cat rows/*` is out of order from ten \
             rows on,\nunless the array is mounted with --pad. `cat data` never is.\n"
        };
    } else {
        text += "\n";
    }
    text += &blanks(whole);
    text
}

/// What is to be said of text whose lines end with blanks.
fn blanks(whole: &Reading) -> String {
    if !whole.has("csv") || !whole.has_blanks() {
        return String::new();
    }
    let mut text = String::from(
        "Each line in csv/ ends with a column of blanks, which makes all lines equally long: leave \
         it out.\n",
    );
    let is_number = matches!(
        whole.dtype().kind(),
        Kind::Bool | Kind::Int | Kind::UInt | Kind::Float | Kind::Complex
    );
    let columns = match whole.shape() {
        [_] => "0".to_owned(),
        [_, columns] => format!("range({columns})"),
        _ => return text,
    };
    if is_number && whole.size() > 0 && whole.has_of_shape("csv", whole.shape()) {
        let dtype = whole.dtype();
        // Left to itself it takes axes of length 1 away.
        let axes = if whole.shape().contains(&1) {
            format!(", ndmin={}", whole.ndim())
        } else {
            String::new()
        };
        text += &format!(
            "numpy.loadtxt('csv/data.csv', '{dtype}', delimiter=',', usecols={columns}{axes}) does.\n"
        );
    }
    text
}

/// What is to be said before the languages: `element` is the array that those
/// are shown which do not read records.
pub(super) fn reading(whole: &Reading, element: Option<&Reading>) -> String {
    let mut text = String::new();
    if !whole.absolute {
        text += "\nThe path of this mount cannot be shown in a line of text: run the lines below in it.\n";
    }
    if whole.size() == 0 {
        text += "\nThe array has no elements, so there is nothing to read.\n";
        return text;
    }
    text +=
        "\nIn each language below, the lines read the whole array and print its last element.\n";
    if matches!(whole.dtype().kind(), Kind::Structured(_)) {
        text += &match element.map(|reading| reading.fields.join(".")) {
            Some(field) => format!(
                "Python reads records. The other languages are shown one field, {}, which is an array \
                 of its\nown; so is every other.\n",
                shown(&field)
            ),
            None => "Only Python reads records, and there is no field to show to others.\n".into(),
        };
    }
    let time = element.map(|reading| reading.dtype());
    if let Some(Kind::DateTime(_) | Kind::TimeDelta(_)) = time.map(DType::kind) {
        text += "NumPy has a type for times. To the other languages they are 64-bit counts, and the \
                 smallest\ncount stands for NaT, not a time.\n";
    }
    text
}

/// Each file and directory of the root, and what NumPy calls it.
fn files(meta: &Meta, whole: &Reading, pad: bool) -> String {
    let view = &meta.view;
    let ndim = view.ndim();
    let axis = ndim.saturating_sub(1);
    let index = ["...", "::2"].get(ndim).unwrap_or(&"::2,-1");
    let fields = view.dtype().fields();
    let field = fields.first().map_or("", |field| field.name());
    let lines: [(bool, String, &str, String); 9] = [
        (true, "data".into(), "the whole array", "a.tobytes()".into()),
        (
            ndim >= 1,
            format!("rows/{}", indices(view.length(0), pad)),
            "by the first axis",
            "a[0].tobytes()".into(),
        ),
        (
            ndim >= 2,
            format!("cols/{}", indices(view.length(1), pad)),
            "by the second axis",
            "a[:, 0].tobytes()".into(),
        ),
        (
            ndim >= 1,
            format!("axes/{}/", indices(ndim as u64, false)),
            "by any axis",
            format!("a.take(0, axis={axis}).tobytes()"),
        ),
        (
            true,
            format!("slices/{index}"),
            "any index, not listed",
            format!("a[{index}].tobytes()"),
        ),
        (ndim >= 2, "T/".into(), "the same, transposed", "a.T".into()),
        (
            !fields.is_empty(),
            format!("fields/{}/", shown(&name::field(0, field))),
            "the same, of each field",
            format!("a['{}']", shown(field)),
        ),
        (
            whole.has("npy"),
            "npy/".into(),
            "the same as .npy files",
            "numpy.load('npy/data.npy')".into(),
        ),
        (
            whole.has("csv"),
            "csv/".into(),
            "as text, what has at most two axes",
            String::new(),
        ),
    ];
    columns(lines.into_iter().filter(|(exists, ..)| *exists).collect())
}

/// The lines, in columns.
fn columns(lines: Vec<(bool, String, &str, String)>) -> String {
    let width = lines.iter().map(|(_, path, ..)| path.chars().count());
    let width = width.max().unwrap_or(0);
    let lines = lines.iter().map(|(_, path, what, numpy)| {
        let line = format!("{path:width$}   {what:34}   {numpy}");
        format!("{}\n", line.trim_end())
    });
    lines.collect()
}

/// The names that are listed for the indices of an axis.
fn indices(length: u64, pad: bool) -> String {
    let name = |index| name::listed(index, length, pad);
    match length {
        0 => "".into(),
        1 => name(0),
        _ => format!("{} ... {}", name(0), name(length - 1)),
    }
}

/// What may be done to the array.
fn access(meta: &Meta) -> &'static str {
    match (meta.writable, meta.mode) {
        (false, _) => "it can be read",
        (true, Mode::CopyOnWrite) => "what is written here is seen here, and never in the file",
        (true, _) => "what is written here is in the file at once",
    }
}

/// What the bytes of an element stand for.
fn meaning(dtype: &DType) -> String {
    let size = dtype.itemsize();
    let meant = match dtype.kind() {
        Kind::Bool => "truth values, 0 or 1 in a byte".to_owned(),
        Kind::Int => format!("signed integers of {} bits", 8 * size),
        Kind::UInt => format!("unsigned integers of {} bits", 8 * size),
        Kind::Float if size == 16 => "longdoubles of 16 bytes".to_owned(),
        Kind::Float => format!("floating-point numbers of {} bits", 8 * size),
        Kind::Complex => format!("complex numbers of {size} bytes, the real part first"),
        Kind::Bytes => format!(
            "strings of up to {}, zeros at the end",
            number(size, "byte")
        ),
        Kind::Str => {
            let longest = number(size / 4, "code point");
            format!("strings of up to {longest}, 4 bytes each")
        }
        Kind::Void => format!("{} without a meaning", number(size, "byte")),
        Kind::DateTime(unit) => format!("times, counts of {} since 1970", counted(*unit)),
        Kind::TimeDelta(unit) => format!("spans of time, counts of {}", counted(*unit)),
        Kind::Structured(fields) => {
            let fields = number(fields.len() as u64, "field");
            format!("records of {} with {fields}", number(size, "byte"))
        }
    };
    match dtype.byte_order() {
        ByteOrder::NotApplicable => meant,
        order => format!("{meant}, {}-endian", order.name()),
    }
}

/// So many things.
fn number(count: u64, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

/// The unit of a time, as NumPy writes it.
fn counted(unit: TimeUnit) -> String {
    match (unit.unit, unit.multiple) {
        (Unit::Generic, _) => "an unnamed unit".into(),
        (unit, 1) => unit.name().into(),
        (unit, multiple) => format!("{multiple} {}", unit.name()),
    }
}

/// As it can stand in a line.
fn shown(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    });
    escaped.collect()
}
