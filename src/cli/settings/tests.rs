use super::*;
use clap::Parser;

fn parse(line: &str) -> Result<Command, UsageError> {
    let words = ["arrayfs"].into_iter().chain(line.split_whitespace());
    let raw = RawOptions::try_parse_from(words).unwrap();
    command(&raw)
}

fn settings(line: &str) -> Settings {
    match parse(&format!("/file /point {line}")).unwrap() {
        Command::Mount(settings) => *settings,
        other => panic!("{line}: {other:?}"),
    }
}

fn error(line: &str) -> String {
    parse(&format!("/file /point {line}"))
        .unwrap_err()
        .to_string()
}

#[test]
fn without_options_a_file_is_bytes_to_read_and_write() {
    let settings = settings("");
    let description = &settings.description;
    assert_eq!(settings.file, PathBuf::from("/file"));
    assert_eq!(settings.mountpoint, PathBuf::from("/point"));
    assert_eq!((&description.dtype, &description.shape), (&None, &None));
    assert_eq!((description.order, description.offset), (None, None));
    assert_eq!(
        (description.format, description.mode),
        (None, Mode::ReadWrite)
    );
    assert!(!description.read_only && !settings.foreground && !settings.options.pad);
    assert_eq!(settings.options.access, Access::Owner);
    assert_eq!(
        (settings.options.umask, settings.options.cache),
        (None, None)
    );
    assert_eq!(settings.options.encodings.csv, CsvForm::Unpadded);
}

#[test]
fn every_long_option_can_be_given_both_ways() {
    let long = "--format raw --dtype f4 --shape 3x-1 --order f --offset 8 --mode c --cache auto \
        --passthrough rw --threads 3 --log-file /log --csv padded --pad --xattr --foreground --verbose";
    let items = "-o dtype=f4,shape=3x-1,order=F -o offset=8,mode=c,cache=auto,passthrough=rw \
        -o threads=3,log-file=/log,csv=padded,pad,xattr,foreground,verbose,format=raw";
    for line in [long, items, &format!("{long} {items}")] {
        let settings = settings(line);
        let description = &settings.description;
        assert_eq!(description.dtype, Some("<f4".parse().unwrap()), "{line}");
        assert_eq!(description.format, Format::named("raw"), "{line}");
        assert_eq!(description.shape, Some("3x-1".parse().unwrap()), "{line}");
        assert_eq!(
            (description.order, description.offset),
            (Some(Order::F), Some(8)),
            "{line}"
        );
        assert_eq!(description.mode, Mode::CopyOnWrite, "{line}");
        assert_eq!(settings.options.cache, Some(Cache::Auto), "{line}");
        assert_eq!(
            settings.options.passthrough,
            Passthrough::ReadWrite,
            "{line}"
        );
        assert_eq!(settings.options.threads, Some(3), "{line}");
        assert_eq!(settings.log.file, Some("/log".into()), "{line}");
        assert!(settings.options.pad && settings.options.xattr, "{line}");
        assert_eq!(settings.options.encodings.csv, CsvForm::Padded, "{line}");
        assert!(settings.foreground, "{line}");
        assert!(settings.log.verbosity > 0, "{line}");
    }
}

#[test]
fn an_option_given_both_ways_with_two_values_is_refused_with_both() {
    assert_eq!(
        error("--mode r+ -o mode=r"),
        "--mode r+: contradicts -o mode=r"
    );
    assert_eq!(
        error("--threads 2 -o threads=3"),
        "--threads 2: contradicts -o threads=3"
    );
    assert_eq!(
        settings("--mode readonly -o mode=r").description.mode,
        Mode::ReadOnly
    );
}

#[test]
fn ro_is_mode_r_or_a_read_only_view_of_mode_c() {
    for (line, mode, read_only) in [
        ("", Mode::ReadWrite, false),
        ("-o rw", Mode::ReadWrite, false),
        ("-o ro", Mode::ReadOnly, true),
        ("-o rw,ro", Mode::ReadOnly, true),
        ("-o ro --mode r", Mode::ReadOnly, true),
        ("-o ro --mode c", Mode::CopyOnWrite, true),
        ("-o rw --mode r", Mode::ReadOnly, false),
    ] {
        let description = settings(line).description;
        assert_eq!(
            (description.mode, description.read_only),
            (mode, read_only),
            "{line}"
        );
    }
    for mode in ["r+", "w+"] {
        let expected = format!("-o ro: contradicts mode {mode}, which writes");
        assert_eq!(error(&format!("-o ro --mode {mode}")), expected);
    }
}

#[test]
fn extend_is_off_by_default_and_only_for_mode_r_plus() {
    assert!(!settings("").description.extend);
    for line in ["--extend", "-o extend", "-o rw,extend --mode r+"] {
        assert!(settings(line).description.extend, "{line}");
    }
    for mode in ["r", "c", "w+"] {
        let line = format!("--mode {mode}");
        let expected = format!("--extend: is for mode r+, not for mode {mode}");
        assert_eq!(error(&format!("--extend {line}")), expected);
    }
}

#[test]
fn options_for_owner_and_permission_bits_are_parsed() {
    let options = settings("-o uid=1000,gid=0,umask=027,fsname=me,allow_other").options;
    assert_eq!((options.uid, options.gid), (Some(1000), Some(0)));
    assert_eq!(options.umask, Some(0o27));
    assert_eq!(options.fsname.as_deref(), Some("me"));
    assert_eq!(options.access, Access::Everyone);
    assert_eq!(
        settings("-o allow_root").options.access,
        Access::OwnerAndRoot
    );
    assert_eq!(
        error("-o allow_root,allow_other"),
        "-o allow_other: contradicts -o allow_root"
    );
}

#[test]
fn an_invalid_value_is_refused_with_what_was_expected() {
    for (line, expected) in [
        ("--order Z", "order 'Z': expected C or F"),
        (
            "--offset -5",
            "offset '-5': expected a number of bytes, as in 352, 0x160 or 4K",
        ),
        (
            "--offset +5",
            "offset '+5': expected a number of bytes, as in 352, 0x160 or 4K",
        ),
        (
            "--offset 99999999999999999999",
            "offset '99999999999999999999': expected a number of bytes, as in 352, 0x160 or 4K",
        ),
        ("--threads 0", "threads '0': expected a number from 1 to 64"),
        (
            "--threads 65",
            "threads '65': expected a number from 1 to 64",
        ),
        ("--cache no", "cache 'no': expected never, auto or always"),
        (
            "--passthrough yes",
            "passthrough 'yes': expected auto, rw or never",
        ),
        ("--csv pad", "csv 'pad': expected unpadded or padded"),
        ("-o uid=me", "uid 'me': expected a number"),
        ("-o gid=4294967295", "gid '4294967295': expected a number"),
        ("-o umask=8", "umask '8': expected octal digits, up to 777"),
        (
            "-o umask=1000",
            "umask '1000': expected octal digits, up to 777",
        ),
        ("-o fsname=", "fsname '': expected a name"),
    ] {
        assert_eq!(error(line), expected, "{line}");
    }
}

#[test]
fn a_new_file_is_in_the_format_of_the_name_given() {
    let dir = tempfile::tempdir().unwrap();
    let join = |name: &str| dir.path().join(name);
    for (name, target, format) in [("a.npy", "raw", "npy"), ("b.raw", "c.npy", "raw")] {
        std::os::unix::fs::symlink(join(target), join(name)).unwrap();
        for exists in [false, true] {
            if exists {
                std::fs::write(join(target), "").unwrap();
            }
            let file = join(name).display().to_string();
            let parsed = parse(&format!("{file} /point --mode w+ --shape 3")).unwrap();
            let Command::Mount(settings) = parsed else {
                panic!("{name}");
            };
            assert_eq!(settings.description.format, Format::named(format), "{name}");
        }
    }
}

#[test]
fn the_default_mount_point_is_named_after_the_file() {
    let here = std::env::current_dir().unwrap().canonicalize().unwrap();
    for (file, name) in [
        ("/no/such/scan.npy", "scan"),
        ("scan.tar.npy", "scan.tar"),
        ("scan", "scan"),
        ("/.scan", ".scan"),
    ] {
        let Ok(Command::Mount(settings)) = parse(file) else {
            panic!("{file}");
        };
        assert_eq!(settings.mountpoint, here.join(name), "{file}");
        assert!(settings.named_after_file);
    }
    let error = parse("/..").unwrap_err().to_string();
    assert_eq!(error, "/..: no mount point can be named after this path");
}

#[test]
fn info_needs_no_mount_point() {
    for line in ["/file --info", "/file /point --info"] {
        assert!(matches!(parse(line), Ok(Command::Info { .. })), "{line}");
    }
    assert_eq!(parse("").unwrap_err().to_string(), "FILE: missing");
}
