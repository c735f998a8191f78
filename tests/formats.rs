//! Files of many formats, compared with what the libraries that own the formats read. Each test
//! runs one script of `tests/formats`, which prints a complete reproduction of a difference.

#![cfg(target_os = "linux")]

mod common;

use common::arrays::run_cases;

fn run(script: &str) {
    run_cases(&format!("formats/{script}"));
}

#[test]
fn safetensors_files_read_and_are_written_as_their_library_has_them() {
    run("safetensors_files.py");
}

#[test]
fn scales_orders_and_names_are_described_as_the_libraries_have_them() {
    run("descriptions.py");
}

#[test]
fn netcdf_files_read_and_are_written_as_their_libraries_have_them() {
    run("netcdf_files.py");
}

#[test]
fn fits_files_read_and_are_written_as_astropy_and_fitsverify_have_them() {
    run("fits_files.py");
}

#[test]
fn nifti_images_read_and_are_written_as_nibabel_has_them() {
    run("nifti_files.py");
}

#[test]
fn mrc_maps_read_and_are_written_as_mrcfile_has_them() {
    run("mrc_files.py");
}

#[test]
fn wav_sounds_read_and_are_written_as_soundfile_and_scipy_have_them() {
    run("wav_files.py");
}

#[test]
fn nrrd_files_read_and_are_written_as_pynrrd_has_them() {
    run("nrrd_files.py");
}

#[test]
fn metaimages_read_and_are_written_as_simpleitk_has_them() {
    run("metaimage_files.py");
}

#[test]
fn envi_images_read_and_are_written_as_spectral_has_them() {
    run("envi_files.py");
}

#[test]
fn npz_files_show_their_stored_arrays_as_numpy_loads_them() {
    run("npz_files.py");
}

#[test]
fn gguf_files_read_and_are_written_as_their_library_has_them() {
    run("gguf_files.py");
}

#[test]
#[cfg(feature = "hdf5")]
fn hdf5_files_read_and_are_written_as_h5py_and_netcdf_have_them() {
    run("hdf5_files.py");
}
