//! The tables of names: of types in other languages, of the modules that dtypes are attributes of,
//! and of dtypes that mean something else elsewhere.

use crate::source::DTypeNote;

/// Names in lower case with single blanks between words, and the dtypes that they can stand for.
/// `kind*bytes` of Fortran and codes with bits are parsed in `foreign`.
pub(super) const NAMES: &[(&[&str], &[&str])] = &[
    // C and C++.
    (&["char", "c char", "nc char"], &["int8", "uint8", "S1"]),
    (
        &[
            "unsigned char",
            "uchar",
            "c ubyte",
            "cv 8u",
            "8u",
            "int8u",
            "std::byte",
            "nc ubyte",
            "met uchar",
            "h5t native uchar",
            "bytarr",
        ],
        &["uint8"],
    ),
    (&["byte"], &["uint8", "int8"]),
    (
        &[
            "signed char",
            "schar",
            "sbyte",
            "c byte",
            "cv 8s",
            "8s",
            "nc byte",
            "met char",
            "h5t native schar",
        ],
        &["int8"],
    ),
    (
        &[
            "short int",
            "signed short",
            "signed short int",
            "c short",
            "cv 16s",
            "16s",
            "smallint",
            "met short",
            "h5t native short",
            "intarr",
        ],
        &["int16"],
    ),
    (
        &[
            "unsigned short",
            "unsigned short int",
            "c ushort",
            "cv 16u",
            "16u",
            "word",
            "int16u",
            "short unsigned int",
            "met ushort",
            "h5t native ushort",
            "uintarr",
        ],
        &["uint16"],
    ),
    (
        &[
            "signed int",
            "signed",
            "c int",
            "cv 32s",
            "32s",
            "met int",
            "met long",
            "h5t native int",
            "lonarr",
            "const int",
        ],
        &["int32"],
    ),
    (
        &[
            "unsigned int",
            "unsigned",
            "c uint",
            "32u",
            "dword",
            "int32u",
            "met uint",
            "met ulong",
            "h5t native uint",
            "ulonarr",
        ],
        &["uint32"],
    ),
    (&["int"], &["int32", "int64"]),
    (&["uint"], &["uint32", "uint64"]),
    (
        &[
            "long",
            "long int",
            "signed long",
            "c long",
            "h5t native long",
        ],
        &["int64", "int32"],
    ),
    (
        &[
            "ulong",
            "unsigned long",
            "unsigned long int",
            "long unsigned int",
            "c ulong",
            "h5t native ulong",
        ],
        &["uint64", "uint32"],
    ),
    (
        &[
            "long long",
            "long long int",
            "long64",
            "bigint",
            "ssize",
            "isize",
            "ptrdiff",
            "c longlong",
            "h5t native llong",
            "lon64arr",
        ],
        &["int64"],
    ),
    (
        &[
            "unsigned long long",
            "unsigned long long int",
            "ulong64",
            "size",
            "usize",
            "qword",
            "c size",
            "long long unsigned int",
            "h5t native ullong",
            "ulon64arr",
        ],
        &["uint64"],
    ),
    (&["float"], &["float32", "float64"]),
    (
        &[
            "double precision",
            "c double",
            "const double",
            "real double",
            "cv 64f",
            "64f",
            "met double",
            "h5t native double",
            "dblarr",
        ],
        &["float64"],
    ),
    (
        &[
            "c float",
            "const float",
            "cv 32f",
            "32f",
            "float single",
            "met float",
            "h5t native float",
            "fltarr",
        ],
        &["float32"],
    ),
    (&["half float", "binary16", "fp16"], &["float16"]),
    (&["single float", "binary32", "fp32"], &["float32"]),
    (&["double float", "binary64", "fp64"], &["float64"]),
    (&["brain float", "bfloat", "bf16"], &["bfloat16"]),
    (&["long double", "c longdouble"], &["longdouble"]),
    (&["bool8", "boolean", "c bool"], &["bool"]),
    // Fortran, and SQL.
    (&["real"], &["float32", "float64"]),
    (&["integer"], &["int32", "int64"]),
    (&["logical"], &["int32", "bool"]),
    (
        &[
            "double complex",
            "complexf64",
            "complex{float64}",
            "complex<double>",
            "dcomplexarr",
        ],
        &["complex128"],
    ),
    (
        &[
            "float complex",
            "complexf32",
            "complex{float32}",
            "complex<float>",
            "complexarr",
        ],
        &["complex64"],
    ),
    (
        &["complex", "cfloat", "complexfloat"],
        &["complex64", "complex128"],
    ),
    (&["tinyint"], &["int8", "uint8"]),
    // R, MATLAB, and others.
    (&["numeric", "double64"], &["float64"]),
    (&["raw"], &["uint8"]),
    (&["character"], &["S1"]),
    // The types of netCDF: big-endian in the classic format, mostly little-endian in netCDF-4.
    (&["nc short"], &[">i2", "<i2"]),
    (&["nc ushort"], &[">u2", "<u2"]),
    (&["nc int", "nc long"], &[">i4", "<i4"]),
    (&["nc uint"], &[">u4", "<u4"]),
    (&["nc int64"], &[">i8", "<i8"]),
    (&["nc uint64"], &[">u8", "<u8"]),
    (&["nc float"], &[">f4", "<f4"]),
    (&["nc double"], &[">f8", "<f8"]),
    (
        &["datetime", "timestamp", "posixct", "epoch", "time"],
        &["M8[s]", "M8[ms]", "M8[us]", "M8[ns]"],
    ),
    (&["date"], &["M8[D]"]),
    (
        &["timedelta", "duration", "difftime"],
        &["m8[s]", "m8[ms]", "m8[us]", "m8[ns]"],
    ),
    (&["ubit8"], &["uint8"]),
    (&["bit8"], &["int8"]),
    (&["fp8"], &["float8_e4m3fn", "float8_e5m2"]),
    (&["real32"], &["float32"]),
    (&["real64"], &["float64"]),
];

/// A module that dtypes are attributes of.
#[derive(Debug)]
pub(super) struct Module {
    /// The names of the module, with the separator behind them.
    pub prefixes: &'static [&'static str],
    /// Its names that NumPy does not have, or that are of another size there.
    pub names: &'static [(&'static str, &'static [&'static str])],
    /// Whether its other names are those of NumPy.
    pub is_numpy: bool,
    /// Whether all its names are known: it has none of C or other languages.
    pub is_complete: bool,
}

/// The modules. A longer name comes before a part of it.
pub(super) const MODULES: &[Module] = &[
    Module {
        prefixes: &["numpy.", "np.", "cupy.", "cp.", "ml_dtypes."],
        names: &[
            ("float_", &["float64"]),
            ("complex_", &["complex128"]),
            ("cfloat", &["complex128"]),
            ("singlecomplex", &["complex64"]),
            ("longfloat", &["longdouble"]),
            ("longcomplex", &["clongdouble"]),
            ("clongfloat", &["clongdouble"]),
        ],
        is_numpy: true,
        is_complete: true,
    },
    // The sizes of these names depend on the option jax_enable_x64.
    Module {
        prefixes: &["jax.numpy.", "jnp."],
        names: &[
            ("int_", &["int32", "int64"]),
            ("uint", &["uint32", "uint64"]),
            ("float_", &["float32", "float64"]),
            ("complex_", &["complex64", "complex128"]),
        ],
        is_numpy: false,
        is_complete: true,
    },
    Module {
        prefixes: &["torch.cuda.", "torch."],
        names: &[
            ("long", &["int64"]),
            ("int", &["int32"]),
            ("char", &["int8"]),
            ("byte", &["uint8"]),
            ("float", &["float32"]),
            ("cfloat", &["complex64"]),
            ("BoolTensor", &["bool"]),
            ("ByteTensor", &["uint8"]),
            ("CharTensor", &["int8"]),
            ("ShortTensor", &["int16"]),
            ("IntTensor", &["int32"]),
            ("LongTensor", &["int64"]),
            ("HalfTensor", &["float16"]),
            ("BFloat16Tensor", &["bfloat16"]),
            ("FloatTensor", &["float32"]),
            ("DoubleTensor", &["float64"]),
        ],
        is_numpy: false,
        is_complete: true,
    },
    Module {
        prefixes: &["tensorflow.", "tf."],
        names: &[],
        is_numpy: false,
        is_complete: true,
    },
    Module {
        prefixes: &["pl.", "pa.", "ctypes.", "std::"],
        names: &[("byte", &["uint8"])],
        is_numpy: false,
        is_complete: false,
    },
];

const fn note(
    name: &'static str,
    text: &'static str,
    other: &'static str,
) -> (&'static str, DTypeNote) {
    let other = Some(other);
    (name, DTypeNote { text, other })
}

/// Names that NumPy has, and that are a dtype of another size elsewhere.
pub(super) const NOTES: [(&str, DTypeNote); 12] = [
    note(
        "float",
        "float is float64 in NumPy, float32 in C",
        "float32",
    ),
    note("int", "int is int64 in NumPy, int32 in C", "int32"),
    note("uint", "uint is uint64 in NumPy, uint32 in C", "uint32"),
    note("long", "long is int64 here, int32 in C on Windows", "int32"),
    note(
        "ulong",
        "ulong is uint64 here, uint32 in C on Windows",
        "uint32",
    ),
    note(
        "byte",
        "byte is int8 in NumPy, uint8 in other programs",
        "uint8",
    ),
    note(
        "complex",
        "complex is complex128 in NumPy, complex64 in Fortran",
        "complex64",
    ),
    note(
        "f16",
        "f16 has 16 bytes in NumPy; f2 is half precision",
        "float16",
    ),
    note(
        "U8",
        "U8 is text of 8 characters, 32 bytes; u1 has 8 bits",
        "uint8",
    ),
    note(
        "U16",
        "U16 is text of 16 characters, 64 bytes; u2 has 16 bits",
        "uint16",
    ),
    note(
        "U32",
        "U32 is text of 32 characters, 128 bytes; u4 has 32 bits",
        "uint32",
    ),
    note(
        "U64",
        "U64 is text of 64 characters, 256 bytes; u8 has 64 bits",
        "uint64",
    ),
];
