//! Claims 38 and 39: extended attributes, if enabled.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::common::Dir;
use crate::common::arrays::{hundred, judge, mount_each, python};
use crate::common::calls::errno;

/// Compares the attributes of files and directories with NumPy's.
const COMPARE: &str = r#"
NAMES = ["user.dtype", "user.shape", "user.ndim", "user.size", "user.itemsize"]

def check(path, a):
    assert sorted(os.listxattr(path)) == sorted(NAMES), path
    shown = {name: os.getxattr(path, name).decode() for name in NAMES}
    dtype = shown.pop("user.dtype")
    dtype = np.dtype(ast.literal_eval(dtype) if dtype[0] in "[{" else dtype)
    assert dtype == a.dtype, (path, dtype)
    assert list(shown.values()) == [str(a.shape), str(a.ndim), str(a.size), str(a.itemsize)], (path, shown)

for root, _, whole in arrays():
    for prefix, a in [("", whole), ("T/", whole.T), ("fields/m/", whole["m"] if whole.dtype.names else None)]:
        if a is None:
            continue
        for encoding, suffix in [("", ""), ("npy/", ".npy"), ("csv/", ".csv")]:
            directory = f"{root}/{prefix}{encoding}"
            if not os.path.exists(directory):
                continue
            check(directory, a)
            for name, part in [*files(a), ("slices/::2,None", a[::2, None]), ("slices/1:1", a[1:1])]:
                if encoding != "csv/" or part.ndim <= 2:
                    check(f"{directory}{name}{suffix}", part)
            for folder in ["rows", "axes", "axes/0", "slices"]:
                if os.path.exists(f"{directory}{folder}"):
                    assert os.listxattr(f"{directory}{folder}") == [], folder
    for name in ["README.txt", "meta.json", "T/meta.json", "fields"]:
        if os.path.exists(f"{root}/{name}"):
            assert os.listxattr(f"{root}/{name}") == [], name
"#;

#[test]
fn claim_38_attributes_say_of_each_array_what_numpy_says() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 2000]);
    let described = [
        ["<f4", "2,3,4", "C", "0"],
        [">M8[25s]", "3,2", "F", "3"],
        ["[('m','<i2',(2,)),('s','S3')]", "2,3", "C", "0"],
    ];
    let (_mounts, arguments) = mount_each(&dir, &file, &["--xattr"], &described);
    judge(&dir, COMPARE, &arguments);
}

/// Prints the error numbers of calls, or 0: of each, on a file and on a directory.
const CALLS: &str = r#"
import errno, os, sys
def number(call, *arguments):
    try:
        call(*arguments)
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]
root = sys.argv[1]
for path in f"{root}/rows/1", root:
    shape = b"(10,)" if path.endswith("rows/1") else b"(10, 10)"
    print(
        number(os.setxattr, path, "user.shape", shape),
        number(os.setxattr, path, "user.shape", b"(3,)"),
        number(os.removexattr, path, "user.shape"),
        number(os.setxattr, path, "user.other", b"x"),
        number(os.removexattr, path, "user.other"),
        number(os.getxattr, path, "user.other"),
        number(os.getxattr, path, "user.shape"),
        number(os.listxattr, path),
    )
"#;

#[test]
fn claim_39_attributes_are_set_to_what_they_are_only() {
    for (options, expected) in [
        (
            &["--xattr"][..],
            "ok EPERM EPERM ENOTSUP ENODATA ENODATA ok ok\n",
        ),
        (
            &["-o", "xattr,mode=c"],
            "ok EPERM EPERM ENOTSUP ENODATA ENODATA ok ok\n",
        ),
        (
            &["--xattr", "--mode", "r"],
            "EROFS EROFS EROFS EROFS EROFS ENODATA ok ok\n",
        ),
    ] {
        let Some((dir, mount)) = hundred(options) else {
            return;
        };
        let point = mount.point().to_str().unwrap();
        assert_eq!(
            python(&dir, CALLS, &[point]),
            expected.repeat(2),
            "{options:?}"
        );
    }
}

#[test]
fn claim_39_without_the_option_there_are_no_attributes() {
    let Some((dir, mount)) = hundred(&[]) else {
        return;
    };
    let point = mount.point().to_str().unwrap();
    let expected = ["ENOTSUP"; 8].join(" ") + "\n";
    assert_eq!(python(&dir, CALLS, &[point]), expected.repeat(2));
}

/// Reads an attribute into a buffer of `size` bytes.
fn get(path: &Path, name: &str, size: usize) -> io::Result<usize> {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    let name = CString::new(name).unwrap();
    let mut buffer = vec![0_u8; size];
    // SAFETY: the strings end with a NUL, and the buffer has `size` bytes.
    let len = unsafe {
        libc::getxattr(
            path.as_ptr(),
            name.as_ptr(),
            buffer.as_mut_ptr().cast(),
            size,
        )
    };
    usize::try_from(len).map_err(|_| io::Error::last_os_error())
}

#[test]
fn claim_38_a_buffer_that_is_too_small_is_told_so() {
    let Some((_dir, mount)) = hundred(&["--xattr"]) else {
        return;
    };
    let row = mount.join("rows/1");
    // The value is `(10,)`.
    assert_eq!(get(&row, "user.shape", 0).unwrap(), 5);
    assert_eq!(get(&row, "user.shape", 5).unwrap(), 5);
    assert_eq!(errno(get(&row, "user.shape", 4)), libc::ERANGE);
}
