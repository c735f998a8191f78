//! Arrays larger than memory. Their size costs nothing until elements are accessed.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use crate::common::{Dir, rss_anon};

/// The most memory of its own that the daemon may use, in KiB.
const MAX_RSS_ANON: u64 = 16 * 1024;

/// A file of zeros that takes no space.
fn sparse_file(dir: &Dir, len: u64) -> PathBuf {
    let path = dir.join("sparse");
    File::create(&path).unwrap().set_len(len).unwrap();
    path
}

/// As `ls -f rows | wc -l`, with a look at the daemon's memory on the way: for
/// the rows, and for those with a header and as text.
#[test]
fn ten_million_rows_are_listed_in_little_memory() {
    const ROWS: u64 = 10_000_000;
    let Some(dir) = Dir::with_fuse() else { return };
    let mount = dir.mount(&sparse_file(&dir, ROWS), &["--shape", "10000000,1"]);
    for (folder, expected) in [
        ("rows", "9999999"),
        ("npy/rows", "9999999.npy"),
        ("csv/rows", "9999999.csv"),
    ] {
        let mut command = dir
            .command("ls", &["-f"])
            .args(&[mount.join(folder)])
            .into_inner();
        let mut ls = command.stdout(Stdio::piped()).spawn().unwrap();
        let (mut lines, mut peak, mut last) = (0, 0, String::new());
        for line in BufReader::new(ls.stdout.take().unwrap()).lines() {
            last = line.unwrap();
            lines += 1;
            if lines % 500_000 == 0 {
                peak = peak.max(rss_anon(mount.daemon()));
            }
        }
        assert!(ls.wait().unwrap().success());
        assert_eq!((lines, last.as_str()), (ROWS + 2, expected));
        println!("{folder}: the daemon's RssAnon: at most {peak} KiB");
        assert!(peak < MAX_RSS_ANON, "{folder}: RssAnon: {peak} KiB");
    }
    mount.unmount();
}

/// How many more look-ups there are than those that fill the daemon's table.
/// `ARRAYFS_LOOKUPS` can ask for more.
const LOOK_UPS: u64 = 200_000;

/// Look-ups after which the daemon has what memory it needs.
const WARM_UP: u64 = 50_000;

/// The most memory that all others may add, in KiB: each of the three hash
/// tables, of a fixed number of entries that come and go, grows once more. A
/// name that was kept for each look-up would take ten times as much.
const MAX_GROWTH: u64 = 2 * 1024;

#[test]
fn look_ups_of_many_slices_leave_the_memory_flat() {
    let Some(dir) = Dir::with_fuse() else { return };
    let look_ups = std::env::var("ARRAYFS_LOOKUPS").map_or(LOOK_UPS, |text| text.parse().unwrap());
    let mount = dir.mount(&sparse_file(&dir, 10_000), &[]);
    let script = dir.script("tools/look_up_names.py");
    let mut command = script.args(&[mount.join("slices")]).into_inner();
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut looking = command.spawn().unwrap();
    let mut asked = looking.stdin.take().unwrap();
    let mut done = BufReader::new(looking.stdout.take().unwrap());
    let mut look_up = |count: u64| {
        writeln!(asked, "{count}").unwrap();
        done.read_line(&mut String::new()).unwrap();
        rss_anon(mount.daemon())
    };
    let warm = look_up(WARM_UP);
    let started = Instant::now();
    let mut peak = warm;
    for _ in 0..10 {
        peak = peak.max(look_up(look_ups / 10));
    }
    println!(
        "the daemon's RssAnon: {warm} KiB after {WARM_UP} look-ups, at most {peak} KiB in \
         {look_ups} more, which took {:?}",
        started.elapsed()
    );
    drop(asked);
    assert!(looking.wait().unwrap().success());
    assert!(
        peak < MAX_RSS_ANON && peak - warm < MAX_GROWTH,
        "RssAnon: {warm}, then {peak} KiB"
    );
    mount.unmount();
}

/// The last row of a sparse array of 1 TiB reads and writes; afterwards its file
/// is written if `mode` says so, and takes little space.
fn last_row_of_a_tebibyte(mode: &str, is_written: bool) {
    const ROW: u64 = 1 << 20;
    let Some(dir) = Dir::with_fuse() else { return };
    let file = sparse_file(&dir, ROW << 20);
    let before = file.metadata().unwrap();
    let started = Instant::now();
    let mount = dir.mount(&file, &["--shape", "1048576x1048576", "--mode", mode]);
    let row = mount.join("rows/1048575");
    assert_eq!(row.metadata().unwrap().len(), ROW);
    println!("1 TiB in mode {mode}: usable after {:?}", started.elapsed());

    let shell = |command: &str| {
        let command = dir
            .command("sh", &["-c", command])
            .env("row", &row)
            .env("m", mount.point());
        command.run().succeeds_silently();
    };
    shell("yes | head -c 1M > new && head -c 1M /dev/zero > zeros");
    shell("cmp zeros $row && cp new $row && cmp new $row && tail -c 1M $m/data | cmp new");
    assert!(rss_anon(mount.daemon()) < MAX_RSS_ANON);
    mount.unmount();

    let after = file.metadata().unwrap();
    assert_eq!(after.len(), before.len());
    if is_written {
        assert!(after.blocks() * 512 <= 2 * ROW, "{} blocks", after.blocks());
        let compare = dir.command("sh", &["-c", "tail -c 1M sparse | cmp new"]);
        compare.run().succeeds_silently();
    } else {
        assert_eq!(after.blocks(), before.blocks());
        assert_eq!(after.modified().unwrap(), before.modified().unwrap());
    }
}

#[test]
fn the_last_row_of_a_tebibyte_is_written_in_mode_r_plus() {
    last_row_of_a_tebibyte("r+", true);
}

#[test]
fn the_last_row_of_a_tebibyte_is_written_in_memory_in_mode_c() {
    last_row_of_a_tebibyte("c", false);
}
