//! The life of the process: checks before anything changes, going into the
//! background, serving the mount until it ends, and an orderly end. What the
//! mount shows is the business of `fs` and those below it.

mod background;
mod error;
mod events;
mod list;
mod log_queue;
mod logging;
mod mounted;
mod mountpoint;
mod mountpoint_lock;
mod notices;
mod patience;
mod ready;
mod server;
mod unmount;
mod verbosity;
mod watchdog;

use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc;

use crate::cli::Settings;
use crate::fs::{MountError, Options, check_memory};
use crate::mapping;
use crate::platform;
use crate::source::{Description, Plan};
use crate::tree;
use background::Role;
pub use error::Error;
pub use list::list;
use log_queue::LogQueue;
use mounted::Mounted;
pub use mountpoint::MountpointError;
use notices::Tense;
use ready::Ready;
pub use unmount::{UnmountError, unmount};
use watchdog::Watchdog;

/// Mounts an array and serves it until it is unmounted; in the background,
/// unless `settings` say otherwise, which is to say that this returns as soon
/// as the mount is usable, and once more, in a process of its own, when it has
/// ended. The process must not have started a thread before.
///
/// # Errors
///
/// When the mount does not come about, and nothing has changed then, or when
/// not everything could be flushed at its end.
pub fn mount(settings: &Settings) -> Result<ExitCode, Error> {
    mapping::share_heap();
    let ready = Ready::new(settings.ready_fd)?;
    if settings.replace_dead {
        mountpoint::remove_dead(&settings.mountpoint)?;
    }
    mountpoint::check_before(settings)?;
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

/// What `meta.json` would say of an array, once all is checked that a mount of it
/// would: nothing is made, changed or mounted.
///
/// # Errors
///
/// As [`mount`], as far as the file is concerned.
pub fn info(file: &Path, description: &Description, options: &Options) -> Result<String, Error> {
    let plan = Plan::new(file, description)?;
    let meta = plan.meta();
    tree::check(&meta).map_err(|error| MountError::Tree {
        file: meta.file.clone(),
        error,
    })?;
    check_memory(file, options, plan.bytes().end)?;
    let (summary, growth) = (plan.summary(), plan.growth());
    if !plan.is_new() {
        // Mapping changes nothing of a file that is there.
        drop(plan.map()?);
    }
    if let Some(growth) = growth {
        notices::tell_of_growth(file, meta.mode, growth, Tense::Intended);
    }
    notices::tell_of_array(file, &summary);
    Ok(meta.to_json())
}

/// Removes what a daemon leaves that dies between mounting and serving.
fn remove_dead_mount(settings: &Settings) {
    let found = mountpoint::check(&settings.mountpoint, &settings.file);
    if let Err(MountpointError::Dead { .. }) = found {
        // The death itself is what the user has to hear of.
        let _ = unmount(&settings.mountpoint);
    }
}

/// Mounts, lets a waiting command return, serves the mount until it ends, and has what
/// was logged written.
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
    let let_go = || {
        drop(ready.take());
        drop(command.take().map(background::Command::leave_to_daemon));
    };
    platform::forbid_core_dumps();
    let watchdog = Watchdog::of(&settings.mountpoint, let_go).map_err(Error::Start)?;
    let (sender, events) = mpsc::channel();
    events::listen(sender.clone(), settings.foreground).map_err(Error::Start)?;
    log.start().map_err(Error::Start)?;
    // Whoever interrupts the command does not want the mount.
    let is_gone = || command.as_ref().is_some_and(|command| command.is_gone());
    let ready = ready.unwrap_or_default();
    let mounted = Mounted::start(settings, &sender, &events, watchdog, is_gone, ready)?;
    if settings.log.file.is_some() {
        log.create();
    }
    let Some(command) = command else {
        return mounted.serve(&events);
    };
    // What is logged of the start is there when the command returns.
    log.drain();
    let ended = match command.release() {
        Ok(()) => mounted.serve(&events),
        Err(_) if mounted.has_changed_file() => {
            log::warn!("the command was interrupted too late: the file has been changed");
            mounted.serve(&events)
        }
        Err(_) => mounted.end(&events),
    };
    // Standard error is gone.
    ended.inspect_err(|error| log::error!("{error}"))
}
