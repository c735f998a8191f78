//! Prints dtypes: `dtype.str`, `dtype.name`, and a text that parses back to an equal dtype.
//! Literals of structured dtypes are left to `descr`.

use std::fmt;

use super::{ByteOrder, DType, Kind, descr};

/// A text that [`DType::parse`] reads back: `dtype.str` of a plain dtype, or the list of fields of
/// a structured one. The dict form is used where a list cannot express the offsets.
impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Structured(_) => descr::literal(self).fmt(f),
            _ => f.write_str(&descr::plain(self)),
        }
    }
}

/// NumPy's `dtype.str`.
pub(super) fn str(dtype: &DType) -> String {
    let mark = match dtype.byte_order {
        ByteOrder::Little => '<',
        ByteOrder::Big => '>',
        // As `ml_dtypes` has it, also for a single byte.
        ByteOrder::NotApplicable if matches!(dtype.kind, Kind::NarrowFloat(_)) => '<',
        ByteOrder::NotApplicable => '|',
    };
    let letter = dtype.kind.letter();
    let itemsize = dtype.itemsize;
    match &dtype.kind {
        Kind::DateTime(unit) | Kind::TimeDelta(unit) => format!("{mark}{letter}{itemsize}{unit}"),
        Kind::Str => format!("{mark}{letter}{}", itemsize / 4),
        _ => format!("{mark}{letter}{itemsize}"),
    }
}

/// NumPy's `dtype.name`.
pub(super) fn name(dtype: &DType) -> String {
    let bits = dtype.itemsize() * 8;
    match dtype.kind() {
        Kind::Bool => "bool".to_owned(),
        Kind::Int => format!("int{bits}"),
        Kind::UInt => format!("uint{bits}"),
        Kind::Float => format!("float{bits}"),
        Kind::NarrowFloat(float) => float.name().to_owned(),
        Kind::Complex => format!("complex{bits}"),
        Kind::Bytes => format!("bytes{bits}"),
        Kind::Str => format!("str{bits}"),
        Kind::DateTime(unit) => format!("datetime64{unit}"),
        Kind::TimeDelta(unit) => format!("timedelta64{unit}"),
        Kind::Void | Kind::Structured(_) => format!("void{bits}"),
    }
}

impl Kind {
    /// NumPy's `dtype.kind`. It is `V` for every [`NarrowFloat`](super::NarrowFloat).
    pub fn letter(&self) -> char {
        match self {
            Self::Bool => 'b',
            Self::Int => 'i',
            Self::UInt => 'u',
            Self::Float => 'f',
            Self::Complex => 'c',
            Self::Bytes => 'S',
            Self::Str => 'U',
            Self::NarrowFloat(_) | Self::Void | Self::Structured(_) => 'V',
            Self::DateTime(_) => 'M',
            Self::TimeDelta(_) => 'm',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DType;

    #[test]
    fn types_print_as_numpy_prints_them() {
        for (text, str, name, itemsize, order) in [
            ("bool", "|b1", "bool", 1, "none"),
            ("<i1", "|i1", "int8", 1, "none"),
            (">u8", ">u8", "uint64", 8, "big"),
            ("<f2", "<f2", "float16", 2, "little"),
            ("<f16", "<f16", "float128", 16, "little"),
            (">G", ">c32", "complex256", 32, "big"),
            (">S10", "|S10", "bytes80", 10, "none"),
            ("<U4", "<U4", "str128", 16, "little"),
            (
                "<U536870911",
                "<U536870911",
                "str17179869152",
                2_147_483_644,
                "little",
            ),
            (">V16", "|V16", "void128", 16, "none"),
            (">M8", ">M8", "datetime64", 8, "big"),
            ("<m8[10ms]", "<m8[10ms]", "timedelta64[10ms]", 8, "little"),
        ] {
            let dtype = DType::parse(text).unwrap();
            assert_eq!(dtype.numpy_str(), str);
            assert_eq!(dtype.to_string(), str);
            assert_eq!(dtype.numpy_name(), name);
            assert_eq!(dtype.itemsize(), itemsize);
            assert_eq!(dtype.byte_order().name(), order);
            assert_eq!(str.parse(), Ok(dtype));
        }
    }

    #[test]
    fn types_of_ml_dtypes_are_stored_as_bytes_and_print_as_their_names() {
        for (text, str, itemsize, order) in [
            ("bfloat16", "<V2", 2, "little"),
            (">bfloat16", ">V2", 2, "big"),
            ("float8_e5m2", "<V1", 1, "none"),
            ("float8_e4m3b11fnuz", "<V1", 1, "none"),
        ] {
            let dtype = DType::parse(text).unwrap();
            assert_eq!(dtype.numpy_str(), str);
            assert_eq!(dtype.to_string(), text);
            assert_eq!(dtype.numpy_name(), text.trim_start_matches('>'));
            assert_eq!(dtype.itemsize(), itemsize);
            assert_eq!(dtype.byte_order().name(), order);
        }
    }
}
