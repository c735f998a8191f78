//! Block devices as backing files. Their size is fixed.

use std::fs;

use crate::common::arrays::Raw;
use crate::common::calls::{Numbers, errno, open};
use crate::common::{Dir, Mount};
use crate::views::Views;
use crate::volumes::LoopDevice;

const ARRAY: Raw = Raw {
    dtype: "<i2",
    shape: "64,100",
    order: "C",
    offset: "33",
};

/// Bytes on the device, a whole number of sectors.
const LEN: usize = 32 << 10;

#[test]
fn a_block_device_is_used_in_place() {
    let Some(dir) = Dir::for_root() else { return };
    let mut numbers = Numbers(5 << 40);
    let mut expected = numbers.bytes(LEN);
    let image = dir.file("image", &expected);
    let device = LoopDevice::new(&dir, &image, &[]);
    let places = ARRAY.places(&dir);

    let mount = ARRAY.mount(&dir, device.path(), "r+");
    let views = Views::new(&mount, &places);
    views.use_well(&mut numbers, &mut expected, 60);
    let meta = fs::read_to_string(mount.join("meta.json")).unwrap();
    assert!(meta.contains(&format!("{:?}", device.path())), "{meta}");
    mount.unmount();
    assert_eq!(fs::read(device.path()).unwrap(), expected);
    assert_eq!(fs::read(&image).unwrap(), expected);

    let mount = ARRAY.mount(&dir, device.path(), "c");
    let mut shown = expected.clone();
    Views::new(&mount, &places).use_well(&mut numbers, &mut shown, 20);
    assert_ne!(shown, expected);
    mount.unmount();

    // Without a shape, it is all there is.
    let mount = dir.mount(device.path(), &["--mode", "r"]);
    assert_eq!(fs::read(mount.join("data")).unwrap(), expected);
    assert_eq!(errno(fs::write(mount.join("data"), "x")), libc::EROFS);
    mount.unmount();
    assert_eq!(fs::read(&image).unwrap(), expected);
}

#[test]
fn a_block_device_is_neither_made_nor_extended() {
    let Some(dir) = Dir::for_root() else { return };
    let image = dir.file("image", [7; LEN]);
    let device = LoopDevice::new(&dir, &image, &[]);
    let path = device.path().display();
    let too_short = format!(
        "arrayfs: {path}: the array needs 32769 bytes at offset 0, which end at byte 32769; \
         the file has 32768\n"
    );
    for (mode, shape, message) in [
        ("r", "32769", too_short.as_str()),
        ("r+", "32769", &too_short),
        ("c", "32769", &too_short),
        (
            "w+",
            "100",
            &format!(
                "arrayfs: {path}: is a block device, which mode w+ cannot create or truncate\n"
            ),
        ),
    ] {
        let options = ["--mode", mode, "--shape", shape];
        let outcome = Mount::start(&dir, device.path(), &options).1;
        assert_eq!(outcome.status.code(), Some(3), "{outcome}");
        assert!(outcome.stderr.starts_with(message), "{outcome}");
        // A device that cannot be extended is not one to extend.
        assert!(!outcome.stderr.contains("--extend"), "{outcome}");
    }
    let past_end = format!(
        "arrayfs: {path}: offset 32769 is past the end of the file, which has 32768 bytes\n  \
         give a smaller --offset\n"
    );
    let outcome = Mount::start(&dir, device.path(), &["--offset", "32769"]).1;
    assert_eq!(outcome.stderr, past_end, "{outcome}");
    assert_eq!(fs::read(&image).unwrap(), [7; LEN]);
}

#[test]
fn a_device_that_cannot_be_written_is_read_and_copied_on_write() {
    let Some(dir) = Dir::for_root() else { return };
    let image = dir.file("image", [7; LEN]);
    let device = LoopDevice::new(&dir, &image, &["--read-only"]);
    let outcome = Mount::start(&dir, device.path(), &["--mode", "r+"]).1;
    let refused = format!(
        "arrayfs: {}: cannot be written in mode r+: ",
        device.path().display()
    );
    assert!(outcome.stderr.starts_with(&refused), "{outcome}");
    assert!(outcome.stderr.contains("--mode r;"), "{outcome}");

    let mount = dir.mount(device.path(), &["--mode", "r"]);
    assert_eq!(fs::read(mount.join("data")).unwrap(), [7; LEN]);
    mount.unmount();
    let mount = dir.mount(device.path(), &["--mode", "c"]);
    let data = open(mount.join("data"));
    std::os::unix::fs::FileExt::write_all_at(&data, &[8; 5000], 100).unwrap();
    let shown = fs::read(mount.join("data")).unwrap();
    assert_eq!(
        shown,
        [&[7; 100][..], &[8; 5000], &[7; LEN - 5100]].concat()
    );
    drop(data);
    mount.unmount();
    assert_eq!(fs::read(&image).unwrap(), [7; LEN]);
}
