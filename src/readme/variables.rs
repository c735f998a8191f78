//! The variables and conditions of the templates: all of them are set here, from the array's
//! dtype, shape and mount. Evaluating them is left to `template`.

use std::collections::BTreeMap;
use std::path::Path;

use super::example::{Example, escape_control_characters, is_plain};
use super::scales;
use crate::array::{Order, Shape, View};
use crate::dtype::{ByteOrder, DType, Kind, NarrowFloat, TimeUnit, Unit};
use crate::mapping::Mode;
use crate::source::{Contents, Meta, Origin};
use crate::tree::name;
use crate::vfile::{
    CodedView, Coding, CsvForm, Encoding, EncodingOptions, Subject, encodings, zarr,
};

/// The conditions for dtypes, by NumPy's names: kinds, and kinds with their size in bits.
const TYPES: &str = "bool bfloat16 int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 \
     float float16 float32 float64 float128 complex complex64 complex128 complex256 \
     bytes str void records";

/// The most bytes that Node reads at once.
const NODE_LARGEST: u64 = i32::MAX as u64;
/// The most axes of an array in Fortran.
const FORTRAN_MAX_RANK: usize = 15;

/// The variables and conditions of a template. A name can be both.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    values: BTreeMap<String, String>,
    conditions: BTreeMap<&'static str, bool>,
}

impl Variables {
    /// The value of a variable; `None` if there is no such variable.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Whether a condition is true. A name that is only a variable is true if its value is not
    /// empty.
    pub(super) fn holds(&self, name: &str) -> bool {
        let condition = self.conditions.get(name).copied();
        condition.unwrap_or_else(|| self.value(name).is_some_and(|value| !value.is_empty()))
    }

    /// Sets a variable.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.into(), value.into());
    }

    /// Sets a condition.
    pub(super) fn set_condition(&mut self, name: &'static str, holds: bool) {
        self.conditions.insert(name, holds);
    }

    /// The variables for the template of a language. `escape` escapes a path for its string
    /// literals.
    pub(super) fn of_example(example: &Example, escape: fn(&str) -> String) -> Variables {
        let mut variables = Variables::default();
        variables.set_condition("else", true);
        // The path of the array's directory, with a slash at the end.
        variables.set("dir", escape(&example.directory));
        variables.set_condition("writable", example.writable);
        variables.set_condition("empty", example.is_empty());
        // Each encoding by the name of its directory: npy, csv.
        let options = EncodingOptions {
            csv: example.csv,
            ..EncodingOptions::default()
        };
        for encoding in encodings(example.csv) {
            if let Some(folder) = encoding.folder() {
                let array = Subject::new(CodedView::as_stored(&example.view), &options);
                variables.set_condition(folder, encoding.shows(&array));
            }
        }
        variables.set_dtype(example.view.dtype());
        variables.set_shape(&example.view);
        variables.set_table(example);
        variables
    }

    /// Sets the variables and conditions for the dtype. Its names are conditions, such as
    /// `int` and `int16`. `datetime64` and `timedelta64` count as integers, and the types `float8`
    /// as the unsigned integers that have their bits.
    fn set_dtype(&mut self, dtype: &DType) {
        let size = dtype.itemsize();
        let (kind, number, length) = match dtype.kind() {
            Kind::Bool => ("bool", 1, None),
            Kind::Int | Kind::DateTime(_) | Kind::TimeDelta(_) => ("int", size, None),
            Kind::UInt => ("uint", size, None),
            Kind::Float => ("float", size, None),
            Kind::NarrowFloat(NarrowFloat::BFloat16) => ("bfloat", size, None),
            Kind::NarrowFloat(_) => ("uint", size, None),
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
        self.set_condition("float8", is_float8(dtype));
        self.set_condition("ml_dtypes", has_narrow_floats(dtype));
        self.set("dtype", numpy_argument(dtype));
        self.set("itemsize", size.to_string());
        // The size of a number: an element, a part of a complex number, a character.
        self.set("bytes_each", number.to_string());
        self.set("bits", (8 * number).to_string());
        // The number of characters or bytes of an element that is not a number.
        self.set("length", length.map_or(String::new(), |n| n.to_string()));
        let big = dtype.byte_order() == ByteOrder::Big;
        self.set("endian", if big { "big" } else { "little" });
        self.set_condition("big", big);
    }

    /// Sets the variables and conditions for the shape. `@lengths@` of the shape `(3, 5)` is
    /// `3, 5`; `@row_lengths@` is the same for a row. Those for Fortran have a kind suffix on
    /// integers of more than 32 bits.
    fn set_shape(&mut self, view: &View) {
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
        self.set("then_lengths", concat(lengths, |n| format!(", {n}")));
        self.set("then_row_lengths", concat(row, |n| format!(", {n}")));
        // C syntax for the type of a row, and for the last element.
        self.set("row_brackets", concat(row, |n| format!("[{n}]")));
        self.set("last_brackets", concat(&last, |n| format!("[{n}]")));
        // The index of the last element.
        self.set("last", joined(&last, ", "));
        self.set("row_last", joined(last.get(1..).unwrap_or_default(), ", "));
        self.set("each_minus_1", vec!["-1"; ndim].join(", "));
        self.set("each_end", vec!["end"; ndim].join(", "));
        self.set("each_colon", vec![":"; ndim].join(", "));
        let kinds: Vec<String> = lengths.iter().copied().map(fortran_integer).collect();
        self.set("fortran_lengths", kinds.join(", "));
        self.set("fortran_size", fortran_integer(view.size()));
        self.set("fortran_row_size", fortran_integer(row_size));
        let axes = ndim + usize::from(self.holds("length"));
        self.set_condition("too_many_axes", axes > FORTRAN_MAX_RANK);
        self.set_condition("too_large", view.nbytes() > NODE_LARGEST);
        self.set_condition("row_too_large", row_nbytes > NODE_LARGEST);
        // The files that hold the array and its row 0 in column-major order.
        let data = if ndim >= 2 { "T/data" } else { "data" };
        self.set("data_column_major", data);
        let row = match ndim {
            0..=2 => "rows/0".to_owned(),
            _ => format!("T/axes/{}/0", ndim - 1),
        };
        self.set("row_column_major", row);
    }

    /// Sets the variables for `csv/`: the file with the last table, and the line and column of
    /// its last element. If a row is too long for a line of text, the file is that of the last
    /// row, with a line for each element.
    fn set_table(&mut self, example: &Example) {
        let lengths = example.view.shape().lengths();
        let last: Vec<u64> = lengths.iter().map(|n| n.saturating_sub(1)).collect();
        let outer = last.len().saturating_sub(2);
        let has_text = |shape: &[u64]| {
            let shape = Shape::new(shape.to_vec());
            let text = encodings(example.csv).iter().filter_map(Encoding::of_views);
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

    /// The variables for the overview. `whole` is the mounted array; `field` is the array for
    /// languages that do not read records.
    pub(super) fn of_mount(
        meta: &Meta,
        whole: &Example,
        field: Option<&Example>,
        pad: bool,
    ) -> Variables {
        let mut variables = Variables::of_example(whole, str::to_owned);
        let (view, dtype) = (&meta.view, meta.view.dtype());
        let length = variables
            .value("length")
            .and_then(|length| length.parse().ok());
        variables.set_origin(&meta.origin);
        variables.set("offset", view.offset().to_string());
        variables.set("dtype_shown", escape_control_characters(&dtype.to_string()));
        variables.set_condition("ordered", dtype.byte_order() != ByteOrder::NotApplicable);
        variables.set("elements", count(view.size(), "element"));
        variables.set("total", count(view.nbytes(), "byte"));
        variables.set("item", count(dtype.itemsize(), "byte"));
        variables.set("characters", count(length.unwrap_or(0), "code point"));
        variables.set("fields", count(dtype.fields().len() as u64, "field"));
        let unit = match dtype.kind() {
            Kind::DateTime(unit) | Kind::TimeDelta(unit) => time_unit(*unit),
            _ => String::new(),
        };
        variables.set("unit", unit);
        variables.set_order(meta);
        let name = meta.name.as_deref().unwrap_or_default();
        variables.set("name", escape_control_characters(name));
        let dims = meta.dims.iter().map(|dim| dim.as_deref().unwrap_or("-"));
        let dims = dims.collect::<Vec<_>>().join(", ");
        variables.set("dims", escape_control_characters(&dims));
        variables.set_scales(meta);
        variables.set("note", meta.details.note.unwrap_or_default());
        variables.set_condition("other_sign", whole.native_has_other_sign());
        variables.set_condition("native", whole.in_native_order().is_some());
        variables.set_condition("float32", Coding::float32(dtype).is_some());
        variables.set_condition("absolute", whole.absolute);
        variables.set_condition("pad", pad);
        variables.set_loadtxt(view);
        let time = |kind: &Kind| matches!(kind, Kind::DateTime(_) | Kind::TimeDelta(_));
        let times = field.is_some_and(|field| time(field.view.dtype().kind()));
        variables.set_condition("times", times);
        let float8 = field.is_some_and(|field| is_float8(field.view.dtype()));
        variables.set_condition("float8_bits", float8);
        let path = field.map_or(String::new(), |field| field.fields.join("."));
        variables.set("field", escape_control_characters(&path));
        variables.set_names(view, pad);
        variables
    }

    /// The variables for a group with arrays at `paths` of a mount on `mountpoint`.
    pub(super) fn of_group(
        origin: &Origin,
        contents: &Contents,
        paths: &[String],
        mountpoint: &Path,
    ) -> Variables {
        let mut variables = Variables::default();
        variables.set_condition("else", true);
        variables.set_origin(origin);
        variables.set_condition("writable", origin.writable);
        let mut dtypes = contents.members.iter().map(|member| member.view.dtype());
        let in_store = |dtype: &DType| zarr::has_type(dtype) || Coding::float32(dtype).is_some();
        variables.set_condition("zarr", dtypes.any(in_store));
        variables.set("count", contents.members.len().to_string());
        let skipped = contents.skipped.len();
        variables.set_condition("skipped", skipped > 0);
        variables.set("skipped", skipped.to_string());
        let is_quotable = |path: &&str| is_plain(path) && !path.contains(['\'', '"', '\\']);
        let shown = mountpoint.to_str().filter(is_quotable);
        variables.set(
            "dir",
            shown.map_or(String::new(), |path| format!("{path}/")),
        );
        let first = paths.first().map(String::as_str).filter(is_quotable);
        variables.set("first", first.unwrap_or_default());
        variables
    }

    /// Sets the variables for the order of the elements in the file, or for their strides.
    fn set_order(&mut self, meta: &Meta) {
        let order = meta.contiguous_order();
        self.set(
            "order",
            order.map_or(String::new(), |order| order.to_string()),
        );
        self.set_condition("c_order", order == Some(Order::C));
        self.set_condition("strided", order.is_none());
        let strides: Vec<String> = meta.view.strides().iter().map(i64::to_string).collect();
        let tuple = match &strides[..] {
            [one] => format!("({one},)"),
            strides => format!("({})", strides.join(", ")),
        };
        self.set("strides", tuple);
    }

    /// Sets the variables for the scale of the array, and for a list of those of its fields.
    fn set_scales(&mut self, meta: &Meta) {
        let scale = meta.scale;
        self.set_condition("scaled", scale.is_some());
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        self.set("slope", number(scale.map(|scale| scale.slope)));
        self.set("intercept", number(scale.map(|scale| scale.intercept)));
        self.set("field_scales", scales::of_fields(meta));
    }

    /// Sets the variables for the file, its format and mode.
    fn set_origin(&mut self, origin: &Origin) {
        let file = origin.file.to_string_lossy();
        self.set("file", escape_control_characters(&file));
        self.set("format", origin.format);
        self.set("mode", origin.mode.to_string());
        self.set_condition("copy_on_write", origin.mode == Mode::CopyOnWrite);
    }

    /// The arguments of `numpy.loadtxt`: `usecols` skips the column of blanks, `ndmin` keeps axes
    /// of length 1.
    fn set_loadtxt(&mut self, view: &View) {
        let (dtype, lengths) = (view.dtype(), view.shape().lengths());
        let number_kind = matches!(
            dtype.kind(),
            Kind::Bool
                | Kind::Int
                | Kind::UInt
                | Kind::Float
                | Kind::NarrowFloat(_)
                | Kind::Complex
        );
        let usecols = match lengths {
            [_] => "0".to_owned(),
            [_, columns] => format!("range({columns})"),
            _ => String::new(),
        };
        let is_read = number_kind && view.size() > 0 && self.holds("whole_text");
        self.set_condition("loadtxt", is_read && !usecols.is_empty());
        self.set("usecols", usecols);
        let keeps = format!(", ndmin={}", view.ndim());
        self.set(
            "ndmin",
            if lengths.contains(&1) {
                keeps
            } else {
                String::new()
            },
        );
        // loadtxt cannot read a type of ml_dtypes. A single has every value of them.
        let name = match dtype.kind() {
            Kind::NarrowFloat(_) => "float32".to_owned(),
            _ => dtype.to_string(),
        };
        self.set("dtype_name", name);
    }

    /// The names of index files, of the last axis and of the first field.
    fn set_names(&mut self, view: &View, pad: bool) {
        let length = |axis| view.shape().lengths().get(axis).copied().unwrap_or(0);
        self.set("rows", indices(length(0), pad));
        self.set("cols", indices(length(1), pad));
        self.set("axes", indices(view.ndim() as u64, false));
        self.set("last_axis", view.ndim().saturating_sub(1).to_string());
        let first = view
            .dtype()
            .fields()
            .first()
            .map_or("", |field| field.name());
        self.set("first_field", escape_control_characters(first));
        self.set(
            "first_field_name",
            escape_control_characters(&name::field(0, first)),
        );
    }
}

/// The argument of `numpy.dtype`, in Python. NumPy has no name for a swapped `bfloat16`.
fn numpy_argument(dtype: &DType) -> String {
    let text = match dtype.kind() {
        Kind::Structured(_) => dtype.to_string(),
        _ => format!("'{dtype}'"),
    };
    [("'<bfloat16'", '<'), ("'>bfloat16'", '>')]
        .into_iter()
        .fold(text, |text, (name, mark)| {
            text.replace(
                name,
                &format!("np.dtype('bfloat16').newbyteorder('{mark}')"),
            )
        })
}

/// Whether the dtype is a float of one byte.
fn is_float8(dtype: &DType) -> bool {
    matches!(dtype.kind(), Kind::NarrowFloat(_)) && dtype.itemsize() == 1
}

/// Whether the dtype, or a field of it, is one of `ml_dtypes`.
fn has_narrow_floats(dtype: &DType) -> bool {
    let in_fields = || dtype.fields().iter().map(|field| field.dtype());
    matches!(dtype.kind(), Kind::NarrowFloat(_)) || in_fields().any(has_narrow_floats)
}

/// Joins numbers with `between`.
fn joined(numbers: &[u64], between: &str) -> String {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    numbers.join(between)
}

/// Concatenates the results of `format` for each number.
fn concat(numbers: &[u64], format: fn(u64) -> String) -> String {
    numbers.iter().copied().map(format).collect()
}

/// An integer literal in Fortran, with a kind suffix if it exceeds 32 bits.
fn fortran_integer(number: u64) -> String {
    match i32::try_from(number) {
        Ok(_) => number.to_string(),
        Err(_) => format!("{number}_int64"),
    }
}

/// The range of names that a directory lists for the indices of an axis.
fn indices(length: u64, pad: bool) -> String {
    let name = |index| name::listed(index, length, pad);
    match length {
        0 => String::new(),
        1 => name(0),
        _ => format!("{} ... {}", name(0), name(length - 1)),
    }
}

/// A count with a noun in the singular or plural.
fn count(count: u64, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

/// The unit of a `datetime64` or `timedelta64`, with its multiple.
fn time_unit(unit: TimeUnit) -> String {
    match (unit.unit, unit.multiple) {
        (Unit::Generic, _) => "an unnamed unit".into(),
        (unit, 1) => unit.name().into(),
        (unit, multiple) => format!("{multiple} {}", unit.name()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::source::Member;
    use std::sync::Arc;

    fn origin() -> Origin {
        Origin {
            file: "a.bin".into(),
            data_file: None,
            format: "raw",
            mode: Mode::ReadWrite,
            writable: true,
        }
    }

    /// The variables of a group.
    pub fn group() -> Variables {
        let mut variables =
            Variables::of_group(&origin(), &Contents::group(), &[], Path::new("/m"));
        variables.set("arrays", "");
        variables.set_condition("more", false);
        variables.set("rest", "");
        variables
    }

    impl Variables {
        /// Whether there is a variable or condition of this name.
        pub(crate) fn knows(&self, name: &str) -> bool {
            self.conditions.contains_key(name) || self.value(name).is_some()
        }
    }

    /// The variables of a language's template, and of the overview.
    pub fn all() -> (Variables, Variables) {
        let shape = Shape::new(vec![3, 5]);
        let view = View::contiguous(DType::BYTE, 0, shape, Order::C).unwrap();
        let member = Member::new("", view, Order::C);
        let meta = Meta::of(&Arc::new(origin()), &member);
        let whole = Example::new(&meta, "/m".as_ref(), CsvForm::default());
        let mut overview = Variables::of_mount(&meta, &whole, None, false);
        overview.set("files", "");
        overview.set_condition("root", true);
        (Variables::of_example(&whole, str::to_owned), overview)
    }
}
