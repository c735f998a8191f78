//! Headers of ENVI images are read without a panic, whatever they say.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    arrayfs::source::check_format("envi", "a.hdr".as_ref(), bytes);
});
