//! Headers of `.npy` files compared with NumPy. Valid headers, written by NumPy or by others,
//! are parsed alike; broken ones are refused alike; and the header written for an array equals
//! that of `numpy.save`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/python.rs"]
mod python;

use std::sync::LazyLock;

use arrayfs::array::{Order, Shape};
use arrayfs::dtype::DType;
use arrayfs::dtype::literal::Literal;
use arrayfs::source::npy::{Header, HeaderError};
use python::ask;
use serde_json::{Value, json};

/// An array as its descr, shape and whether it is in Fortran order, and the header that NumPy
/// writes for it.
type Written = (String, Vec<u64>, bool, String);

/// A header and what NumPy makes of it.
type Case = (String, Value);

/// NumPy's version and answers; the script says what they mean.
static NUMPY: LazyLock<(String, Vec<Written>, Vec<Case>)> =
    LazyLock::new(|| serde_json::from_slice(&ask("numpy/npy_headers.py", b"")).unwrap());

fn bytes(latin: &str) -> Vec<u8> {
    latin.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

/// The type as `described` in the script has it.
fn described(dtype: &DType) -> Value {
    if dtype.fields().is_empty() {
        return json!(dtype.numpy_str());
    }
    let fields = dtype.fields().iter();
    let fields: Vec<Value> = fields
        .map(|field| {
            let dtype = described(field.dtype());
            json!([
                field.name(),
                field.title(),
                field.offset(),
                field.shape(),
                dtype
            ])
        })
        .collect();
    json!({"itemsize": dtype.itemsize(), "fields": fields})
}

fn verdict(header: &[u8]) -> Result<Value, HeaderError> {
    let Header {
        dtype,
        order,
        shape,
        offset,
    } = Header::parse(header)?;
    let lengths = shape.lengths();
    Ok(json!([
        described(&dtype),
        lengths,
        order == Order::F,
        offset
    ]))
}

#[track_caller]
fn no_differences(differences: &[String], of: usize) {
    let version = &NUMPY.0;
    assert!(
        differences.is_empty(),
        "{} of {of} differ from NumPy {version}:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[test]
fn headers_are_read_as_numpy_reads_them() {
    let cases = &NUMPY.2;
    let mut read = 0;
    let mut differences = Vec::new();
    for (header, expected) in cases {
        let got = verdict(&bytes(header));
        read += usize::from(got.is_ok());
        let agrees = match &got {
            Ok(got) => *got == expected[0],
            Err(_) => !expected.is_array() || expected[1].is_string(),
        };
        if !agrees {
            let header = bytes(header);
            let header = header.escape_ascii();
            differences.push(format!("{header}\n  expected {expected}\n  got {got:?}"));
        }
    }
    no_differences(&differences, cases.len());
    assert!(read > 2_000, "only {read} of {} are sound", cases.len());
}

#[test]
fn a_header_is_written_as_numpy_save_writes_it() {
    let written = &NUMPY.1;
    let mut differences = Vec::new();
    for (descr, lengths, is_fortran, header) in written {
        let dtype = DType::from_descr(&Literal::parse(descr).unwrap()).unwrap();
        let order = if *is_fortran { Order::F } else { Order::C };
        let got = Header::write(&dtype, &Shape::new(lengths.clone()), order);
        if got.as_deref() != Some(&bytes(header)[..]) {
            let got = got.map(|got| got.escape_ascii().to_string());
            differences.push(format!("{lengths:?} {order} {descr}\n  got {got:?}"));
        }
    }
    no_differences(&differences, written.len());
}

#[test]
fn the_first_twelve_bytes_tell_how_many_a_header_takes() {
    for (header, verdict) in &NUMPY.2 {
        let header = bytes(header);
        let Some(offset) = verdict[0][3].as_u64() else {
            continue;
        };
        let offset = usize::try_from(offset).unwrap();
        assert_eq!(Header::size(&header[..12]), Ok(offset));
        for available in [0, 1, 7, 8, 9, 10, 11, offset - 1] {
            let error = Header::parse(&header[..available]).unwrap_err();
            let HeaderError::Truncated {
                needed,
                available: there,
            } = error
            else {
                panic!("{}: {error}", header[..available].escape_ascii());
            };
            assert!(there == available && needed > available && needed <= offset);
        }
    }
}
