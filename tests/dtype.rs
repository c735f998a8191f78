//! `DType` and `Literal` compared with NumPy and Python, on tens of thousands of texts: every
//! type character with every size and byte order, every name, units with multiples and divisors,
//! unusual spellings, random strings, random structured dtypes and random literals. The
//! reference values come from the scripts in `tests/dtype`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/python.rs"]
mod python;

use std::collections::BTreeSet;

use arrayfs::dtype::literal::Literal;
use arrayfs::dtype::{DType, Field, Kind};
use python::ask;
use serde_json::{Value, json};

const MARKS: [&str; 5] = ["", "<", ">", "=", "|"];

const SIZES: &str = "-1 -0 0 1 2 3 4 5 6 7 8 10 12 15 16 20 24 32 64 128 1000 536870911 536870912 \
    2147483647 2147483648 4294967297 9223372036854775807 9223372036854775808 99999999999999999999";

const NAMES: &str = "bool bool_ bool8 byte bytes bytes_ bytes0 cdouble cfloat char clongdouble \
    clongfloat complex complex64 complex128 complex256 complex_ csingle datetime datetime64 double \
    float float8 float16 float32 float64 float80 float96 float128 float_ half int int0 int8 int16 \
    int32 int64 int128 int_ integer intc intp long longcomplex longdouble longfloat longlong \
    number object object0 object_ short signedinteger single singlecomplex str str_ str0 str128 \
    string string_ timedelta timedelta64 ubyte uint uint0 uint8 uint16 uint32 uint64 uint_ uintc \
    uintp ulong ulonglong unicode unicode_ ushort unsigned void void0 void128 bfloat16 \
    float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float8_e4m3 float8_e3m4 \
    float8_e4m3b11fnuz float8_e3m3 float4_e2m1fn int4 StringDType";

const UNITS: &str = "Y M W B D h m s ms us \u{3bc}s \u{b5}s ns ps fs as generic min d H S y NS";

const MULTIPLES: &str = "0 1 3 10 +7 007 -1 -0 0x1 1.5 2147483647 2147483648 4294967297 \
    9223372036854775808 99999999999999999999";

const DIVISORS: &str = "x 125 168 360 365 720 1000 1440 3600 10080 86400 60000 1000000 10000000 +5 \
    05 -5 5/2 /5 5x 2147483647";

#[rustfmt::skip]
const ODD: &[&str] = &[
    "", " ", "f4 ", " f4", "f 4", "f\t4", "f\n4", "f\x0b4", "f\x0c4", "f\r4", "f\u{a0}4", "f4\n",
    "f4\0", "f\x004", "f+4", "f++4", "f-4", "f+ 4", "f04", "f0004", "f0x4", "f4.0", "S+10", "S 10",
    "S010", "S1_0", "S１０", "f４", "٤", "é", "é4", "<<f4", "<>f4", "< f4", "()f4", "<()f4", "(2,)f4",
    "(2)f4", "3f4", "<3f4", "f4,", ",f4", "f4,i8", "f4, i8", "f4]", "[f4]", "M8[s],f4", "M8[s,s]",
    "M8[s:s]", "]],f4", "M8[ 7s]", "M8[7 s]", "M8[]", "M8[ ]", "M8[7]", "M8[s/]", "M8[s/ 5]",
    "M8[s/5 ]", "M8[/5]", "M8[s]\0",
];

/// The texts to compare; without those that make NumPy divide by zero, which kills the process.
fn texts() -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    texts.extend(ODD.iter().map(|&text| text.to_owned()));
    for letter in ('\0'..='\u{ff}').map(String::from) {
        for mark in MARKS {
            texts.insert(format!("{mark}{letter}"));
            texts.extend(SIZES.split(' ').map(|size| format!("{mark}{letter}{size}")));
        }
    }
    for name in NAMES.split(' ') {
        texts.extend(MARKS.map(|mark| format!("{mark}{name}")));
        texts.extend(["4", " ", "[s]", "()", "_", "x"].map(|end| format!("{name}{end}")));
        texts.extend([name.to_uppercase(), name[..1].to_uppercase() + &name[1..]]);
    }
    add_datetimes(&mut texts);
    add_random(&mut texts);
    texts.retain(|text| !kills_numpy(text));
    texts
}

fn add_datetimes(texts: &mut BTreeSet<String>) {
    for mark in MARKS {
        for prefix in [
            "M8",
            "m8",
            "datetime64",
            "timedelta64",
            "M",
            "m08",
            "Datetime64",
        ] {
            for end in [
                "", "[s]", "[", "[s", "s]", "[s]x", "[s] ", " [s]", "[s]]", "[[s]]", "[s][s]",
            ] {
                texts.insert(format!("{mark}{prefix}{end}"));
            }
        }
    }
    let small = (1..=100).map(|divisor: u32| divisor.to_string());
    let divisors: Vec<String> = small
        .chain(DIVISORS.split(' ').map(str::to_owned))
        .collect();
    for prefix in ["M8", "timedelta64"] {
        for unit in UNITS.split(' ') {
            texts.insert(format!("{prefix}[{unit}]"));
            for multiple in MULTIPLES.split(' ') {
                texts.insert(format!("{prefix}[{multiple}{unit}]"));
            }
            for divisor in &divisors {
                for multiple in ["", "0", "3"] {
                    texts.insert(format!("{prefix}[{multiple}{unit}/{divisor}]"));
                }
            }
        }
    }
}

/// Adds short strings over the pieces that mean something in a type, the same in every run.
fn add_random(texts: &mut BTreeSet<String>) {
    let pieces: Vec<&str> =
        "< > = | b i u f c S U V a O e d g h l q B H I L 0 1 2 3 4 6 8 9 10 16 32 64 \
        + - [ ] / , M8[ m8[ M8 m s ms] ns] generic] D float int datetime64 timedelta64["
            .split(' ')
            .chain([" ", "\t"])
            .collect();
    // A 64-bit xorshift generator.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % limit
    };
    for _ in 0..6_000 {
        let length = 1 + below(6);
        texts.insert((0..length).map(|_| pieces[below(pieces.len())]).collect());
    }
}

/// Whether the text has a divisor that is not a positive C `int`. NumPy keeps its low 32 bits only,
/// and divides by zero when they are 0.
fn kills_numpy(text: &str) -> bool {
    text.split('/').skip(1).any(|rest| {
        let number = rest.trim_start_matches([' ', '\t', '+', '-']);
        let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
        !digits.is_empty() && !matches!(digits.parse::<i32>(), Ok(1..))
    })
}

/// The type as `described` in `structured.py` has it.
fn described(dtype: &DType) -> Value {
    if !matches!(dtype.kind(), Kind::Structured(_)) {
        return json!(dtype.numpy_str());
    }
    let field = |field: &Field| {
        let dtype = described(field.dtype());
        json!([
            field.name(),
            field.title(),
            field.offset(),
            field.shape(),
            dtype
        ])
    };
    json!({
        "str": dtype.numpy_str(),
        "name": dtype.numpy_name(),
        "itemsize": dtype.itemsize(),
        "fields": dtype.fields().iter().map(field).collect::<Vec<_>>(),
    })
}

/// Fails if there are differences, and shows some.
fn assert_same(what: &str, cases: usize, differences: &[String]) {
    assert!(
        differences.is_empty(),
        "{} of {cases} texts differ from {what}:\n{}",
        differences.len(),
        differences[..differences.len().min(50)].join("\n")
    );
}

#[test]
fn types_are_parsed_and_printed_as_numpy_does() {
    let texts = texts();
    let input = serde_json::to_vec(&texts).unwrap();
    let output = ask("dtype/texts.py", &input);
    let (version, answers): (String, Vec<Value>) = serde_json::from_slice(&output).unwrap();
    assert_eq!(answers.len(), texts.len());

    let mut accepted = 0;
    let mut differences = Vec::new();
    for (text, expected) in texts.iter().zip(answers) {
        let got = DType::parse(text).map_or(Value::Null, |dtype| {
            json!([
                dtype.numpy_str(),
                dtype.numpy_name(),
                dtype.itemsize(),
                dtype.kind().letter(),
                dtype.byte_order().name(),
                described(&dtype),
            ])
        });
        accepted += usize::from(!got.is_null());
        if got != expected {
            differences.push(format!("{text:?}: expected {expected}, got {got}"));
        }
    }
    assert_same(&format!("NumPy {version}"), texts.len(), &differences);
    assert!(accepted > 2_000, "only {accepted} of the texts are valid");
}

/// The reader's name, a text, and what NumPy makes of it.
type Case = (String, String, Value);

#[test]
fn structures_are_parsed_and_printed_as_numpy_does() {
    let output = ask("dtype/structured.py", b"");
    let (version, cases): (String, Vec<Case>) = serde_json::from_slice(&output).unwrap();
    let mut accepted = 0;
    let mut differences = Vec::new();
    for (form, text, expected) in &cases {
        let result = match form.as_str() {
            "text" => DType::parse(text).ok(),
            "descr" => Literal::parse(text)
                .ok()
                .and_then(|literal| DType::from_descr(&literal).ok()),
            "option" => DType::parse_mount_option(text).ok(),
            _ => panic!("no such form: {form}"),
        };
        let got = result.as_ref().map_or(Value::Null, |dtype| {
            let descr = dtype.descr().map(|descr| descr.to_string());
            json!({"type": described(dtype), "descr": descr})
        });
        if got != *expected {
            differences.push(format!("{form} {text:?}: expected {expected}, got {got}"));
        }
        if let Some(dtype) = result {
            accepted += 1;
            assert_eq!(
                DType::parse(&dtype.to_string()),
                Ok(dtype),
                "{form} {text:?}"
            );
        }
    }
    assert_same(&format!("NumPy {version}"), cases.len(), &differences);
    assert!(accepted > 5_000, "only {accepted} of the texts are valid");
}

#[test]
fn literals_are_parsed_and_printed_as_python_does() {
    let output = ask("dtype/literals.py", b"");
    let cases: Vec<(String, Option<String>)> = serde_json::from_slice(&output).unwrap();
    let mut accepted = 0;
    let mut differences = Vec::new();
    for (text, expected) in &cases {
        let got = Literal::parse(text);
        accepted += usize::from(got.is_ok());
        let printed = got.as_ref().ok().map(Literal::to_string);
        if printed != *expected {
            let got = got.map(|_| printed);
            differences.push(format!("{text:?}: expected {expected:?}, got {got:?}"));
        }
    }
    assert_same("Python", cases.len(), &differences);
    assert!(accepted > 5_000, "only {accepted} of the texts are valid");
}

#[test]
fn what_is_printed_is_read_back() {
    for text in texts() {
        if let Ok(dtype) = DType::parse(&text) {
            assert_eq!(DType::parse(&dtype.to_string()), Ok(dtype), "{text:?}");
        }
    }
}
