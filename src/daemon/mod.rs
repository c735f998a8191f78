//! The life of the process: checks before anything is changed, daemonizing, mounting, serving
//! until the unmount, and an orderly exit. Also here are `--list`, `--info` and `-u`. What a
//! mount shows is the business of `fs` and the modules below it.

mod background;
pub mod complete;
mod error;
mod events;
mod list;
mod log_queue;
mod logging;
mod mounted;
mod mountpoint;
mod mountpoint_lock;
mod notices;
mod probe;
mod ready;
mod server;
mod table;
mod timeout;
mod unmount;
mod verbosity;
mod watchdog;

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};

use crate::cli::{self, Settings};
use crate::fs::{MountError, Options, check_memory};
use crate::mapping::{self, Mode};
use crate::platform;
use crate::source::{Description, Plan, SourceError};
use crate::tree::Layout;
use background::Role;
pub use error::Error;
pub use list::list;
use log_queue::LogQueue;
use logging::CreatedLog;
use mounted::Mounted;
pub use mountpoint::{MountpointError, check_order};
use notices::Tense;
use ready::Ready;
pub use unmount::{UnmountError, own_mounts, unmount};
use watchdog::Watchdog;

/// Mounts an array and serves it until it is unmounted. In the background, which is the default,
/// this function returns twice, like `fork`: in the command when the mount is usable, and in the
/// daemon when the mount has ended. The process must be single-threaded.
///
/// # Errors
///
/// - When mounting fails; nothing has been changed then.
/// - When the final flush or unmount fails.
pub fn mount(settings: &Settings) -> Result<ExitCode, Error> {
    mapping::share_heap();
    let ready = Ready::new(settings.ready_fd)?;
    if settings.replace_dead {
        mountpoint::remove_dead(&settings.mountpoint)?;
    }
    mountpoint::check_before(settings).map_err(|error| match &error {
        // What is wrong with the file says more than that its name is taken.
        MountpointError::Obstructed(_) => {
            let plan = Plan::new(&settings.file, &settings.description);
            plan.map_or_else(Error::from, |_| error.into())
        }
        _ => error.into(),
    })?;
    logging::check(settings)?;
    let log = logging::start(&settings.log, settings.foreground)?;
    if settings.foreground {
        serve(settings, None, ready, &log)?;
        return Ok(ExitCode::SUCCESS);
    }
    match background::split().map_err(Error::Start)? {
        Role::Command(daemon) => daemon.wait().inspect_err(|_| remove_dead_mount(settings)),
        Role::Daemon(command) => {
            serve(settings, Some(command), ready, &log)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The `meta.json` of the root of a mount, after the same checks of the file as for a mount. For
/// a group it is a table of its arrays, unless `as_json` is set. Nothing is created, changed or
/// mounted.
///
/// # Errors
///
/// Those errors of [`mount`] that concern the file.
pub fn info(
    file: &Path,
    description: &Description,
    options: &Options,
    as_json: bool,
) -> Result<String, Error> {
    let plan = match Plan::new(file, description) {
        // What the file holds can be told, and that another mode is needed.
        Err(error @ SourceError::NotWritable { .. }) => {
            cli::say(&error.to_string(), error.hint().as_deref());
            let mode = Mode::ReadOnly;
            let description = Description {
                mode,
                ..description.clone()
            };
            Plan::new(file, &description)?
        }
        planned => planned?,
    };
    let origin = Arc::new(plan.origin().clone());
    let contents = plan.contents().clone();
    let layout = Layout::new(origin.clone(), contents, &options.encodings);
    let layout = layout.map_err(|error| MountError::Tree {
        file: origin.file.clone(),
        error,
    })?;
    check_memory(file, options, plan.bytes().end)?;
    let (summary, growth) = (plan.summary(), plan.growth());
    if !plan.is_new() {
        // Mapping does not change an existing file.
        drop(plan.map()?);
    }
    if let Some(growth) = growth {
        notices::print_growth(file, origin.mode, growth, Tense::Intended);
    }
    notices::print_array(file, &summary);
    Ok(match layout.contents().is_group && !as_json {
        true => table::of_arrays(&layout),
        false => layout.root_json(),
    })
}

/// Unmounts the dead mount of a daemon that was killed between mounting and serving.
fn remove_dead_mount(settings: &Settings) {
    let checked = mountpoint::check(&settings.mountpoint, &settings.file);
    if let Err(MountpointError::Dead { .. }) = checked {
        // The error to report is that the daemon died.
        let _ = unmount(&settings.mountpoint);
    }
}

/// Mounts, lets a waiting command return, serves the mount until it ends, and drains the log.
fn serve(
    settings: &Settings,
    command: Option<background::Command>,
    ready: Ready,
    log: &LogQueue,
) -> Result<(), Error> {
    let served = serve_until_end(settings, command, ready, log);
    log.drain();
    served
}

fn serve_until_end(
    settings: &Settings,
    mut command: Option<background::Command>,
    ready: Ready,
    log: &LogQueue,
) -> Result<(), Error> {
    let mut ready = Some(ready);
    let close_inherited = || {
        drop(ready.take());
        drop(command.take().map(background::Command::detach));
    };
    platform::forbid_core_dumps();
    let watchdog = Watchdog::spawn(&settings.mountpoint, close_inherited).map_err(Error::Start)?;
    let (sender, events) = mpsc::channel();
    events::listen(sender.clone(), settings.foreground).map_err(Error::Start)?;
    log.start().map_err(Error::Start)?;
    // An interrupted command means that the user does not want the mount.
    let is_gone = || command.as_ref().is_some_and(|command| command.is_gone());
    let ready = ready.unwrap_or_default();
    let mut created_log = None;
    let create_log = || {
        created_log = CreatedLog::new(settings, log)?;
        Ok(())
    };
    let channel = (&sender, &events);
    let mounted = Mounted::start(settings, channel, watchdog, is_gone, create_log, ready)?;
    let keep_log = || created_log.map_or((), CreatedLog::keep);
    let Some(command) = command else {
        keep_log();
        return mounted.serve(&events);
    };
    // When the command returns, the log lines of the start have been written.
    log.drain();
    let ended = match command.release() {
        Ok(()) => {
            keep_log();
            mounted.serve(&events)
        }
        Err(_) if mounted.has_changed_file() => {
            keep_log();
            log::warn!("the command was interrupted too late: the file has been changed");
            mounted.serve(&events)
        }
        Err(_) => mounted.end(&events),
    };
    // The daemon no longer has a standard error.
    ended.inspect_err(|error| log::error!("{error}"))
}
