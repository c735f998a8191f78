//! The attributes that `stat` shows: sizes from the tree; owner, permission bits and times from
//! the backing file, as changed by mount options.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use fuser::{FileAttr, FileType, INodeNo, TimeOrNow};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid};

use super::negotiation::MAX_REQUEST;
use crate::mapping::Mode;
use crate::platform;
use crate::tree::NodeAttributes;

/// How owner and permission bits are shown.
#[derive(Debug, Clone)]
pub(super) struct Appearance {
    /// The uid shown instead of the backing file's.
    pub(super) uid: Option<u32>,
    /// The gid shown instead of the backing file's.
    pub(super) gid: Option<u32>,
    /// Permission bits removed from 0666, shown instead of the backing file's.
    pub(super) umask: Option<u32>,
    /// Whether array files are writable.
    pub(super) writable: bool,
    /// Whether `chown` and `chmod` succeed without effect.
    pub(super) quiet: bool,
    /// The user who may write despite the permission bits, since writes do not reach the file.
    pub(super) mounting_user: Option<MountingUser>,
}

/// The user who mounts under mode `c`.
#[derive(Debug, Clone)]
pub(super) struct MountingUser {
    uid: Uid,
    groups: Vec<Gid>,
}

/// The arguments of SETATTR. `None` leaves an attribute as it is.
#[derive(Debug, Default)]
pub(super) struct AttributeChange {
    /// The permission bits.
    pub(super) mode: Option<u32>,
    /// The owner.
    pub(super) uid: Option<u32>,
    /// The group.
    pub(super) gid: Option<u32>,
    /// The size in bytes.
    pub(super) size: Option<u64>,
    /// The access time, possibly `UTIME_NOW`.
    pub(super) atime: Option<TimeSpec>,
    /// The modification time, possibly `UTIME_NOW`.
    pub(super) mtime: Option<TimeSpec>,
}

impl MountingUser {
    /// The user of this process under mode `c`. `None` for root, who needs no permission bits,
    /// and under other modes.
    pub(super) fn of(mode: Mode) -> Option<MountingUser> {
        let uid = Uid::effective();
        if mode != Mode::CopyOnWrite || uid.is_root() {
            return None;
        }
        let mut groups = vec![Gid::effective()];
        groups.extend(platform::supplementary_groups());
        Some(MountingUser { uid, groups })
    }

    /// The write bit by which this user can write a file of `uid` and `gid`.
    fn bit(&self, uid: u32, gid: u32) -> u32 {
        if self.uid.as_raw() == uid {
            0o200
        } else if self.groups.contains(&Gid::from_raw(gid)) {
            0o020
        } else {
            0o002
        }
    }
}

impl Appearance {
    /// The attributes of the node `inode` with the attributes `attrs` in the tree. `backing` is
    /// the metadata of the backing file, `bits` its permission bits within its access control
    /// list, and `written` the time of the last write through the mount.
    pub(super) fn attributes(
        &self,
        inode: u64,
        attrs: &NodeAttributes,
        backing: &Metadata,
        bits: u32,
        written: Option<SystemTime>,
    ) -> FileAttr {
        let modified = time(backing.mtime(), backing.mtime_nsec());
        let mtime = written.map_or(modified, |written| modified.max(written));
        let changed = time(backing.ctime(), backing.ctime_nsec());
        let uid = self.uid.unwrap_or(backing.uid());
        let gid = self.gid.unwrap_or(backing.gid());
        FileAttr {
            ino: INodeNo(inode),
            size: attrs.len,
            blocks: attrs.len.div_ceil(512),
            atime: time(backing.atime(), backing.atime_nsec()),
            mtime,
            ctime: changed.max(mtime),
            crtime: modified,
            kind: kind(attrs.is_directory),
            perm: self.permissions(attrs, bits, uid, gid),
            nlink: attrs.links,
            uid,
            gid,
            rdev: 0,
            blksize: block_size(attrs.len),
            flags: 0,
        }
    }

    /// Whether the backing file's permission bits are shown.
    pub(super) fn shows_bits(&self) -> bool {
        self.umask.is_none()
    }

    /// The permission bits of a node with owner `uid` and `gid`, from the bits `backing` of the
    /// backing file. Never set-user-id, set-group-id or sticky.
    fn permissions(&self, attrs: &NodeAttributes, backing: u32, uid: u32, gid: u32) -> u16 {
        let mut bits = match self.umask {
            Some(umask) => 0o666 & !umask,
            None => backing & 0o777,
        };
        if let Some(mounting_user) = &self.mounting_user {
            bits |= mounting_user.bit(uid, gid);
        }
        if attrs.is_directory {
            bits |= (bits & 0o444) >> 2;
        }
        if !self.writable {
            bits &= !0o222;
        }
        if !attrs.is_directory && !attrs.writable {
            bits = match attrs.shows_elements {
                true => bits & 0o444,
                false => 0o444 & !self.umask.unwrap_or(0),
            };
        }
        bits as u16
    }
}

/// The file type of a directory or a regular file.
pub(super) fn kind(directory: bool) -> FileType {
    if directory {
        FileType::Directory
    } else {
        FileType::RegularFile
    }
}

/// The smallest power of two that is at least `len` and a page, at most `MAX_REQUEST`; in bytes.
fn block_size(len: u64) -> u32 {
    let len = u32::try_from(len).unwrap_or(u32::MAX).min(MAX_REQUEST);
    len.next_power_of_two().max(4096)
}

/// The time `seconds` after 1970, or before it, plus `nanoseconds`.
pub(super) fn time(seconds: i64, nanoseconds: i64) -> SystemTime {
    let since = Duration::from_secs(seconds.unsigned_abs());
    let whole = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(since)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(since)
    };
    let fraction = Duration::from_nanos(nanoseconds.unsigned_abs());
    whole
        .and_then(|time| time.checked_add(fraction))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Converts a time for `futimens`. `Now` stays `UTIME_NOW`: every user with write permission may
/// set it, but only the owner may set another time.
pub(super) fn time_spec(time: TimeOrNow) -> TimeSpec {
    let time = match time {
        TimeOrNow::Now => return TimeSpec::UTIME_NOW,
        TimeOrNow::SpecificTime(time) => time,
    };
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => TimeSpec::new(since.as_secs() as i64, i64::from(since.subsec_nanos())),
        // fuser counts the fraction of a time before 1970 backwards from the second; the kernel
        // counts it forwards.
        Err(before) => {
            let before = before.duration();
            TimeSpec::new(-(before.as_secs() as i64), i64::from(before.subsec_nanos()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: NodeAttributes = NodeAttributes {
        is_directory: false,
        len: 8,
        shows_elements: true,
        writable: true,
        links: 1,
    };

    #[test]
    fn permissions_follow_the_backing_file_and_the_options() {
        let directory = NodeAttributes {
            is_directory: true,
            shows_elements: false,
            writable: false,
            ..FILE
        };
        let description = NodeAttributes {
            shows_elements: false,
            writable: false,
            ..FILE
        };
        let text = NodeAttributes {
            writable: false,
            ..FILE
        };
        for (writable, umask, attrs, backing, expected) in [
            (true, None, &FILE, 0o100644, 0o644),
            (true, None, &FILE, 0o106755, 0o755),
            (false, None, &FILE, 0o100664, 0o444),
            (true, None, &directory, 0o100640, 0o750),
            (false, None, &directory, 0o100644, 0o555),
            (true, None, &description, 0o100660, 0o444),
            (true, Some(0o027), &description, 0o100660, 0o440),
            (true, None, &text, 0o100660, 0o440),
            (true, None, &text, 0o100200, 0),
            (true, Some(0o027), &text, 0o100600, 0o440),
            (true, Some(0o027), &FILE, 0o100600, 0o640),
            (true, Some(0o027), &directory, 0o100600, 0o750),
            (false, Some(0), &FILE, 0o100600, 0o444),
        ] {
            let appearance = Appearance {
                uid: None,
                gid: None,
                umask,
                writable,
                quiet: false,
                mounting_user: None,
            };
            let bits = appearance.permissions(attrs, backing, 0, 0);
            assert_eq!(bits, expected, "{writable} {umask:?} {backing:o} {bits:o}");
        }
    }

    #[test]
    fn the_user_of_mode_c_may_write() {
        let mounting_user = MountingUser {
            uid: Uid::from_raw(1000),
            groups: vec![Gid::from_raw(100)],
        };
        let appearance = Appearance {
            uid: None,
            gid: None,
            umask: None,
            writable: true,
            quiet: false,
            mounting_user: Some(mounting_user),
        };
        for (uid, gid, expected) in [
            (1000, 1000, 0o644),
            (1000, 100, 0o644),
            (0, 100, 0o464),
            (0, 0, 0o446),
        ] {
            assert_eq!(appearance.permissions(&FILE, 0o444, uid, gid), expected);
        }
    }

    #[test]
    fn block_sizes_are_powers_of_two_that_hold_the_file() {
        for (len, expected) in [
            (0, 4096),
            (4096, 4096),
            (4097, 8192),
            (1 << 20, 1 << 20),
            ((1 << 20) + 1, MAX_REQUEST),
            (u64::MAX, MAX_REQUEST),
        ] {
            assert_eq!(block_size(len), expected);
        }
    }

    #[test]
    fn times_before_1970_are_kept() {
        let expected = SystemTime::UNIX_EPOCH - Duration::from_millis(1500);
        assert_eq!(time(-2, 500_000_000), expected);
    }
}
