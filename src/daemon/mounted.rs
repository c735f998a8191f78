//! A mount from its start to its end: what is said about it, how it is served
//! until a signal or an unmount ends it, and that what was written is flushed.

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
use super::{Error, notices, ready};
use crate::cli::Settings;
use crate::fs::{Cache, MAX_REQUEST, Session, check_memory};
use crate::platform::{self, Mount};
use crate::source::Plan;

/// How long is waited at least before it is looked again whether a mount is unused.
const MIN_WAIT: Duration = Duration::from_millis(500);

/// How long is waited at most before it is tried again to unmount one that is unused.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// A mounted array.
pub(super) struct Mounted {
    /// Never dropped: that would unmount whatever is mounted at the path by then.
    session: ManuallyDrop<Session>,
    file: PathBuf,
    mountpoint: PathBuf,
    /// Its line in the mount table; `None` if there is no table.
    mount: Option<Mount>,
    /// How long nobody uses it before it ends.
    idle_timeout: Option<Duration>,
    /// Tells others who serves it.
    _server: Option<Server>,
    /// Mounting has changed the backing file.
    has_changed_file: bool,
    /// Its directory, if that was made for it.
    _created: Option<CreatedDirectory>,
}

impl Mounted {
    /// Mounts as `settings` say, and returns when the mount answers, whoever waits
    /// for it is told by `ready`, and the file is what the mode makes of it, in
    /// this order: of the three only the last cannot be taken back. Until then
    /// nobody's file is opened. Asks whether the command `is_gone` whenever
    /// something that can take long is done and nothing has changed.
    ///
    /// # Errors
    ///
    /// When it does not come about; nothing is left of it then.
    pub(super) fn start(
        settings: &Settings,
        sender: &Sender<Event>,
        events: &Receiver<Event>,
        watchdog: Watchdog,
        is_gone: impl Fn() -> bool,
        ready: Ready,
    ) -> Result<Mounted, Error> {
        let Settings {
            file, mountpoint, ..
        } = settings;
        let plan = Plan::new(file, &settings.description)?;
        let summary = plan.summary();
        check_memory(mountpoint, &settings.options, plan.bytes().end)?;
        let lock = MountpointLock::new(mountpoint, file)?;
        let source = plan.map()?;
        let interrupted = || Error::Interrupted(mountpoint.clone());
        if is_gone() || events.try_recv().is_ok() {
            return Err(interrupted());
        }
        let sender_of_end = sender.clone();
        let ended = move || {
            // Without a receiver the process is about to end.
            let _ = sender_of_end.send(Event::Ended);
        };
        let (session, pending) = Session::mount(source, mountpoint, &settings.options, ended)?;
        let mount = platform::mounted_at(mountpoint).unwrap_or_default();
        let mut mounted = Mounted {
            session: ManuallyDrop::new(session),
            file: file.clone(),
            mountpoint: mountpoint.clone(),
            _server: mount.as_ref().and_then(Server::announce),
            mount,
            idle_timeout: settings.idle_timeout,
            has_changed_file: false,
            _created: lock.mounted(),
        };
        let answered = mounted.wait_for_answer(watchdog, sender.clone(), events);
        let committed = answered.and_then(|()| {
            if is_gone() {
                return Err(interrupted());
            }
            ready.tell()?;
            Ok(pending.commit()?)
        });
        let growth = committed.or_else(|error| {
            // By its path: nothing else has been mounted there yet, and to read
            // the mount table there may be no descriptor left.
            mounted
                .detached(platform::detach(mountpoint))
                .and(Err(error))
        })?;
        mounted.session.admit();
        mounted.has_changed_file = growth.is_some();
        if let Some(growth) = growth {
            notices::tell_of_growth(file, settings.description.mode, growth, Tense::Done);
        }
        notices::tell_of_array(file, &summary);
        if mounted.session.refuses_mappings() {
            notices::tell_of_refused_mappings(file, settings.description.mode);
        }
        mounted.read_ahead();
        if settings.named_after_file {
            // Whoever does not read it has the mount all the same.
            let _ = writeln!(io::stdout(), "{}", mountpoint.display());
        }
        log::info!("{}: mounted on {}", file.display(), mountpoint.display());
        Ok(mounted)
    }

    /// Whether mounting has changed the backing file: whoever interrupts the command then
    /// has the mount that the file is for.
    pub(super) fn has_changed_file(&self) -> bool {
        self.has_changed_file
    }

    /// Returns when the mount answers the watchdog. If nobody serves the mount,
    /// that would be never.
    fn wait_for_answer(
        &self,
        mut watchdog: Watchdog,
        sender: Sender<Event>,
        events: &Receiver<Event>,
    ) -> Result<(), Error> {
        let process = watchdog.process();
        let look = move || {
            let answer = watchdog.look();
            drop(watchdog);
            // Without a receiver nobody waits for the answer any more.
            let _ = sender.send(Event::Answered(answer));
        };
        thread::Builder::new()
            .name("answer".into())
            .spawn(look)
            .map_err(Error::Start)?;
        let mountpoint = self.mountpoint.clone();
        let error = match events.recv() {
            Ok(Event::Answered(Ok(()))) => return Ok(()),
            Ok(Event::Answered(Err(source))) => {
                return Err(Error::Unanswered { mountpoint, source });
            }
            Ok(Event::Signal(_)) => Error::Interrupted(mountpoint),
            Ok(Event::Ended) | Err(_) => Error::Unserved(mountpoint),
        };
        // The answer that it has none leaves no process behind.
        watchdog::give_up(process);
        let _ = events
            .iter()
            .find(|event| matches!(event, Event::Answered(_)));
        Err(error)
    }

    /// Has the kernel fill its pages by requests as large as any, where it fills
    /// some for reads.
    fn read_ahead(&self) {
        let cache = self.session.cache();
        let Some(mount) = self.mount.as_ref().filter(|_| cache != Cache::Never) else {
            return;
        };
        if let Err(error) = platform::read_ahead(mount, MAX_REQUEST.into()) {
            log::info!(
                "files are read ahead by little: {}",
                platform::os_error_message(&error)
            );
        }
    }

    /// Serves the mount until it ends.
    ///
    /// # Errors
    ///
    /// When not everything could be flushed, or the mount is left dead.
    pub(super) fn serve(&self, events: &Receiver<Event>) -> Result<(), Error> {
        loop {
            match self.next(events) {
                Some(Event::Answered(_)) => {}
                Some(Event::Signal(signal)) => {
                    log::info!("{}: unmounting on {signal}", self.mountpoint.display());
                    ready::tell_of_end();
                    return self.end(events);
                }
                Some(Event::Ended) => break,
                None => self.unmount_if_unused(),
            }
        }
        log::info!("{}: unmounted", self.mountpoint.display());
        ready::tell_of_end();
        self.flush()
    }

    /// What happens next; `None` if that is nothing for as long as the mount may be
    /// unused.
    fn next(&self, events: &Receiver<Event>) -> Option<Event> {
        let Some(limit) = self.idle_timeout else {
            return Some(events.recv().unwrap_or(Event::Ended));
        };
        let rest = limit.saturating_sub(self.session.unused());
        // If it is due, somebody was inside, who may stay for long.
        let wait = if rest.is_zero() {
            limit.min(BUSY_WAIT)
        } else {
            rest
        };
        match events.recv_timeout(wait.max(MIN_WAIT)) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Disconnected) => Some(Event::Ended),
            Err(RecvTimeoutError::Timeout) => None,
        }
    }

    /// Unmounts, if that is due and nobody is inside. The end is then an event.
    fn unmount_if_unused(&self) {
        let limit = self.idle_timeout.unwrap_or(Duration::MAX);
        let is_here = self.mount.as_ref().is_some_and(|mount| {
            // Nothing else that is mounted there by now.
            platform::mounted_at(&mount.point).is_ok_and(|now| now.as_ref() == Some(mount))
        });
        if self.session.unused() < limit || !is_here {
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

    /// Flushes, detaches the mount, and flushes what came in between.
    ///
    /// # Errors
    ///
    /// As [`serve`](Mounted::serve).
    pub(super) fn end(&self, events: &Receiver<Event>) -> Result<(), Error> {
        let flushed = self.flush();
        // The kernel gives the number of a mount that is gone to the next one.
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

    /// Takes the mount out of the tree, and nothing else that is mounted there by now.
    fn detach(&self) -> Result<(), Error> {
        let Some(mount) = &self.mount else {
            return Ok(());
        };
        self.detached(detach(mount))
    }

    fn detached(&self, outcome: io::Result<()>) -> Result<(), Error> {
        outcome.map_err(|source| {
            let mountpoint = self.mountpoint.clone();
            Error::Detach { mountpoint, source }
        })
    }
}

fn detach(mount: &Mount) -> io::Result<()> {
    let Some(now) = mount.now()? else {
        return Ok(());
    };
    match platform::mounted_at(&now.point)? {
        Some(upper) if upper != now => Err(io::Error::other("another mount covers it")),
        _ => platform::detach(&now.point),
    }
}
