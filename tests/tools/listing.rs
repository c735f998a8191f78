//! Directory listings with the C library: from any offset, and while the files are read.

use crate::common::Dir;

/// More rows than fit the C library's buffer.
const ROWS: usize = 1200;

#[test]
fn listings_restart_at_any_place_and_go_on_while_files_are_used() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![7; ROWS * 3]);
    let mount = dir.mount(&file, &["--shape", &format!("{ROWS},3")]);
    let point = mount.point().to_str().unwrap();
    let script = dir.script("tools/listing.py");
    let listed = script.args(&[point, &ROWS.to_string()]).run();
    listed.succeeds_silently();
    mount.unmount();
}
