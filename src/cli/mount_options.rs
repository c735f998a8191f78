//! Mount options under `-o`, in the syntax of `mount(8)` and `/etc/fstab`: splitting them,
//! rejecting unknown ones and dropping those for other programs. Their values are parsed in
//! `settings`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::UsageError;
use crate::fs::MountFlag;

/// Options of arrayfs without a value.
const SWITCHES: [&str; 11] = [
    "ro",
    "rw",
    "allow_other",
    "allow_root",
    "quiet",
    "extend",
    "pad",
    "xattr",
    "foreground",
    "replace-dead",
    "verbose",
];

/// Options of arrayfs with a value: those that are also long options, then those only under `-o`.
const VALUED: [&str; 20] = [
    "format",
    "array",
    "dtype",
    "shape",
    "order",
    "offset",
    "mode",
    "cache",
    "cache-size",
    "scratch-size",
    "passthrough",
    "csv",
    "zarr-chunks",
    "threads",
    "log-file",
    "idle-timeout",
    "uid",
    "gid",
    "umask",
    "fsname",
];

/// Aliases. mount(8) does not pass on `offset=`: it sets up a loop device with that offset and
/// mounts the device.
const ALIASES: [(&str, &str); 1] = [("array_offset", "offset")];

/// Options that set or clear a mount flag of the kernel.
const FLAGS: [(&str, MountFlag, bool); 7] = [
    ("noexec", MountFlag::NoExec, true),
    ("exec", MountFlag::NoExec, false),
    ("noatime", MountFlag::NoAtime, true),
    ("atime", MountFlag::NoAtime, false),
    ("sync", MountFlag::Sync, true),
    ("async", MountFlag::Sync, false),
    ("dirsync", MountFlag::DirSync, true),
];

/// Options of macFUSE, which are passed on to it: the name, and whether it takes a value.
const MACFUSE: [(&str, bool); 6] = [
    ("volname", true),
    ("daemon_timeout", true),
    ("local", false),
    ("noappledouble", false),
    ("noapplexattr", false),
    ("nobrowse", false),
];

/// Options that are ignored: they are for `mount`, `systemd` or other file systems, or ask for
/// what is the case anyway.
const IGNORED: [&str; 36] = [
    "_netdev",
    "auto",
    "comment",
    "default_permissions",
    "defaults",
    "dev",
    "diratime",
    "group",
    "iversion",
    "lazytime",
    "loud",
    "mand",
    "noauto",
    "nodev",
    "nodiratime",
    "nofail",
    "nogroup",
    "noiversion",
    "nolazytime",
    "nomand",
    "nonempty",
    "noowner",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nosymfollow",
    "nouser",
    "nousers",
    "owner",
    "relatime",
    "silent",
    "strictatime",
    "subtype",
    "suid",
    "user",
    "users",
];

/// The options of every `-o` that arrayfs knows, in the order given.
#[derive(Debug, Default)]
pub(super) struct MountOptions(Vec<(String, Option<OsString>)>);

impl MountOptions {
    /// Parses groups of comma-separated options. A backslash escapes the next character, such
    /// as a comma in a value.
    ///
    /// # Errors
    ///
    /// When an option is unknown, lacks its value, or has a value but takes none.
    pub(super) fn parse(groups: &[OsString]) -> Result<MountOptions, UsageError> {
        MountOptions::parse_for(groups, cfg!(target_os = "macos"))
    }

    /// The same, on macOS or on another system.
    fn parse_for(groups: &[OsString], on_macos: bool) -> Result<MountOptions, UsageError> {
        let mut items = Vec::new();
        for item in groups.iter().flat_map(|group| split(group.as_bytes())) {
            let (name, value) = match item.iter().position(|&byte| byte == b'=') {
                Some(at) => (&item[..at], Some(OsStr::from_bytes(&item[at + 1..]))),
                None => (&item[..], None),
            };
            let name = String::from_utf8_lossy(name).into_owned();
            let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
            let name = alias.map_or(name, |&(_, name)| name.to_owned());
            let is_length = name.starts_with(|c: char| c.is_ascii_digit())
                && name
                    .trim_end_matches(')')
                    .bytes()
                    .all(|b| b.is_ascii_digit());
            if is_length && value.is_none() {
                return Err(UsageError::RestOfShape(name));
            }
            if is_known(&name, value.is_some(), on_macos)? {
                items.push((name, value.map(OsStr::to_owned)));
            }
        }
        Ok(MountOptions(items))
    }

    /// The number of times that an option without a value was given.
    pub(super) fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|(item, _)| item == name).count()
    }

    /// Whether an option without a value was given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.count(name) > 0
    }

    /// The last given of several mutually exclusive options without a value. `None` if none
    /// was given.
    pub(super) fn last_of<const N: usize>(&self, names: [&'static str; N]) -> Option<&'static str> {
        let mut items = self.0.iter().rev();
        items.find_map(|(item, _)| names.into_iter().find(|name| name == item))
    }

    /// The value of an option; `None` if it was not given. The last one wins, as in `mount`,
    /// so that a command line can override fstab.
    pub(super) fn value(&self, name: &str) -> Option<&OsStr> {
        let found = self.0.iter().rfind(|(item, _)| item == name)?;
        found.1.as_deref()
    }

    /// The mount flags for the kernel. The last option for each flag wins.
    pub(super) fn flags(&self) -> Vec<MountFlag> {
        let mut flags = Vec::new();
        for (name, _) in &self.0 {
            for &(item, flag, set) in &FLAGS {
                if item == name {
                    flags.retain(|&other| other != flag);
                    flags.extend(set.then_some(flag));
                }
            }
        }
        flags
    }

    /// The options for macFUSE. The last value of each wins.
    pub(super) fn macfuse(&self) -> Vec<(String, Option<OsString>)> {
        let given = MACFUSE.iter().filter_map(|&(name, _)| {
            let (name, value) = self.0.iter().rfind(|(item, _)| item == name)?;
            Some((name.clone(), value.clone()))
        });
        given.collect()
    }
}

/// The names of all options that arrayfs knows on every system.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let flags = FLAGS.iter().map(|&(name, ..)| name);
    SWITCHES.into_iter().chain(VALUED).chain(flags)
}

/// The names of all options that arrayfs knows on every system, with `=` behind those that take a
/// value.
pub(super) fn offered() -> impl Iterator<Item = String> {
    names().map(|name| match VALUED.contains(&name) {
        true => format!("{name}="),
        false => name.to_owned(),
    })
}

/// Whether arrayfs knows an option; false for one that is ignored.
///
/// # Errors
///
/// When the option is unknown or for another system, lacks its value, or has a value but takes
/// none.
fn is_known(name: &str, has_value: bool, on_macos: bool) -> Result<bool, UsageError> {
    let item = || name.to_owned();
    if name.is_empty() && !has_value {
        return Ok(false);
    }
    if name == "remount" {
        return Err(UsageError::Remount);
    }
    if name.starts_with("x-") || name.starts_with("X-") || IGNORED.contains(&name) {
        return Ok(false);
    }
    let macfuse = MACFUSE.iter().find(|(option, _)| *option == name);
    if macfuse.is_some() && !on_macos {
        return Err(UsageError::ForMacOs(item()));
    }
    let takes_value = macfuse.map_or(VALUED.contains(&name), |&(_, takes_value)| takes_value);
    let is_flag = FLAGS.iter().any(|&(flag, ..)| flag == name);
    if macfuse.is_none() && !takes_value && !is_flag && !SWITCHES.contains(&name) {
        return Err(UsageError::UnknownItem(item()));
    }
    match (takes_value, has_value) {
        (true, false) => Err(UsageError::ItemNeedsValue(item())),
        (false, true) => Err(UsageError::ItemTakesNoValue(item())),
        _ => Ok(true),
    }
}

/// Splits at commas. Commas within brackets do not count if all brackets match: `shape=(3,4)`.
fn split(group: &[u8]) -> Vec<Vec<u8>> {
    split_outside_brackets(group, true)
        .unwrap_or_else(|| split_outside_brackets(group, false).unwrap_or_default())
}

/// Splits at commas. If `keep_brackets` is set, commas within brackets do not count, and unmatched
/// brackets give `None`.
fn split_outside_brackets(group: &[u8], keep_brackets: bool) -> Option<Vec<Vec<u8>>> {
    let mut items = vec![Vec::new()];
    let mut depth = 0_usize;
    let mut bytes = group.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'(' | b'[' | b'{' if keep_brackets => depth += 1,
            b')' | b']' | b'}' if keep_brackets => depth = depth.checked_sub(1)?,
            _ => {}
        }
        match (byte, items.last_mut()) {
            (b',', _) if depth == 0 => items.push(Vec::new()),
            (_, None) => items.push(Vec::new()),
            (b'\\', Some(item)) => item.extend(bytes.next()),
            (_, Some(item)) => item.push(byte),
        }
    }
    (depth == 0).then_some(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    fn parse(groups: &[&str]) -> Result<MountOptions, UsageError> {
        let groups: Vec<OsString> = groups.iter().map(OsString::from).collect();
        MountOptions::parse(&groups)
    }

    #[test]
    fn items_of_all_groups_are_found_and_the_last_value_wins() {
        let options = parse(&["rw,dtype=f4,shape=3x4", "", "mode=r,,mode=c,pad"]).unwrap();
        assert!(options.has("rw") && options.has("pad") && !options.has("ro"));
        assert_eq!(options.value("shape").unwrap(), "3x4");
        assert_eq!(options.value("mode").unwrap(), "c");
        assert_eq!(
            parse(&["array_offset=8"]).unwrap().value("offset").unwrap(),
            "8"
        );
        assert_eq!(options.value("cache"), None);
        for (items, last) in [
            ("ro,rw", Some("rw")),
            ("rw,pad,ro", Some("ro")),
            ("pad", None),
        ] {
            assert_eq!(parse(&[items]).unwrap().last_of(["ro", "rw"]), last);
        }
    }

    #[test]
    fn a_backslash_keeps_a_comma_in_a_value() {
        let options = parse(&[r"fsname=a\,b\\c=d,ro"]).unwrap();
        assert_eq!(options.value("fsname").unwrap(), r"a,b\c=d");
        assert!(options.has("ro"));
    }

    #[test]
    fn brackets_keep_commas_together_if_they_are_closed() {
        for (text, name, value) in [
            ("ro,shape=(10,4),pad", "shape", "(10,4)"),
            ("dtype=x:f4+m:(3,3)f4,ro", "dtype", "x:f4+m:(3,3)f4"),
            (
                "dtype=[('x','f4'),('y','i4')],ro",
                "dtype",
                "[('x','f4'),('y','i4')]",
            ),
            ("fsname=a(b,ro", "fsname", "a(b"),
            ("fsname=a)b(,ro", "fsname", "a)b("),
        ] {
            let options = parse(&[text]).unwrap();
            assert_eq!(options.value(name).unwrap(), value);
            assert!(options.has("ro"), "{text}");
        }
    }

    #[test]
    fn a_value_need_not_be_utf8() {
        let group = OsString::from_vec(b"log-file=/tmp/\xff".to_vec());
        let options = MountOptions::parse(&[group]).unwrap();
        assert_eq!(options.value("log-file").unwrap().as_bytes(), b"/tmp/\xff");
    }

    #[test]
    fn options_that_mount_and_fstab_add_are_accepted() {
        let everything = "rw,defaults,noauto,auto,nofail,_netdev,user,users,nouser,owner,group,\
            x-systemd.automount,x-gvfs-show,X-mount.mkdir,comment=mine,user=me,dev,nodev,suid,nosuid,\
            diratime,nodiratime,relatime,norelatime,strictatime,nostrictatime,lazytime,nolazytime,\
            silent,loud,mand,nomand,iversion";
        assert!(parse(&[everything]).unwrap().flags().is_empty());
    }

    #[test]
    fn the_last_option_for_a_kernel_flag_wins() {
        let flags = |text: &str| parse(&[text]).unwrap().flags();
        assert_eq!(
            flags("noexec,noatime"),
            [MountFlag::NoExec, MountFlag::NoAtime]
        );
        assert_eq!(
            flags("noexec,exec,sync,dirsync"),
            [MountFlag::Sync, MountFlag::DirSync]
        );
        assert_eq!(flags("async,atime"), []);
    }

    #[test]
    fn options_of_macfuse_are_passed_on_there_and_refused_elsewhere() {
        let parse_for = |text: &str, on_macos| MountOptions::parse_for(&[text.into()], on_macos);
        let given = r"volname=a,noappledouble,ro,nobrowse,volname=my\,scan,local,noapplexattr";
        let options = parse_for(&format!("{given},daemon_timeout=600"), true).unwrap();
        assert!(options.has("ro"));
        let mut passed = options.macfuse();
        passed.sort();
        let alone = ["local", "noappledouble", "noapplexattr", "nobrowse"];
        let mut expected: Vec<_> = alone.map(|name| (name.to_owned(), None)).into();
        expected.insert(0, ("daemon_timeout".into(), Some("600".into())));
        expected.push(("volname".into(), Some("my,scan".into())));
        assert_eq!(passed, expected);
        for (text, on_macos, expected) in [
            (
                "volname=a",
                false,
                "-o volname: is an option of macFUSE, for macOS",
            ),
            (
                "ro,local",
                false,
                "-o local: is an option of macFUSE, for macOS",
            ),
            (
                "volname",
                true,
                "-o volname: needs a value, as in -o volname=VALUE",
            ),
            ("local=yes", true, "-o local: takes no value"),
            ("noalerts", true, "-o noalerts: unknown mount option"),
        ] {
            let error = parse_for(text, on_macos).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        }
        assert!(parse(&["ro"]).unwrap().macfuse().is_empty());
    }

    #[test]
    fn an_invalid_option_is_named() {
        for (text, expected) in [
            ("ro,frobnicate", "-o frobnicate: unknown mount option"),
            ("frobnicate=3", "-o frobnicate: unknown mount option"),
            (
                "shape=10,4",
                "-o 4: not a mount option; a comma ends the shape",
            ),
            (
                "shape=(10,4",
                "-o 4: not a mount option; a comma ends the shape",
            ),
            ("remount,ro", "-o remount: a mount cannot be changed"),
            ("dtype", "-o dtype: needs a value, as in -o dtype=VALUE"),
            ("pad=1", "-o pad: takes no value"),
            ("ro=", "-o ro: takes no value"),
            ("=x", "-o : unknown mount option"),
        ] {
            assert_eq!(parse(&[text]).unwrap_err().to_string(), expected);
        }
    }
}
