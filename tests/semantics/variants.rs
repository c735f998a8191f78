//! Claims 66 and 67: the array in the byte order of the machine, and as float32.

use std::fs;

use crate::common::Dir;
use crate::common::arrays::{mount_each, run_script};
use crate::common::calls::errno;

#[test]
fn claim_66_native_has_the_array_in_the_byte_order_of_the_machine() {
    let Some(dir) = Dir::with_fuse() else { return };
    for described in [
        [">i2", "3,4,5", "F", "352"],
        [">u4", "6,5", "C", "3"],
        [">M8[s]", "7", "C", "0"],
        [">U2", "4,3", "F", "5"],
        ["[('x','u1'),('y','>i2',(2,)),('z','<f4')]", "4,3", "F", "1"],
    ] {
        let bytes = (0..600_u32).map(|k| (k * k % 241) as u8);
        // Characters are below 2^16, so that NumPy takes each.
        let bytes = match described[0] {
            ">U2" => (0..600_u32)
                .map(|k| [0, 0, 1, k as u8][(k as usize + 3) % 4])
                .collect(),
            _ => Vec::from_iter(bytes),
        };
        let file = dir.file("data.bin", bytes);
        let (mounts, arguments) = mount_each(&dir, &file, &["--mode", "r+"], &[described]);
        run_script(&dir, "semantics/scripts/native_files.py", &arguments);
        let expected = fs::read(mounts[0].point().with_extension("expected")).unwrap();
        assert!(fs::read(&file).unwrap() == expected, "{described:?}");
    }
}

#[test]
fn claim_66_native_is_there_only_where_the_byte_order_differs() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![0; 96]);
    let overlapping = "{'names':['a','b'],'formats':['>i4','>i2'],'offsets':[0,2]}";
    for (dtype, path, is_there) in [
        ("<f8", "native", false),
        ("u1", "native", false),
        ("S4", "native", false),
        (">f8", "native", true),
        ("[('a','<i4'),('b','>i4')]", "native", true),
        ("[('a','<i4'),('b','>i4')]", "fields/a/native", false),
        ("[('a','<i4'),('b','>i4')]", "fields/b/native/T", false),
        ("[('a','<i4'),('b','>i4',(2,))]", "fields/b/native/T", true),
        // A word of one field is part of that of the other.
        (overlapping, "native", false),
        (overlapping, "fields/a/native", true),
    ] {
        let mount = dir.mount(&file, &["--dtype", dtype]);
        assert_eq!(mount.join(path).exists(), is_there, "{dtype}: {path}");
        mount.unmount();
    }
}

#[test]
fn claim_67_float32_has_the_values_of_types_that_numpy_lacks_and_is_read_only() {
    let Some(dir) = Dir::with_fuse() else { return };
    // 1, -2, infinity and the smallest number, and the same as float32.
    let halves = [0x3f80_u16, 0xc000, 0x7f80, 0x0001];
    let singles: Vec<u8> = [1.0, -2.0, f32::INFINITY, f32::from_bits(1 << 16)]
        .iter()
        .flat_map(|single: &f32| single.to_ne_bytes())
        .collect();
    let little: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
    let big: Vec<u8> = halves.iter().flat_map(|half| half.to_be_bytes()).collect();
    for (dtype, bytes) in [("bfloat16", little), (">bfloat16", big)] {
        let file = dir.file("data.bin", bytes);
        let mount = dir.mount(&file, &["--dtype", dtype, "--shape", "2,2"]);
        let read = |path: &str| fs::read(mount.join(path)).unwrap();
        assert_eq!(read("float32/data"), singles, "{dtype}");
        assert_eq!(read("float32/rows/1"), singles[8..]);
        let column = [&singles[4..8], &singles[12..]].concat();
        assert_eq!(read("float32/T/slices/1"), column);
        assert!(read("float32/npy/cols/1.npy").ends_with(&column));
        assert!(mount.join("float32/csv/data.csv").exists());
        let meta = fs::read_to_string(mount.join("float32/meta.json")).unwrap();
        assert!(meta.contains(r#""writable": false"#), "{meta}");
        let written = fs::File::options()
            .write(true)
            .open(mount.join("float32/data"));
        assert_eq!(errno(written), libc::EACCES);
        mount.unmount();
    }
}
