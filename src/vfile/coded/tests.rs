//! Compares recoded elements with a model: a table of the byte of the file that each byte shows,
//! and of the bits that differ between the two.

use super::*;
use crate::array::{Index, Order, Shape, View};
use crate::dtype::DType;
use crate::mapping::{BackingFile, Mode};
use crate::source::Scale;
use crate::vfile::{CodedView, Coding, VirtualFile};

/// The bytes of the file behind the array.
const TAIL: u64 = 5;

/// A byte of the virtual file: the offset in the file of the byte that it shows, the bits in
/// which they differ, and the first byte and the size of its word in the virtual file.
#[derive(Debug, Clone, Copy)]
struct Shown {
    stored_at: u64,
    bits: u8,
    word: (u64, u64),
}

struct Model {
    case: String,
    view: View,
    shown: Vec<Shown>,
    file: tempfile::NamedTempFile,
    mapping: Arc<Mapping>,
    content: VirtualFile,
}

/// Offset and size of words in an item, in bytes.
type WordList = &'static [(u64, u64)];

/// A dtype, the offset that the file adds to the elements and to the field `b`, the words that
/// are reversed, and those whose sign bit is flipped.
type Case = (&'static str, Option<f64>, WordList, WordList);

const DTYPES: [Case; 13] = [
    (">i2", None, &[(0, 2)], &[]),
    (">f8", None, &[(0, 8)], &[]),
    (">c8", None, &[(0, 4), (4, 4)], &[]),
    (">f16", None, &[(0, 16)], &[]),
    (">U3", None, &[(0, 4), (4, 4), (8, 4)], &[]),
    (">i4", Some(2_147_483_648.0), &[(0, 4)], &[(0, 4)]),
    ("<i2", Some(32768.0), &[], &[(0, 2)]),
    ("u1", Some(-128.0), &[], &[(0, 1)]),
    (
        "[('a','u1'),('b','>i2'),('c','>f4',(2,)),('d','<f4'),('e','S3')]",
        None,
        &[(1, 2), (3, 4), (7, 4)],
        &[],
    ),
    (
        "{'names':['a','b'],'formats':['>f8',[('x','>i4'),('y','u1')]],'offsets':[9,1],'itemsize':19}",
        None,
        &[(1, 4), (9, 8)],
        &[],
    ),
    (
        "[('a','>f4'),('b','>i2',(3,)),('c','u1')]",
        Some(32768.0),
        &[(0, 4), (4, 2), (6, 2), (8, 2)],
        &[(4, 2), (6, 2), (8, 2)],
    ),
    (
        "[('a','>i2'),('b','<i4'),('c','>i4')]",
        Some(2_147_483_648.0),
        &[(0, 2), (6, 4)],
        &[(2, 4)],
    ),
    (
        "[('a','>i2'),('b','u1')]",
        Some(-128.0),
        &[(0, 2)],
        &[(2, 1)],
    ),
];

impl Model {
    fn new(view: View, case: String, offset: Option<f64>, words: [WordList; 2]) -> Model {
        let scale = offset.and_then(|offset| Scale::unless_trivial(1.0, offset));
        let field_scales = scale.map(|scale| ("b".to_owned(), scale));
        let field_scales = field_scales.into_iter().collect();
        let coding = Coding::native(view.dtype(), scale, &field_scales).unwrap();
        let itemsize = view.dtype().itemsize();
        let within = |byte: u64| -> (u64, u8, (u64, u64)) {
            let holds = |&&(start, size): &&(u64, u64)| (start..start + size).contains(&byte);
            let [reversed, flipped] = words.map(|words| words.iter().find(holds));
            let bits = match flipped {
                Some(&(start, size)) if byte == start + size - 1 => 0x80,
                _ => 0,
            };
            match reversed {
                Some(&(start, size)) => (2 * start + size - 1 - byte, bits, (start, size)),
                None => (byte, bits, *flipped.unwrap_or(&(byte, 1))),
            }
        };
        let runs = view.layout();
        let pieces = runs.runs(0..view.nbytes());
        let bytes = pieces.flat_map(|run| (0..run.count).map(move |k| run.slice(k, 1)));
        let bytes: Vec<u64> = bytes.flat_map(|piece| piece.start()..piece.end()).collect();
        let shown = (0..view.nbytes()).map(|at| {
            let item = at / itemsize * itemsize;
            let (from, bits, (start, size)) = within(at - item);
            Shown {
                stored_at: bytes[(item + from) as usize],
                bits,
                word: (item + start, size),
            }
        });
        let shown = shown.collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        let extent = view.extent();
        let bytes: Vec<u8> = (0..extent.end + TAIL)
            .map(|k| (k * 7 % 251) as u8)
            .collect();
        std::fs::write(file.path(), bytes).unwrap();
        let opened = BackingFile::open(file.path(), Mode::ReadWrite).unwrap();
        let mapping = Arc::new(Mapping::new(opened, &extent).unwrap().0);
        let content = CodedView::new(&view, &coding).bytes(&mapping);
        Model {
            case,
            shown,
            file,
            mapping,
            content: VirtualFile::new([content]),
            view,
        }
    }

    /// The virtual file that a file of these bytes shows.
    fn expected(&self, file: &[u8]) -> Vec<u8> {
        let byte = |shown: &Shown| file[shown.stored_at as usize] ^ shown.bits;
        self.shown.iter().map(byte).collect()
    }

    /// What a write at byte `at` makes of the bytes of the file.
    fn write(&self, file: &mut [u8], at: usize, data: &[u8]) {
        for (byte, shown) in data.iter().zip(&self.shown[at..]) {
            file[shown.stored_at as usize] = byte ^ shown.bits;
        }
    }

    fn file(&self) -> Vec<u8> {
        std::fs::read(self.file.path()).unwrap()
    }

    /// Every range of bytes; of a larger array, every third.
    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let len = self.shown.len();
        let step = if len > 40 { 3 } else { 1 };
        let ranges = (0..len).flat_map(move |start| (start + 1..=len).map(move |end| start..end));
        ranges.step_by(step)
    }
}

/// Arrays of every dtype at an aligned and at an unaligned offset, whole, transposed and sliced.
fn models() -> Vec<Model> {
    let mut models = Vec::new();
    for (text, offset, reversed, flipped) in DTYPES {
        for start in [16, 3] {
            let dtype = DType::parse(text).unwrap();
            let shape = Shape::new(vec![2, 2]);
            let array = View::contiguous(dtype, start, shape, Order::C).unwrap();
            let index = |text: &str| array.index(&text.parse::<Index>().unwrap()).unwrap().view;
            for view in [array.clone(), array.transposed(), index("::-1,::2")] {
                let case = format!("{text} at {start}, strides {:?}", view.strides());
                models.push(Model::new(view, case, offset, [reversed, flipped]));
            }
        }
    }
    models
}

#[test]
fn every_range_reads_as_the_elements_in_native_order() {
    for model in models() {
        let expected = model.expected(&model.file());
        assert_eq!(model.content.len(), expected.len() as u64, "{}", model.case);
        for range in model.ranges() {
            let mut out = vec![0; range.len()];
            let count = model.content.read_at(range.start as u64, &mut out).unwrap();
            assert_eq!(count, range.len());
            assert_eq!(out, expected[range.clone()], "{}: {range:?}", model.case);
        }
    }
}

#[test]
fn every_range_is_written_and_no_other_byte() {
    for model in models() {
        let before = model.file();
        for (k, range) in model.ranges().enumerate() {
            let data: Vec<u8> = range.clone().map(|at| (at * 13 + k) as u8).collect();
            let mut expected = model.file();
            model.write(&mut expected, range.start, &data);
            let count = model.content.write_at(range.start as u64, &data).unwrap();
            assert_eq!(count, range.len());
            assert!(model.file() == expected, "{}: {range:?}", model.case);
        }
        assert_ne!(model.file(), before);
    }
}

#[test]
fn every_range_is_filled_with_what_shows_as_zeros() {
    for model in models() {
        for (k, range) in model.ranges().enumerate() {
            let ones = vec![k as u8 | 1; model.shown.len()];
            model.content.write_at(0, &ones).unwrap();
            let mut expected = model.file();
            model.write(&mut expected, range.start, &vec![0; range.len()]);
            let zeros = range.start as u64..range.end as u64;
            model.content.fill(zeros).unwrap();
            assert!(model.file() == expected, "{}: {range:?}", model.case);
        }
    }
}

#[test]
fn ranges_of_the_file_and_of_the_virtual_file_correspond() {
    for model in models() {
        let content = &model.content;
        // All bytes of a word are read to show one.
        let depends_on = |shown: &Shown| -> Range<u64> {
            let word = shown.word.0 as usize..(shown.word.0 + shown.word.1) as usize;
            let bytes = model.shown[word].iter().map(|shown| shown.stored_at);
            bytes.clone().min().unwrap()..bytes.max().unwrap() + 1
        };
        for range in model.ranges() {
            let words = model.shown[range.clone()].iter().map(depends_on);
            let exact = words.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
            let shown = range.start as u64..range.end as u64;
            assert_eq!(
                Some(content.covering_range(&shown)),
                exact,
                "{}",
                model.case
            );
        }
        let end = model.view.extent().end + TAIL;
        for start in 0..end {
            for stop in start + 1..=end {
                let shown = content.file_range_showing(&(start..stop));
                let is_shown = |(at, byte): (usize, &Shown)| {
                    let needed = depends_on(byte);
                    let needs_any = needed.start < stop && start < needed.end;
                    !needs_any || shown.contains(&(at as u64))
                };
                let mut bytes = model.shown.iter().enumerate();
                assert!(bytes.all(is_shown), "{}: {start}..{stop}", model.case);
                assert!(shown.end <= content.len());
            }
        }
    }
}

#[test]
fn no_word_is_split_at_a_boundary() {
    for model in models() {
        for at in 0..model.shown.len() as u64 {
            let boundary = model.content.boundary(at, 8);
            assert!(boundary <= at && at - boundary < 32, "{}: {at}", model.case);
            let (start, _) = model.shown[boundary as usize].word;
            assert_eq!(start, boundary, "{}: {at}", model.case);
        }
    }
}

#[test]
fn writes_overlap_the_files_that_show_a_byte_of_them() {
    for model in models().iter().step_by(3) {
        let array = &model.view;
        let rows = (0..2).filter_map(|row| array.take(0, row));
        for row in rows.chain((0..2).filter_map(|column| array.take(1, column))) {
            let file = VirtualFile::new([CodedView::as_stored(&row).bytes(&model.mapping)]);
            let layout = row.layout();
            for range in model.ranges() {
                let mut written = model.shown[range.clone()].iter();
                let is_in_row =
                    |byte: &Shown| layout.has_any(&(byte.stored_at..byte.stored_at + 1));
                let expected = written.any(is_in_row);
                let range = range.start as u64..range.end as u64;
                let found = model.content.overlaps(&range, &file);
                assert_eq!(found, expected, "{}: {range:?}", model.case);
            }
        }
    }
}

#[test]
fn transfers_end_before_the_word_that_the_file_lacks() {
    for (text, words, list) in [
        (">f8", 8, &[(0, 8)]),
        (">U1", 4, &[(0, 4)]),
        (">i2", 2, &[(0, 2)]),
    ] {
        let dtype = DType::parse(text).unwrap();
        let view = View::contiguous(dtype, 3, Shape::new(vec![6]), Order::C).unwrap();
        let model = Model::new(view, text.into(), None, [list, &[]]);
        let len = model.shown.len() as u64;
        for have in (3..3 + len).rev() {
            model.file.as_file().set_len(have).unwrap();
            let whole = (have - 3) / words * words;
            for start in 0..len {
                let mut out = vec![0; (len - start) as usize];
                let read = model.content.read_at(start, &mut out).ok();
                let expected = (start < whole).then(|| (whole - start) as usize);
                assert_eq!(read, expected, "{text}: {have} bytes, from {start}");
                let written = model.content.write_at(start, &out).ok();
                let known = written.unwrap_or(0);
                // A part of a word can be written if the bytes that it is stored in are there.
                let mut shown = model.shown[start as usize..][..known].iter();
                let is_there = shown.all(|byte| byte.stored_at < have);
                assert!(
                    is_there && known >= expected.unwrap_or(0),
                    "{text}: {known} at {start}"
                );
                assert_eq!(model.file().len() as u64, have);
            }
        }
    }
}

#[test]
fn elements_that_are_aligned_in_the_file_are_not_torn() {
    let dtype = DType::parse(">u8").unwrap();
    let view = View::contiguous(dtype, 8, Shape::new(vec![512]), Order::C).unwrap();
    let model = Model::new(view, ">u8".into(), None, [&[(0, 8)], &[]]);
    let content = &model.content;
    let element = |byte: u8| [byte; 8];
    content.write_at(0, &element(0).repeat(512)).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for byte in (0..=255).cycle().take(5000) {
                content.write_at(0, &element(byte).repeat(512)).unwrap();
            }
        });
        while !writer.is_finished() {
            // The range begins and ends inside an element.
            let mut out = vec![0; 4096 - 8];
            content.read_at(3, &mut out).unwrap();
            for whole in out[5..].as_chunks().0 {
                assert_eq!(*whole, element(whole[0]));
            }
        }
    });
}
