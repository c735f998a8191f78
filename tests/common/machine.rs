//! A private machine for a test, by means of a mount namespace. The test's thread and its child
//! processes see an installed arrayfs, and their own `/dev/fuse`, `/etc/fuse.conf` and
//! `/etc/fstab`. Nothing has to be restored afterwards.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, mknod};

use super::{ARRAYFS, mounts_below};

/// The directory in which `mount` finds programs. The other files of the machine are here too.
const PLACE: &str = "/usr/local/sbin";

/// The installed program under test, accessible to every user and to `mount`.
pub const INSTALLED: &str = "/usr/local/sbin/arrayfs";

/// A mount namespace of this thread and its child processes.
pub struct Machine {
    /// The mount namespace of all other processes.
    outside: File,
    directory: PathBuf,
}

impl Machine {
    /// Moves this thread to a machine on which every user may use FUSE, and `fuse.conf` and
    /// `fstab` are empty. Needs root.
    pub fn new() -> Machine {
        let machine = Machine {
            outside: File::open("/proc/thread-self/ns/mnt").unwrap(),
            directory: std::env::current_dir().unwrap(),
        };
        // SAFETY: concerns the kernel's view of this thread only.
        succeeds(unsafe { libc::unshare(libc::CLONE_NEWNS) });
        let nothing = None::<&str>;
        // What is unmounted outside is unmounted here, but not the other way round.
        let slave = MsFlags::MS_REC | MsFlags::MS_SLAVE;
        mount(nothing, "/", nothing, slave, nothing).unwrap();
        leave_out_arrays();
        let tmpfs = Some("tmpfs");
        mount(tmpfs, PLACE, tmpfs, MsFlags::empty(), Some("mode=755")).unwrap();
        fs::write(INSTALLED, "").unwrap();
        bind(Path::new(ARRAYFS), Path::new(INSTALLED));
        let device = fs::metadata("/dev/fuse").unwrap().rdev();
        let kind = SFlag::S_IFCHR;
        mknod(&place("fuse"), kind, Mode::empty(), device).unwrap();
        machine.set_fuse_bits(0o666);
        bind(&place("fuse"), Path::new("/dev/fuse"));
        for name in ["fuse.conf", "fstab"] {
            fs::write(place(name), "").unwrap();
            bind(&place(name), &Path::new("/etc").join(name));
        }
        machine
    }

    /// Sets the permission bits of `/dev/fuse`.
    pub fn set_fuse_bits(&self, bits: u32) {
        fs::set_permissions(place("fuse"), Permissions::from_mode(bits)).unwrap();
    }

    /// Sets the content of `/etc/fuse.conf`.
    pub fn write_fuse_conf(&self, text: &str) {
        fs::write(place("fuse.conf"), text).unwrap();
    }

    /// Sets the content of `/etc/fstab`.
    pub fn write_fstab(&self, text: &str) {
        fs::write(place("fstab"), text).unwrap();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let kind = libc::CLONE_NEWNS;
        // SAFETY: both concern the kernel's view of this thread only. A thread
        // that shares its directory with others cannot change its mounts.
        let back = unsafe {
            libc::unshare(libc::CLONE_FS) == 0 && libc::setns(self.outside.as_raw_fd(), kind) == 0
        };
        let back = back && std::env::set_current_dir(&self.directory).is_ok();
        assert!(back || std::thread::panicking(), "cannot leave the machine");
    }
}

/// Unmounts arrays that were mounted before, in this namespace only. Otherwise they would stay
/// in use here after their unmount.
fn leave_out_arrays() {
    for line in mounts_below(Path::new("/")) {
        if let Some((mount, _)) = line.split_once(" - fuse.arrayfs ") {
            let point = mount.split(' ').nth(4).unwrap();
            // It can have gone in the meantime.
            let _ = umount2(point, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
        }
    }
}

fn place(name: &str) -> PathBuf {
    Path::new(PLACE).join(name)
}

fn bind(from: &Path, to: &Path) {
    let nothing = None::<&str>;
    let bound = mount(Some(from), to, nothing, MsFlags::MS_BIND, nothing);
    bound.unwrap_or_else(|error| panic!("{} on {}: {error}", from.display(), to.display()));
}

fn succeeds(returned: i32) {
    assert_eq!(returned, 0, "{}", io::Error::last_os_error());
}
