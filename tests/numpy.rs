//! Mounted trees compared with NumPy. Each test runs one script of `tests/numpy`, which prints a
//! complete reproduction of a difference.

#![cfg(target_os = "linux")]

mod common;

use common::arrays::run_cases;

fn run(script: &str) {
    run_cases(&format!("numpy/{script}"));
}

#[test]
fn every_view_reads_as_numpy_has_it() {
    run("read_views.py");
}

#[test]
fn writes_through_views_change_the_file_as_numpy_changes_its_twin() {
    run("write_views.py");
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn truncated_files_count_as_empty_until_written() {
    run("truncation.py");
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn python_and_numpy_open_virtual_files_as_any_file() {
    run("python_io.py");
}

#[test]
fn real_files_read_as_numpy_memmap_has_them() {
    run("real_files.py");
}

#[test]
fn slices_exist_and_read_as_numpy_indexes() {
    run("slices.py");
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn numpy_loads_and_saves_npy_files() {
    run("npy_files.py");
}

#[test]
fn text_reads_back_as_the_values_of_the_array() {
    run("csv_text.py");
}

#[test]
fn every_value_of_the_types_of_ml_dtypes_is_shown() {
    run("narrow_floats.py");
}

#[test]
fn readers_of_tables_find_the_types_and_the_values_of_the_array() {
    run("csv_readers.py");
}

#[test]
fn extended_attributes_say_what_numpy_says() {
    run("xattrs.py");
}
