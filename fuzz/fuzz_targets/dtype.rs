//! A type that is read from text prints as a text that is the same type.

#![no_main]

use arrayfs::dtype::DType;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // A mount option is read by rules of its own, and then printed as any type.
    for dtype in [DType::parse(text), DType::parse_mount_option(text)] {
        let Ok(dtype) = dtype else { continue };
        let printed = dtype.to_string();
        assert_eq!(DType::parse(&printed), Ok(dtype), "{printed}");
    }
});
