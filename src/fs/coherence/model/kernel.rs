//! What processes and the kernel do to the pages of the views.

use super::Stage::Sent;
use super::{Next, Page, RECLAIM, Stage, State, Task, Thread, VIEWS, Views, WRITERS};

impl State {
    /// What processes do to the page of a view that they have mapped.
    pub(super) fn process(&self, view: usize, next: &mut Next) {
        let page = &self.pages[view];
        if page.is_absent() && self.stores[view] + self.reads[view] > 0 {
            next.step("fault", view, |state| state.pages[view].fill = Sent);
        }
        if self.reads[view] > 0 && page.shown().is_some() && page.dropping.is_none() {
            next.step("read", view, |state| state.reads[view] -= 1);
        }
        if self.stores[view] > 0 && page.is_free() {
            next.step("store", view, |state| {
                let page = &mut state.pages[view];
                page.bytes.as_mut().unwrap()[WRITERS + view] += 1;
                page.dirty = true;
                state.stores[view] -= 1;
            });
        }
        // At msync, at munmap, or whenever the kernel likes.
        if page.dirty && page.is_free() {
            next.step("write back", view, |state| {
                state.pages[view].dirty = false;
                state.pages[view].write_back = Sent;
            });
        }
        if !page.dirty && page.is_free() {
            next.step(RECLAIM, view, |state| state.pages[view] = Page::default());
        }
    }

    /// What the kernel does when it is told to drop pages, one after the other in
    /// any order: it waits for the lock and for what is written back, unmaps the
    /// page, writes back what was stored, and drops it.
    pub(super) fn drop_page(&self, thread: usize, task: Task, stale: Views, next: &mut Next) {
        let is_begun = |&view: &usize| self.pages[view].dropping == Some(thread);
        let begun = (0..VIEWS).find(is_begun);
        for view in (0..VIEWS).filter(|&view| stale[view]) {
            let page = &self.pages[view];
            let drop = |state: &mut State| {
                let mut stale = stale;
                stale[view] = false;
                state.pages[view] = Page::default();
                state.left[thread][view] = true;
                state.threads[thread] = Thread::Drop(task, stale);
            };
            match begun {
                Some(begun) if begun == view && page.write_back == Stage::None => {
                    next.step("drop: dropped", view, drop);
                }
                Some(_) => {}
                None if page.is_free() && page.dirty => {
                    next.step("drop: write back", view, |state| {
                        let page = &mut state.pages[view];
                        page.dirty = false;
                        page.dropping = Some(thread);
                        page.write_back = Sent;
                    });
                }
                None if page.is_free() || page.is_absent() => next.step("drop", view, drop),
                None => {}
            }
        }
    }
}
