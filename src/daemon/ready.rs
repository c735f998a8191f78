//! Telling a supervisor that the mount is usable: by a descriptor that it has
//! left open (`--ready-fd`, as s6 has it), and by the socket of sd_notify(3).

use std::fs::File;
use std::io::Write;
use std::os::fd::RawFd;

use sd_notify::NotifyState;

use super::{Error, background};

/// Who is told.
#[derive(Debug)]
pub(super) struct Ready {
    descriptor: Option<(RawFd, File)>,
}

impl Ready {
    /// Takes over the descriptor `number`, if there is one to tell.
    ///
    /// # Errors
    ///
    /// When it is not open.
    pub(super) fn new(number: Option<RawFd>) -> Result<Ready, Error> {
        let take = |number| match background::take_descriptor(number) {
            Ok(file) => Ok((number, file)),
            Err(source) => Err(Error::ReadyFd { number, source }),
        };
        let descriptor = number.map(take).transpose()?;
        Ok(Ready { descriptor })
    }

    /// The mount is usable.
    ///
    /// # Errors
    ///
    /// When the descriptor does not take it.
    pub(super) fn tell(self) -> Result<(), Error> {
        let told = [NotifyState::Ready, NotifyState::MainPid(std::process::id())];
        if let Err(error) = sd_notify::notify(&told) {
            log::warn!("the service manager is not told: {error}");
        }
        let Some((number, mut file)) = self.descriptor else {
            return Ok(());
        };
        let told = file.write_all(b"\n");
        told.map_err(|source| Error::ReadyFd { number, source })
    }
}

/// The mount is about to end.
pub(super) fn tell_of_end() {
    if let Err(error) = sd_notify::notify(&[NotifyState::Stopping]) {
        log::warn!("the service manager is not told: {error}");
    }
}
