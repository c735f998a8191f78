//! A file that is read has members that lie within it, or that are skipped for lying elsewhere.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    arrayfs::source::check_format("hdf5", "a.h5".as_ref(), bytes);
});
