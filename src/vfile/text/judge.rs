//! Compares the text of random arrays with NumPy. `tests/numpy/text_judge.py` gets
//! dtypes, shapes, bytes and texts. It parses the texts and compares each value with
//! the one in the bytes.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::CsvForm;
use super::tests::whole;
use crate::dtype::DType;

/// An xorshift64* generator with a fixed seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number from 0 to `end` - 1.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// `count` random items: uniform bits, small numbers of both signs, extreme values,
    /// and strings with characters that need quotes.
    fn bytes(&mut self, dtype: &DType, count: u64) -> Vec<u8> {
        let size = dtype.itemsize() as usize;
        let mut bytes: Vec<u8> = Vec::new();
        for _ in 0..count {
            let word = match self.below(4) {
                0 => self.next(),
                1 => (self.next() as i64 >> self.below(64)) as u64,
                2 => 1_u64
                    .rotate_right(self.below(4) as u32)
                    .wrapping_sub(self.below(3)),
                _ => f64::from(self.next() as i32 >> self.below(32)).to_bits() << self.below(2),
            };
            let text = self.below(2) == 0;
            let item = (0..size).map(|k| match (dtype.kind().letter(), text) {
                ('S' | 'V', true) => b",\"\n\r a\0\xe9"[self.below(8) as usize],
                ('U', true) if k % 4 == 0 => b",\"\n\r a\0\xe9"[self.below(8) as usize],
                ('U', true) => 0,
                ('S' | 'U' | 'V', false) => self.next() as u8 >> (k % 4),
                _ if k < 8 => word.to_le_bytes()[k],
                _ => self.next() as u8,
            });
            let mut item: Vec<u8> = item.collect();
            if dtype.byte_order() == crate::dtype::ByteOrder::Big {
                let unit = if dtype.kind().letter() == 'U' {
                    4
                } else {
                    size
                };
                item.chunks_mut(unit).for_each(<[u8]>::reverse);
            }
            bytes.extend(item);
        }
        bytes
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn plain_types() -> Vec<String> {
    let mut types = Vec::new();
    for code in "? i1 u1 S1 S2 S7 V1 V5".split(' ') {
        types.push(code.to_owned());
    }
    for mark in "<>".chars() {
        for code in "i2 u2 i4 u4 i8 u8 f2 f4 f8 c8 c16 U1 U3 U8 M8 m8 m8[s] m8[7D]".split(' ') {
            types.push(format!("{mark}{code}"));
        }
        for unit in "Y M W D h m s ms us ns ps fs as".split(' ') {
            for multiple in ["", "25", "0", "2147483647"] {
                types.push(format!("{mark}M8[{multiple}{unit}]"));
            }
        }
    }
    types
}

#[rustfmt::skip]
const STRUCTURED: &[&str] = &[
    "[('x','<f4'),('id','>i8')]",
    "[('t','<M8[ms]'),('m','<f8',(2,3)),('z','<c8')]",
    "[('s','S4'),('u','<U3',(2,)),('f','<f2'),('v','V3'),('d','>M8[Y]')]",
    "[('a',[('b','<i2'),('c',[('d','?'),('e,\"','<f8')],(2,))],(3,)),('n','S5')]",
];

fn case(dtype: &str, shape: &[u64], form: CsvForm, data: &[u8]) -> String {
    let case = json!({
        "dtype": dtype,
        "shape": shape,
        "form": form.name(),
        "data": hexadecimal(data),
        "text": hexadecimal(&whole(dtype, shape, form, data)),
    });
    case.to_string()
}

fn cases() -> Vec<String> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut cases = Vec::new();
    let mut add = |text: &str, shape: &[u64], random: &mut Random| {
        let dtype = DType::parse(text).unwrap();
        let data = random.bytes(&dtype, shape.iter().product());
        cases.extend(CsvForm::ALL.map(|form| case(text, shape, form, &data)));
    };
    for dtype in plain_types() {
        for shape in [&[][..], &[400], &[40, 5], &[0], &[0, 3], &[3, 0]] {
            add(&dtype, shape, &mut random);
        }
    }
    for dtype in STRUCTURED {
        for shape in [&[][..], &[100], &[20, 3], &[0]] {
            add(dtype, shape, &mut random);
        }
    }
    // All half-precision values.
    let halves: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    cases.extend(CsvForm::ALL.map(|form| case("<f2", &[1 << 16], form, &halves)));
    cases
}

#[test]
fn numpy_and_python_read_back_the_values() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/numpy/text_judge.py");
    let mut judge = Command::new("python3")
        .arg("-B")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is missing: run scripts/test.sh");
    let cases = cases();
    let mut input = judge.stdin.take().unwrap();
    // The write fails if the judge exits early, at the first difference.
    let _ = cases.iter().try_for_each(|case| writeln!(input, "{case}"));
    drop(input);
    let output = judge.wait_with_output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}");
    assert_eq!(report.trim(), format!("{} tables", cases.len()));
}
