//! A mounted array: mounting it, serving until a signal or an unmount, the final flush, and
//! unmounting after idle time. Requests are served by threads of `fs::Session`.

use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::events::Event;
use super::mountpoint_lock::{CreatedDirectory, MountpointLock};
use super::notices::Tense;
use super::ready::Ready;
use super::server::Server;
use super::watchdog::{self, Watchdog};
use super::{Error, mountpoint, notices, ready};
use crate::cli::Settings;
use crate::fs::{Cache, MAX_REQUEST, Session, check_memory};
use crate::mapping::{Growth, Pending};
use crate::platform::{self, Mount};
use crate::source::{Plan, Summary};

/// The least time between two checks whether the mount is idle.
const MIN_IDLE_WAIT: Duration = Duration::from_millis(500);

/// The most time between two attempts to unmount an idle mount.
const MAX_RETRY_WAIT: Duration = Duration::from_secs(5);

/// A mounted array.
pub(super) struct Mounted {
    /// Never dropped, since dropping unmounts by path: another mount may be there by then.
    session: ManuallyDrop<Session>,
    file: PathBuf,
    mountpoint: PathBuf,
    /// The entry in the mount table; `None` if there is no mount table.
    mount: Option<Mount>,
    /// The idle time after which to unmount.
    idle_timeout: Option<Duration>,
    /// Announces the process that serves the mount.
    _server: Option<Server>,
    /// Whether mounting has changed the backing file.
    has_changed_file: bool,
    /// The mount point, if it was created for this mount.
    _created: Option<CreatedDirectory>,
}

impl Mounted {
    /// Mounts as `settings` say. The order of steps is:
    ///
    /// 1. mount, and wait until the mount answers;
    /// 2. create the log file, with `create_log`;
    /// 3. notify the supervisor through `ready`;
    /// 4. create, extend or overwrite the backing file, which cannot be undone;
    /// 5. admit `open` requests.
    ///
    /// `is_gone` tells whether the command was interrupted. It is checked after each slow step
    /// before step 4.
    ///
    /// # Errors
    ///
    /// When a step fails or the command was interrupted. The file system is unmounted then.
    pub(super) fn start(
        settings: &Settings,
        channel: (&Sender<Event>, &Receiver<Event>),
        watchdog: Watchdog,
        is_gone: impl Fn() -> bool,
        create_log: impl FnOnce() -> Result<(), Error>,
        ready: Ready,
    ) -> Result<Mounted, Error> {
        let (sender, events) = channel;
        let plan = Plan::new(&settings.file, &settings.description)?;
        let summary = plan.summary();
        let interrupted = || Error::Interrupted(settings.mountpoint.clone());
        let is_interrupted = || is_gone() || events.try_recv().is_ok();
        let hides_files = mountpoint::hides_files(&settings.mountpoint);
        let (mut mounted, pending) = Mounted::mount(settings, plan, sender, is_interrupted)?;
        let answered = mounted.wait_for_answer(watchdog, sender.clone(), events);
        let committed = answered.and_then(|()| {
            if is_gone() {
                return Err(interrupted());
            }
            create_log()?;
            ready.notify()?;
            Ok(pending.commit()?)
        });
        let growth = committed.or_else(|error| {
            // Detach by path: no other mount can cover it yet, and there may be no free
            // descriptor for reading the mount table.
            mounted
                .detached(platform::detach(&settings.mountpoint))
                .and(Err(error))
        })?;
        mounted.session.admit();
        mounted.has_changed_file = growth.is_some();
        mounted.set_readahead();
        mounted.announce(settings, &summary, growth);
        if hides_files {
            notices::print_hidden_files(&settings.mountpoint);
        }
        Ok(mounted)
    }

    /// Step 1 of [`start`](Mounted::start), without waiting for an answer. Returns the pending
    /// changes of the backing file as well.
    ///
    /// # Errors
    ///
    /// When the file cannot be mapped or the mount is refused, and when `is_interrupted`.
    fn mount(
        settings: &Settings,
        plan: Plan,
        sender: &Sender<Event>,
        is_interrupted: impl FnOnce() -> bool,
    ) -> Result<(Mounted, Pending), Error> {
        let Settings {
            file, mountpoint, ..
        } = settings;
        check_memory(mountpoint, &settings.options, plan.bytes().end)?;
        let lock = MountpointLock::new(mountpoint, file)?;
        let source = plan.map()?;
        if is_interrupted() {
            return Err(Error::Interrupted(mountpoint.clone()));
        }
        let end_sender = sender.clone();
        let ended = move || {
            // Without a receiver the process is about to exit.
            let _ = end_sender.send(Event::Ended);
        };
        let (session, pending) = Session::mount(source, mountpoint, &settings.options, ended)?;
        let mount = platform::new_mount(mountpoint).unwrap_or_default();
        if mount.is_none() {
            log::warn!(
                "{}: not in the mount table, so neither a signal nor --idle-timeout unmounts it",
                mountpoint.display()
            );
        }
        let mounted = Mounted {
            session: ManuallyDrop::new(session),
            file: file.clone(),
            mountpoint: mountpoint.clone(),
            _server: mount.as_ref().and_then(Server::announce),
            mount,
            idle_timeout: settings.idle_timeout,
            has_changed_file: false,
            _created: lock.mounted(),
        };
        Ok((mounted, pending))
    }

    /// Tells the user what was mounted, how the file has changed, and what the kernel refuses.
    fn announce(&self, settings: &Settings, summary: &Summary, growth: Option<Growth>) {
        let (file, mode) = (&self.file, settings.description.mode);
        if let Some(growth) = growth {
            notices::print_growth(file, mode, growth, Tense::Done);
        }
        notices::print_array(file, summary);
        if self.session.refuses_mappings() {
            notices::print_refused_mappings(file, mode);
        }
        if settings.named_after_file {
            // Failing to print the mount point does not affect the mount.
            let _ = writeln!(io::stdout(), "{}", self.mountpoint.display());
        }
        log::info!(
            "{}: mounted on {}",
            file.display(),
            self.mountpoint.display()
        );
    }

    /// Whether mounting has changed the backing file. If so, an interruption of the command
    /// comes too late, and the mount stays.
    pub(super) fn has_changed_file(&self) -> bool {
        self.has_changed_file
    }

    /// Waits for the watchdog's first `stat` of the mounted root.
    ///
    /// # Errors
    ///
    /// When `stat` fails, a signal arrives, or the session ends. In the latter cases `stat` may
    /// never return, so the watchdog is killed.
    fn wait_for_answer(
        &self,
        mut watchdog: Watchdog,
        sender: Sender<Event>,
        events: &Receiver<Event>,
    ) -> Result<(), Error> {
        let process = watchdog.process();
        let stat_root = move || {
            let answer = watchdog.stat_root();
            drop(watchdog);
            // Without a receiver the start has failed.
            let _ = sender.send(Event::Answered(answer));
        };
        thread::Builder::new()
            .name("answer".into())
            .spawn(stat_root)
            .map_err(Error::Start)?;
        let mountpoint = self.mountpoint.clone();
        let error = match events.recv() {
            Ok(Event::Answered(Ok(()))) => return Ok(()),
            Ok(Event::Answered(Err(source))) => {
                return Err(Error::Unanswered { mountpoint, source });
            }
            Ok(Event::Signal(_)) => Error::Interrupted(mountpoint),
            Ok(Event::Ended) | Err(_) => Error::WorkersNotStarted(mountpoint),
        };
        // The thread answers once it has reaped the watchdog. So no zombie is left.
        watchdog::kill_process(process);
        let _ = events
            .iter()
            .find(|event| matches!(event, Event::Answered(_)));
        Err(error)
    }

    /// Sets the kernel's readahead window to the largest request, unless pages are not cached.
    fn set_readahead(&self) {
        let cache = self.session.cache();
        let Some(mount) = self.mount.as_ref().filter(|_| cache != Cache::Never) else {
            return;
        };
        if let Err(error) = platform::read_ahead(mount, MAX_REQUEST.into()) {
            log::info!(
                "readahead stays at the kernel's default: {}",
                platform::os_error_message(&error)
            );
        }
    }

    /// Serves the mount until it ends.
    ///
    /// # Errors
    ///
    /// When a flush fails, or the mount cannot be detached.
    pub(super) fn serve(&self, events: &Receiver<Event>) -> Result<(), Error> {
        loop {
            match self.next_event(events) {
                Some(Event::Answered(_)) => {}
                Some(Event::Signal(signal)) => {
                    log::info!("{}: unmounting on {signal}", self.mountpoint.display());
                    ready::notify_stopping();
                    return self.end(events);
                }
                Some(Event::Ended) => break,
                None => self.unmount_if_idle(),
            }
        }
        log::info!("{}: unmounted", self.mountpoint.display());
        ready::notify_stopping();
        self.flush()
    }

    /// Waits for the next event; `None` when it is time to check whether the mount is idle.
    fn next_event(&self, events: &Receiver<Event>) -> Option<Event> {
        let Some(limit) = self.idle_timeout else {
            return Some(events.recv().unwrap_or(Event::Ended));
        };
        let remaining = limit.saturating_sub(self.session.unused());
        // If the time is already over, the mount was busy at the last attempt.
        let wait = if remaining.is_zero() {
            limit.min(MAX_RETRY_WAIT)
        } else {
            remaining
        };
        match events.recv_timeout(wait.max(MIN_IDLE_WAIT)) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Disconnected) => Some(Event::Ended),
            Err(RecvTimeoutError::Timeout) => None,
        }
    }

    /// Unmounts if the idle time has passed and the mount is not busy. The session then sends
    /// [`Event::Ended`].
    fn unmount_if_idle(&self) {
        let limit = self.idle_timeout.unwrap_or(Duration::MAX);
        let is_topmost = self.mount.as_ref().is_some_and(|mount| {
            // Another mount may cover this one.
            platform::mounted_at(&mount.point).is_ok_and(|now| now.as_ref() == Some(mount))
        });
        if self.session.unused() < limit || !is_topmost {
            return;
        }
        match platform::unmount(&self.mountpoint) {
            Ok(()) => log::info!("{}: unused for {limit:?}", self.mountpoint.display()),
            Err(error) => log::debug!(
                "{}: unused, but {}",
                self.mountpoint.display(),
                platform::os_error_message(&error)
            ),
        }
    }

    /// Flushes, detaches the mount, and flushes again what was written in between.
    ///
    /// # Errors
    ///
    /// As [`serve`](Mounted::serve).
    pub(super) fn end(&self, events: &Receiver<Event>) -> Result<(), Error> {
        let flushed = self.flush();
        // After the unmount the kernel may reuse the mount's ID, so it must not be detached again.
        let ended = events.try_iter().any(|event| matches!(event, Event::Ended));
        let detached = if ended { Ok(()) } else { self.detach() };
        let flushed = flushed.and(detached).and(self.flush());
        self.session.stop();
        flushed
    }

    fn flush(&self) -> Result<(), Error> {
        self.session.flush().map_err(|source| {
            let file = self.file.clone();
            Error::Flush { file, source }
        })
    }

    /// Detaches this mount, but no other mount on the same path.
    fn detach(&self) -> Result<(), Error> {
        let Some(mount) = &self.mount else {
            return Ok(());
        };
        self.detached(detach(mount))
    }

    /// Adds the mount point to the error of a detach.
    fn detached(&self, outcome: io::Result<()>) -> Result<(), Error> {
        outcome.map_err(|source| {
            let mountpoint = self.mountpoint.clone();
            Error::Detach { mountpoint, source }
        })
    }
}

/// Detaches `mount`, wherever it is now. Does nothing if it is gone.
///
/// # Errors
///
/// When another mount covers it, or the system call fails.
fn detach(mount: &Mount) -> io::Result<()> {
    let Some(current) = mount.now()? else {
        return Ok(());
    };
    match platform::mounted_at(&current.point)? {
        Some(upper) if upper != current => Err(io::Error::other("another mount covers it")),
        _ => platform::detach(&current.point),
    }
}
