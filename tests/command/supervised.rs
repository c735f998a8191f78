//! Supervision: readiness notification, restarts after a kill, and health checks.

use std::fs;

use nix::sys::signal::{Signal, kill};

use crate::common::{ARRAYFS, Dir, mounts_below, process_with, wait_for_process};

#[test]
fn a_mount_whose_daemon_was_killed_is_replaced_when_that_is_wanted() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.directory("mnt");
    let start = |words: &[&str]| dir.arrayfs(words).args(&[&file, &point]).run();
    // Nothing is replaced that is not there, or alive.
    start(&["--replace-dead"]).succeeds_silently();
    let refused = start(&["--replace-dead"]);
    assert_eq!(refused.status.code(), Some(4), "{refused}");
    assert!(
        refused.stderr.contains("already an arrayfs mount"),
        "{refused}"
    );
    for words in [&["--replace-dead"][..], &["-o", "replace-dead"]] {
        let daemon = process_with(&point).unwrap();
        kill(daemon, Signal::SIGKILL).unwrap();
        wait_for_process(daemon);
        let refused = start(&[]);
        assert!(refused.stderr.contains("is a dead mount"), "{refused}");
        start(words).succeeds_silently();
        assert_eq!(fs::read(point.join("data")).unwrap(), [7; 100]);
        assert_eq!(mounts_below(dir.path()).len(), 1);
    }
    dir.arrayfs(&["-u", "mnt"]).run().succeeds_silently();
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn the_probe_of_the_pod_succeeds_once_the_array_is_mounted() {
    let Some(dir) = Dir::with_fuse() else { return };
    let pod = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/docs/container/kubernetes.yaml"
    );
    let pod = fs::read_to_string(pod).unwrap();
    let words = |start: &str| {
        let line = pod.lines().find(|line| line.contains(start)).unwrap();
        let list = line.split_once('[').unwrap().1.rsplit_once(']').unwrap().0;
        let words = list
            .replace("\"600,512,512\"", "100")
            .replace("int16", "u1");
        let words = words
            .split(", ")
            .map(|word| match word.split_once("/mounts/") {
                Some((_, name)) => dir.join(name).display().to_string(),
                None => word.replace("/data/", &format!("{}/", dir.path().display())),
            });
        words.collect::<Vec<_>>()
    };
    let file = dir.file("scan.dat", [7; 100]);
    let (mount, probe) = (words("args: "), words("command: [/arrayfs"));
    let probe = || dir.arrayfs(&probe[1..]).run();
    assert!(!probe().status.success());
    if nix::unistd::geteuid().is_root() {
        dir.arrayfs(&mount).run().succeeds_silently();
        probe().succeeds();
        dir.arrayfs(&["-u", "scan"]).run().succeeds_silently();
    }
    assert_eq!(fs::read(file).unwrap(), [7; 100]);
}

#[test]
fn a_descriptor_that_cannot_be_written_to_ends_the_mount_at_once() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    let words = [
        "-c",
        "\"$0\" data.bin new --ready-fd 7 7< data.bin",
        ARRAYFS,
    ];
    let outcome = dir.command("sh", &words).run();
    outcome.fails(2, "arrayfs: --ready-fd 7: bad file descriptor\n");
    assert!(!dir.join("new").exists() && mounts_below(dir.path()).is_empty());
}

#[test]
fn whoever_supervises_it_hears_when_it_is_usable_and_when_it_ends() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    let path = dir.join("notify");
    // A name that is no path, of its own for each test.
    let name = path.to_str().unwrap().replace('/', "-");
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let abstract_socket = UnixDatagram::bind_addr(&address).unwrap();
    let socket = UnixDatagram::bind(&path).unwrap();
    for (attachment, socket, place) in [
        ("", &socket, path.to_str().unwrap()),
        ("-f", &socket, path.to_str().unwrap()),
        ("-f", &abstract_socket, &format!("@{name}")),
    ] {
        if cfg!(arrayfs_portable) && place.starts_with('@') {
            continue;
        }
        socket
            .set_read_timeout(Some(std::time::Duration::from_secs(30)))
            .unwrap();
        let hear = || {
            let mut message = [0; 1000];
            let count = socket.recv(&mut message).unwrap();
            String::from_utf8_lossy(&message[..count]).into_owned()
        };
        // Read to its end, which comes before that of the daemon.
        let script = "{ \"$0\" data.bin new $1 --ready-fd 7 7>&1 >/dev/null 2>&1 & } | cat";
        let command = dir.command("sh", &["-c", script, ARRAYFS, attachment]);
        let command = command.env("NOTIFY_SOCKET", place);
        assert_eq!(command.run().succeeds(), "\n", "{attachment}");
        assert_eq!(fs::read(dir.join("new/data")).unwrap(), [7; 100]);
        let message = hear();
        let process = message.strip_prefix("READY=1\nMAINPID=").unwrap();
        let process = process.trim_end().parse().unwrap();
        let comm = fs::read_to_string(format!("/proc/{process}/comm")).unwrap();
        assert_eq!(comm, "arrayfs\n");
        dir.arrayfs(&["-u", "new"]).run().succeeds_silently();
        assert_eq!(hear(), "STOPPING=1\n", "{attachment}");
        wait_for_process(nix::unistd::Pid::from_raw(process));
    }
}
