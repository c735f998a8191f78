//! Claims 27 to 29: basic indices as file names, in all spellings, and the bounded table of
//! selections.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::common::arrays::{judge, mount_each, numbered};
use crate::common::calls::open;
use crate::common::{Dir, Mount};

/// Random indices, most of which exist, of arrays and of their transposes, in
/// each encoding: each is looked up, and what exists is read and written. In
/// the end the files are compared.
const RANDOM: &str = r#"
seeded = random.Random(4)

def blanks(text):
    return seeded.choice(["", "", "", " ", "\t", "  "]) + text + seeded.choice(["", "", "", " "])

def integer(length):
    """A place on an axis or just outside of it, and a spelling."""
    place = seeded.choice([seeded.randint(-length - 1, length), seeded.randint(-length, length - 1) if length else 0])
    if seeded.random() < 0.02:
        place = seeded.choice([-(10**30), 10**30])
    sign = "-" if place < 0 else ""
    return place, sign + "0" * seeded.choice([0, 0, 0, 1, 5]) + str(abs(place))

def bound(length):
    return (None, "") if seeded.random() < 0.4 else integer(length)

def part(length):
    if seeded.random() < 0.4:
        return integer(length)
    start, stop, step = bound(length), bound(length), bound(3)
    texts = [blanks(text) for _, text in (start, stop, step)]
    if step[0] is None and seeded.random() < 0.5:
        texts.pop()
    return slice(start[0], stop[0], step[0]), ":".join(texts)

def index(shape):
    """The parts of an index, and a spelling."""
    parts = [part(length) for length in shape]
    del parts[seeded.randint(0, len(parts)) :]
    if seeded.random() < 0.05:
        parts.append(part(3))
    for more, chance in [((..., "..."), 0.4), ((..., "..."), 0.05), ((None, "None"), 0.2), ((None, "newaxis"), 0.2)]:
        if seeded.random() < chance or not parts:
            parts.insert(seeded.randint(0, len(parts)), more)
    text = ",".join(blanks(text) for _, text in parts) + seeded.choice(["", "", "", ","])
    return tuple(part for part, _ in parts), blanks(f"[{blanks(text)}]" if seeded.random() < 0.3 else text)

def select(a, parts):
    try:
        # An ellipsis at the end changes nothing but that the result is always an array.
        return a[parts if Ellipsis in parts else (*parts, ...)]
    except (IndexError, ValueError):
        return None

for root, stored, whole in arrays():
    existing = 0
    for turn in range(1500):
        prefix, a = seeded.choice([("", whole), ("T/", whole.T)][: max(1, min(whole.ndim, 2))])
        parts, text = index(a.shape)
        where = (root, whole.dtype, a.shape, parts, text)
        selected = select(a, parts)
        path = f"{root}/{prefix}slices/{text}"
        data = None if selected is None else selected.tobytes()
        assert content(path) == data, where
        headed = None if selected is None else saved(selected)
        assert content(f"{root}/{prefix}npy/slices/{text}.npy") == headed, where
        has_text = selected is not None and selected.ndim <= 2
        assert (content(f"{root}/{prefix}csv/slices/{text}.csv") is not None) == has_text, where
        existing += selected is not None
        if data and seeded.random() < 0.5:
            start = seeded.randrange(len(data))
            new = seeded.randbytes(len(data) - start)
            with open(path, "r+b", buffering=0) as file:
                assert os.pwrite(file.fileno(), new, start) == len(new), where
            changed = np.frombuffer(data[:start] + new, a.dtype)
            selected[...] = changed.reshape(selected.shape)
    assert existing > 500, existing
    assert content(f"{root}/data") == whole.tobytes(), root
    with open(root + ".expected", "wb") as file:
        file.write(stored)
"#;

#[test]
fn claim_27_a_slice_is_there_where_numpy_takes_its_index_and_has_its_bytes() {
    let Some(dir) = Dir::with_fuse() else { return };
    for described in [
        ["<i2", "5", "C", "1"],
        ["<f8", "4,6", "F", "16"],
        [">u4", "3,1,4", "C", "0"],
        ["V3", "2,3,2,2", "F", "7"],
        ["u1", "0,3", "C", "0"],
        ["i8", "()", "C", "8"],
    ] {
        let file = dir.file(
            "data.bin",
            (0..=255).cycle().take(1000).collect::<Vec<u8>>(),
        );
        let (mounts, arguments) = mount_each(&dir, &file, &["--mode", "r+"], &[described]);
        judge(&dir, RANDOM, &arguments);
        let expected = fs::read(mounts[0].point().with_extension("expected")).unwrap();
        assert!(fs::read(&file).unwrap() == expected, "{described:?}");
    }
}

#[test]
fn claim_27_no_other_text_is_an_index() {
    let Some(dir) = Dir::with_fuse() else { return };
    let mount = dir.mount(&dir.file("data.bin", numbered()), &["--shape", "10,10"]);
    let exists = |name: &str| fs::metadata(mount.join(&format!("slices/{name}"))).is_ok();
    let parts = |count| vec!["0:"; count].join(",");
    for name in [
        "0",
        "007",
        "[1]",
        "1,",
        "None,None,0",
        "\t1 , 2 ",
        "-1:-2:-1",
        "..., 3",
    ] {
        assert!(exists(name), "{name}");
    }
    for name in [
        " ",
        "[]",
        ",",
        "1,,2",
        ",1",
        "1,,",
        "[1",
        "1]",
        "[[1]]",
        "[1][1]",
        "()",
        "(1,)",
        "1 2",
        "+1",
        "- 1",
        "--1",
        "-",
        "1.0",
        "1e1",
        "0x1",
        "1_0",
        "10",
        "-11",
        "0,0,0",
        "::0",
        "::-00",
        "1:2:3:4",
        "1:x",
        "1:...",
        "None:",
        "...,...",
        "....",
        "none",
        "Ellipsis",
        "True",
        "rows",
        "data",
        "0.npy",
        "\u{a0}1",
        "1\n",
        "\u{661}",
        &parts(3),
    ] {
        assert!(!exists(name), "{name}");
    }
    let of_plain_files = fs::metadata(mount.join("npy/slices/0")).is_err();
    assert!(of_plain_files && fs::metadata(mount.join("csv/slices/0.npy")).is_err());
}

fn inode(mount: &Mount, path: &str) -> u64 {
    let found = fs::metadata(mount.join(path));
    found
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .ino()
}

#[test]
fn claim_28_all_spellings_of_a_view_are_one_inode() {
    let Some(dir) = Dir::with_fuse() else { return };
    let mount = dir.mount(&dir.file("data.bin", numbered()), &["--shape", "6,5"]);
    let mut seen = BTreeSet::new();
    for (file, spellings) in [
        (
            "data",
            &[
                "...", ":", ":,:", "[...]", "::1", "-99:99", ":,...", "0:6,", " [ : ] ",
            ][..],
        ),
        (
            "rows/2",
            &[
                "2",
                "-4",
                "2,...",
                "2,:",
                "[ 2 ]",
                "02",
                "2,",
                "...,2,0:5",
                "2,::1",
            ],
        ),
        ("axes/0/5", &["5", "-1"]),
        ("cols/3", &[":,3", "...,3", "...,-2", ":, 03", "0:,3"]),
        (
            "slices/1:3",
            &["1:3:1", "-5:3", "1:3,:", "1:3,...", "[1:3]", "+1:3"][..5],
        ),
        ("slices/::-1", &["5::-1", "-1::-1", "::-1,:", "99:-99:-1"]),
        ("slices/0,0", &["-6,-5", "0,0,...", "...,0,0"]),
        (
            "slices/2:3",
            &["2:3:9", "2:-3", "None,2", "newaxis,2,:", "2,None"],
        ),
        ("slices/None,2:3", &["newaxis,-4:3", "None,None,2"]),
        ("slices/::2,::-2", &["0:6:2,4::-2", "0:5:2,::-2"]),
        ("slices/3:3", &["4:4", "0:0", "5:1"]),
    ] {
        let number = inode(&mount, file);
        assert!(seen.insert(number), "{file}");
        for spelling in spellings {
            assert_eq!(
                inode(&mount, &format!("slices/{spelling}")),
                number,
                "{spelling}"
            );
        }
    }
    for (slice, file) in [
        ("T/slices/1", "T/rows/1"),
        ("T/slices/:,1", "T/axes/1/1"),
        ("npy/slices/2.npy", "npy/rows/2.npy"),
        ("npy/slices/....npy", "npy/data.npy"),
        ("T/csv/slices/[:,-1].csv", "T/csv/cols/5.csv"),
    ] {
        assert_eq!(inode(&mount, slice), inode(&mount, file), "{slice}");
        assert!(seen.insert(inode(&mount, file)), "{file}");
    }
    for directory in ["", "T/", "npy/", "csv/", "T/npy/"] {
        let listed = fs::read_dir(mount.join(directory).join("slices"))
            .unwrap()
            .count();
        assert_eq!(listed, 0, "{directory}slices");
    }
}

/// Looks up many slices.
const LOOK_UP: &str = r#"
import os, sys
os.chdir(sys.argv[1])
for i in range(200):
    for j in range(100):
        os.stat(f"{i}:{i + j + 2}")
"#;

#[test]
fn claim_29_a_slice_that_is_open_keeps_its_inode_and_every_other_is_found_again() {
    let Some(dir) = Dir::with_fuse() else { return };
    let bytes: Vec<u8> = (0..1000).map(|k| (k % 251) as u8).collect();
    let mount = dir.mount(&dir.file("data.bin", &bytes), &[]);
    let path = |index: &str| mount.join(&format!("slices/{index}"));
    let before = |index: &str| fs::metadata(path(index)).unwrap().ino();
    let unopened = before("::3");
    let kept = open(path("::2"));
    let number = kept.metadata().unwrap().ino();
    let look_up = dir.command("python3", &["-B", "-c", LOOK_UP]);
    look_up
        .args(&[mount.join("slices")])
        .run()
        .succeeds_silently();

    assert_eq!(kept.metadata().unwrap().ino(), number);
    assert_eq!(before("::2"), number);
    assert_eq!(before(" 0 : : 2 "), number);
    // The table was full several times over, so that its number is another's now.
    assert_ne!(before("::3"), unopened);
    let every = |step| bytes.iter().copied().step_by(step).collect::<Vec<u8>>();
    assert_eq!(fs::read(path("::2")).unwrap(), every(2));
    assert_eq!(fs::read(path("::3")).unwrap(), every(3));
    fs::write(path("::3"), vec![7; 334]).unwrap();
    std::os::unix::fs::FileExt::write_at(&kept, &[9], 3).unwrap();
    let data = fs::read(mount.join("data")).unwrap();
    assert_eq!(data[..10], [7, 1, 2, 7, 4, 5, 9, 7, 8, 7]);
}
