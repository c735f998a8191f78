//! What the daemon does with requests, and the thread with what is put off.

use super::Stage::{Done, Entered, PutOff, Sent};
use super::{
    Changes, Next, PAGES, SIZER, Scheme, Setting, Stage, State, Task, Thread, VIEWS, Views, WRITERS,
};

impl State {
    pub(super) fn fill(&self, view: usize, setting: &Setting, next: &mut Next) {
        let late = setting.scheme == Scheme::NoteLate;
        let at_once = setting.scheme == Scheme::FillAtOnce;
        let note = |state: &mut State| state.noted[view] = true;
        let gather = |state: &mut State| state.pages[view].bytes = Some(state.file);
        let page = &self.pages[view];
        match page.fill {
            Sent if self.busy() < setting.workers => next.step("fill: note", view, |state| {
                let awaited = state.under_way();
                let page = &mut state.pages[view];
                page.fill = Entered;
                if !at_once {
                    page.awaited = awaited;
                }
                if late { gather(state) } else { note(state) }
            }),
            Entered if page.awaited == Changes::default() => {
                next.step("fill: read", view, |state| {
                    state.pages[view].fill = Done;
                    if late { note(state) } else { gather(state) }
                });
            }
            Done => next.step("fill: answer", view, |state| {
                state.pages[view].fill = Stage::None
            }),
            _ => {}
        }
    }

    pub(super) fn write_back(&self, view: usize, setting: &Setting, next: &mut Next) {
        let held = setting.resized == Some(view) && self.writes[0] != Stage::None;
        let waits = setting.scheme == Scheme::WriteBackWaits && self.threads[PAGES] != Thread::Idle;
        match self.pages[view].write_back {
            Sent if self.busy() < setting.workers && !held && !waits => {
                next.step("write back: enter", view, |state| {
                    state.pages[view].write_back = Entered;
                });
            }
            Entered => next.step("write back: change", view, |state| {
                state.pages[view].write_back = Done;
                state.file = state.pages[view].bytes.unwrap();
                state.made(WRITERS + view);
            }),
            Done => next.step("write back: answer", view, |state| {
                state.pages[view].write_back = Stage::None;
                state.written_back[view] += 1;
            }),
            _ => {}
        }
        if self.written_back[view] > 0 {
            next.step("write back: look elsewhere", view, |state| {
                state.written_back[view] -= 1;
                if state.shows(Some(view), None) && setting.scheme != Scheme::NoRefresh {
                    state.tasks.push(Task::Refresh(view));
                }
            });
        }
    }

    pub(super) fn write(&self, writer: usize, setting: &Setting, next: &mut Next) {
        let stage = |stage| move |state: &mut State| state.writes[writer] = stage;
        let more = self.answered[writer] < setting.writes[writer];
        let resized = setting.resized.filter(|_| writer == 0);
        // The kernel first waits for what is on its way.
        let held = resized.is_some_and(|view| self.pages[view].write_back != Stage::None);
        match self.writes[writer] {
            Stage::None if more && !held => next.step("write", writer, stage(Sent)),
            Sent if self.busy() < setting.workers => match self.shows(resized, None) {
                false => next.step("write: enter", writer, stage(Entered)),
                true => next.step("write: put off", writer, |state| {
                    state.writes[writer] = PutOff;
                    let change = Task::Change(writer);
                    match resized.is_some() && setting.scheme != Scheme::OneThread {
                        true => state.threads[SIZER] = Thread::Leave(change),
                        false => state.tasks.push(change),
                    }
                }),
            },
            Entered => next.step("write: change", writer, |state| {
                state.file[writer] = state.answered[writer] + 1;
                state.writes[writer] = Done;
                state.made(writer);
            }),
            Done => next.step("write: answer", writer, |state| state.answer(writer)),
            _ => {}
        }
    }

    /// What a thread does that makes changes which were put off.
    pub(super) fn thread(&self, thread: usize, setting: &Setting, next: &mut Next) {
        let change_first = setting.scheme == Scheme::ChangeFirst;
        match self.threads[thread] {
            Thread::Idle if thread == PAGES && !self.tasks.is_empty() => {
                next.step("thread: begin", thread, |state| {
                    state.threads[thread] = match state.tasks.remove(0) {
                        Task::Change(writer) if change_first => Thread::Enter(writer),
                        task => Thread::Leave(task),
                    };
                });
            }
            Thread::Leave(task) => next.step("thread: leave", thread, |state| {
                state.leave(thread, task, setting);
            }),
            Thread::Drop(task, stale) if stale != Views::default() => {
                self.drop_page(thread, task, stale, next);
            }
            Thread::Drop(task, _) => next.step("thread: have left", thread, |state| {
                state.leaving[thread] = Views::default();
                state.threads[thread] = match task {
                    Task::Refresh(_) => {
                        state.left[thread] = Views::default();
                        Thread::Idle
                    }
                    Task::Change(writer) if change_first => Thread::Answer(writer),
                    Task::Change(writer) => Thread::Enter(writer),
                };
            }),
            Thread::Enter(writer) => self.enter(thread, writer, setting, next),
            Thread::Entered(writer) => next.step("thread: change", writer, |state| {
                state.file[writer] = state.answered[writer] + 1;
                state.threads[thread] = Thread::Done(writer);
                state.made(writer);
            }),
            Thread::Done(writer) if change_first => next.step("thread: changed", writer, |state| {
                state.threads[thread] = Thread::Leave(Task::Change(writer));
            }),
            Thread::Done(writer) | Thread::Answer(writer) => {
                next.step("thread: answer", writer, |state| {
                    state.answer(writer);
                    state.left[thread] = Views::default();
                    state.threads[thread] = Thread::Idle;
                });
            }
            Thread::Idle => {}
        }
    }

    /// Whose pages are in nobody's way for this task.
    fn excepted(&self, task: Task, setting: &Setting) -> Option<usize> {
        match task {
            Task::Refresh(view) => Some(view),
            Task::Change(0) => setting.resized,
            Task::Change(_) => None,
        }
    }

    fn leave(&mut self, thread: usize, task: Task, setting: &Setting) {
        let except = self.excepted(task, setting);
        let mut stale = Views::default();
        self.left[thread] = Views::default();
        for view in (0..VIEWS).filter(|&view| Some(view) != except) {
            let is_leaving = self.leaving.iter().any(|leaving| leaving[view]);
            let is_anothers = is_leaving && setting.scheme != Scheme::LeftForAll;
            stale[view] = self.noted[view] || is_anothers;
            self.left[thread][view] |= is_leaving && setting.scheme == Scheme::LeftForAll;
            if self.noted[view] {
                self.noted[view] = false;
                self.leaving[thread][view] = setting.scheme != Scheme::LeftAtOnce;
                // What leaves now has not left for the other.
                self.left[1 - thread][view] = false;
            }
        }
        self.threads[thread] = Thread::Drop(task, stale);
    }

    /// The thread asks for passage, as often as it has to.
    fn enter(&self, thread: usize, writer: usize, setting: &Setting, next: &mut Next) {
        let looks = !matches!(setting.scheme, Scheme::LookOnce | Scheme::ChangeFirst);
        let change = Task::Change(writer);
        if looks && self.shows(self.excepted(change, setting), Some(thread)) {
            next.step("thread: filled anew", writer, |state| {
                state.threads[thread] = Thread::Leave(change);
            });
        } else {
            next.step("thread: enter", writer, |state| {
                state.threads[thread] = Thread::Entered(writer);
            });
        }
    }
}
