//! Skipping tests that this machine cannot run. `scripts/test.sh` counts them as skipped, not as
//! passed.

use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Reports that the current test is skipped, with the reason.
pub fn skip(why: &str) {
    record("", why);
}

/// Reports that one case of the current test is skipped; the other cases are run.
pub fn skip_case(case: &str, why: &str) {
    record(case, why);
}

/// Prints a report to standard error and appends it to the file `ARRAYFS_SKIPPED`, as three
/// columns: the test, the case (empty for the whole test), and the reason.
fn record(case: &str, why: &str) {
    let test = test_name();
    let is_part = if case.is_empty() { "" } else { ": " };
    eprintln!("skipped: {test}{is_part}{case}: {why}");
    let Some(list) = std::env::var_os("ARRAYFS_SKIPPED") else {
        return;
    };
    let columns = [&test, case, why].map(|column| column.replace(['\t', '\n'], " "));
    let line = columns.join("\t") + "\n";
    // In one write, since tests that run at the same time append to it too.
    let file = File::options().append(true).create(true).open(list);
    file.unwrap().write_all(line.as_bytes()).unwrap();
}

/// The name of the current test: that of the thread or, with cargo-nextest, of the process.
fn test_name() -> String {
    let program = std::env::args().next().unwrap_or_default();
    let suite = Path::new(&program).file_stem().unwrap_or_default();
    let suite = suite.to_string_lossy();
    // Cargo appends a hash.
    let suite = suite.rsplit_once('-').map_or(&*suite, |(name, _)| name);
    let thread = std::thread::current();
    let test = std::env::var("NEXTEST_TEST_NAME");
    let test = test.unwrap_or_else(|_| thread.name().unwrap_or_default().to_owned());
    format!("{suite}::{test}")
}
