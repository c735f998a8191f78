//! Claims 38 and 39: extended attributes, if enabled.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::common::Dir;
use crate::common::arrays::{hundred, mount_each, run_script};
use crate::common::calls::errno;

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
    run_script(&dir, "semantics/scripts/attributes.py", &arguments);
}

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
            run_script(&dir, "semantics/scripts/attribute_calls.py", &[point]),
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
    assert_eq!(
        run_script(&dir, "semantics/scripts/attribute_calls.py", &[point]),
        expected.repeat(2)
    );
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
