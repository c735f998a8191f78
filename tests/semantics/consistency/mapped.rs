//! Claims 40 and 41: mappings show what is written, and write-back of a dirty page does not undo
//! a newer write.

use std::fs;

use crate::common::arrays::judge;
use crate::common::{Ability, Dir, needs};

/// Maps every kind of view, writes through every other, and looks at the pages.
const MAPPED: &str = r#"
import mmap
root = sys.argv[1]
a = np.memmap(root + "/../data.bin", "u1", "r", shape=(64, 96))
views = {
    "data": a, "T/data": a.T, "rows/3": a[3], "cols/7": a[:, 7], "axes/1/90": a[:, 90],
    "slices/::2,5:70": a[::2, 5:70], "T/slices/::-1": a.T[::-1], "T/rows/11": a.T[11],
}
mapped = {}
for path in views:
    with open(f"{root}/{path}", "r+b") as file:
        mapped[path] = mmap.mmap(file.fileno(), 0)
npy = np.load(root + "/npy/data.npy", mmap_mode="r")
rng = np.random.default_rng(7)
for turn in range(300):
    path = list(views)[turn % len(views)]
    size = views[path].size
    for kept, view in views.items():
        # Every page is there, as it was.
        assert mapped[kept][:] == view.tobytes(), (turn, kept)
    start = int(rng.integers(size))
    data = rng.bytes(int(rng.integers(1, size - start + 1)))
    with open(f"{root}/{path}", "r+b", buffering=0) as file:
        assert os.pwrite(file.fileno(), data, start) == len(data)
    assert views[path].tobytes()[start:start + len(data)] == data, (turn, path)
    assert (npy == a).all(), turn
"#;

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_40_mapped_pages_show_what_is_written_through_other_views() {
    if !needs(Ability::DirectMappings) {
        return;
    }
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 64 * 96]);
    let mount = dir.mount(&file, &["--shape", "64,96"]);
    let root = mount.point().display().to_string();
    judge(&dir, MAPPED, &[root]);
}

/// One process stores to a page without end, and two write its neighbours.
const STORED: &str = r#"
import mmap
root = sys.argv[1]
writers = []
storer = os.fork()
if storer == 0:
    with open(root + "/data", "r+b") as file:
        page = mmap.mmap(file.fileno(), 4096)
    count = 0
    while True:
        page[5] = count % 256
        count += 1
for row in (10, 20):
    writer = os.fork()
    if writer == 0:
        own = os.open(f"{root}/rows/{row}", os.O_RDWR)
        data = os.open(f"{root}/data", os.O_RDONLY)
        last = bytes(8)
        os.pwrite(own, last, 0)
        for turn in range(1, 1500):
            if os.pread(data, 8, row * 64) != last:
                os._exit(1)
            last = turn.to_bytes(8, "little")
            if os.pwrite(own, last, 0) != 8 or os.pread(data, 8, row * 64) != last:
                os._exit(1)
        os._exit(0)
    writers.append(writer)
outcomes = [os.waitpid(writer, 0)[1] for writer in writers]
os.kill(storer, 9)
os.waitpid(storer, 0)
assert outcomes == [0, 0], outcomes
"#;

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_41_a_write_is_not_lost_to_a_page_that_others_store_to() {
    if !needs(Ability::DirectMappings) {
        return;
    }
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [0; 4096]);
    let mount = dir.mount(&file, &["--shape", "64,64"]);
    let root = mount.point().display().to_string();
    judge(&dir, STORED, &[root]);
}

#[test]
fn claim_42_a_file_that_is_replaced_or_deleted_is_still_the_one_that_was_opened() {
    let Some(dir) = Dir::with_fuse() else { return };
    for (replaced, word) in [(true, "has been replaced"), (false, "has been deleted")] {
        let file = dir.file("data.bin", [1; 4096]);
        let mut mount = dir.mount(&file, &["--shape", "64,64"]);
        assert_eq!(fs::read(mount.join("rows/3")).unwrap(), [1; 64]);
        fs::remove_file(&file).unwrap();
        if replaced {
            dir.file("data.bin", [2; 4096]);
        }
        fs::write(mount.join("rows/4"), [3; 64]).unwrap();
        let after = [[1; 64], [3; 64], [1; 64]].concat();
        assert_eq!(fs::read(mount.join("data")).unwrap()[192..384], after);
        mount.expect_warning(word);
    }
}

/// One process stores to a page without end and two write its neighbours, when
/// their daemon is killed.
const KILLED: &str = r#"
import errno, mmap, signal, time
root, daemon = sys.argv[1], int(sys.argv[2])
told, tell = os.pipe()
def until_it_fails(work):
    client = os.fork()
    if client == 0:
        try:
            while True:
                work()
                os.write(tell, b".")
        except OSError as error:
            os._exit(0 if error.errno in (errno.ENOTCONN, errno.ECONNABORTED, errno.EIO) else 1)
    return client

with open(root + "/data", "r+b") as file:
    page = mmap.mmap(file.fileno(), 4096)
def store():
    page[5] = (page[5] + 1) % 256
    page.flush()
own = [os.open(f"{root}/rows/{row}", os.O_RDWR) for row in (10, 20)]
clients = [until_it_fails(work) for work in (
    store, lambda: os.pwrite(own[0], bytes(8), 0), lambda: os.pwrite(own[1], bytes(8), 0))]
count = 0
while count < 300:
    count += len(os.read(told, 300))
os.kill(daemon, 9)
os.set_blocking(told, False)
deadline = time.monotonic() + 20
for number, client in enumerate(clients):
    ended, status = 0, None
    while not ended:
        assert time.monotonic() < deadline, "a client hangs"
        # What it tells is no longer of interest, but must not fill the pipe.
        try:
            os.read(told, 65536)
        except BlockingIOError:
            pass
        ended, status = os.waitpid(client, os.WNOHANG)
    # The page itself can be gone, which is a fault for who touches it.
    assert status == 0 or number == 0 and status == signal.SIGBUS, (number, status)
try:
    os.statvfs(root)
    assert False
except OSError as error:
    assert error.errno == errno.ENOTCONN, error
"#;

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_44_a_daemon_that_is_killed_takes_nobody_with_it() {
    if !needs(Ability::DirectMappings) {
        return;
    }
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [0; 4096]);
    for _ in 0..10 {
        let mut mount = dir.mount(&file, &["--shape", "64,64"]);
        let root = mount.point().display().to_string();
        judge(&dir, KILLED, &[root, mount.daemon().to_string()]);
        mount.died();
        mount.unmount_command().run().succeeds_silently();
    }
}

#[test]
#[cfg(arrayfs_portable)]
fn views_cannot_be_mapped_shared_where_their_pages_cannot_be_dropped() {
    use std::fs::File;

    use memmap2::MmapRaw;

    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [0; 4096]);
    let mount = dir.mount(&file, &["--shape", "64,64"]);
    for path in ["data", "T/data", "rows/3"] {
        let view = File::options()
            .read(true)
            .write(true)
            .open(mount.join(path));
        let mapped = MmapRaw::map_raw(&view.unwrap());
        assert_eq!(
            mapped.unwrap_err().raw_os_error(),
            Some(libc::ENODEV),
            "{path}"
        );
    }
}
