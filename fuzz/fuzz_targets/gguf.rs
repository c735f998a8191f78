//! A file that is read has members that lie within it, or that are skipped.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    arrayfs::source::check_format("gguf", "a.gguf".as_ref(), bytes);
});
