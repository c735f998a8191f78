//! Forms of an array, such as `tiff/`, as the programs read them that they are for. Each test runs
//! one script of `tests/forms`, which prints a complete reproduction of a difference.

#![cfg(target_os = "linux")]

mod common;

use std::path::Path;

use common::arrays::run_cases;
use common::skip;

fn run(script: &str) {
    run_cases(&format!("forms/{script}"));
}

/// As [`run`], where there are the files of a large package.
fn run_with(package: &str, files: &[&str], script: &str) {
    match files.iter().all(|file| Path::new(file).exists()) {
        true => run(script),
        false => skip(&format!("{package} is missing: run scripts/test.sh --all")),
    }
}

#[test]
fn claim_68_images_are_as_tifffile_pillow_and_libtiff_read_them_and_tifffile_edits_them() {
    run("tiff.py");
}

#[test]
fn claim_70_arrow_files_are_as_pyarrow_polars_pandas_and_duckdb_read_them() {
    run("arrow_files.py");
}

#[test]
fn claim_71_parquet_files_are_as_pyarrow_polars_pandas_and_duckdb_read_them() {
    run("parquet_files.py");
}

#[test]
fn arrow_and_parquet_files_are_as_programs_on_node_read_them() {
    let packages = ["apache-arrow", "hyparquet"];
    let path = |package| {
        let target = env!("CARGO_TARGET_TMPDIR");
        format!("{target}/../node/node_modules/{package}/package.json")
    };
    let paths = packages.map(path);
    run_with(
        "apache-arrow or hyparquet",
        &paths.each_ref().map(String::as_str),
        "tables_node.py",
    );
}

#[test]
fn images_are_as_gdal_reads_them() {
    let files = ["/usr/lib/python3/dist-packages/osgeo/gdal.py"];
    run_with("python3-gdal", &files, "tiff_gdal.py");
}

#[test]
fn images_are_as_imagej_reads_them() {
    let files = ["/usr/share/java/ij.jar", "/usr/bin/javac"];
    run_with("imagej", &files, "tiff_imagej.py");
}

#[test]
fn stores_are_as_zarrita_reads_them_on_node() {
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".into());
    let package = format!("{target}/tools/node_modules/zarrita/package.json");
    run_with("zarrita", &[&package], "zarr_zarrita.py");
}

#[test]
fn claim_72_a_store_has_the_array_for_zarr_and_tensorstore_and_is_written_in_place() {
    run("zarr_stores.py");
}

#[test]
fn claim_73_the_store_of_a_group_is_what_xarray_reads_from_the_file() {
    run("zarr_groups.py");
}

#[test]
fn claim_74_an_image_has_every_second_element_for_zarr_and_ome_zarr_and_is_read_only() {
    run("ome_pyramids.py");
}
