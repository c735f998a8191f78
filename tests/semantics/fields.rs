//! Claims 30 and 31: the array directories of fields, and their names.

use std::fs;

use crate::common::Dir;
use crate::common::arrays::{judge, mount_each};
use crate::common::calls::errno;

/// Compares the directories of all fields with NumPy's arrays of them, and
/// writes to some of their files; in the end the array as a whole.
const COMPARE: &str = r#"
seeded = random.Random(5)

def place(a, stored):
    """Where in the file the array begins."""
    return a.__array_interface__["data"][0] - np.frombuffer(stored, "u1").__array_interface__["data"][0]

def check(path, a, stored):
    with open(f"{path}/meta.json") as file:
        meta = json.load(file)
    assert (meta["shape"], meta["strides"]) == (list(a.shape), list(a.strides)), path
    assert a.size == 0 or meta["offset"] == place(a, stored), path
    for name, part in files(a):
        assert content(f"{path}/{name}") == stored_bytes(part), (path, name)
        assert content(f"{path}/npy/{name}.npy") == saved(part), (path, name)
    if a.ndim > 1:
        for name, part in files(a.T):
            assert content(f"{path}/T/{name}") == stored_bytes(part), (path, "T", name)
        assert content(f"{path}/T/slices/...,:1") == stored_bytes(a.T[..., :1]), path
    shown = os.listdir(f"{path}/fields") if os.path.exists(f"{path}/fields") else []
    assert shown == list(a.dtype.names or ()), path
    for inside in ["T", "npy", "csv"]:
        assert not os.path.exists(f"{path}/{inside}/fields"), (path, inside)
    for name in shown:
        check(f"{path}/fields/{name}", a[name], stored)

def write(path, a, stored):
    name, part = seeded.choice(list(files(a)))
    new = seeded.randbytes(part.nbytes)
    with open(f"{path}/{name}", "r+b", buffering=0) as file:
        file.write(new)
    if part.size:
        # Byte by byte: of records NumPy leaves out what is between the fields.
        strides = part.strides + (1,)
        items = np.ndarray(part.shape + (a.itemsize,), "u1", stored, place(part, stored), strides)
        items[...] = np.frombuffer(new, "u1").reshape(items.shape)

for root, stored, a in arrays():
    check(root, a, stored)
    for name in a.dtype.names:
        write(f"{root}/fields/{name}", a[name], stored)
    assert content(f"{root}/data") == stored_bytes(a), a.dtype
    check(root, a, stored)
    with open(root + ".expected", "wb") as file:
        file.write(stored)
"#;

#[test]
fn claim_30_a_field_is_an_array_directory_of_its_own() {
    let Some(dir) = Dir::with_fuse() else { return };
    let nested = "[('m','<f4',(2,3)),('n',[('u','>u2'),('w',[('c','S3'),('d','?')],(2,))])]";
    let spaced = "{'names':['x','n'],'formats':['<f4',{'names':['y'],'formats':['u1'],'itemsize':4}],\
                  'offsets':[8,1],'itemsize':16}";
    for described in [
        ["[('x','<f4'),('id','<i8')]", "4,3", "C", "0"],
        ["[('x','<f4'),('id','<i8')]", "4,3", "F", "5"],
        [nested, "3,2", "F", "3"],
        [nested, "5", "C", "0"],
        [spaced, "2,3", "C", "2"],
        [spaced, "()", "C", "0"],
        ["[('e','<i2',(0,)),('x','<i2',(1,1))]", "0,3", "C", "0"],
    ] {
        let bytes = (0..1200_u32).map(|k| (k * k % 241) as u8);
        let file = dir.file("data.bin", Vec::from_iter(bytes));
        let (mounts, arguments) = mount_each(&dir, &file, &["--mode", "r+"], &[described]);
        judge(&dir, COMPARE, &arguments);
        let expected = fs::read(mounts[0].point().with_extension("expected")).unwrap();
        assert!(fs::read(&file).unwrap() == expected, "{described:?}");
    }
}

/// Looks for fields under the names that they have to have, and turns those
/// back into the names of the type.
const NAMES: &str = r#"
import urllib.parse
for root, _, a in arrays():
    expected = ["%", "%2E", "%2E%2E", "...", "a%2Fb", "a%252Fb", "%00", "%25", "%n8", "%25n9", "x" * 255, "a b\n", "ü"]
    assert os.listdir(f"{root}/fields") == expected, os.listdir(f"{root}/fields")
    for position, (spelled, name) in enumerate(zip(expected, a.dtype.names, strict=True)):
        assert content(f"{root}/fields/{spelled}/data") == a[name].tobytes(), spelled
        if spelled == f"%n{position}":
            back = a.dtype.names[position]
        else:
            back = "" if spelled == "%" else urllib.parse.unquote(spelled)
        assert back == name, spelled
"#;

#[test]
fn claim_31_names_that_cannot_be_files_are_spelled_otherwise() {
    let Some(dir) = Dir::with_fuse() else { return };
    let (long, longer) = ("x".repeat(255), "ü".repeat(128));
    let names = [
        "", ".", "..", "...", "a/b", "a%2Fb", r"\0", "%", &longer, "%n9", &long, r"a b\n", "ü",
    ];
    let names = names.map(|name| format!("'{name}'")).join(",");
    let formats = ["'u1'"; 13].join(",");
    let dtype = format!("{{'names':[{names}],'formats':[{formats}]}}");
    let file = dir.file("data.bin", Vec::from_iter(0..=38));
    let described = [[dtype.as_str(), "3", "C", "0"]];
    let (_mounts, arguments) = mount_each(&dir, &file, &["--mode", "r"], &described);
    judge(&dir, NAMES, &arguments);
}

#[test]
fn claim_31_a_field_of_more_than_64_axes_has_no_directory() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 8]);
    let shape = ["1"; 63].join("x");
    let dtype = "[('one','u1',(2,)),('two','u1',(2,2)),('none','u1')]";
    let mount = dir.mount(&file, &["--dtype", dtype, "--shape", &shape]);
    let mut listed: Vec<_> = fs::read_dir(mount.join("fields"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    listed.sort();
    assert_eq!(listed, ["none", "one"]);
    let missing = fs::metadata(mount.join("fields/two"));
    assert_eq!(errno(missing), libc::ENOENT);
    assert_eq!(fs::read(mount.join("fields/one/axes/63/1")).unwrap(), [7]);
}
