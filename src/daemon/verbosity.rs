//! Log levels: set with `-v` or `RUST_LOG`, and raised by one with each SIGUSR1. The destination
//! of the log is the business of `logging`.

use std::env;
use std::sync::{OnceLock, PoisonError, RwLock};

use env_filter::Filter;
use log::{Level, Log, Metadata, Record};

/// The number of verbosities: `-v` given 0 to 3 times.
const VERBOSITIES: usize = 4;

/// A logger that passes on the records of the current level.
struct Filtered<L> {
    log: L,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    filter: Filter,
    /// The current level, as a number of `-v`.
    verbosity: usize,
    /// The level at the start.
    initial: usize,
}

/// The installed logger, whose level SIGUSR1 changes.
static INSTALLED: OnceLock<&'static (dyn Cycle + Sync)> = OnceLock::new();

trait Cycle {
    fn cycle(&self);
}

/// Installs `log` as the logger of the process.
pub(super) fn start<L: Log + 'static>(log: L, verbosity: usize) {
    let verbosity = verbosity.min(VERBOSITIES - 1);
    let filter = filter(verbosity, rust_log().as_deref());
    let max_level = filter.filter();
    let state = RwLock::new(State {
        filter,
        verbosity,
        initial: verbosity,
    });
    // The logger of a process is never replaced.
    let logger: &Filtered<L> = Box::leak(Box::new(Filtered { log, state }));
    if log::set_logger(logger).is_ok() {
        log::set_max_level(max_level);
        let _ = INSTALLED.set(logger);
    }
}

/// Raises the log level by one; after the highest level comes the lowest.
pub(super) fn cycle() {
    if let Some(logger) = INSTALLED.get() {
        logger.cycle();
    }
}

/// The value of `RUST_LOG`; `None` if it is unset or empty.
fn rust_log() -> Option<String> {
    let value = env::var("RUST_LOG").ok();
    value.filter(|filters| !filters.is_empty())
}

fn filter(verbosity: usize, rust_log: Option<&str>) -> Filter {
    let filters = rust_log.unwrap_or(default_filters(verbosity));
    env_filter::Builder::new().parse(filters).build()
}

/// The filters of a verbosity. fuser logs every request at level debug.
fn default_filters(verbosity: usize) -> &'static str {
    match verbosity {
        0 => "warn",
        1 => "warn,arrayfs=info",
        2 => "debug",
        _ => "trace",
    }
}

impl<L: Log> Log for Filtered<L> {
    fn enabled(&self, metadata: &Metadata) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.filter.enabled(metadata)
    }

    fn log(&self, record: &Record) {
        let passes = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            state.filter.matches(record)
        };
        if passes {
            self.log.log(record);
        }
    }

    fn flush(&self) {
        self.log.flush();
    }
}

impl<L: Log> Cycle for Filtered<L> {
    fn cycle(&self) {
        let (verbosity, max_level) = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            state.verbosity = (state.verbosity + 1) % VERBOSITIES;
            let rust_log = rust_log().filter(|_| state.verbosity == state.initial);
            state.filter = filter(state.verbosity, rust_log.as_deref());
            (state.verbosity, state.filter.filter())
        };
        log::set_max_level(max_level);
        let text = format!("SIGUSR1: from now on the log is that of {verbosity} -v");
        // Bypasses the filter, so that the effect of the signal shows at any level.
        let mut record = Record::builder();
        record.level(Level::Info).target(module_path!());
        self.log.log(&record.args(format_args!("{text}")).build());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_v_raises_the_level_of_this_program_first() {
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
            let enabled = filter(verbosity, None).enabled(&metadata);
            assert_eq!(enabled, logged, "{verbosity} {target} {level}");
        }
        let metadata = Metadata::builder().level(Level::Warn).target("x").build();
        assert!(!filter(3, Some("off")).enabled(&metadata));
    }
}
