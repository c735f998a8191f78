//! Validation of raw options. Every value is parsed here, once, and conflicts between options
//! are reported. Checks that need the file are left to `source` and `mapping`.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::log::Log;
use super::mount_options::MountOptions;
use super::number::{bytes, decimal, duration, octal, offset};
use super::raw::RawOptions;
use super::similar;
use super::value::{join_with_or, option_value, option_value_with, parse_value, text};
use super::{Command, UsageError, absolute, absolute_file, foreign, no_command, words};
use crate::array::{Order, Shape, ShapeSpec};
use crate::dtype::{DType, DTypeError};
use crate::fs::{Access, Cache, Options, Passthrough};
use crate::mapping::Mode;
use crate::source::{DTypeNote, Description, Format};
use crate::vfile::{CsvForm, EncodingOptions};

const MAX_THREADS: usize = 64;

/// The default of `--scratch-size`, in bytes.
const SCRATCH_SIZE: u64 = 64 << 20;

/// The default of `--cache-size`, in bytes.
const CACHE_SIZE: u64 = 32 << 20;

/// The validated settings of a mount.
#[derive(Debug)]
pub struct Settings {
    /// The absolute path of the backing file.
    pub file: PathBuf,
    /// The description of the array.
    pub description: Description,
    /// The absolute path of the mount point.
    pub mountpoint: PathBuf,
    /// Whether no mount point was given, so that it is named after the file.
    pub named_after_file: bool,
    /// The file and the mount point as they were typed.
    pub given: Vec<PathBuf>,
    /// The options of the file system.
    pub options: Options,
    /// Whether the process stays in the foreground until the mount ends.
    pub foreground: bool,
    /// The time without use after which the mount is ended; `None` for never.
    pub idle_timeout: Option<Duration>,
    /// Whether a dead arrayfs mount on the mount point is unmounted first.
    pub replace_dead: bool,
    /// The file descriptor to write to when the mount is usable.
    pub ready_fd: Option<RawFd>,
    /// Verbosity and destination of the log.
    pub log: Log,
}

/// Validates the options of a mount or of `--info`.
///
/// # Errors
///
/// When an option is missing, invalid or contradicts another.
pub(super) fn command(raw: &RawOptions) -> Result<Command, UsageError> {
    let items = MountOptions::parse(&raw.mount_options)?;
    let mut description = description(raw, &items)?;
    let options = options(raw, &items)?;
    let log = Log::read(raw, &items)?;
    let file = raw.file.as_ref().ok_or(UsageError::Missing("FILE"))?;
    if let Some(error) = no_command(file) {
        return Err(error);
    }
    if file.symlink_metadata().is_err() {
        let advice = words::member(file).map(Cow::Owned);
        if let Some(advice) = advice.or_else(|| similar::path(file).map(Cow::Borrowed)) {
            let word = file.display().to_string();
            return Err(UsageError::NotAPath { word, advice });
        }
    }
    if description.mode == Mode::Write && description.format.is_none() {
        // By the name as given, before symbolic links are resolved.
        description.format = Some(Format::of_new(file));
    }
    let file = absolute_file(file)?;
    let idle_timeout = option_value("idle-timeout", &raw.idle_timeout, &items, read_idle_timeout)?;
    let ready_fd = raw.ready_fd.as_deref().map(read_ready_fd).transpose()?;
    if raw.info {
        return Ok(Command::Info {
            file,
            mountpoint: raw.mountpoint.as_deref().map(absolute).transpose()?,
            description,
            options: Box::new(options),
            as_json: raw.json,
        });
    }
    let mountpoint = match &raw.mountpoint {
        Some(mountpoint) => absolute(mountpoint)?,
        // Likewise by the name as given.
        None => absolute(&default_mountpoint(raw.file.as_deref().unwrap_or(&file))?)?,
    };
    Ok(Command::Mount(Box::new(Settings {
        file,
        description,
        mountpoint,
        named_after_file: raw.mountpoint.is_none(),
        given: raw.file.iter().chain(&raw.mountpoint).cloned().collect(),
        options,
        idle_timeout,
        replace_dead: raw.replace_dead || items.has("replace-dead"),
        ready_fd,
        foreground: raw.foreground || items.has("foreground"),
        log,
    })))
}

fn read_idle_timeout(value: &OsStr) -> Result<Duration, UsageError> {
    parse_value(
        "idle-timeout",
        value,
        "a time as in 90s, 10m or 2h",
        duration,
    )
}

fn read_ready_fd(value: &OsStr) -> Result<RawFd, UsageError> {
    parse_value(
        "ready-fd",
        value,
        "the number of an open descriptor",
        decimal,
    )
}

/// The default mount point for `file`: its name without the last suffix, relative to the working
/// directory.
///
/// # Errors
///
/// When the path has no last component.
fn default_mountpoint(file: &Path) -> Result<PathBuf, UsageError> {
    match file.file_stem() {
        Some(name) => Ok(name.into()),
        None => Err(UsageError::NoName(file.to_path_buf())),
    }
}

/// Validates the options that describe the array.
///
/// # Errors
///
/// When one is invalid or contradicts another.
fn description(raw: &RawOptions, items: &MountOptions) -> Result<Description, UsageError> {
    let dtype = option_value_with(
        "dtype",
        &raw.dtype,
        items,
        |value| read_dtype(value, DType::parse),
        // Under `-o` a comma ends the option, so fields are separated otherwise.
        |value| read_dtype(value, DType::parse_mount_option),
    )?;
    let shape = option_value("shape", &raw.shape, items, |value| {
        Ok(text("shape", value)?.parse()?)
    })?;
    let dtype_note = dtype_note(raw, items);
    let order = option_value("order", &raw.order, items, read_order)?;
    let offset = option_value("offset", &raw.offset, items, |value| {
        parse_value(
            "offset",
            value,
            "a number of bytes, as in 352, 0x160 or 4K",
            offset,
        )
    })?;
    let (mode, read_only) = mode(raw, items)?;
    let extend = raw.extend || items.has("extend");
    if extend && mode != Mode::ReadWrite {
        return Err(UsageError::ExtendIn(mode));
    }
    let format = option_value("format", &raw.format, items, |value| {
        parse_value(
            "format",
            value,
            join_with_or(Format::names()),
            Format::named,
        )
    })?;
    let array = option_value_with(
        "array",
        &raw.array,
        items,
        |value| Ok(text("array", value)?.to_owned()),
        // Under `-o` a comma ends the option.
        |value| Ok(text("array", value)?.replace("%2C", ",")),
    )?;
    Ok(Description {
        format,
        array,
        dtype,
        dtype_note,
        shape,
        order,
        offset,
        mode,
        extend,
        read_only,
    })
}

fn read_order(value: &OsStr) -> Result<Order, UsageError> {
    parse_value("order", value, "C or F", |text| match text {
        "C" | "c" => Some(Order::C),
        "F" | "f" => Some(Order::F),
        _ => None,
    })
}

/// What NumPy means by a name in the dtype that is another size in other languages.
fn dtype_note(raw: &RawOptions, items: &MountOptions) -> Option<DTypeNote> {
    let text = raw.dtype.as_deref().or_else(|| items.value("dtype"))?;
    foreign::note_within(text.to_str()?)
}

/// The mode, and whether the views are read-only even if the mode allows writing.
///
/// # Errors
///
/// When the mode is invalid, or `-o ro` contradicts it.
fn mode(raw: &RawOptions, items: &MountOptions) -> Result<(Mode, bool), UsageError> {
    let mode = option_value("mode", &raw.mode, items, |value| {
        let text = text("mode", value)?;
        text.parse().map_err(|error| UsageError::Mode {
            error,
            text: text.to_owned(),
        })
    })?;
    Ok(match (mode, items.last_of(["ro", "rw"]) == Some("ro")) {
        (mode, false) => (mode.unwrap_or(Mode::ReadWrite), false),
        (None, true) => (Mode::ReadOnly, true),
        (Some(mode @ (Mode::ReadOnly | Mode::CopyOnWrite)), true) => (mode, true),
        (Some(mode), true) => return Err(UsageError::ReadOnlyWrites(mode.to_string())),
    })
}

/// Parses a dtype with `parse`.
///
/// # Errors
///
/// When it is invalid.
fn read_dtype(
    value: &OsStr,
    parse: impl Fn(&str) -> Result<DType, DTypeError>,
) -> Result<DType, UsageError> {
    let text = text("dtype", value)?;
    parse(text).map_err(|error| UsageError::DType {
        error: Box::new(error),
        text: text.to_owned(),
    })
}

/// The value of `--cache`, if given, and the limit of the column cache in bytes.
///
/// # Errors
///
/// When one is invalid.
fn caching(raw: &RawOptions, items: &MountOptions) -> Result<(Option<Cache>, u64), UsageError> {
    let cache = option_value("cache", &raw.cache, items, |value| {
        parse_value("cache", value, "never, auto or always", |text| {
            Cache::ALL.into_iter().find(|cache| cache.name() == text)
        })
    })?;
    let size = option_value("cache-size", &raw.cache_size, items, |value| {
        parse_value("cache-size", value, "a number of bytes, as in 32M", bytes)
    })?;
    Ok((cache, size.unwrap_or(CACHE_SIZE)))
}

/// Validates the options of the file system.
///
/// # Errors
///
/// When one is invalid or contradicts another.
fn options(raw: &RawOptions, items: &MountOptions) -> Result<Options, UsageError> {
    let (cache, cache_size) = caching(raw, items)?;
    let csv = option_value("csv", &raw.csv, items, |value| {
        parse_value("csv", value, "unpadded or padded", |text| {
            CsvForm::ALL.into_iter().find(|form| form.name() == text)
        })
    })?;
    let threads = option_value("threads", &raw.threads, items, |value| {
        parse_value("threads", value, "a number from 1 to 64", |text| {
            decimal(text).filter(|threads| (1..=MAX_THREADS).contains(threads))
        })
    })?;
    let scratch_size = option_value("scratch-size", &raw.scratch_size, items, |value| {
        parse_value("scratch-size", value, "a number of bytes, as in 64M", bytes)
    })?;
    let id = |name| {
        option_value(name, &None, items, |value| {
            parse_value(name, value, "a number", |text| {
                decimal(text).filter(|&id| id < u32::MAX)
            })
        })
    };
    let umask = option_value("umask", &None, items, |value| {
        parse_value("umask", value, "octal digits, up to 777", |text| {
            octal(text).filter(|&bits| bits <= 0o777)
        })
    })?;
    let fsname = option_value("fsname", &None, items, |value| {
        parse_value("fsname", value, "a name", |text| {
            (!text.is_empty()).then(|| text.to_owned())
        })
    })?;
    Ok(Options {
        pad: raw.pad || items.has("pad"),
        encodings: EncodingOptions {
            csv: csv.unwrap_or_default(),
            zarr_chunks: zarr_chunks(raw, items)?,
        },
        xattr: raw.xattr || items.has("xattr"),
        uid: id("uid")?,
        gid: id("gid")?,
        umask,
        quiet: items.has("quiet"),
        access: access(items)?,
        cache,
        cache_size,
        tracks_use: raw.idle_timeout.is_some() || items.has("idle-timeout"),
        scratch_size: scratch_size.unwrap_or(SCRATCH_SIZE),
        passthrough: passthrough(raw, items)?,
        threads,
        fsname,
        flags: items.flags(),
        macfuse: items.macfuse(),
    })
}

/// Which files the kernel reads and writes itself.
///
/// # Errors
///
/// As of [`option_value`].
fn passthrough(raw: &RawOptions, items: &MountOptions) -> Result<Passthrough, UsageError> {
    let given = option_value("passthrough", &raw.passthrough, items, |value| {
        parse_value(
            "passthrough",
            value,
            "auto, rw or never",
            |text| match text {
                "auto" => Some(Passthrough::Auto),
                "rw" => Some(Passthrough::ReadWrite),
                "never" => Some(Passthrough::Never),
                _ => None,
            },
        )
    })?;
    Ok(given.unwrap_or_default())
}

/// The shape of the chunks in `zarr/`, if given.
///
/// # Errors
///
/// When it is no shape, or has a length below 1.
fn zarr_chunks(raw: &RawOptions, items: &MountOptions) -> Result<Option<Shape>, UsageError> {
    option_value("zarr-chunks", &raw.zarr_chunks, items, |value| {
        let expected = "a shape without 0, as in 64,64,64 or 64x64x64";
        parse_value("zarr-chunks", value, expected, |text| {
            let spec: ShapeSpec = text.parse().ok()?;
            let shape = spec
                .resolve(1, 0, 0)
                .ok()
                .filter(|shape| shape.ndim() > 0)?;
            (!shape.lengths().contains(&0)).then_some(shape)
        })
    })
}

/// The users who may access the mount.
///
/// # Errors
///
/// When both `allow_other` and `allow_root` are given.
fn access(items: &MountOptions) -> Result<Access, UsageError> {
    match (items.has("allow_other"), items.has("allow_root")) {
        (true, true) => Err(UsageError::OtherAndRoot),
        (true, false) => Ok(Access::Everyone),
        (false, true) => Ok(Access::OwnerAndRoot),
        (false, false) => Ok(Access::Owner),
    }
}

#[cfg(test)]
mod tests;
