//! One truth for mapped pages too. The kernel fills pages of a view by reads of
//! its own and keeps them, so a write through another view has to have them
//! dropped, and in such an order that neither is a page left that shows old
//! bytes, nor does a page that somebody has stored to bring old bytes of its
//! neighbours back after the write was acknowledged:
//!
//! 1. Whoever changes the file passes the gate, which knows the bytes that are being
//!    changed. A fill is noted there before it reads, and waits for the changes of
//!    its bytes that are under way: so either it finds the changed bytes, or the
//!    change finds the note.
//! 2. A change that finds no note of the bytes concerned happens at once.
//! 3. Any other is put off to a thread of its own, which holds nothing: it takes
//!    the notes out, has the kernel drop the pages (which first writes back those
//!    that were stored to), and tries again from 2, since pages may have been
//!    filled anew meanwhile.
//!    A fill of those pages waits a moment for the change to be made, lest pages be
//!    filled as fast as they are dropped; but not for longer, since the kernel may
//!    wait for the fill before it drops the page.
//! 4. What the kernel writes back is applied and answered at once, whatever is put
//!    off: the thread of 3 waits for it. Pages of other views that it makes old
//!    are dropped afterwards.
//! 5. While a file is given its size the kernel writes none of its pages back, and who
//!    has them dropped, be it the thread of 3, waits until that is answered. So it waits
//!    for nobody who may: it has pages dropped by a thread of its own, but for those of
//!    files that are given their size themselves. These are dropped afterwards.

mod gate;
#[cfg(test)]
mod model;
mod pages;
mod places;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;
use std::{fmt, io};

use fuser::{INodeNo, Notifier};

use super::contained::{aside, contained};
use super::error::FsError;
use crate::vfile::VirtualFile;
pub(super) use gate::Awaited;
use gate::{Except, Gate, Passage};
use pages::Stale;

/// How often pages are dropped for one change before it is given up.
const MAX_ATTEMPTS: usize = 1000;

/// The bytes in a page, or a part of it where the machine's are larger.
const PAGE: u64 = 4096;

/// How long the end of the mount waits for pages that are being dropped.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// How long a fill waits for a change of its bytes that is about to be made.
const COURTESY: Duration = Duration::from_millis(1);

/// How long a worker waits for a change that is being made, before others do.
const PATIENCE: Duration = Duration::from_millis(10);

/// The bytes of the backing file that a change may touch, as things stand.
type Reach = Box<dyn Fn() -> Range<u64> + Send>;

/// What is done once no page is in the way, or is not done as there always is one.
type Change = Box<dyn FnOnce(Result<(), FsError>) + Send>;

/// Has the kernel drop pages, and waits until it has.
type Dropper = Box<dyn Fn(&Stale) + Send + Sync>;

/// What the thread has to do that drops pages.
enum Task {
    /// Drop the pages that are in the way, then make the change.
    Change(Reach, Change),
    /// Drop the pages that show these bytes of the backing file, but for some.
    Refresh(Range<u64>, Except),
    /// Go on with this.
    Then(Box<dyn FnOnce() + Send>),
}

/// Who is dropping pages.
#[derive(Debug, Default)]
struct Work {
    busy: usize,
    stopped: bool,
}

/// The pages that the kernel may hold, and the gate that changes pass.
pub(super) struct Coherence {
    gate: Gate,
    /// How often each inode is open.
    open: Mutex<HashMap<u64, usize>>,
    /// The bytes of the change that the thread is about to make, and what wakes
    /// those who wait for it.
    under_way: Mutex<Option<Range<u64>>>,
    made: Condvar,
    /// Whether pages are being dropped, and whether any more are to be.
    work: Mutex<Work>,
    done: Condvar,
    tasks: Sender<Task>,
    /// How many fills wait for changes, and not in a worker.
    waiting: AtomicUsize,
    /// What has pages dropped, once there is a mount.
    dropper: OnceLock<Dropper>,
    /// How often the kernel was told to drop pages.
    drops: AtomicU64,
}

/// An inode is being given its size for as long as this is there.
struct Sizing(Arc<Coherence>, u64);

impl Drop for Sizing {
    fn drop(&mut self) {
        self.0.gate.has_size(self.1);
    }
}

impl fmt::Debug for Coherence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coherence")
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}

/// The end at which changes that are put off come out.
pub(super) struct Tasks(Receiver<Task>);

impl Coherence {
    pub(super) fn new() -> (Coherence, Tasks) {
        let (tasks, received) = channel();
        let coherence = Coherence {
            gate: Gate::new(PAGE),
            open: Mutex::default(),
            under_way: Mutex::default(),
            made: Condvar::new(),
            work: Mutex::default(),
            done: Condvar::new(),
            tasks,
            waiting: AtomicUsize::new(0),
            dropper: OnceLock::new(),
            drops: AtomicU64::new(0),
        };
        (coherence, Tasks(received))
    }

    /// Notes that a page of `inode` is going to be filled with the bytes `range`
    /// of `file`. To be called before they are read. Returns the changes that have to be
    /// [waited for](Self::wait_for) before, if that takes long.
    pub(super) fn fill(
        &self,
        inode: u64,
        file: &VirtualFile,
        range: Range<u64>,
    ) -> Option<Awaited> {
        let concerned = |change: &mut Option<Range<u64>>| {
            change.as_ref().is_some_and(|bytes| {
                let changing = file.bytes_in(bytes);
                changing.start < range.end && range.start < changing.end
            })
        };
        let change = self.under_way();
        // Whether it is made by then or not, the fill goes on.
        let _ = self.made.wait_timeout_while(change, COURTESY, concerned);
        let awaited = self.gate.fill(inode, file, &range);
        // Where others wait already, it does take long.
        let patience = match self.waiting.load(Ordering::Relaxed) {
            0 => PATIENCE,
            _ => Duration::ZERO,
        };
        (!self.gate.wait_for(&awaited, patience)).then_some(awaited)
    }

    /// Waits until changes have been made.
    pub(super) fn wait_for(&self, awaited: &Awaited) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        while !self.gate.wait_for(awaited, LAST_WAIT) {}
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    fn under_way(&self) -> MutexGuard<'_, Option<Range<u64>>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Passage for a change of the bytes of the backing file that `reach` gives;
    /// `None` if a page is in the way, and the change has to be
    /// [put off](Self::put_off).
    pub(super) fn enter(&self, reach: impl Fn() -> Range<u64>) -> Option<Passage<'_>> {
        self.gate.enter(Except::Nobodys, &[], reach)
    }

    /// Passage for what the kernel writes back to the bytes that `reach` gives, which
    /// no page may delay.
    pub(super) fn enter_at_once(&self, reach: impl Fn() -> Range<u64>) -> Passage<'_> {
        self.gate.enter_at_once(reach)
    }

    /// Does `work` while no change of the bytes `bytes` of the backing file is under
    /// way.
    pub(super) fn between_changes(&self, bytes: &Range<u64>, work: impl FnOnce()) {
        self.gate.between_changes(bytes, work);
    }

    /// Whether [that](Self::between_changes) would take a while.
    pub(super) fn is_busy(&self, bytes: &Range<u64>) -> bool {
        self.gate.is_busy(bytes)
    }

    /// Has `change` made from another thread, once no page shows the bytes that
    /// `reach` gives.
    pub(super) fn put_off(
        &self,
        reach: impl Fn() -> Range<u64> + Send + 'static,
        change: impl FnOnce(Result<(), FsError>) + Send + 'static,
    ) {
        // Only a mount that has ended does not take it; nobody waits then.
        let _ = self
            .tasks
            .send(Task::Change(Box::new(reach), Box::new(change)));
    }

    /// Has `change` made, which gives `inode` its size, answers that, and changes the
    /// bytes that `reach` gives, once no page shows them but for those of inodes that are
    /// given their size. Waits for nobody who may wait for the answer.
    pub(super) fn resize(
        self: &Arc<Self>,
        inode: u64,
        reach: impl Fn() -> Range<u64> + Send + 'static,
        change: impl FnOnce(Result<(), FsError>) + Send + 'static,
    ) {
        self.gate.is_sized(inode);
        let sizing = Sizing(self.clone(), inode);
        if let Some(_passage) = self.gate.enter(Except::Sized, &[], &reach) {
            return change(Ok(()));
        }
        aside(move || {
            let coherence = &sizing.0;
            let drop = |stale: &Stale| coherence.drop_now(stale);
            if let Err(change) = coherence.make(Except::Sized, &reach, change, drop) {
                coherence.give_up(change);
            }
        });
    }

    /// Does `work` once all that has been put off until now is done.
    pub(super) fn then(&self, work: impl FnOnce() + Send + 'static) {
        // As before: only a mount that has ended does not take it.
        let _ = self.tasks.send(Task::Then(Box::new(work)));
    }

    /// Has the pages dropped that show the bytes `bytes` of the backing file, which
    /// have changed, those of the inode `own` aside. Nobody waits for it.
    pub(super) fn refresh(&self, own: Option<u64>, bytes: Range<u64>) {
        if !bytes.is_empty() {
            let except = own.map_or(Except::Nobodys, Except::Of);
            // As before: only a mount that has ended does not take it.
            let _ = self.tasks.send(Task::Refresh(bytes, except));
        }
    }

    /// How often the kernel was told to drop pages.
    pub(super) fn dropped(&self) -> u64 {
        self.drops.load(Ordering::Relaxed)
    }

    /// `inode` has been opened once more.
    pub(super) fn opened(&self, inode: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        *open.entry(inode).or_default() += 1;
    }

    /// An open file of `inode`, and all mappings of it, are gone. After the last,
    /// unless its pages are `kept`, the kernel drops them before it reads any of
    /// them again.
    pub(super) fn released(&self, inode: u64, kept: impl FnOnce() -> bool) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = open.get_mut(&inode) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            open.remove(&inode);
            if !kept() {
                self.gate.forget(inode);
            }
        }
    }

    /// The pages of `inode` are no longer kept when nobody has it open.
    pub(super) fn no_longer_kept(&self, inode: u64) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !open.contains_key(&inode) {
            self.gate.forget(inode);
        }
    }

    /// Has all pages dropped that show `bytes`, but for some. Returns which, unless they
    /// are left as the mount ends.
    fn drop_pages(
        &self,
        bytes: &Range<u64>,
        except: Except,
        drop: impl Fn(&Stale),
    ) -> Option<Vec<Stale>> {
        let stale = self.gate.leave(bytes, except);
        for stale in &stale {
            if !self.begin() {
                return None;
            }
            drop(stale);
            self.drops.fetch_add(1, Ordering::Relaxed);
            self.end();
        }
        if !stale.is_empty() {
            self.gate.have_left(&stale);
        }
        Some(stale)
    }

    fn drop_now(&self, stale: &Stale) {
        if let Some(drop) = self.dropper.get() {
            drop(stale);
        }
    }

    /// Has no more pages dropped, and waits for those that are being dropped. The
    /// thread cannot be ended while the kernel waits for a page to be written
    /// back, and that needs somebody who answers.
    pub(super) fn stop(&self) {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.stopped = true;
        // If it takes longer than this, waiting does not help.
        let _ = self
            .done
            .wait_timeout_while(work, LAST_WAIT, |work| work.busy > 0);
    }

    /// Whether pages may be dropped, which goes on until it is said to be done.
    fn begin(&self) -> bool {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.busy += usize::from(!work.stopped);
        !work.stopped
    }

    fn end(&self) {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.busy -= 1;
        self.done.notify_all();
    }

    fn carry_out(&self, task: Task, drop: impl Fn(&Stale)) {
        let (reach, change) = match task {
            Task::Change(reach, change) => (reach, change),
            Task::Refresh(bytes, except) => {
                self.drop_pages(&bytes, except, drop);
                return;
            }
            Task::Then(work) => return work(),
        };
        let reach = || {
            let bytes = reach();
            *self.under_way() = Some(bytes.clone());
            bytes
        };
        let made = self.make(Except::Nobodys, reach, change, drop);
        *self.under_way() = None;
        self.made.notify_all();
        if let Err(change) = made {
            self.give_up(change);
        }
    }

    fn give_up(&self, change: impl FnOnce(Result<(), FsError>)) {
        log::warn!("a write was given up: its pages are filled anew as fast as they are dropped");
        change(Err(FsError::Busy));
    }

    /// Makes a change once the pages that are in the way have been dropped, or
    /// gives it back if there are always some.
    fn make<C: FnOnce(Result<(), FsError>)>(
        &self,
        except: Except,
        reach: impl Fn() -> Range<u64>,
        change: C,
        drop: impl Fn(&Stale),
    ) -> Result<(), C> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(left) = self.drop_pages(&reach(), except, &drop) else {
                break;
            };
            if let Some(_passage) = self.gate.enter(except, &left, &reach) {
                change(Ok(()));
                return Ok(());
            }
        }
        Err(change)
    }
}

/// Makes the changes that are put off, as long as there is a file system.
///
/// # Errors
///
/// When no thread can be started.
pub(super) fn serve(coherence: Arc<Coherence>, tasks: Tasks, notifier: Notifier) -> io::Result<()> {
    let drop_pages = move |Stale { inode, range, .. }: &Stale| {
        let (start, len) = (range.start as i64, (range.end - range.start) as i64);
        if let Err(error) = notifier.inval_inode(INodeNo(*inode), start, len) {
            log::debug!("the kernel keeps pages of inode {inode}: {error}");
        }
    };
    coherence.dropper.get_or_init(|| Box::new(drop_pages));
    let work = move || {
        for task in tasks.0 {
            contained(|| coherence.carry_out(task, |stale| coherence.drop_now(stale)));
        }
    };
    thread::Builder::new().name("pages".into()).spawn(work)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claim_43_a_write_is_given_up_whose_pages_are_always_filled_anew() {
        let file = &pages::tests::files(100, &[0])[0];
        for (attempts, is_made) in [(MAX_ATTEMPTS - 1, true), (MAX_ATTEMPTS, false)] {
            let (coherence, _tasks) = Coherence::new();
            coherence.fill(7, file, 0..100);
            let dropped = std::cell::Cell::new(0);
            let (tell, told) = channel();
            let change = move |passage: Result<(), FsError>| tell.send(passage).unwrap();
            let task = Task::Change(Box::new(|| 10..20), Box::new(change));
            coherence.carry_out(task, |stale| {
                assert_eq!(
                    *stale,
                    Stale {
                        inode: 7,
                        range: 0..100,
                        number: dropped.get() as u64,
                        is_anothers: false
                    }
                );
                dropped.set(dropped.get() + 1);
                if dropped.get() <= attempts {
                    coherence.fill(7, file, 0..100);
                }
            });
            let outcome = told.recv().unwrap();
            assert_eq!(outcome.is_ok(), is_made, "after {attempts}");
            if let Err(error) = outcome {
                assert_eq!(error.errno().code(), libc::EBUSY);
            }
            assert_eq!(dropped.get(), MAX_ATTEMPTS);
            assert_eq!(*coherence.under_way(), None);
        }
    }
}
