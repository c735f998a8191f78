//! Claims 34 and 35: views as text.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};

use crate::common::Dir;
use crate::common::arrays::{mount_each, run_script};
use crate::common::calls::errno;

#[test]
fn claim_34_text_reads_back_to_the_values() {
    text_reads_back_to_the_values("unpadded", &[]);
}

#[test]
fn claim_35_padded_text_reads_back_to_the_values() {
    text_reads_back_to_the_values("padded", &["--csv", "padded"]);
}

fn text_reads_back_to_the_values(form: &str, options: &[&str]) {
    let Some(dir) = Dir::with_fuse() else { return };
    let bytes = (0..2000_u64).map(|k| (k * k * 31 + k * 7).to_le_bytes()[usize::from(k % 3 == 0)]);
    let file = dir.file("data.bin", Vec::from_iter(bytes));
    let nested = "[('a','<f4'),('n',[('b','>i2'),('m','<f8',(2,2))])]";
    let described = [
        ["?", "3,4", "C", "0"],
        ["i1", "7", "C", "1"],
        ["<u8", "3,2", "F", "0"],
        [">i4", "2,3,2", "C", "0"],
        ["<f2", "10,10", "C", "0"],
        ["<f4", "9,7", "F", "3"],
        [">f8", "6,5", "C", "0"],
        ["<f8", "()", "C", "8"],
        ["<c8", "4,3", "C", "0"],
        [">c16", "5", "C", "0"],
        ["<M8[ms]", "3,3", "C", "0"],
        ["<m8[D]", "4", "C", "0"],
        ["S5", "6,3", "C", "0"],
        ["V3", "5", "C", "0"],
        ["<f4", "0,3", "C", "0"],
        ["u1", "2,1,3,2", "C", "0"],
        [nested, "5", "C", "0"],
        [nested, "2,3", "F", "0"],
        ["[('x','<i2'),('s','S4'),('v','V2')]", "6", "C", "0"],
    ];
    let options = [&["--mode", "r"], options].concat();
    let (_mounts, mut arguments) = mount_each(&dir, &file, &options, &described);
    arguments.push(form.into());
    run_script(&dir, "semantics/scripts/text_tables.py", &arguments);
}

#[test]
fn claim_34_lines_have_the_documented_form() {
    let Some(dir) = Dir::with_fuse() else { return };
    let dtype = run_script::<&str>(&dir, "semantics/scripts/make_records.py", &[]);
    let numbers = dir.mount(&dir.join("numbers"), &["--dtype", "f8", "--shape", "2,3"]);
    // Three values of up to 24 bytes, three commas and the end of the line.
    let line = |text: &str| format!("{text:<75}\n");
    let text = fs::read_to_string(numbers.join("csv/data.csv")).unwrap();
    assert_eq!(
        text,
        line("1.5,-0.0,NaN,") + &line("1e-7,123456789.125,inf,")
    );
    let line = |text: &str| format!("{text:<25}\n");
    let row = fs::read_to_string(numbers.join("csv/rows/1.csv")).unwrap();
    assert_eq!(row, line("1e-7,") + &line("123456789.125,") + &line("inf,"));
    numbers.unmount();

    check_records(
        &dir,
        &["--dtype", dtype.trim()],
        &[
            "a,\"b,c\",n.z,n.t,m[0][0],m[0][1],s,v,_",
            "1,0.1,(1-2j),2001-02-03T04:05:06,-7,8,\"a,b\",01ff,",
            "0,-inf,(nan+0j),,0,32767,\"say \"\"\",0000,",
            "0,1e300,(0+0.5j),1970-01-01T00:00:00,1,2,plain,6162,",
        ],
    );
}

#[test]
fn claim_35_padded_lines_have_the_documented_form() {
    let Some(dir) = Dir::with_fuse() else { return };
    let dtype = run_script::<&str>(&dir, "semantics/scripts/make_records.py", &[]);
    let options = ["--dtype", "f8", "--shape", "2,3", "-o", "csv=padded"];
    let numbers = dir.mount(&dir.join("numbers"), &options);
    let width = 24;
    let line = |cells: [&str; 3]| cells.map(|cell| format!("{cell:>width$}")).join(",") + "\n";
    let expected = line(["1.5", "-0.0", "nan"]) + &line(["1e-7", "123456789.125", "inf"]);
    assert_eq!(
        fs::read_to_string(numbers.join("csv/data.csv")).unwrap(),
        expected
    );
    let row = fs::read_to_string(numbers.join("csv/rows/1.csv")).unwrap();
    let cell = |text: &str| format!("{text:>width$}\n");
    assert_eq!(row, cell("1e-7") + &cell("123456789.125") + &cell("inf"));
    numbers.unmount();

    check_records(
        &dir,
        &["--dtype", dtype.trim(), "--csv", "padded"],
        &[
            "a,\"b,c\",n.z,n.t,m[0][0],m[0][1],s,v,_",
            "1,0.1,(1-2j),2001-02-03T04:05:06,-7,8,\"a,b\",01ff,",
            "0,-inf,(nan+0j),NaT,0,32767,\"say \"\"\",0000,",
            "0,1e300,(0+0.5j),1970-01-01T00:00:00,1,2,plain,6162,",
        ],
    );
}

/// Compares the text of the records with these lines, without the blanks at
/// their ends, and the lengths of those after the heading.
#[track_caller]
fn check_records(dir: &Dir, options: &[&str], expected: &[&str]) {
    let records = dir.mount(&dir.join("records"), options);
    let text = fs::read_to_string(records.join("csv/data.csv")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let trimmed: Vec<&str> = lines
        .iter()
        .map(|line| line.trim_end_matches(' '))
        .collect();
    assert_eq!(trimmed, expected);
    assert!(lines[2..].iter().all(|line| line.len() == lines[1].len()));
}

#[test]
fn claim_35_only_padded_lines_can_be_longer_than_1_mib() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [0; 2 * 8 * 50_000]);
    let options = ["--dtype", "f8", "--shape", "2,50000"];
    let mount = dir.mount(&file, &options);
    let found = fs::metadata(mount.join("csv/data.csv"));
    assert_eq!(errno(found), libc::ENOENT);
    for there in ["csv/rows/1.csv", "csv/slices/:,:9.csv", "T/csv/data.csv"] {
        assert!(mount.join(there).exists(), "{there}");
    }
    let awk = fs::read_to_string(mount.join("README.txt")).unwrap();
    assert!(awk.contains("/csv/rows/1.csv"), "{awk}");
    mount.unmount();
    let mount = dir.mount(&file, &[&options[..], &["--csv", "padded"]].concat());
    let size = fs::metadata(mount.join("csv/data.csv")).unwrap().len();
    assert_eq!(size, 2 * 25 * 50_000);
}

#[test]
fn claim_34_what_has_more_axes_or_no_exact_text_is_not_there() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 1000]);
    let missing = |dtype: &str, shape: &str, paths: &[&str], there: &[&str]| {
        let mount = dir.mount(&file, &["--dtype", dtype, "--shape", shape]);
        for path in paths {
            let found = fs::metadata(mount.join(path));
            assert_eq!(errno(found), libc::ENOENT, "{dtype} {shape} {path}");
        }
        for path in there {
            assert!(mount.join(path).exists(), "{dtype} {shape} {path}");
        }
    };
    let rows = [
        "csv/rows/1.csv",
        "csv/axes/2/0.csv",
        "T/csv/cols/2.csv",
        "csv/slices/....csv",
    ];
    missing("u1", "2,3,4", &["csv/data.csv", rows[3]], &rows[..3]);
    let all = ["csv/data.csv", "csv/rows", "csv/cols", "csv/axes", rows[3]];
    missing(
        "u1",
        "2,3,4,1",
        &all,
        &["csv/slices/0,0.csv", "csv/slices/0,:,0,:.csv"],
    );
    missing("f16", "2", &["csv"], &["npy"]);
    missing("c32", "2", &["csv"], &["npy"]);
    missing(
        "[('x','f16'),('y','u1')]",
        "2",
        &["csv", "fields/x/csv"],
        &["fields/y/csv"],
    );
}

#[test]
fn claim_34_what_has_more_axes_says_which_files_are_tables() {
    let Some(dir) = Dir::with_fuse() else { return };
    let values: Vec<u8> = (0..200).collect();
    let file = dir.file("data.bin", values);
    let shapes = ["2,3,4", "4,2,3,4", "1,2,3,2,4", "2,0,4", "0,0,0"];
    for (shape, count) in shapes.into_iter().zip([4, 3, 3, 2, 0]) {
        for options in [&[][..], &["--csv", "padded"]] {
            let described = [&["--dtype", "u1", "--shape", shape], options].concat();
            let mount = dir.mount(&file, &described);
            for directory in ["", "T/"] {
                let name = format!("{directory}csv/README.txt");
                let text = fs::read_to_string(mount.join(&name)).unwrap();
                let lines: Vec<&str> = text.lines().filter(|line| line.contains(".csv ")).collect();
                assert!(
                    !directory.is_empty() || lines.len() == count,
                    "{shape}: {text}"
                );
                let judge = "
import sys, numpy
array = numpy.load(sys.argv[1] + '/npy/data.npy')
for line in sys.argv[2:]:
    path, index = line.split(None, 1)
    a = array
    expected = numpy.atleast_1d(eval(index))
    columns = expected.shape[1] if expected.ndim == 2 else 1
    lines = [text.split(',')[:columns] for text in open(sys.argv[1] + '/csv/' + path)]
    expected = expected.reshape(len(expected), columns).tolist()
    assert [[int(value) for value in line] for line in lines] == expected, (path, index)";
                let root = mount.join(directory);
                let root = root.to_str().unwrap().trim_end_matches('/');
                let arguments = [&["-c", judge, root], &lines[..]].concat();
                dir.command("python3", &arguments).run().succeeds();
            }
            assert!(!mount.join("npy/README.txt").exists());
        }
    }
    let mount = dir.mount(&file, &["--dtype", "u1", "--shape", "20,10"]);
    assert!(!mount.join("csv/README.txt").exists());
}

#[test]
fn claim_34_only_axes_whose_slices_have_text_are_listed() {
    let Some(dir) = Dir::with_fuse() else { return };
    // A line of 100,000 doubles is too long.
    let file = dir.file("data.bin", vec![0; 8 * 600_000]);
    for (shape, axes) in [("2,100000,3", &["0", "1"][..]), ("2,3,100000", &["2"])] {
        let mount = dir.mount(&file, &["--dtype", "f8", "--shape", shape]);
        let directory = mount.join("csv/axes");
        let listed = fs::read_dir(&directory).unwrap();
        let names = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        assert_eq!(names, axes, "{shape}");
        for axis in 0..3 {
            let slice = directory.join(format!("{axis}/0.csv"));
            assert_eq!(
                slice.exists(),
                axes.contains(&&*axis.to_string()),
                "{shape}"
            );
            let found = fs::read_dir(directory.join(axis.to_string()));
            assert_eq!(found.is_ok(), slice.exists(), "{shape} {axis}");
        }
        assert_eq!(
            fs::metadata(&directory).unwrap().nlink(),
            2 + axes.len() as u64
        );
    }
}

#[test]
fn claim_34_any_part_of_a_long_text_comes_at_once() {
    let Some(dir) = Dir::with_fuse() else { return };
    const ROWS: u64 = 1 << 30;
    let file = File::create(dir.join("sparse")).unwrap();
    file.set_len(ROWS * 16).unwrap();
    file.write_all_at(&1.5_f64.to_le_bytes(), ROWS * 16 - 8)
        .unwrap();
    let options = ["--dtype", "f8", "--shape", &format!("{ROWS},2")];
    let mount = dir.mount(&dir.join("sparse"), &options);
    let path = mount.join("csv/data.csv");
    assert_eq!(fs::metadata(&path).unwrap().len(), ROWS * 51);
    let zero = format!("{:<50}\n", "0.0,0.0,");
    let last = format!("{:<50}\n", "0.0,1.5,");
    let tail = dir.command("tail", &["-n", "2"]).args(&[&path]).run();
    assert_eq!(tail.succeeds(), zero.clone() + &last);
    let mut line = vec![0; 51];
    let opened = File::open(&path).unwrap();
    opened.read_exact_at(&mut line, ROWS / 2 * 51).unwrap();
    assert_eq!(line, zero.as_bytes());
    let end = mount.join("csv/cols/1.csv");
    let tail = dir.command("tail", &["-c", "26"]).args(&[&end]).run();
    assert_eq!(tail.succeeds(), format!("{:<25}\n", "1.5,"));
}
