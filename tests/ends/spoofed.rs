//! Abstract sockets that announce the server of a mount can be bound by any user. Those of other
//! users neither end a live mount nor protect a hung one.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill};

use crate::common::{ARRAYFS, Dir, Mount, in_time, mounts_below, wait_until, watchdog_of};

/// The script, which may lie where the other user cannot read it.
const SPOOFER: &str = include_str!("spoofer.py");

/// Another user's process that has taken names.
struct Spoofer(Child);

impl Spoofer {
    fn of(dir: &Dir, mount: &Mount, process: &str) -> Spoofer {
        let line = mounts_below(mount.point()).remove(0);
        let device = line.split(' ').nth(2).unwrap();
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap();
        let namespace = namespace.to_str().unwrap();
        let namespace = &namespace["pid:[".len()..namespace.len() - 1];
        let command = dir.command("python3", &["-c", SPOOFER, device, namespace, process]);
        let mut command = command.user(65534).into_inner();
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let told = child.stdout.as_mut().unwrap().read(&mut [0; 16]).unwrap();
        assert!(told > 0, "names are not to be had");
        Spoofer(child)
    }
}

impl Drop for Spoofer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_mount_that_is_alive_stays_whatever_names_another_user_takes() {
    let Some(dir) = Dir::for_root() else { return };
    let file = dir.file("data.bin", [7; 100]);
    // What the daemon itself says is not to be seen from here.
    let words = ["unshare", "--net", ARRAYFS, "--shape", "10,10"];
    let mount = Mount::start_elsewhere(&dir, &file, &words);
    let _spoofer = Spoofer::of(&dir, &mount, "dead");
    let again = dir.arrayfs(&["--replace-dead", "data.bin"]);
    let outcome = again.args(&[mount.point()]).run();
    assert_eq!(outcome.status.code(), Some(4), "{outcome}");
    let words = ": is already an arrayfs mount, of ";
    assert!(outcome.stderr.contains(words), "{outcome}");
    assert_eq!(fs::read(mount.join("data")).unwrap(), [7; 100]);
    mount.unmount();
}

/// An ext4 on a loop device, which takes no changes while it is frozen.
struct Volume(PathBuf);

impl Volume {
    fn new(dir: &Dir) -> Volume {
        let image = dir.file("image", "");
        let opened = fs::File::options().write(true).open(&image).unwrap();
        opened.set_len(16 << 20).unwrap();
        let volume = Volume(dir.directory("volume"));
        let make = dir.command("mkfs.ext4", &["-q"]).args(&[&image]);
        make.run().succeeds();
        let mount = dir.command("mount", &["-o", "loop"]);
        mount.args(&[&image, &volume.0]).run().succeeds();
        volume
    }

    fn freeze(&self, how: &str) {
        let mut command = std::process::Command::new("fsfreeze");
        assert!(command.arg(how).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if thread::panicking() {
            let mut thaw = std::process::Command::new("fsfreeze");
            let _ = thaw.arg("-u").arg(&self.0).status();
        }
        let mut unmount = std::process::Command::new("umount");
        let _ = unmount.arg("-l").arg(&self.0).status();
    }
}

fn state(process: &Path) -> String {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| &rest[..1]);
    state.unwrap_or_default().to_owned()
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "no process watches the daemon portably")]
fn a_mount_that_hangs_is_freed_whatever_names_another_user_takes() {
    let Some(dir) = Dir::for_root() else { return };
    let volume = Volume::new(&dir);
    let file = volume.0.join("data.bin");
    fs::write(&file, [7; 100]).unwrap();
    let mut mount = dir.mount(&file, &["--shape", "10,10"]);
    let daemon = mount.daemon();
    let spoofer = Spoofer::of(&dir, &mount, "1");
    let tasks = PathBuf::from(format!("/proc/{daemon}/task"));
    volume.freeze("-f");
    // By a process of its own: what others start would hold its file open, too, and hang.
    let write = dir.command("dd", &["if=/dev/zero", "count=10", "bs=1", "conv=notrunc"]);
    let target = format!("of={}", mount.join("rows/3").display());
    let mut write = write.args(&[target]).into_inner().spawn().unwrap();
    wait_until("a worker that waits for the disk", || {
        let mut tasks = fs::read_dir(&tasks).unwrap().flatten();
        tasks.any(|task| state(&task.path()) == "D")
    });
    for process in [watchdog_of(&mount), daemon] {
        kill(process, Signal::SIGKILL).unwrap();
    }
    wait_until("the daemon's end, but for that", || {
        state(&PathBuf::from(format!("/proc/{daemon}"))) == "Z"
    });
    mount.unmount_command().run().succeeds_silently();
    assert_eq!(mounts_below(mount.point()), [""; 0]);
    let ended = in_time("the write", move || write.wait().unwrap());
    assert!(!ended.expect("an end").success());
    volume.freeze("-u");
    mount.died();
    drop(spoofer);
}
