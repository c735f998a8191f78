//! Files are opened once the backing file is what the mode makes of it. A mount can
//! be seen before that, and what was written to it then would be zeroed under `w+`
//! after it was acknowledged. An OPEN that comes too early is kept and answered
//! later, so that it holds up neither a worker nor the start.

use std::mem;
use std::sync::{Mutex, PoisonError};

use super::panics::catch_panic;

type Opening = Box<dyn FnOnce() + Send>;

/// Whether files can be opened, and what waits for that.
#[derive(Default)]
pub(super) struct Admission(Mutex<State>);

#[derive(Default)]
struct State {
    admits: bool,
    waiting: Vec<Opening>,
}

impl Admission {
    /// Does `opening`, now or when files can be opened. If that never comes it is
    /// dropped, which answers it with EIO.
    pub(super) fn pass(&self, opening: impl FnOnce() + Send + 'static) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.admits {
            drop(state);
            opening();
        } else {
            state.waiting.push(Box::new(opening));
        }
    }

    /// From now on files can be opened.
    pub(super) fn admit(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.admits = true;
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
    fn an_opening_waits_until_it_is_admitted_and_later_ones_do_not() {
        let (sender, done) = channel();
        let admission = Arc::new(Admission::default());
        for number in [1, 2] {
            let sender = sender.clone();
            admission.pass(move || sender.send(number).unwrap());
        }
        assert_eq!(done.try_iter().count(), 0);
        admission.admit();
        assert_eq!(done.try_iter().collect::<Vec<_>>(), [1, 2]);
        admission.pass(move || sender.send(3).unwrap());
        assert_eq!(done.try_iter().collect::<Vec<_>>(), [3]);
    }
}
