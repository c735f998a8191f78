//! File system exercisers: `fsx`, and `fio` with verification.

use std::fs::{self, File};
use std::process::Command;

use super::Tally;
use crate::common::{Ability, Dir, Mount, TestCommand, kernel_can};
use crate::{Budget, Outcome};

/// How many operations fsx does at a time.
const OPERATIONS: u64 = 1000;

/// The views on which it is let loose.
const VIEWS: [&str; 5] = ["data", "rows/17", "cols/100", "T/data", "slices/5:250,::-3"];

/// A file of fixed size, all operations that leave it so.
const SETTINGS: &str = "
blockmode = true
[opsize]
max = 65536
[weights]
read = 10
write = 10
fsync = 1
fdatasync = 1
sendfile = 5
posix_fadvise = 1
copy_file_range = 5
truncate = 0
";

/// More of the weights, where files can be mapped shared, or cannot.
const MAPPED: &str = "mapread = 10\nmapwrite = 10\ninvalidate = 1\n";
const NOT_MAPPED: &str = "mapread = 0\nmapwrite = 0\ninvalidate = 0\n";

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// Lets fsx loose on several views, one after the other.
pub fn fsx(budget: &Budget) -> Outcome {
    if !is_installed("fsx") {
        return Outcome::skipped("fsx is not installed");
    }
    let weights = match kernel_can(Ability::DirectMappings) {
        true => MAPPED,
        false => NOT_MAPPED,
    };
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let file = dir.join("data.bin");
    File::create(&file)
        .unwrap()
        .set_len(256 * 1021 * 4)
        .unwrap();
    let mount = dir.mount(&file, &["--dtype", "f4", "--shape", "256,1021"]);
    let settings = dir.file("fsx.toml", format!("{SETTINGS}{weights}"));
    let tally = Tally::default();
    let mut counts = [0; VIEWS.len()];
    for number in 0.. {
        let done = counts.iter().sum();
        if !budget.lasts(done) {
            break;
        }
        let which = number as usize % VIEWS.len();
        let seed = number.to_string();
        let operations = OPERATIONS.to_string();
        let command = TestCommand::new("fsx", dir.path())
            .args(&["-S", &seed, "-N", &operations, "-P", "."])
            .args(&["-f".as_ref(), settings.as_path(), &mount.join(VIEWS[which])]);
        let outcome = command.run();
        let right = outcome.status.success() && outcome.stdout.contains("A-OK");
        tally.expect(right, || format!("{outcome}"));
        counts[which] += OPERATIONS;
    }
    mount.unmount();
    let least = counts.iter().min().unwrap();
    Outcome {
        done: counts.iter().sum(),
        failures: tally.failures(),
        note: format!("at least {least} on each of {}", VIEWS.join(", ")),
        ..Outcome::default()
    }
}

/// How many jobs fio has, and rows each of them writes to.
const JOBS: usize = 8;
const ROWS_OF_JOB: usize = 6;
const ROW: usize = 96 * 1024;

/// Has fio write and verify rows, by calls or through mappings.
pub fn fio(budget: &Budget) -> Outcome {
    if !is_installed("fio") {
        return Outcome::skipped("fio is not installed");
    }
    let engines = match kernel_can(Ability::DirectMappings) {
        true => ["psync", "mmap", "psync"],
        false => ["psync"; 3],
    };
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let rows = JOBS * ROWS_OF_JOB;
    let file = dir.join("data.bin");
    File::create(&file)
        .unwrap()
        .set_len((rows * ROW) as u64)
        .unwrap();
    let mount = dir.mount(&file, &["--shape", &format!("{rows},{ROW}")]);
    let tally = Tally::default();
    let (mut done, mut number) = (0, 0);
    while budget.lasts(done) {
        let engine = engines[number % 3];
        let job = job(&mount, engine, number);
        let command = TestCommand::new("fio", dir.path())
            .args(&["--output-format=json", "--output=report.json"])
            .args(&[dir.file("rows.fio", job)]);
        let outcome = command.run();
        let report = fs::read_to_string(dir.join("report.json")).unwrap_or_default();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap_or_default();
        let jobs = report["jobs"].as_array().cloned().unwrap_or_default();
        let total = |side: &str| -> u64 {
            jobs.iter()
                .filter_map(|job| job[side]["total_ios"].as_u64())
                .sum()
        };
        let errors: Vec<i64> = jobs
            .iter()
            .filter_map(|job| job["error"].as_i64())
            .collect();
        let right = outcome.status.success() && errors == [0; JOBS];
        tally.expect(right, || format!("{engine}: errors {errors:?}\n{outcome}"));
        done += total("read") + total("write");
        number += 1;
        if total("read") == 0 {
            break;
        }
    }
    mount.unmount();
    Outcome {
        done,
        failures: tally.failures(),
        note: format!("{JOBS} jobs, {number} times"),
        ..Outcome::default()
    }
}

/// What fio is told.
fn job(mount: &Mount, engine: &str, number: usize) -> String {
    let smallest = if engine == "mmap" { 4096 } else { 512 };
    let mut job = format!(
        "[global]\n\
         ioengine={engine}\n\
         rw=randrw\n\
         bsrange={smallest}-16k\n\
         verify=crc32c\n\
         verify_fatal=1\n\
         verify_backlog=32\n\
         verify_state_save=0\n\
         file_service_type=random\n\
         fallocate=none\n\
         allow_file_create=0\n\
         overwrite=1\n\
         invalidate=0\n\
         fsync=64\n\
         randseed={}\n\
         io_size=4m\n",
        number + 1
    );
    for number in 0..JOBS {
        let rows = (0..ROWS_OF_JOB).map(|k| {
            let row = number * ROWS_OF_JOB + k;
            mount.join(&format!("rows/{row}")).display().to_string()
        });
        let rows: Vec<String> = rows.collect();
        let size = ROWS_OF_JOB * ROW;
        job += &format!("[rows{number}]\nfilename={}\nsize={size}\n", rows.join(":"));
    }
    job
}
