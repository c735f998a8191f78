//! Tests of whole tables: their lines, and that each byte range is rendered as in the
//! whole text.

use std::io;

use super::CsvForm::{self, Padded, Unpadded};
use super::Table;
use crate::array::{Order, Shape, View};
use crate::dtype::DType;
use crate::mapping::AccessError;

pub(super) fn table(dtype: &str, shape: &[u64], form: CsvForm) -> Option<Table> {
    let dtype = DType::parse(dtype).unwrap();
    let view = View::contiguous(dtype, 0, Shape::new(shape.to_vec()), Order::C).unwrap();
    Table::new(&view, form)
}

/// A `fetch` from `data`, at most `piece` bytes per call. Bytes from `good` on cannot
/// be read.
fn failing_fetch(
    data: &[u8],
    good: usize,
    piece: usize,
) -> impl FnMut(u64, &mut [u8]) -> Result<usize, AccessError> {
    move |at, out| {
        let at = at as usize;
        assert!(at + out.len() <= data.len() && !out.is_empty());
        let count = out.len().min(good.saturating_sub(at)).min(piece);
        if count == 0 {
            return Err(io::Error::from_raw_os_error(5).into());
        }
        out[..count].copy_from_slice(&data[at..at + count]);
        Ok(count)
    }
}

fn fetch(data: &[u8]) -> impl FnMut(u64, &mut [u8]) -> Result<usize, AccessError> {
    failing_fetch(data, usize::MAX, usize::MAX)
}

/// The whole text of an array with these bytes.
pub(super) fn whole(dtype: &str, shape: &[u64], form: CsvForm, data: &[u8]) -> Vec<u8> {
    let table = table(dtype, shape, form).unwrap();
    let mut out = vec![b'?'; table.len() as usize];
    let read = table.read(0, &mut out, fetch(data)).unwrap();
    assert_eq!(read as u64, table.len(), "{dtype} {shape:?}");
    out
}

fn text(dtype: &str, shape: &[u64], form: CsvForm, data: &[u8]) -> String {
    String::from_utf8(whole(dtype, shape, form, data)).unwrap()
}

const NESTED: &str = "[('a','<i2'),('b','u1',(2,)),('c',[('x','?'),('y,\"','u1')],(2,))]";

#[test]
fn a_line_is_a_row() {
    for (dtype, shape, data, unpadded, padded) in [
        ("i1", &[][..], &[5][..], "5,   \n", "   5\n"),
        (
            "i1",
            &[3],
            &[0, 1, 0x80],
            "0,   \n1,   \n-128,\n",
            "   0\n   1\n-128\n",
        ),
        (
            "u1",
            &[2, 2],
            &[0, 1, 20, 255],
            "0,1,    \n20,255, \n",
            "  0,  1\n 20,255\n",
        ),
        ("?", &[2, 1], &[0, 9], "0,\n1,\n", "0\n1\n"),
    ] {
        assert_eq!(text(dtype, shape, Unpadded, data), unpadded);
        assert_eq!(text(dtype, shape, Padded, data), padded);
    }
}

#[test]
fn nan_and_nat_have_the_spelling_of_the_form() {
    let nan = f32::NAN.to_le_bytes();
    let nat = i64::MIN.to_le_bytes();
    for (dtype, data, unpadded, padded) in [
        ("<f4", &nan[..], "NaN", "nan"),
        ("<M8[s]", &nat, "", "NaT"),
        ("<M8", &nat, "", "NaT"),
        ("<m8[D]", &nat, "", "NaT"),
        ("<c8", &[nan, nan].concat(), "(nan+nanj)", "(nan+nanj)"),
    ] {
        let line = text(dtype, &[], Unpadded, data);
        assert_eq!(line.trim_end_matches([' ', '\n']), format!("{unpadded},"));
        assert_eq!(text(dtype, &[], Padded, data).trim(), padded, "{dtype}");
    }
    let record = [&nan[..], &nat, b"x"].concat();
    let dtype = "[('f','<f4'),('t','<M8[D]'),('s','S1')]";
    assert!(text(dtype, &[], Unpadded, &record).starts_with("f,t,s,_\nNaN,,x, "));
    assert!(text(dtype, &[], Padded, &record).starts_with("f,t,s,_\nnan,NaT,x, "));
}

#[test]
fn rows_with_strings_are_unpadded_in_both_forms() {
    let record = "[('n','u1'),('s','S2')]";
    for form in CsvForm::ALL {
        assert_eq!(text("S2", &[], form, b"ab"), "ab,    \n");
        assert_eq!(
            text("S1", &[2, 2], form, b"ab,\0"),
            "a,b,      \n\",\",,     \n"
        );
        assert_eq!(
            text(record, &[2], form, b"\x07ab\xff\"\0"),
            "n,s,_\n7,ab,      \n255,\"\"\"\",  \n"
        );
        assert_eq!(
            text(record, &[1, 2], form, b"\x07ab\xff\"\0"),
            "[0].n,[0].s,[1].n,[1].s,_\n7,ab,255,\"\"\"\",        \n"
        );
    }
}

#[test]
fn structured_types_have_a_heading() {
    let data = [1, 2, 3, 4, 1, 5, 0, 6];
    let heading = "a,b[0],b[1],c[0].x,\"c[0].y,\"\"\",c[1].x,\"c[1].y,\"\"\"";
    assert_eq!(
        text(NESTED, &[1], Padded, &data),
        format!("{heading}\n   513,  3,  4,1,  5,0,  6\n")
    );
    assert_eq!(
        text(NESTED, &[1], Unpadded, &data),
        format!("{heading},_\n513,3,4,1,5,0,6,           \n")
    );
    let matrix = "[('m','u1',(2,2))]";
    assert_eq!(
        text(matrix, &[1, 2], Padded, &[1, 2, 3, 4, 5, 6, 7, 8]),
        "[0].m[0][0],[0].m[0][1],[0].m[1][0],[0].m[1][1],\
         [1].m[0][0],[1].m[0][1],[1].m[1][0],[1].m[1][1]\n  1,  2,  3,  4,  5,  6,  7,  8\n"
    );
    assert_eq!(
        text(matrix, &[], Unpadded, &[1, 2, 3, 200]),
        "m[0][0],m[0][1],m[1][0],m[1][1],_\n1,2,3,200,      \n"
    );
    let quoted = "[('a,',[('b','?'),('c','?')]),('d','?')]";
    assert_eq!(
        text(quoted, &[], Padded, &[1, 0, 1]),
        "\"a,.b\",\"a,.c\",d\n1,0,1\n"
    );
    assert_eq!(text("[('_','S1')]", &[0], Padded, b""), "_,_\n");
    assert_eq!(text("[('_','f4')]", &[0], Unpadded, b""), "_,_\n");
}

#[test]
fn fields_keep_their_order_and_padding_is_omitted() {
    let dtype = "{'names':['b','a'],'formats':['u1','u1'],'offsets':[3,1],'itemsize':5}";
    let data = [9, 1, 9, 2, 9, 9, 3, 9, 4, 9];
    assert_eq!(text(dtype, &[2], Padded, &data), "b,a\n  2,  1\n  4,  3\n");
    assert_eq!(
        text(dtype, &[2], Unpadded, &data),
        "b,a,_\n2,1,    \n4,3,    \n"
    );
}

#[test]
fn empty_views_have_no_lines_or_empty_ones() {
    for (dtype, shape, unpadded, padded) in [
        ("f8", &[0][..], "", ""),
        ("f8", &[0, 3], "", ""),
        ("f8", &[3, 0], "\n\n\n", "\n\n\n"),
        ("S5", &[0, 3], "", ""),
        ("S5", &[2, 0], "\n\n", "\n\n"),
        ("[('x','f4')]", &[0], "x,_\n", "x\n"),
        ("[('x','f4')]", &[2, 0], "_\n\n\n", "\n\n\n"),
        ("[('x','S4')]", &[2, 0], "_\n\n\n", "_\n\n\n"),
        (
            "[('x','f4'),('m','f4',(0,))]",
            &[0, 1],
            "[0].x,_\n",
            "[0].x\n",
        ),
    ] {
        assert_eq!(
            text(dtype, shape, Unpadded, b""),
            unpadded,
            "{dtype} {shape:?}"
        );
        assert_eq!(text(dtype, shape, Padded, b""), padded, "{dtype} {shape:?}");
    }
    for form in CsvForm::ALL {
        assert_eq!(
            text(
                "[('x','?'),('m','u1',(3,0)),('p','V7')]",
                &[1],
                form,
                &[0; 8]
            ),
            "x,p,_\n0,00000000000000,\n"
        );
    }
}

#[test]
fn views_without_a_text_have_no_table() {
    for form in CsvForm::ALL {
        assert!(table("u1", &[1, 1, 1], form).is_none());
        assert!(table("f16", &[1], form).is_none());
        assert!(table("c32", &[1], form).is_none());
        assert!(table("[('x','f4'),('y','f16',(2,))]", &[1], form).is_none());
        // Each 8 bytes of data give at least 25 bytes of text.
        assert!(table("f8", &[i64::MAX as u64 / 8], form).is_none());
        assert!(table("f8", &[1, i64::MAX as u64 / 8], form).is_none());
        assert!(table("f8", &[i64::MAX as u64 / 26], form).is_some());
    }
}

/// Arrays of every kind that are small enough to read every byte range. Each comes in
/// the forms in which its text differs.
fn small() -> Vec<(&'static str, Vec<u64>, CsvForm)> {
    let mut small = Vec::new();
    for (dtype, forms) in [
        ("u1", &CsvForm::ALL[..]),
        (">f8", &CsvForm::ALL),
        ("S3", &[Unpadded]),
        ("<U2", &[Unpadded]),
        (NESTED, &CsvForm::ALL),
        (
            "[('s','S2'),('n','<i2',(2,)),('t,',[('u','S1')],(11,))]",
            &[Unpadded],
        ),
    ] {
        for shape in [vec![], vec![3], vec![2, 2], vec![0, 2], vec![2, 0]] {
            small.extend(forms.iter().map(|&form| (dtype, shape.clone(), form)));
        }
    }
    small
}

/// A mixture of quotes, commas, zeros and other bytes.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|k| b"a,\"\0b\xc3"[k * k % 6]).collect()
}

#[test]
fn every_range_equals_that_of_the_whole_text() {
    for (dtype, shape, form) in small() {
        let table = table(dtype, &shape, form).unwrap();
        let data = bytes(
            (shape.iter().product::<u64>() * DType::parse(dtype).unwrap().itemsize()) as usize,
        );
        let whole = whole(dtype, &shape, form, &data);
        for at in 0..=whole.len() {
            for end in at..=whole.len() {
                let mut out = vec![b'?'; end - at];
                let read = table.read(at as u64, &mut out, fetch(&data)).unwrap();
                assert_eq!(read, end - at);
                assert!(
                    out == whole[at..end],
                    "{dtype} {shape:?} {form:?} {at}..{end}"
                );
            }
        }
    }
}

#[test]
fn text_before_an_unreadable_byte_is_rendered() {
    for (dtype, shape, form) in small() {
        let table = table(dtype, &shape, form).unwrap();
        let itemsize = DType::parse(dtype).unwrap().itemsize();
        let data = bytes((shape.iter().product::<u64>() * itemsize) as usize);
        let whole = whole(dtype, &shape, form, &data);
        let mut before = 0;
        for good in 0..=data.len() {
            for piece in [1, 3, 1000] {
                let mut out = vec![b'?'; whole.len()];
                let read = table.read(0, &mut out, failing_fetch(&data, good, piece));
                let read = read.unwrap_or(0);
                assert!(
                    out[..read] == whole[..read],
                    "{dtype} {shape:?} {form:?} {good}"
                );
                assert!(read >= before && (read < whole.len() || good == data.len()));
                before = read;
                // A read that continues there fails.
                if read < whole.len() {
                    let fetch = failing_fetch(&data, good, piece);
                    assert!(table.read(read as u64, &mut out[read..], fetch).is_err());
                }
            }
        }
        assert_eq!(before, whole.len());
    }
}

#[test]
fn any_range_of_a_huge_table_is_rendered_alone() {
    let zeros = |_: u64, out: &mut [u8]| {
        assert!(out.len() <= 1 << 16);
        out.fill(0);
        Ok(out.len())
    };
    let huge = 1 << 40;
    let mut out = [b'?'; 40];
    for (dtype, shape, form, end) in [
        ("f8", &[huge][..], Unpadded, "0.0,                     \n"),
        ("f8", &[huge], Padded, "0.0\n"),
        ("f8", &[1, huge], Padded, "0.0\n"),
        ("f8", &[huge, 3], Padded, "0.0\n"),
        ("f8", &[huge, 2], Unpadded, "                 \n"),
        ("S5", &[huge], Unpadded, ",            \n"),
        (
            "[('m','u1',(1024,1024,1024))]",
            &[1024],
            Padded,
            ",  0,  0\n",
        ),
        (
            "[('m','S1',(7,)),('r',[('x','u1')],(3,))]",
            &[huge],
            Padded,
            "   \n",
        ),
    ] {
        let table = table(dtype, shape, form).unwrap();
        assert_eq!(table.read(table.len() - 40, &mut out, zeros).unwrap(), 40);
        assert!(
            out.ends_with(end.as_bytes()),
            "{dtype}: {:?}",
            String::from_utf8_lossy(&out)
        );
    }
}

#[test]
fn any_range_of_a_huge_heading_is_rendered_alone() {
    let dtype = "[('m','u1',(1024,1024)),('n','u1')]";
    let table = table(dtype, &[1, 1000], Padded).unwrap();
    let line = 1000 * 4 * ((1 << 20) + 1);
    let heading = table.len() - line;
    let mut out = [b'?'; 44];
    let none = |_: u64, _: &mut [u8]| unreachable!();
    assert_eq!(table.read(heading - 44, &mut out, none).unwrap(), 44);
    let end = "].m[1023][1022],[999].m[1023][1023],[999].n\n";
    assert_eq!(String::from_utf8_lossy(&out), end);
}

#[test]
fn unpadded_lines_have_a_maximum_length() {
    for (dtype, shape, unpadded, padded) in [
        ("S10", &[3, 40_000][..], true, true),
        ("S10", &[3, 50_000], false, false),
        ("S600000", &[2], false, false),
        ("f8", &[3, 40_000], true, true),
        ("f8", &[3, 50_000], false, true),
        ("[('m','S1',(400000,)),('n','f4')]", &[], false, false),
        ("[('m','u1',(400000,)),('n','f4')]", &[], false, true),
    ] {
        let exists = |form| table(dtype, shape, form).is_some();
        assert_eq!(exists(Unpadded), unpadded, "{dtype} {shape:?}");
        assert_eq!(exists(Padded), padded, "{dtype} {shape:?}");
    }
}
