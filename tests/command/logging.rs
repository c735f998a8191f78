//! The destination and the levels of the log.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;

use crate::common::{ARRAYFS, Dir, Mount, mounts_below, wait_until};

#[test]
fn the_log_has_warnings_and_with_v_or_rust_log_more() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let cases = [
        (&[][..], "", None, Some(" ")),
        (&["-v"], "", Some("INFO"), Some("fuser")),
        (&["-o", "verbose"], "", Some("INFO"), Some("fuser")),
        (&["-vv"], "", Some("DEBUG"), Some("TRACE")),
        (&[], "arrayfs=info", Some("mounted on"), Some("DEBUG")),
        (&["-v"], "off", None, Some(" ")),
    ];
    for (number, (options, variable, logged, not_logged)) in cases.into_iter().enumerate() {
        let point = dir.directory(&format!("mnt{number}"));
        let (mount, outcome) =
            Mount::start_on(&dir, &file, &point, options, &[("RUST_LOG", variable)]);
        outcome.succeeds_silently();
        let log = mount.log();
        assert!(
            logged.is_none_or(|words| log.contains(words)),
            "{options:?}: {log}"
        );
        assert!(
            not_logged.is_none_or(|words| !log.contains(words)),
            "{options:?}: {log}"
        );
        mount.unmount();
    }
}

#[test]
fn a_line_of_the_log_has_time_level_process_and_module() {
    let Some(dir) = Dir::with_fuse() else { return };
    let milliseconds_now = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let file = dir.file("data.bin", [7; 100]);
    let before = milliseconds_now();
    let mount = dir.mount(&file, &["-v"]);
    let log = mount.log();
    let words: Vec<&str> = log.split_whitespace().collect();
    // In milliseconds since 1970, and again as the log writes it.
    let date = |time: &str, format: &str| {
        let arguments = ["--utc", "--date", time, format];
        dir.command("date", &arguments).run().succeeds()
    };
    let logged = date(words[0], "+%s%3N").trim().parse().unwrap();
    assert!((before..=milliseconds_now()).contains(&logged), "{log}");
    assert_eq!(date(words[0], "+%FT%T.%3NZ").trim(), words[0]);
    assert_eq!(
        words[1..4],
        [
            "INFO",
            &mount.daemon().to_string(),
            "arrayfs::daemon::mounted:"
        ]
    );
    mount.unmount();
}

/// Runs arrayfs where `/dev` and `/var/log` are directories of the test, so
/// that what the machine itself logs is out of the way.
fn start_with_own_system_log(dir: &Dir) -> Mount {
    let file = dir.file("data.bin", [7; 100]);
    let script = r#"
        set -e
        for device in null fuse; do
            : > dev/$device
            mount --bind /dev/$device dev/$device
        done
        mount --bind var_log /var/log
        mount --rbind dev /dev
        exec "$@"
    "#;
    let words = [
        "unshare", "--mount", "sh", "-c", script, "sh", ARRAYFS, "-v",
    ];
    Mount::start_elsewhere(dir, &file, &words)
}

#[test]
fn in_the_background_the_log_goes_to_the_system_log() {
    let Some(dir) = Dir::for_root() else { return };
    let devices = dir.directory("dev");
    let logs = dir.directory("var_log");
    let socket = UnixDatagram::bind(devices.join("log")).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut mount = start_with_own_system_log(&dir);
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    let datagram = String::from_utf8_lossy(&buffer[..length]);
    let expected = format!(
        "<30>arrayfs[{}]: arrayfs::daemon::mounted: ",
        mount.daemon()
    );
    assert!(datagram.starts_with(&expected), "{datagram}");
    assert!(
        datagram.ends_with(&format!("mounted on {}", mount.point().display())),
        "{datagram}"
    );

    // Once nobody listens, the file takes over.
    drop(socket);
    assert_eq!(fs::read_dir(&logs).unwrap().count(), 0);
    mount.signal(Signal::SIGTERM);
    assert!(mount.died().success());
    let log = fs::read_to_string(logs.join("arrayfs.log")).unwrap();
    assert!(log.contains("unmounting on SIGTERM"), "{log}");
}

#[test]
fn without_a_system_log_the_log_goes_to_a_file() {
    let Some(dir) = Dir::for_root() else { return };
    dir.directory("dev");
    let logs = dir.directory("var_log");
    let mut mount = start_with_own_system_log(&dir);
    let log = fs::read_to_string(logs.join("arrayfs.log")).unwrap();
    assert!(log.contains("mounted on"), "{log}");
    mount.signal(Signal::SIGTERM);
    assert!(mount.died().success());
    wait_until("unmounting", || mounts_below(dir.path()).is_empty());
}
