//! The words of the templates. All of them are here, each with what it stands for.

use std::collections::BTreeMap;

use super::example::Example;
use crate::array::{Order, Shape, View};
use crate::dtype::{ByteOrder, DType, Kind, TimeUnit, Unit};
use crate::mapping::Mode;
use crate::source::Meta;
use crate::tree::name;
use crate::vfile::{CsvForm, encodings};

/// The words of types, as NumPy calls them: kinds, and kinds with their bits.
const TYPES: &str = "bool int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 \
     float float16 float32 float64 float128 complex complex64 complex128 complex256 \
     bytes str void records";

/// The most bytes that Node reads at once, and the most axes of an array in Fortran.
const NODE_LARGEST: u64 = i32::MAX as u64;
const FORTRAN_MAX_RANK: usize = 15;

/// What the words of a template stand for. A word can have a value and be a condition.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    values: BTreeMap<String, String>,
    conditions: BTreeMap<&'static str, bool>,
}

impl Words {
    pub(super) fn value(&self, word: &str) -> Option<&str> {
        self.values.get(word).map(String::as_str)
    }

    /// Whether a condition holds. A word that is only a value holds if it is not empty.
    pub(super) fn holds(&self, word: &str) -> bool {
        let condition = self.conditions.get(word).copied();
        condition.unwrap_or_else(|| self.value(word).is_some_and(|value| !value.is_empty()))
    }

    pub(super) fn set(&mut self, word: &str, value: impl Into<String>) {
        self.values.insert(word.into(), value.into());
    }

    pub(super) fn set_condition(&mut self, word: &'static str, holds: bool) {
        self.conditions.insert(word, holds);
    }

    /// Those of the templates of languages, where `escape` makes a path one that can
    /// stand in a string.
    pub(super) fn of_example(example: &Example, escape: fn(&str) -> String) -> Words {
        let mut words = Words::default();
        words.set_condition("else", true);
        // The path of the array's directory, with a slash at the end.
        words.set("dir", escape(&example.directory));
        words.set_condition("writable", example.writable);
        words.set_condition("empty", example.is_empty());
        // The encodings by the name of their folder: npy, csv.
        for encoding in encodings(example.csv) {
            if let Some(folder) = encoding.folder {
                words.set_condition(folder, encoding.shows(example.view.dtype()));
            }
        }
        words.of_dtype(example.view.dtype());
        words.of_shape(&example.view);
        words.of_table(example);
        words
    }

    /// The type. Its names are conditions: `int` and `int16`. Times are integers, too.
    fn of_dtype(&mut self, dtype: &DType) {
        let size = dtype.itemsize();
        let (kind, number, length) = match dtype.kind() {
            Kind::Bool => ("bool", 1, None),
            Kind::Int | Kind::DateTime(_) | Kind::TimeDelta(_) => ("int", size, None),
            Kind::UInt => ("uint", size, None),
            Kind::Float => ("float", size, None),
            Kind::Complex => ("complex", size / 2, None),
            Kind::Bytes => ("bytes", 1, Some(size)),
            Kind::Str => ("str", 4, Some(size / 4)),
            Kind::Void => ("void", 1, Some(size)),
            Kind::Structured(_) => ("records", 1, Some(size)),
        };
        let sized = format!("{kind}{}", 8 * size);
        for name in TYPES.split(' ') {
            self.set_condition(name, name == kind || name == sized);
        }
        self.set_condition("datetime", matches!(dtype.kind(), Kind::DateTime(_)));
        self.set_condition("timedelta", matches!(dtype.kind(), Kind::TimeDelta(_)));
        // What numpy.dtype takes for the type.
        let numpy = match dtype.kind() {
            Kind::Structured(_) => dtype.to_string(),
            _ => format!("'{}'", dtype.numpy_str()),
        };
        self.set("dtype", numpy);
        self.set("itemsize", size.to_string());
        // Of a number: an element, a part of a complex one, a character.
        self.set("bytes_each", number.to_string());
        self.set("bits", (8 * number).to_string());
        // The characters or bytes of an element that is no number.
        self.set("length", length.map_or(String::new(), |n| n.to_string()));
        let big = dtype.byte_order() == ByteOrder::Big;
        let has_order = dtype.byte_order() != ByteOrder::NotApplicable;
        self.set("endian", if big { "big" } else { "little" });
        self.set_condition("big", big);
        // Whether this machine has the other byte order.
        self.set_condition("swapped", has_order && big != cfg!(target_endian = "big"));
    }

    /// The shape `(3, 5)` is `@lengths@` 3, 5, and so is that of a row. The words for
    /// Fortran are the lengths with their kind, where it is another than usual.
    fn of_shape(&mut self, view: &View) {
        let (lengths, ndim) = (view.shape().lengths(), view.ndim());
        let row = lengths.get(1..).unwrap_or_default();
        self.set_condition("0d", ndim == 0);
        self.set_condition("1d", ndim == 1);
        self.set_condition("2d", ndim == 2);
        self.set_condition("nd", ndim > 2);
        self.set("ndim", ndim.to_string());
        self.set("tuple", view.shape().to_string());
        self.set("size", view.size().to_string());
        self.set("nbytes", view.nbytes().to_string());
        let row_size: u64 = row.iter().product();
        let row_nbytes = row_size.saturating_mul(view.dtype().itemsize());
        self.set("row_size", row_size.to_string());
        let last: Vec<u64> = lengths.iter().map(|n| n.saturating_sub(1)).collect();
        self.set("lengths", joined(lengths, ", "));
        self.set("row_lengths", joined(row, ", "));
        self.set("then_lengths", each(lengths, |n| format!(", {n}")));
        self.set("then_row_lengths", each(row, |n| format!(", {n}")));
        // As C writes the type of an element of axis 0, and the last element.
        self.set("row_brackets", each(row, |n| format!("[{n}]")));
        self.set("last_brackets", each(&last, |n| format!("[{n}]")));
        // The index of the last element.
        self.set("last", joined(&last, ", "));
        self.set("row_last", joined(last.get(1..).unwrap_or_default(), ", "));
        self.set("each_minus_1", vec!["-1"; ndim].join(", "));
        self.set("each_end", vec!["end"; ndim].join(", "));
        self.set("each_colon", vec![":"; ndim].join(", "));
        let kinds: Vec<String> = lengths.iter().copied().map(in_fortran).collect();
        self.set("fortran_lengths", kinds.join(", "));
        self.set("fortran_size", in_fortran(view.size()));
        self.set("fortran_row_size", in_fortran(row_size));
        let axes = ndim + usize::from(self.holds("length"));
        self.set_condition("too_many_axes", axes > FORTRAN_MAX_RANK);
        self.set_condition("too_large", view.nbytes() > NODE_LARGEST);
        self.set_condition("row_too_large", row_nbytes > NODE_LARGEST);
        // The files with all elements and with row 0 in column-major order.
        let data = if ndim >= 2 { "T/data" } else { "data" };
        self.set("data_column_major", data);
        let row = match ndim {
            0..=2 => "rows/0".to_owned(),
            _ => format!("T/axes/{}/0", ndim - 1),
        };
        self.set("row_column_major", row);
    }

    /// The file in `csv/` with the last table, and where its last element is.
    ///
    /// Where a row is too long for a line of text, that is the file of the last row,
    /// with a line for each element.
    fn of_table(&mut self, example: &Example) {
        let lengths = example.view.shape().lengths();
        let last: Vec<u64> = lengths.iter().map(|n| n.saturating_sub(1)).collect();
        let outer = last.len().saturating_sub(2);
        let has_text = |shape: &[u64]| {
            let shape = Shape::new(shape.to_vec());
            let text = encodings(example.csv).iter();
            let mut text = text.filter(|encoding| encoding.folder == Some("csv"));
            text.any(|encoding| encoding.shows_shape(example.view.dtype(), shape.clone()))
        };
        let is_table = has_text(&lengths[outer..]);
        self.set_condition("too_wide", !is_table);
        self.set_condition("blanks", example.csv == CsvForm::Unpadded);
        self.set_condition("whole_text", has_text(lengths));
        let outer = outer + usize::from(!is_table && outer < last.len());
        let (outer, table) = last.split_at(outer);
        let file = match outer {
            [] => "data".to_owned(),
            [row] => format!("rows/{row}"),
            outer => format!("slices/{}", joined(outer, ",")),
        };
        self.set("table", file);
        let position = |k: usize| (table.get(k).unwrap_or(&0) + 1).to_string();
        self.set("table_line", position(0));
        self.set("table_column", position(1));
    }

    /// Those of the overview, which is about `whole`; `field` is the array that is shown
    /// to languages that do not read records.
    pub(super) fn of_mount(
        meta: &Meta,
        whole: &Example,
        field: Option<&Example>,
        pad: bool,
    ) -> Words {
        let mut words = Words::of_example(whole, str::to_owned);
        let (view, dtype) = (&meta.view, meta.view.dtype());
        let length = words.value("length").and_then(|length| length.parse().ok());
        words.set("file", shown(&meta.file.to_string_lossy()));
        words.set("format", meta.format);
        words.set("offset", view.offset().to_string());
        words.set("dtype_shown", shown(&dtype.to_string()));
        words.set_condition("ordered", dtype.byte_order() != ByteOrder::NotApplicable);
        words.set("elements", number(view.size(), "element"));
        words.set("total", number(view.nbytes(), "byte"));
        words.set("item", number(dtype.itemsize(), "byte"));
        words.set("characters", number(length.unwrap_or(0), "code point"));
        words.set("fields", number(dtype.fields().len() as u64, "field"));
        let unit = match dtype.kind() {
            Kind::DateTime(unit) | Kind::TimeDelta(unit) => counted(*unit),
            _ => String::new(),
        };
        words.set("unit", unit);
        words.set("order", meta.order.to_string());
        words.set_condition("c_order", meta.order == Order::C);
        words.set("mode", meta.mode.to_string());
        words.set_condition("copy_on_write", meta.mode == Mode::CopyOnWrite);
        words.set_condition("absolute", whole.absolute);
        words.set_condition("pad", pad);
        let number_kind = matches!(
            dtype.kind(),
            Kind::Bool | Kind::Int | Kind::UInt | Kind::Float | Kind::Complex
        );
        let lengths = view.shape().lengths();
        // What numpy.loadtxt needs to leave the blanks out, and to keep axes of length 1.
        let usecols = match lengths {
            [_] => "0".to_owned(),
            [_, columns] => format!("range({columns})"),
            _ => String::new(),
        };
        let is_read = number_kind && view.size() > 0 && words.holds("whole_text");
        words.set_condition("loadtxt", is_read && !usecols.is_empty());
        words.set("usecols", usecols);
        let keeps = format!(", ndmin={}", view.ndim());
        words.set(
            "ndmin",
            if lengths.contains(&1) {
                keeps
            } else {
                String::new()
            },
        );
        words.set("dtype_name", dtype.to_string());
        let time = |kind: &Kind| matches!(kind, Kind::DateTime(_) | Kind::TimeDelta(_));
        let times = field.is_some_and(|field| time(field.view.dtype().kind()));
        words.set_condition("times", times);
        let path = field.map_or(String::new(), |field| field.fields.join("."));
        words.set("field", shown(&path));
        let length = |axis| view.shape().lengths().get(axis).copied().unwrap_or(0);
        words.set("rows", indices(length(0), pad));
        words.set("cols", indices(length(1), pad));
        words.set("axes", indices(view.ndim() as u64, false));
        words.set("last_axis", view.ndim().saturating_sub(1).to_string());
        let first = dtype.fields().first().map_or("", |field| field.name());
        words.set("first_field", shown(first));
        words.set("first_field_name", shown(&name::field(0, first)));
        words
    }
}

/// Numbers with something between them.
fn joined(numbers: &[u64], between: &str) -> String {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    numbers.join(between)
}

/// What `written` makes of each number.
fn each(numbers: &[u64], written: fn(u64) -> String) -> String {
    numbers.iter().copied().map(written).collect()
}

/// An integer in Fortran, where large ones need their kind.
fn in_fortran(number: u64) -> String {
    match i32::try_from(number) {
        Ok(_) => number.to_string(),
        Err(_) => format!("{number}_int64"),
    }
}

/// The names that are listed for the indices of an axis.
fn indices(length: u64, pad: bool) -> String {
    let name = |index| name::listed(index, length, pad);
    match length {
        0 => String::new(),
        1 => name(0),
        _ => format!("{} ... {}", name(0), name(length - 1)),
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::array::Shape;

    impl Words {
        /// Whether there is such a word.
        pub(crate) fn knows(&self, word: &str) -> bool {
            self.conditions.contains_key(word) || self.value(word).is_some()
        }
    }

    /// The words of a language's template, and of the overview.
    pub fn all() -> (Words, Words) {
        let shape = Shape::new(vec![3, 5]);
        let meta = Meta {
            file: "a.bin".into(),
            format: "raw",
            view: View::contiguous(DType::BYTE, 0, shape, Order::C).unwrap(),
            order: Order::C,
            mode: Mode::ReadWrite,
            writable: true,
        };
        let whole = Example::new(&meta, "/m".as_ref(), CsvForm::default());
        let mut overview = Words::of_mount(&meta, &whole, None, false);
        overview.set("files", "");
        (Words::of_example(&whole, str::to_owned), overview)
    }
}
