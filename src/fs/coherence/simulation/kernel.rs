//! What processes and the kernel do to pages, what the daemon's workers do with the
//! kernel's requests, and the file.

use std::collections::VecDeque;

use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard};
use shuttle::thread::{self, JoinHandle};

use super::super::Coherence;
use super::super::pages::Stale;
use super::{BYTES, Scheme, Setting, VIEWS, WRITERS};
use crate::vfile::VirtualFile;

type Bytes = [u8; BYTES];
type Request = Box<dyn FnOnce() + Send>;

/// The page of a view, in the kernel's page cache.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// `None` while there is none.
    pub(super) bytes: Option<Bytes>,
    /// Locked while it is filled, written back or dropped.
    is_locked: bool,
    is_dirty: bool,
    /// Given its size: nothing is written back.
    is_resized: bool,
}

/// The kernel, the file and the daemon.
pub(super) struct Kernel {
    setting: Setting,
    view: VirtualFile,
    coherence: Arc<Coherence>,
    /// A byte for each writer, then one for each storer.
    file: Arc<Mutex<Bytes>>,
    /// How many writes of each writer are answered.
    answered: Mutex<[u8; WRITERS]>,
    pages: [(Mutex<Page>, Condvar); VIEWS],
    /// The requests that no worker has; `None` at the end.
    requests: Mutex<Option<VecDeque<Request>>>,
    has_request: Condvar,
}

/// An answer that somebody waits for.
#[derive(Clone)]
struct Reply<T>(Arc<(Mutex<Option<T>>, Condvar)>);

impl<T> Reply<T> {
    fn new() -> Reply<T> {
        Reply(Arc::new((Mutex::new(None), Condvar::new())))
    }

    fn send(&self, value: T) {
        *self.0.0.lock().unwrap() = Some(value);
        self.0.1.notify_all();
    }

    fn wait(&self) -> T {
        let value = self.0.0.lock().unwrap();
        let mut value = self.0.1.wait_while(value, |value| value.is_none()).unwrap();
        value.take().unwrap()
    }
}

impl Kernel {
    pub(super) fn new(setting: Setting, view: &VirtualFile) -> Kernel {
        let coherence = Coherence::of_pages(BYTES as u64);
        let is_open = |view: &usize| setting.reopened != Some(*view);
        let open = (0..VIEWS).filter(is_open);
        open.for_each(|view| coherence.opened(view as u64));
        Kernel {
            setting,
            view: view.clone(),
            coherence: Arc::new(coherence),
            file: Arc::default(),
            answered: Mutex::default(),
            pages: Default::default(),
            requests: Mutex::new(Some(VecDeque::new())),
            has_request: Condvar::new(),
        }
    }

    /// Starts the daemon's threads.
    pub(super) fn start(self: &Arc<Kernel>) -> Vec<JoinHandle<()>> {
        let spawn = |work: fn(&Kernel)| {
            let kernel = self.clone();
            thread::spawn(move || work(&kernel))
        };
        let workers = (0..self.setting.workers).map(|_| spawn(Kernel::serve));
        let invalidation = |kernel: &Kernel| {
            let coherence = kernel.coherence.clone();
            coherence.run_tasks(|stale| kernel.invalidate(stale));
        };
        let completion = |kernel: &Kernel| kernel.coherence.run_answers();
        workers
            .chain([spawn(invalidation), spawn(completion)])
            .collect()
    }

    /// What a worker does.
    fn serve(&self) {
        loop {
            let is_waiting = |requests: &mut Option<VecDeque<Request>>| {
                requests.as_ref().is_some_and(VecDeque::is_empty)
            };
            let requests = self.requests.lock().unwrap();
            let mut requests = self.has_request.wait_while(requests, is_waiting).unwrap();
            let Some(request) = requests.as_mut().and_then(VecDeque::pop_front) else {
                return;
            };
            drop(requests);
            request();
        }
    }

    fn send(&self, request: impl FnOnce() + Send + 'static) {
        let mut requests = self.requests.lock().unwrap();
        requests.as_mut().unwrap().push_back(Box::new(request));
        self.has_request.notify_one();
    }

    /// Waits until all that was deferred is done.
    pub(super) fn settle(&self) {
        let reply = Reply::new();
        let settled = reply.clone();
        self.coherence.answer_after(move || settled.send(()));
        reply.wait();
    }

    pub(super) fn stop(&self) {
        self.coherence.stop();
        *self.requests.lock().unwrap() = None;
        self.has_request.notify_all();
    }

    pub(super) fn bytes(&self) -> Bytes {
        *self.file.lock().unwrap()
    }

    pub(super) fn page(&self, view: usize) -> MutexGuard<'_, Page> {
        self.pages[view].0.lock().unwrap()
    }

    /// Locks the page of a view, as the kernel does.
    fn lock(&self, view: usize) -> MutexGuard<'_, Page> {
        let (page, changed) = &self.pages[view];
        let mut page = changed
            .wait_while(page.lock().unwrap(), |page| page.is_locked)
            .unwrap();
        page.is_locked = true;
        page
    }

    fn unlock(&self, view: usize) {
        self.page(view).is_locked = false;
        self.pages[view].1.notify_all();
    }

    /// Checks bytes that somebody sees who asked when so much was answered.
    fn judge(&self, bytes: &Bytes, answered: [u8; WRITERS]) {
        for writer in 0..WRITERS {
            assert!(
                bytes[writer] >= answered[writer],
                "an acknowledged write of {writer} is not seen: {bytes:?}, {answered:?}"
            );
        }
    }

    /// Has the page of a view locked and filled.
    fn fault(&self, view: usize) -> MutexGuard<'_, Page> {
        let page = self.lock(view);
        if page.bytes.is_some() {
            return page;
        }
        drop(page);
        let reply = Reply::new();
        let (filled, file, coherence) = (reply.clone(), self.file.clone(), self.coherence.clone());
        let (of, scheme) = (self.view.clone(), self.setting.scheme);
        self.send(move || {
            let early = (scheme == Scheme::NoteLate).then(|| *file.lock().unwrap());
            let read = move || filled.send(early.unwrap_or_else(|| *file.lock().unwrap()));
            coherence.fill(view as u64, &of, &(0..BYTES as u64), read);
        });
        let bytes = reply.wait();
        let mut page = self.page(view);
        page.bytes = Some(bytes);
        page
    }

    /// Opens the file of a view, unless it is open from the start. The kernel drops its pages
    /// once that is answered.
    fn open(&self, view: usize) {
        if self.setting.reopened != Some(view) {
            return;
        }
        let reply = Reply::new();
        let (opened, coherence) = (reply.clone(), self.coherence.clone());
        self.send(move || {
            coherence.opened(view as u64);
            opened.send(());
        });
        reply.wait();
        if self.setting.scheme != Scheme::KeepForgotten {
            self.drop_page(view);
        }
    }

    /// Closes it again. Nobody waits for the daemon to hear of that.
    fn close(&self, view: usize) {
        if self.setting.reopened == Some(view) {
            let coherence = self.coherence.clone();
            self.send(move || coherence.released(view as u64, || false));
        }
    }

    pub(super) fn read_all(&self, view: usize) {
        for _ in 0..self.setting.reads[view] {
            self.open(view);
            let answered = *self.answered.lock().unwrap();
            let page = self.fault(view);
            self.judge(&page.bytes.unwrap(), answered);
            drop(page);
            self.unlock(view);
            self.close(view);
            thread::yield_now();
        }
    }

    pub(super) fn store_all(&self, view: usize) {
        self.open(view);
        for count in 1..=self.setting.stores[view] {
            let mut page = self.fault(view);
            page.bytes.as_mut().unwrap()[WRITERS + view] = count;
            page.is_dirty = true;
            drop(page);
            self.unlock(view);
            thread::yield_now();
        }
        let is_early = self.setting.scheme == Scheme::ClosedEarly;
        if is_early {
            self.close(view);
        }
        // The end of a mapping writes back what was stored before the file is closed.
        self.lock(view);
        self.write_back(view);
        self.unlock(view);
        if !is_early {
            self.close(view);
        }
    }

    /// Writes the page of a view back, which is locked, if it is dirty.
    fn write_back(&self, view: usize) {
        let (page, changed) = &self.pages[view];
        let is_held = |page: &mut Page| page.is_dirty && page.is_resized;
        let mut page = changed.wait_while(page.lock().unwrap(), is_held).unwrap();
        if !page.is_dirty {
            return;
        }
        page.is_dirty = false;
        let bytes = page.bytes.unwrap();
        drop(page);
        let reply = Reply::new();
        let (written, file, coherence) = (reply.clone(), self.file.clone(), self.coherence.clone());
        let scheme = self.setting.scheme;
        let all = 0..BYTES as u64;
        self.send(move || {
            if scheme == Scheme::WriteBackWaits {
                return coherence.defer(all, move |_| {
                    *file.lock().unwrap() = bytes;
                    written.send(());
                });
            }
            let apply = || *file.lock().unwrap() = bytes;
            if scheme == Scheme::NoInvalidation {
                let _guard = coherence.change_at_once(&all);
                apply();
            } else {
                coherence.write_back(view as u64, &all, apply);
            }
            written.send(());
        });
        reply.wait();
    }

    /// What the kernel does when it is told to invalidate pages.
    fn invalidate(&self, stale: &Stale) {
        self.drop_page(stale.inode as usize);
    }

    /// Writes the page of a view back, if it is dirty, and drops it.
    fn drop_page(&self, view: usize) {
        self.lock(view);
        self.write_back(view);
        self.page(view).bytes = None;
        self.unlock(view);
    }

    pub(super) fn write_all(&self, writer: usize) {
        for count in 1..=self.setting.writes[writer] {
            let reply = Reply::new();
            let (answer, file, coherence) =
                (reply.clone(), self.file.clone(), self.coherence.clone());
            let scheme = self.setting.scheme;
            let byte = writer as u64..writer as u64 + 1;
            self.send(move || {
                let apply = move || {
                    // Others have their turn between the beginning of a change and its store.
                    thread::yield_now();
                    file.lock().unwrap()[writer] = count;
                };
                if scheme == Scheme::ChangeFirst {
                    apply();
                    return coherence.defer(byte, move |_| answer.send(()));
                }
                coherence.change(byte, move |guard| {
                    let guard = guard.unwrap_or_else(|error| panic!("{error}"));
                    let guard = (scheme != Scheme::NoGuard).then_some(guard);
                    apply();
                    drop(guard);
                    answer.send(());
                });
            });
            reply.wait();
            self.answered.lock().unwrap()[writer] = count;
            let answered = *self.answered.lock().unwrap();
            self.judge(&self.bytes(), answered);
        }
    }

    /// Gives the file of a view its size: nothing of it is written back until that is
    /// answered.
    pub(super) fn resize(&self, view: usize) {
        self.lock(view).is_resized = true;
        self.unlock(view);
        let reply = Reply::new();
        let (answer, coherence) = (reply.clone(), self.coherence.clone());
        let scheme = self.setting.scheme;
        let all = 0..BYTES as u64;
        self.send(move || {
            if scheme == Scheme::ResizeWaits {
                return coherence.defer(all, move |_| answer.send(()));
            }
            drop(coherence.change_at_once(&all));
            coherence.invalidate_later(None, &all);
            answer.send(());
        });
        reply.wait();
        self.page(view).is_resized = false;
        self.pages[view].1.notify_all();
    }
}
