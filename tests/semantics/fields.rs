//! Claims 30 and 31: the array directories of fields, and their names.

use std::fs;

use crate::common::Dir;
use crate::common::arrays::{mount_each, run_script};
use crate::common::calls::errno;

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
        run_script(&dir, "semantics/scripts/field_directories.py", &arguments);
        let expected = fs::read(mounts[0].point().with_extension("expected")).unwrap();
        assert!(fs::read(&file).unwrap() == expected, "{described:?}");
    }
}

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
    run_script(&dir, "semantics/scripts/field_names.py", &arguments);
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
