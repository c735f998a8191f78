//! The option definitions for clap, and the text of `--help`. Values stay text here; `settings`
//! parses them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser};

use crate::source::Format;

const USAGE: &str = "\
arrayfs [OPTIONS] <FILE> [MOUNTPOINT]
       arrayfs [OPTIONS] --info <FILE>
       arrayfs --unmount <MOUNTPOINT>...
       arrayfs --list";

/// The files of a mount.
pub(super) const TREE: &str = concat!(
    "  data  rows/17  cols/3  axes/2/10      the bytes of a, a[17], a[:, 3], a[:, :, 10]\n",
    "  slices/::2,3, slices/__2,3            any NumPy basic index: a[::2, 3]\n",
    "  npy/rows/17.npy   csv/rows/17.csv     the same with a .npy header; as text\n",
    "  T/  fields/x/                         the same tree for a.T; for a['x']\n",
    "  NAME/                                 the same tree for each array in x.npz, x.h5, ...\n",
    "  meta.json  README.txt  index.html     what it is; how to read it; a page for a browser"
);

/// Commands to try.
pub(super) const EXAMPLES: &str =
    "  A NumPy file. Its mount point is ./scan, which is created and removed again.

  $ arrayfs scan.npy
  $ cat scan/meta.json scan/rows/17 > /dev/null
  $ arrayfs -u scan

  A raw file of 150 rows of 4 float64 values.

  $ arrayfs iris.f64 iris --dtype f8 --shape 150,4
  $ od -t f8 iris/rows/0

  The same in /etc/fstab. Every long option is a mount option there; --offset
  is array_offset, since mount keeps offset for itself.

  /data/iris.f64  /mnt/iris  fuse.arrayfs  dtype=f8,shape=150x4,ro  0  0";

/// The help of `--format`, with all formats.
fn format_help() -> String {
    let names: Vec<&str> = Format::names().collect();
    format!(
        "File format: {} [default: by the first bytes]\n\n\
         With --dtype, --shape, --order or --offset the default is raw, unless the file is .npy. \
         Under --mode w+ the default is npy if the name ends in .npy, else raw.",
        names.join(", ")
    )
}

/// The exit statuses.
pub(super) const STATUS: &str = "\
0 success; 1 any other error; 2 wrong usage; 3 the file or its contents;
4 the mount point; 5 the system cannot mount; 6 not every mount was unmounted;
7 not everything was flushed to the disk.";

/// Mount a binary array file as a directory tree in which every slice is a file.
///
/// The array is described as for numpy.memmap. Any program can read and write its
/// rows, columns and other slices in place.
#[derive(Debug, Default, Parser)]
#[command(
    name = "arrayfs",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    override_usage = USAGE,
    after_help = format!("The files of a mount, where a is the array:\n{TREE}"),
    after_long_help = format!(
        "The files of a mount, where a is the array:\n{TREE}\n\nExamples:\n\n{EXAMPLES}\n\nExit status: {STATUS}"
    ),
    max_term_width = 100
)]
pub(super) struct RawOptions {
    /// The file that holds the array
    #[arg(hide_short_help = true)]
    pub file: Option<PathBuf>,

    /// The directory to mount on [default: named after the file]
    ///
    /// It is created if it is missing, and removed again at the end. The default is the name of
    /// the file without its last suffix, in the working directory.
    #[arg(hide_short_help = true)]
    pub mountpoint: Option<PathBuf>,

    #[arg(
        long,
        help_heading = "The array",
        help = "File format, such as raw, npy, hdf5 [default: by the first bytes]",
        long_help = format_help()
    )]
    pub format: Option<OsString>,

    /// Mount this one of the arrays in the file
    ///
    /// The array becomes the root of the mount. --info lists the names.
    #[arg(long, value_name = "NAME", help_heading = "The array")]
    pub array: Option<OsString>,

    /// Element type: float32, <i2, S10, x:f4,id:i8 [default: uint8]
    ///
    /// Any dtype that NumPy has, by its name (float32, bool, complex128), by its code
    /// (f4, >f8, S10, U4, M8[ns]) or as the list of its fields: x:f4,id:i8 or
    /// [('x','<f4'),('m','<i8',(3,3))].
    #[arg(long, help_heading = "The array")]
    pub dtype: Option<OsString>,

    /// Axis lengths: 1000,16 or 1000x16 [default: one axis]
    ///
    /// One length can be -1: it follows from the size of the file, as the only axis does by
    /// default. () stands for an array without axes.
    #[arg(long, allow_hyphen_values = true, help_heading = "The array")]
    pub shape: Option<OsString>,

    /// Memory order: C (last axis fastest) or F (first) [default: C]
    #[arg(long, help_heading = "The array")]
    pub order: Option<OsString>,

    /// Bytes before the array: 352, 0x160, 4K [default: 0]
    #[arg(
        long,
        value_name = "BYTES",
        allow_negative_numbers = true,
        help_heading = "The array"
    )]
    pub offset: Option<OsString>,

    /// r (read only), r+ (read and write), w+ (new, zeros), c [default: r+]
    ///
    /// r: the mount is read-only. r+: writes go to the file. w+: creates the file, or ERASES
    /// it: all zeros. c: copy-on-write, writes stay in memory and are lost at the end.
    #[arg(long, help_heading = "The array")]
    pub mode: Option<OsString>,

    /// Under r+: extend a file that is too short, with zeros
    #[arg(long, help_heading = "The array", hide_short_help = true)]
    pub extend: bool,

    /// Mount options, such as ro, allow_other, uid=N
    ///
    /// Options of this file system: ro, rw, allow_other, allow_root, uid=N, gid=N, umask=OCTAL,
    /// fsname=NAME, quiet (chmod and chown succeed and change nothing). Options of mount(8) are
    /// accepted. Every long option can be written NAME=VALUE.
    #[arg(
        short = 'o',
        value_name = "OPT[,OPT]",
        action = ArgAction::Append,
        help_heading = "The mount"
    )]
    pub mount_options: Vec<OsString>,

    /// When to cache: never, auto (while open), always [default: never]
    ///
    /// never: a read returns what the file holds now. auto: the kernel and the daemon may cache
    /// while a file is open. always: also between opens, on your promise that no other program
    /// writes the file; with --mode r the kernel then opens and reads known files without the
    /// daemon. On kernels that cannot map files otherwise (before Linux 6.6), auto is the default
    /// of read-only mounts.
    #[arg(long, value_name = "WHEN", help_heading = "The mount")]
    pub cache: Option<OsString>,

    /// Memory for neighbouring columns [default: 32M]
    ///
    /// Bytes, or a number with K, M or G. Used under --cache auto and always.
    #[arg(
        long,
        value_name = "SIZE",
        allow_negative_numbers = true,
        help_heading = "The mount",
        hide_short_help = true
    )]
    pub cache_size: Option<OsString>,

    /// Memory for files made to be renamed over others [default: 64M]
    ///
    /// Bytes, or a number with K, M or G, for all such files together. With 0 none can be made.
    /// Many programs save a file in this way.
    #[arg(
        long,
        value_name = "SIZE",
        allow_negative_numbers = true,
        help_heading = "The mount",
        hide_short_help = true
    )]
    pub scratch_size: Option<OsString>,

    /// Bypass the daemon for whole-file views: auto, rw, never [default: auto]
    ///
    /// auto: on read-only mounts, unless --cache is always. rw: on writable mounts too; other
    /// views cannot be mapped shared then. never: all reads and writes go to the daemon.
    #[arg(long, value_name = "WHERE", help_heading = "The mount")]
    pub passthrough: Option<OsString>,

    /// List padded indices (007), so that rows/* is in order
    #[arg(long, help_heading = "The mount")]
    pub pad: bool,

    /// Form of the text in csv/: unpadded or padded [default: unpadded]
    ///
    /// unpadded: values without blanks, and a last column, _, of blanks. padded: numbers are
    /// padded with blanks on the left, and not-a-number and not-a-time are nan and NaT.
    #[arg(
        long,
        value_name = "FORM",
        help_heading = "The mount",
        hide_short_help = true
    )]
    pub csv: Option<OsString>,

    /// Shape of the chunks in zarr/: 64,64,64 [default: contiguous parts of up to 4 MiB]
    ///
    /// Of arrays with as many axes; others have the default. A chunk at the edge of the array is
    /// padded: the padding reads as zeros, and what is written into it is dropped.
    #[arg(
        long,
        value_name = "SHAPE",
        allow_hyphen_values = true,
        help_heading = "The mount",
        hide_short_help = true
    )]
    pub zarr_chunks: Option<OsString>,

    /// Serve extended attributes: user.dtype, user.shape, ...
    ///
    /// They are user.dtype, user.shape, user.ndim, user.size and user.itemsize. They make ls -l
    /// ten times slower.
    #[arg(long, help_heading = "The mount", hide_short_help = true)]
    pub xattr: bool,

    /// Worker threads, 1 to 64 [default: by the number of processors]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        help_heading = "The mount",
        hide_short_help = true
    )]
    pub threads: Option<OsString>,

    /// Unmount a mount that is unused for this time: 90s, 10m, 2h [default: never]
    ///
    /// A mount is in use while requests come, files are open, or a process has its working
    /// directory in it.
    #[arg(
        long,
        value_name = "TIME",
        allow_negative_numbers = true,
        help_heading = "The mount",
        hide_short_help = true
    )]
    pub idle_timeout: Option<OsString>,

    /// Unmount arrays, by mount point or file
    ///
    /// A file is found if it is mounted once.
    #[arg(
        short,
        long,
        value_name = "MOUNTPOINT",
        num_args = 0..,
        help_heading = "Other commands"
    )]
    pub unmount: Option<Vec<PathBuf>>,

    /// With -u: unmount all arrays that you have mounted
    ///
    /// Those of other users stay mounted, also if you are root.
    #[arg(
        long,
        requires = "unmount",
        help_heading = "Other commands",
        hide_short_help = true
    )]
    pub all: bool,

    /// Check everything, print meta.json, and mount nothing
    ///
    /// Of a file with several arrays it prints a table of them. All checks of a mount in this
    /// mode are made. Nothing is created, extended or changed.
    #[arg(long, help_heading = "Other commands")]
    pub info: bool,

    /// With --info: print JSON, also for a file with several arrays
    #[arg(
        long,
        requires = "info",
        help_heading = "Other commands",
        hide_short_help = true
    )]
    pub json: bool,

    /// List the mounted arrays
    ///
    /// Names are quoted as for a shell if necessary.
    #[arg(long, exclusive = true, help_heading = "Other commands")]
    pub list: bool,

    /// Print the man page or shell completions: man, bash, zsh, fish
    #[arg(
        long,
        value_name = "WHAT",
        exclusive = true,
        help_heading = "Other commands",
        hide_short_help = true
    )]
    pub generate: Option<OsString>,

    /// Print help; --help has all options and examples
    #[arg(short, long, action = ArgAction::Help, help_heading = "Other commands")]
    pub help: Option<bool>,

    /// Print the version
    #[arg(
        short = 'V',
        long,
        action = ArgAction::Version,
        help_heading = "Other commands",
        hide_short_help = true
    )]
    pub version: Option<bool>,

    /// Stay in the foreground; Ctrl-C unmounts
    #[arg(short, long, help_heading = "Running")]
    pub foreground: bool,

    /// Write a newline to this file descriptor once the mount is usable
    ///
    /// The descriptor is closed then. $NOTIFY_SOCKET, which systemd sets, is notified as well.
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        help_heading = "Running",
        hide_short_help = true
    )]
    pub ready_fd: Option<OsString>,

    /// Unmount a dead arrayfs mount on the mount point first
    ///
    /// For supervisors that restart the daemon.
    #[arg(long, help_heading = "Running", hide_short_help = true)]
    pub replace_dead: bool,

    /// Append the log to this file [default: syslog; standard error with -f]
    #[arg(long, value_name = "PATH", help_heading = "Running")]
    pub log_file: Option<OsString>,

    /// Log more: -v events, -vv requests, -vvv everything
    ///
    /// RUST_LOG sets the levels in detail. SIGUSR1 raises the level of a running daemon by one.
    #[arg(short, long, action = ArgAction::Count, help_heading = "Running")]
    pub verbose: u8,
}
