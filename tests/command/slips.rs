//! Slips of the hand at the command line, and what is said to each: the value, and a way out that
//! is safe to follow.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::common::{Dir, Outcome};

/// Names of types that NumPy does not have, and the dtypes that are suggested.
const TYPES: &[(&str, &[&str])] = &[
    // C.
    ("char", &["int8", "uint8", "S1"]),
    ("unsigned char", &["uint8"]),
    ("signed char", &["int8"]),
    ("uchar", &["uint8"]),
    ("unsigned short", &["uint16"]),
    ("unsigned short int", &["uint16"]),
    ("short int", &["int16"]),
    ("unsigned int", &["uint32"]),
    ("unsigned", &["uint32"]),
    ("signed int", &["int32"]),
    ("unsigned long", &["uint64", "uint32"]),
    ("long int", &["int64", "int32"]),
    ("long long", &["int64"]),
    ("unsigned long long", &["uint64"]),
    ("long double", &["longdouble"]),
    ("long unsigned int", &["uint64", "uint32"]),
    ("const double", &["float64"]),
    ("const float", &["float32"]),
    ("std::complex<double>", &["complex128"]),
    ("complex<float>", &["complex64"]),
    ("size_t", &["uint64"]),
    ("ssize_t", &["int64"]),
    ("int16_t", &["int16"]),
    ("uint8_t", &["uint8"]),
    ("uint32_t", &["uint32"]),
    ("float32_t", &["float32"]),
    ("c_double", &["float64"]),
    ("c_float", &["float32"]),
    ("c_ushort", &["uint16"]),
    ("c_int", &["int32"]),
    ("c_ubyte", &["uint8"]),
    ("INT", &["int32", "int64"]),
    ("Float", &["float32", "float64"]),
    ("Byte", &["uint8", "int8"]),
    ("dword", &["uint32"]),
    // Fortran.
    ("real*4", &["float32"]),
    ("real*8", &["float64"]),
    ("REAL*8", &["float64"]),
    ("real(8)", &["float64"]),
    ("real(kind=4)", &["float32"]),
    ("real", &["float32", "float64"]),
    ("double precision", &["float64"]),
    ("integer*2", &["int16"]),
    ("integer(8)", &["int64"]),
    ("integer", &["int32", "int64"]),
    ("complex*8", &["complex64"]),
    ("complex*16", &["complex128"]),
    ("complex(8)", &["complex128"]),
    ("logical", &["int32", "bool"]),
    ("character*10", &["S10"]),
    ("character", &["S1"]),
    // NumPy's own as a program has them, and other libraries.
    ("numpy.float32", &["float32"]),
    ("np.float32", &["float32"]),
    ("np.int", &["int"]),
    ("np.dtype('<f4')", &["<f4"]),
    ("dtype('float32')", &["float32"]),
    ("'f4'", &["f4"]),
    (" float64", &["float64"]),
    ("torch.float32", &["float32"]),
    ("torch.float", &["float32"]),
    ("torch.long", &["int64"]),
    ("torch.cfloat", &["complex64"]),
    ("torch.char", &["int8"]),
    ("torch.half", &["half"]),
    ("torch.FloatTensor", &["float32"]),
    ("torch.cuda.LongTensor", &["int64"]),
    ("np.float_", &["float64"]),
    ("np.complex_", &["complex128"]),
    ("np.cfloat", &["complex128"]),
    ("cupy.float16", &["float16"]),
    ("jax.numpy.int32", &["int32"]),
    ("jnp.float_", &["float32", "float64"]),
    ("tf.float32", &["float32"]),
    ("std::byte", &["uint8"]),
    ("fp16", &["float16"]),
    ("bf16", &["bfloat16"]),
    ("bf16be", &[">bfloat16"]),
    ("bfloat16le", &["<bfloat16"]),
    ("F32", &["float32"]),
    // The number in a code in capitals can be that of bits or of bytes.
    ("I8", &["int8", "int64"]),
    ("I16", &["int16"]),
    ("F4", &["float32"]),
    (">F4", &[">f4"]),
    ("F16", &["float16", "float128"]),
    (">F16", &[">f2", ">f16"]),
    ("NC_FLOAT", &[">f4", "<f4"]),
    ("NC_BYTE", &["int8"]),
    ("H5T_IEEE_F32LE", &["<f4"]),
    ("H5T_STD_I16BE", &[">i2"]),
    ("H5T_STD_U8LE", &["uint8"]),
    ("H5T_NATIVE_DOUBLE", &["float64"]),
    ("H5T_NATIVE_INT32", &["int32"]),
    ("MET_FLOAT", &["float32"]),
    ("MET_USHORT", &["uint16"]),
    ("fltarr", &["float32"]),
    ("lon64arr", &["int64"]),
    ("CV_16U", &["uint16"]),
    ("int8u", &["uint8"]),
    // Julia, Rust, R, MATLAB, Java, SQL.
    ("Float64", &["float64"]),
    ("UInt8", &["uint8"]),
    ("ComplexF64", &["complex128"]),
    ("Complex{Float32}", &["complex64"]),
    ("f64", &["float64"]),
    (">u16", &[">u2"]),
    ("c64", &["complex64"]),
    ("i16", &["int16"]),
    ("usize", &["uint64"]),
    ("numeric", &["float64"]),
    ("raw", &["uint8"]),
    ("boolean", &["bool"]),
    ("bigint", &["int64"]),
    // Byte orders.
    ("float64be", &[">f8"]),
    ("f8be", &[">f8"]),
    ("s16le", &["<i2"]),
    ("uint16-be", &[">u2"]),
    ("big-endian float32", &[">f4"]),
    // Text and times.
    ("datetime", &["M8[s]", "M8[ms]", "M8[us]", "M8[ns]"]),
    // Typing errors.
    ("flaot32", &["float32"]),
    ("unit8", &["uint8"]),
    ("doubel", &["double"]),
    ("flot", &["float32", "float64"]),
];

/// Names that nothing is suggested for, since what is near has another size, sign or kind.
const STRANGE_TYPES: &[&str] = &[
    "int24",
    "int128",
    "uint4",
    "float8",
    "float33",
    "real*16",
    "cfloat64",
    "i0",
    "banana",
    "decimal",
    "real64be*2",
    "<float32",
    ">float32",
    // A byte order, a unit or a pointer that a name would drop.
    "float64>",
    "int32<",
    "float32!",
    "int>",
    "float *",
    "float[]",
    "datetime64[s",
    // Lengths that nobody has said.
    "string",
    "text",
    "tf.string",
    "blob",
    ">str",
    // What was typed is no suggestion.
    "x:f4:y:f4",
    "x:f4,x:f4",
    "s24le",
    "pa.string",
];

/// Names that NumPy has, with the words that say what they mean here.
const NOTED_TYPES: &[(&str, &str)] = &[
    ("float", "float is float64 in NumPy, float32 in C"),
    ("x:f4,y:float", "float is float64 in NumPy, float32 in C"),
    ("int", "int is int64 in NumPy, int32 in C"),
    ("uint", "uint is uint64 in NumPy, uint32 in C"),
    ("long", "long is int64 here, int32 in C on Windows"),
    (
        "complex",
        "complex is complex128 in NumPy, complex64 in Fortran",
    ),
    ("byte", "byte is int8 in NumPy, uint8 in other programs"),
    ("U8", "U8 is text of 8 characters, 32 bytes; u1 has 8 bits"),
    (
        "U16",
        "U16 is text of 16 characters, 64 bytes; u2 has 16 bits",
    ),
];

/// Shapes that are none, and what is suggested: nothing where the empty text is.
const SHAPES: &[(&str, &str)] = &[
    ("150*4", "150,4"),
    ("150 * 4", "150,4"),
    ("150 4", "150,4"),
    ("100 200", "100,200"),
    ("150×4", "150,4"),
    ("150by4", "150,4"),
    ("150;4", "150,4"),
    ("{150,4}", "150,4"),
    ("(150,4", "150,4"),
    ("(150L, 4L)", "150,4"),
    ("600L", "600"),
    ("1e3", "1000"),
    ("1e2,4", "100,4"),
    ("1.5e3", ""),
    ("1e30", ""),
    ("c(150,4)", "150,4"),
    ("'150,4'", "150,4"),
    ("torch.Size([150, 4])", "150,4"),
    ("2**5", ""),
    ("0x96", ""),
    ("0x96,4", ""),
    ("150:4", ""),
    ("150.0,4", ""),
    ("150-4", ""),
    ("10K", ""),
    ("+5", ""),
    ("150x4x", ""),
    ("3,,4", ""),
    ("*,4", ""),
    ("4x*", ""),
];

/// A command line, the exit status and words of the answer: a line of `slips.txt`.
pub(super) fn slips() -> impl Iterator<Item = (Vec<String>, i32, Vec<&'static str>)> {
    let lines = include_str!("slips.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let (arguments, answer) = line.split_once(" => ").unwrap();
        let (status, words) = answer.split_once(' ').unwrap();
        let arguments = arguments.split(' ').map(|word| word.replace('·', " "));
        let words = words.split("; ").collect();
        (arguments.collect(), status.parse().unwrap(), words)
    })
}

pub(super) fn dir_of_files() -> Dir {
    let dir = Dir::new();
    dir.file("iris.f64", [0; 4800]);
    dir.file("other.f64", [0; 4800]);
    for name in ["empty.bin", "empty.npy", "empty.h5"] {
        dir.file(name, []);
    }
    dir.file("packed.npy.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03");
    let script = "import numpy as np; np.save('a', np.zeros((3, 4))); np.savez('a', a=np.zeros(3))";
    dir.command("python3", &["-c", script]).run().succeeds();
    for name in [
        "many/b.npy",
        "a1/p.npy",
        "a1/q.npy",
        "b1/p.npy",
        "b1/q.npy",
        "-z.npy",
        "packed.npy",
    ] {
        fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
        fs::copy(dir.join("a.npy"), dir.join(name)).unwrap();
    }
    fs::copy(dir.join("a.npz"), dir.join("many/a.npz")).unwrap();
    symlink("nowhere.f64", dir.join("dangling.f64")).unwrap();
    let script = "import h5py; h5py.File('v.h5', 'w').update({'x': [1], 'y z': [2]})";
    dir.command("python3", &["-c", script]).run().succeeds();
    dir.directory("mnt");
    dir
}

/// Checks the form of an answer: the error and at most one line of advice, which neither erases a
/// file nor makes a shell do so.
#[track_caller]
fn is_safe(outcome: &Outcome) {
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert!((1..=2).contains(&lines.len()), "{outcome}");
    assert!(lines[0].starts_with("arrayfs: "), "{outcome}");
    let Some(advice) = lines.get(1) else { return };
    let warns = ["erases", "to zeros"]
        .iter()
        .any(|word| advice.contains(word));
    assert!(!advice.contains("w+") || warns, "{outcome}");
    for mode in ["--mode w", "mode=w", "for file"] {
        assert!(!advice.contains(mode), "{outcome}");
    }
    // Outside quotes a shell would write to a file of that name.
    let unquoted: Vec<&str> = advice.split('\'').step_by(2).collect();
    assert!(!unquoted.concat().contains(['>', '<']), "{outcome}");
    assert!(!advice.contains("umount /"), "{outcome}");
}

/// What is suggested in an answer.
fn suggested(outcome: &Outcome) -> Vec<String> {
    let advice = outcome.stderr.lines().nth(1).unwrap_or_default();
    let words = advice.trim().strip_prefix("did you mean ");
    let Some(words) = words.and_then(|words| words.strip_suffix('?')) else {
        return Vec::new();
    };
    let words = words.split(", ").flat_map(|words| words.split(" or "));
    words
        .map(|word| word.trim_matches('\'').to_owned())
        .collect()
}

#[test]
fn a_slip_is_answered_by_its_value_and_a_way_out_and_changes_nothing() {
    let dir = dir_of_files();
    let before = dir.listing();
    for (arguments, status, expected) in slips() {
        let outcome = dir.arrayfs(&arguments).run();
        assert_eq!(outcome.status.code(), Some(status), "{outcome}");
        is_safe(&outcome);
        for word in expected {
            assert!(outcome.stderr.contains(word), "{word}: {outcome}");
        }
    }
    assert_eq!(dir.listing(), before);
}

#[test]
fn a_type_by_the_name_of_another_language_is_answered_by_the_dtypes_that_it_can_be() {
    let dir = dir_of_files();
    let info = |dtype: &str| dir.arrayfs(&["--info", "iris.f64", "--dtype", dtype]).run();
    let mut for_judge = String::new();
    for (name, dtypes) in TYPES {
        let outcome = info(name);
        assert_eq!(outcome.status.code(), Some(2), "{outcome}");
        is_safe(&outcome);
        assert!(
            outcome.stderr.contains(&format!("dtype '{name}'")),
            "{outcome}"
        );
        assert_eq!(suggested(&outcome), *dtypes, "{outcome}");
        let shown = dtypes.iter().map(|dtype| {
            // Such as S10, which does not divide the size of the file.
            let words = ["--info", "iris.f64", "--shape", "1", "--dtype", dtype];
            let meta: Value = serde_json::from_str(&dir.arrayfs(&words).run().succeeds()).unwrap();
            meta["dtype"].as_str().unwrap().to_owned()
        });
        let shown: Vec<String> = shown.collect();
        for_judge += &format!("{name}\t{}\t{}\n", dtypes.join(" "), shown.join(" "));
    }
    let judged = dir.script("command/slips.py").fed(&for_judge);
    assert!(judged.trim().parse::<usize>().unwrap() >= 30, "{judged}");
    for name in STRANGE_TYPES {
        let outcome = info(name);
        assert_eq!(outcome.status.code(), Some(2), "{outcome}");
        is_safe(&outcome);
        assert_eq!(suggested(&outcome), [""; 0], "{outcome}");
    }
    for (name, note) in NOTED_TYPES {
        let words = ["--info", "iris.f64", "--shape", "10", "--dtype", name];
        let outcome = dir.arrayfs(&words).run();
        assert!(outcome.stderr.contains(note), "{outcome}");
        outcome.succeeds();
    }
}

#[test]
fn a_shape_as_other_programs_write_it_is_answered_by_the_lengths_that_it_has() {
    let dir = dir_of_files();
    for (text, meant) in SHAPES {
        let words = ["--info", "iris.f64", "--shape", text];
        let outcome = dir.arrayfs(&words).run();
        assert_eq!(outcome.status.code(), Some(2), "{outcome}");
        is_safe(&outcome);
        assert!(
            outcome.stderr.contains(&format!("shape '{text}'")),
            "{outcome}"
        );
        assert_eq!(
            suggested(&outcome).concat(),
            meant.replace(", ", ""),
            "{outcome}"
        );
    }
    for (words, shape) in [
        (["--shape", "[150, 4]"], "[150,4]"),
        (["--shape", "150X4"], "[150,4]"),
        (["--shape", "150,4,"], "[150,4]"),
        (["--offset", "0x160"], "[556]"),
        (["--offset", "1k"], "[472]"),
    ] {
        let command = dir.arrayfs(&["--info", "iris.f64", "--dtype", "f8"]);
        let meta: Value = serde_json::from_str(&command.args(&words).run().succeeds()).unwrap();
        assert_eq!(meta["shape"].to_string(), shape, "{words:?}");
    }
}

#[test]
fn a_file_of_a_known_format_that_is_read_as_raw_is_called_so() {
    let dir = dir_of_files();
    let words = [
        "--info", "a.npz", "--dtype", "u1", "--shape", "3", "--mode", "r",
    ];
    let outcome = dir.arrayfs(&words).run();
    let note = "the npz file is read as raw bytes because of --dtype";
    assert!(outcome.stderr.contains(note), "{outcome}");
    let raw = dir.arrayfs(&words).args(&["--format", "raw"]).run();
    assert!(!raw.stderr.contains("npz file"), "{raw}");
}

#[test]
fn a_path_that_looks_like_a_shape_can_be_a_mount_point() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    let there = dir.directory("4");
    for word in ["4", "./5", "x"] {
        dir.arrayfs(&["data.bin", word, "--mode", "r", "--shape", "100"])
            .run()
            .succeeds();
        dir.arrayfs(&["-u", word]).run().succeeds_silently();
    }
    assert!(there.exists());
}

#[test]
fn the_near_name_of_a_missing_file_is_found_among_many() {
    let dir = Dir::new();
    for number in 0..20_000 {
        dir.file(&format!("scan_{number:06}.npy"), []);
    }
    // In whatever order a directory is read, one of these comes late.
    for number in ["000000", "010000", "019999"] {
        let outcome = dir.arrayfs(&[format!("Scan_{number}.npy")]).run();
        let expected = format!("/scan_{number}.npy?");
        assert!(outcome.stderr.contains(&expected), "{outcome}");
    }
}
