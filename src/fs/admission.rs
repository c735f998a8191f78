//! Delays OPEN until the backing file has the contents that the mode requires. The mount is
//! visible earlier, and under `w+` a write at that time would be zeroed after it was
//! acknowledged. A waiting OPEN occupies no worker thread.

use std::mem;
use std::sync::{Mutex, PoisonError};

use super::panics::catch_panic;

type DeferredOpen = Box<dyn FnOnce() + Send>;

/// Whether files can be opened, and the waiting OPEN requests.
#[derive(Default)]
pub(super) struct Admission(Mutex<State>);

#[derive(Default)]
struct State {
    is_admitted: bool,
    waiting: Vec<DeferredOpen>,
}

impl Admission {
    /// Runs `opening`, now or once files can be opened. If that never happens, `opening` is
    /// dropped, and fuser replies EIO.
    pub(super) fn run_when_admitted(&self, opening: impl FnOnce() + Send + 'static) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_admitted {
            drop(state);
            opening();
        } else {
            state.waiting.push(Box::new(opening));
        }
    }

    /// Lets files be opened from now on.
    pub(super) fn admit(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_admitted = true;
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(catch_panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    #[test]
    fn an_open_waits_until_it_is_admitted_and_later_ones_do_not() {
        let (sender, done) = channel();
        let admission = Arc::new(Admission::default());
        for number in [1, 2] {
            let sender = sender.clone();
            admission.run_when_admitted(move || sender.send(number).unwrap());
        }
        assert_eq!(done.try_iter().count(), 0);
        admission.admit();
        assert_eq!(done.try_iter().collect::<Vec<_>>(), [1, 2]);
        admission.run_when_admitted(move || sender.send(3).unwrap());
        assert_eq!(done.try_iter().collect::<Vec<_>>(), [3]);
    }
}
