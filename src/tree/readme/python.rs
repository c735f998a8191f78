//! Python: NumPy maps the file, and knows every type.

use super::reading::{Language, Reading, Section, backslashed};
use crate::dtype::{DType, Kind};

pub(super) const LANGUAGE: Language = Language {
    name: "Python",
    records: true,
    empty: true,
    write,
};

fn write(reading: &Reading) -> Section {
    let data = quoted(&reading.path("data"));
    let dtype = dtype(reading.dtype());
    let shape = reading.tuple();
    if reading.size() == 0 {
        return Section {
            note: "An empty file cannot be mapped.".into(),
            code: format!(
                "import numpy as np\n\
                 a = np.fromfile({data}, dtype={dtype}).reshape({shape})\n\
                 print(a)\n"
            ),
        };
    }
    let mode = if reading.writable { "r+" } else { "r" };
    let npy = quoted(&reading.path("npy/data.npy"));
    let note = if reading.has("npy") {
        format!("np.load({npy}, mmap_mode='{mode}') is the same.")
    } else {
        String::new()
    };
    let last = match reading.ndim() {
        0 => "()".to_owned(),
        ndim => vec!["-1"; ndim].join(", "),
    };
    let code = format!(
        "import numpy as np\n\
         a = np.memmap({data}, dtype={dtype}, mode='{mode}', shape={shape})\n\
         print(a[{last}])\n"
    );
    Section { note, code }
}

/// What `numpy.dtype` takes for the type.
fn dtype(dtype: &DType) -> String {
    match dtype.kind() {
        Kind::Structured(_) => dtype.to_string(),
        _ => quoted(&dtype.numpy_str()),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", backslashed(text, "'"))
}
