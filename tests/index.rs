//! Basic indexing compared with NumPy, on tens of thousands of random expressions, valid and
//! invalid, of small arrays in both orders and their transposes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/python.rs"]
mod python;

use std::ops::Range;

use python::ask;
use serde_json::{Value, json};

use arrayfs::array::{Index, Order, Shape, View};
use arrayfs::dtype::DType;

/// An array, and the text of an index of it.
#[derive(Debug)]
struct Case {
    lengths: Vec<u64>,
    order: Order,
    transposed: bool,
    text: String,
}

impl Case {
    fn array(&self) -> View {
        let dtype = DType::parse("<i2").unwrap();
        let shape = Shape::new(self.lengths.clone());
        let array = View::contiguous(dtype, 1 << 20, shape, self.order).unwrap();
        if self.transposed {
            array.transposed()
        } else {
            array
        }
    }

    fn to_json(&self) -> Value {
        let order = self.order.to_string();
        json!([self.lengths, order, self.transposed, self.text])
    }
}

/// A 64-bit xorshift generator.
struct Random(u64);

impl Random {
    fn within(&mut self, range: Range<i64>) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        range.start + (self.0 >> 33) as i64 % (range.end - range.start)
    }

    fn one_in(&mut self, many: i64) -> bool {
        self.within(0..many) == 0
    }

    fn of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.within(0..texts.len() as i64) as usize]
    }
}

const LARGE: &[&str] = &[
    "9223372036854775806",
    "9223372036854775807",
    "9223372036854775808",
    "9223372036854775809",
    "-9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775809",
    "4294967296",
    "-4294967297",
    "18446744073709551616",
    "-18446744073709551615",
    "99999999999999999999999999999999999999999",
];

#[rustfmt::skip]
const ODD: &[&str] = &[
    "", "", ",", ":", ".", "-", " ", "0", "1", "_", "+", "[", "]", "N", "x", "'", "...", "None",
    "\u{661}", "\u{a0}",
];

fn case(random: &mut Random) -> Case {
    let ndim = random.within(0..6);
    let shortest = i64::from(!random.one_in(5));
    let lengths: Vec<u64> = (0..ndim)
        .map(|_| random.within(shortest..7) as u64)
        .collect();
    let order = if random.one_in(2) { Order::C } else { Order::F };
    let transposed = random.one_in(3);
    let mut seen = lengths.clone();
    if transposed {
        seen.reverse();
    }
    let mut parts = Vec::new();
    let mut axis = 0;
    while axis < seen.len() && !random.one_in(9) || random.one_in(20) || parts.is_empty() {
        let length = seen.get(axis).copied().unwrap_or(1);
        parts.push(part(random, length as i64));
        axis += usize::from(!matches!(
            parts.last().unwrap().as_str(),
            "None" | "newaxis"
        ));
    }
    if random.one_in(4) {
        let at = random.within(0..parts.len() as i64 + 1) as usize;
        parts.insert(at, "...".into());
    }
    if random.one_in(30) {
        parts.push("...".into());
    }
    Case {
        lengths,
        order,
        transposed,
        text: decorated(random, &parts),
    }
}

fn part(random: &mut Random, length: i64) -> String {
    match random.within(0..20) {
        0 => random.of(&["None", "newaxis"]).into(),
        1..8 => integer(random, -length..length.max(1)),
        8..10 => ":".into(),
        _ => {
            let mut text = bound(random, -length - 2..length + 3) + ":";
            text += &bound(random, -length - 2..length + 3);
            if random.one_in(2) {
                text += ":";
                text += &bound(random, -4..5);
            }
            text
        }
    }
}

fn bound(random: &mut Random, range: Range<i64>) -> String {
    if random.one_in(3) {
        return String::new();
    }
    integer(random, range)
}

fn integer(random: &mut Random, range: Range<i64>) -> String {
    let value = random.within(range);
    match random.within(0..40) {
        0 => random.of(LARGE).into(),
        1 => (value * 3).to_string(),
        2 => "-0".into(),
        3 | 4 if value < 0 => format!("-00{}", -value),
        3 | 4 => format!("00{value}"),
        _ => value.to_string(),
    }
}

/// The parts joined, with blanks, brackets and commas where they may be, and now and then a
/// character where it may not.
fn decorated(random: &mut Random, parts: &[String]) -> String {
    let mut text = parts.join(",");
    if random.one_in(6) {
        text.push(',');
    }
    if random.one_in(4) {
        for mark in [",", ":"] {
            let blank = random.of(&["", " ", "\t", "  "]);
            text = text.replace(mark, &format!("{blank}{mark} "));
        }
    }
    if random.one_in(3) {
        let blanks: [&str; 4] = std::array::from_fn(|_| random.of(&["", "", " ", " \t"]));
        let [before, open, close, after] = blanks;
        text = format!("{before}[{open}{text}{close}]{after}");
    }
    if random.one_in(8) {
        let at = random.within(0..text.len() as i64) as usize;
        let end = at + random.within(0..2) as usize;
        text.replace_range(at..end, random.of(ODD));
    }
    text
}

/// Indices of so many parts, or with so many axes in the result, that NumPy has a limit for them.
fn long_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for ndim in [0, 1, 2, 63, 64] {
        for integers in [0, 1, 2, 62, 63, 64, 65] {
            for news in [0, 1, 62, 63, 64, 65] {
                for end in ["", "...,"] {
                    let mut text = "0,".repeat(integers) + &"None,".repeat(news) + end;
                    text.pop();
                    cases.push(Case {
                        lengths: vec![1; ndim],
                        order: Order::C,
                        transposed: false,
                        text,
                    });
                }
            }
        }
    }
    cases
}

/// NumPy's version and its answers, in the order of the cases.
fn ask_numpy(cases: &[Case]) -> (String, Vec<Value>) {
    let input = serde_json::to_vec(&cases.iter().map(Case::to_json).collect::<Vec<_>>()).unwrap();
    serde_json::from_slice(&ask("numpy/basic_indices.py", &input)).unwrap()
}

/// What is selected, in the form of NumPy's answers.
fn selected(case: &Case) -> Value {
    let array = case.array();
    let index = case.text.parse::<Index>();
    let Some(indexed) = index.ok().and_then(|index| array.index(&index)) else {
        return Value::Null;
    };
    if let Some((axis, place)) = indexed.element {
        assert_eq!(
            Some(&indexed.view),
            array.take(axis, place).as_ref(),
            "{case:?}"
        );
    }
    let view = &indexed.view;
    let offset = view.offset() as i64 - array.offset() as i64;
    json!([
        view.shape().lengths(),
        view.strides(),
        offset,
        indexed.element
    ])
}

/// An answer without the strides and the offset that reach no element.
fn telling(mut answer: Value) -> Value {
    let Some(parts) = answer.as_array_mut() else {
        return answer;
    };
    let lengths: Vec<u64> = serde_json::from_value(parts[0].clone()).unwrap();
    let empty = lengths.contains(&0);
    if empty {
        parts[2] = Value::Null;
    }
    for (stride, length) in parts[1].as_array_mut().unwrap().iter_mut().zip(lengths) {
        if empty || length == 1 {
            *stride = Value::Null;
        }
    }
    answer
}

#[test]
fn indices_select_what_they_select_in_numpy() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut cases = long_cases();
    cases.extend((0..40_000).map(|_| case(&mut random)));
    let (version, answers) = ask_numpy(&cases);
    assert_eq!(answers.len(), cases.len());

    let mut accepted = 0;
    let mut differences = Vec::new();
    for (case, expected) in cases.iter().zip(answers) {
        let (expected, got) = (telling(expected), telling(selected(case)));
        accepted += usize::from(!got.is_null());
        if got != expected {
            differences.push(format!("{case:?}: expected {expected}, got {got}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} indices differ from NumPy {version}:\n{}",
        differences.len(),
        cases.len(),
        differences.join("\n")
    );
    let share = accepted * 100 / cases.len();
    assert!(
        (40..80).contains(&share),
        "{share} % of the indices are valid"
    );
}
