//! Which of what could be logged is wanted: as many `-v` or `RUST_LOG` say, and
//! one level more with each SIGUSR1. Where it goes is the business of `logging`.

use std::env;
use std::sync::{OnceLock, PoisonError, RwLock};

use env_filter::Filter;
use log::{Level, Log, Metadata, Record};

/// How many different levels `-v` can ask for.
const LEVELS: usize = 4;

/// A logger of what is wanted at the moment.
struct Wanted<L> {
    log: L,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    filter: Filter,
    /// How many `-v` it amounts to.
    verbosity: usize,
    /// What it was at first.
    first: usize,
}

/// What SIGUSR1 changes.
static CURRENT: OnceLock<&'static (dyn Cycle + Sync)> = OnceLock::new();

trait Cycle {
    fn cycle(&self);
}

/// Has `log` log what is wanted, from now on.
pub(super) fn start<L: Log + 'static>(log: L, verbosity: usize) {
    let verbosity = verbosity.min(LEVELS - 1);
    let filter = filter(verbosity, said().as_deref());
    let most = filter.filter();
    let state = RwLock::new(State {
        filter,
        verbosity,
        first: verbosity,
    });
    // A process has one logger, as long as it lives.
    let wanted: &Wanted<L> = Box::leak(Box::new(Wanted { log, state }));
    if log::set_logger(wanted).is_ok() {
        log::set_max_level(most);
        let _ = CURRENT.set(wanted);
    }
}

/// Logs one level more, and after everything as little as at first.
pub(super) fn cycle() {
    if let Some(current) = CURRENT.get() {
        current.cycle();
    }
}

/// What `RUST_LOG` says, if anything.
fn said() -> Option<String> {
    let said = env::var("RUST_LOG").ok();
    said.filter(|filters| !filters.is_empty())
}

fn filter(verbosity: usize, said: Option<&str>) -> Filter {
    let filters = said.unwrap_or(filters(verbosity));
    env_filter::Builder::new().parse(filters).build()
}

/// Of fuser, what happens is what each request is.
fn filters(verbosity: usize) -> &'static str {
    match verbosity {
        0 => "warn",
        1 => "warn,arrayfs=info",
        2 => "debug",
        _ => "trace",
    }
}

impl<L: Log> Log for Wanted<L> {
    fn enabled(&self, metadata: &Metadata) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.filter.enabled(metadata)
    }

    fn log(&self, record: &Record) {
        let wanted = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            state.filter.matches(record)
        };
        if wanted {
            self.log.log(record);
        }
    }

    fn flush(&self) {
        self.log.flush();
    }
}

impl<L: Log> Cycle for Wanted<L> {
    fn cycle(&self) {
        let (verbosity, most) = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            state.verbosity = (state.verbosity + 1) % LEVELS;
            let said = said().filter(|_| state.verbosity == state.first);
            state.filter = filter(state.verbosity, said.as_deref());
            (state.verbosity, state.filter.filter())
        };
        log::set_max_level(most);
        let text = format!("SIGUSR1: from now on the log is that of {verbosity} -v");
        // Whatever is wanted from now on, whoever asked has to see this.
        let mut record = Record::builder();
        record.level(Level::Info).target(module_path!());
        self.log.log(&record.args(format_args!("{text}")).build());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_v_logs_more_of_this_program_first() {
        for (verbosity, target, level, logged) in [
            (0, "arrayfs::fs", Level::Warn, true),
            (0, "fuser::session", Level::Warn, true),
            (0, "arrayfs::fs", Level::Info, false),
            (1, "arrayfs::fs", Level::Info, true),
            (1, "fuser::session", Level::Info, false),
            (2, "fuser::session", Level::Debug, true),
            (2, "arrayfs::fs", Level::Trace, false),
            (3, "arrayfs::fs", Level::Trace, true),
        ] {
            let metadata = Metadata::builder().level(level).target(target).build();
            let logged_now = filter(verbosity, None).enabled(&metadata);
            assert_eq!(logged_now, logged, "{verbosity} {target} {level}");
        }
        let metadata = Metadata::builder().level(Level::Warn).target("x").build();
        assert!(!filter(3, Some("off")).enabled(&metadata));
    }
}
