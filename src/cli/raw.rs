//! The command line as text, before anything is made of it: clap's part, and
//! the text of `--help`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser};

const USAGE: &str = "\
arrayfs [OPTIONS] <FILE> [MOUNTPOINT]
       arrayfs [OPTIONS] --info <FILE>
       arrayfs --unmount <MOUNTPOINT>...
       arrayfs --list";

/// Commands to try.
pub(super) const EXAMPLES: &str = "\
  A NumPy file, on a directory named after it, which is made and removed again

  $ arrayfs scan.npy
  $ cat scan/meta.json scan/rows/17 > /dev/null
  $ arrayfs -u scan

  150 rows of 4 float64 values, with nothing in the file that says so

  $ arrayfs iris.f64 iris --dtype f8 --shape 150,4
  $ od -t f8 iris/rows/0

  The same in /etc/fstab, where every long option is a mount option (and offset
  is array_offset, since mount takes the other for itself)

  /data/iris.f64  /mnt/iris  fuse.arrayfs  dtype=f8,shape=150x4,ro  0  0";

/// What each exit status says.
pub(super) const STATUS: &str = "\
0 done; 1 any other failure; 2 the command line; 3 the file, or what
it holds; 4 the mount point; 5 the system does not mount; 6 not everything was
unmounted; 7 not everything could be flushed.";

/// Mount a binary array file as a directory tree in which every slice of the
/// array is a file.
///
/// The array is described as numpy.memmap describes it. Its rows, columns and
/// all other slices are then files that any program can read and write in place.
#[derive(Debug, Default, Parser)]
#[command(
    name = "arrayfs",
    version,
    override_usage = USAGE,
    after_help = format!("Examples:\n\n{EXAMPLES}\n\nExit status: {STATUS}"),
    max_term_width = 100
)]
pub(super) struct RawOptions {
    /// The file that holds the array
    pub file: Option<PathBuf>,

    /// The directory to mount on, which is made if it is missing, and removed
    /// again at the end [default: the file's name without what follows the last
    /// dot, in the working directory]
    pub mountpoint: Option<PathBuf>,

    /// How the file says what it holds: raw, not at all; npy, by a header of
    /// NumPy's [default: npy if it begins with one, or under w+ if its name
    /// ends in .npy]
    #[arg(long, help_heading = "The array")]
    pub format: Option<OsString>,

    /// Type of an element, as NumPy names it: float32, int16, f4, <i2, >f8,
    /// S10, x:f4,id:i8, [('x','<f4'),('m','<i8',(3,3))] [default: uint8]
    #[arg(long, help_heading = "The array")]
    pub dtype: Option<OsString>,

    /// Lengths of the axes: 1000,16 or 1000x16, () for none; one may be -1 and
    /// follows from the file's size [default: one axis, from the file's size]
    #[arg(long, allow_hyphen_values = true, help_heading = "The array")]
    pub shape: Option<OsString>,

    /// Which axis lies closest together in the file: C, the last, or F, the
    /// first [default: C]
    #[arg(long, help_heading = "The array")]
    pub order: Option<OsString>,

    /// Bytes before the array [default: 0]
    #[arg(
        long,
        value_name = "BYTES",
        allow_negative_numbers = true,
        help_heading = "The array"
    )]
    pub offset: Option<OsString>,

    /// r: read only; r+: read and write; w+: create the file, or overwrite it with
    /// zeros; c: writes stay in memory [default: r+]
    #[arg(long, help_heading = "The array")]
    pub mode: Option<OsString>,

    /// Under r+, make a file that is too short for the array longer, with zeros
    #[arg(long, help_heading = "The array")]
    pub extend: bool,

    /// Mount options: ro, allow_other, allow_root, uid=N, gid=N, umask=OCTAL,
    /// fsname=NAME, quiet (chmod and chown are accepted and change nothing),
    /// those of mount(8), and long options as NAME=VALUE
    #[arg(
        short = 'o',
        value_name = "OPT[,OPT]",
        action = ArgAction::Append,
        help_heading = "The mount"
    )]
    pub mount_options: Vec<OsString>,

    /// What may be cached: never, what a read returns is what the file holds
    /// now; auto, while a file is open; always, if nobody else writes the file
    /// [default: never]
    #[arg(long, value_name = "WHEN", help_heading = "The mount")]
    pub cache: Option<OsString>,

    /// Memory for neighbouring columns, under auto and always: bytes, or with K, M,
    /// G [default: 32M]
    #[arg(
        long,
        value_name = "SIZE",
        allow_negative_numbers = true,
        help_heading = "The mount"
    )]
    pub cache_size: Option<OsString>,

    /// Where the kernel may read the file itself: auto, where the whole file is
    /// mounted read-only; rw, where it is writable too, and other views cannot be
    /// mapped shared then; never [default: auto]
    #[arg(long, value_name = "WHERE", help_heading = "The mount")]
    pub passthrough: Option<OsString>,

    /// List indices padded with zeros, so that rows/* is in order
    #[arg(long, help_heading = "The mount")]
    pub pad: bool,

    /// Form of the files in csv/: unpadded, with a last column, _, of blanks; padded,
    /// with blanks before numbers, and nan and NaT as NumPy writes them [default:
    /// unpadded]
    #[arg(long, value_name = "FORM", help_heading = "The mount")]
    pub csv: Option<OsString>,

    /// Serve extended attributes: user.dtype, user.shape, user.ndim, user.size,
    /// user.itemsize; with them ls -l takes ten times as long
    #[arg(long, help_heading = "The mount")]
    pub xattr: bool,

    /// Worker threads, 1 to 64 [default: by the number of processors]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        help_heading = "The mount"
    )]
    pub threads: Option<OsString>,

    /// Unmount after this time without a request, an open file or anyone inside:
    /// 90s, 10m, 2h [default: never]
    #[arg(
        long,
        value_name = "TIME",
        allow_negative_numbers = true,
        help_heading = "The mount"
    )]
    pub idle_timeout: Option<OsString>,

    /// Unmount what is mounted there
    #[arg(
        short,
        long,
        value_name = "MOUNTPOINT",
        num_args = 1..,
        exclusive = true,
        help_heading = "Other commands"
    )]
    pub unmount: Vec<PathBuf>,

    /// Check all that a mount would, print what meta.json would say, and change nothing
    #[arg(long, help_heading = "Other commands")]
    pub info: bool,

    /// List the mounted arrays
    #[arg(long, exclusive = true, help_heading = "Other commands")]
    pub list: bool,

    /// Print the man page, or the completions of a shell: man, bash, zsh, fish
    #[arg(
        long,
        value_name = "WHAT",
        exclusive = true,
        help_heading = "Other commands"
    )]
    pub generate: Option<OsString>,

    /// Stay in the foreground; Ctrl-C unmounts
    #[arg(short, long, help_heading = "Running")]
    pub foreground: bool,

    /// Write an empty line to this open descriptor, and close it, when the mount
    /// is usable; $NOTIFY_SOCKET, as systemd sets it, is told too
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        help_heading = "Running"
    )]
    pub ready_fd: Option<OsString>,

    /// If an array was mounted there whose daemon has died, unmount it first: for
    /// supervisors, which start it again
    #[arg(long, help_heading = "Running")]
    pub replace_dead: bool,

    /// Append the log to this file [default: syslog, or standard error with -f]
    #[arg(long, value_name = "PATH", help_heading = "Running")]
    pub log_file: Option<OsString>,

    /// Log more than warnings: -v what happens, -vv each request, -vvv
    /// everything; RUST_LOG says it in detail, and SIGUSR1 goes one further
    #[arg(short, long, action = ArgAction::Count, help_heading = "Running")]
    pub verbose: u8,
}
