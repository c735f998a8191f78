//! Claims 40 and 41: mappings show what is written, and write-back of a dirty page does not undo
//! a newer write.

use std::fs;

use crate::common::arrays::run_script;
use crate::common::{Ability, Dir, needs};

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_40_mapped_pages_show_what_is_written_through_other_views() {
    if !needs(Ability::DirectMappings) {
        return;
    }
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 64 * 96]);
    let mount = dir.mount(&file, &["--shape", "64,96"]);
    let root = mount.point().display().to_string();
    run_script(&dir, "semantics/scripts/mapped_views.py", &[root]);
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_41_a_write_is_not_lost_to_a_page_that_others_store_to() {
    if !needs(Ability::StableWriteBack) {
        return;
    }
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [0; 4096]);
    let mount = dir.mount(&file, &["--shape", "64,64"]);
    let root = mount.point().display().to_string();
    run_script(&dir, "semantics/scripts/stores_and_writes.py", &[root]);
}

#[test]
fn claim_42_a_file_that_is_replaced_or_deleted_is_still_the_one_that_was_opened() {
    let Some(dir) = Dir::with_fuse() else { return };
    for (replaced, word) in [(true, "has been replaced"), (false, "has been deleted")] {
        let file = dir.file("data.bin", [1; 4096]);
        let mut mount = dir.mount(&file, &["--shape", "64,64"]);
        assert_eq!(fs::read(mount.join("rows/3")).unwrap(), [1; 64]);
        fs::remove_file(&file).unwrap();
        if replaced {
            dir.file("data.bin", [2; 4096]);
        }
        fs::write(mount.join("rows/4"), [3; 64]).unwrap();
        let after = [[1; 64], [3; 64], [1; 64]].concat();
        assert_eq!(fs::read(mount.join("data")).unwrap()[192..384], after);
        mount.expect_warning(word);
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_44_a_daemon_that_is_killed_takes_nobody_with_it() {
    if !needs(Ability::DirectMappings) {
        return;
    }
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [0; 4096]);
    for _ in 0..10 {
        let mut mount = dir.mount(&file, &["--shape", "64,64"]);
        let root = mount.point().display().to_string();
        run_script(
            &dir,
            "semantics/scripts/killed_daemon.py",
            &[root, mount.daemon().to_string()],
        );
        mount.died();
        mount.unmount_command().run().succeeds_silently();
    }
}

#[test]
#[cfg(arrayfs_portable)]
fn views_cannot_be_mapped_shared_where_their_pages_cannot_be_dropped() {
    use std::fs::File;

    use memmap2::MmapRaw;

    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [0; 4096]);
    let mount = dir.mount(&file, &["--shape", "64,64"]);
    for path in ["data", "T/data", "rows/3"] {
        let view = File::options()
            .read(true)
            .write(true)
            .open(mount.join(path));
        let mapped = MmapRaw::map_raw(&view.unwrap());
        assert_eq!(
            mapped.unwrap_err().raw_os_error(),
            Some(libc::ENODEV),
            "{path}"
        );
    }
}
