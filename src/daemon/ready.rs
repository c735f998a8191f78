//! Telling a supervisor that the mount is usable: by a descriptor that it has
//! left open (`--ready-fd`, as s6 has it), and by the socket of sd_notify(3).

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, RawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sd_notify::NotifyState;

use super::{Error, background};
use crate::platform;

/// Who is told.
#[derive(Debug, Default)]
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
    /// When the descriptor does not take it at once.
    pub(super) fn tell(self) -> Result<(), Error> {
        if let Some((number, mut file)) = self.descriptor {
            // A pipe that is full would hold up the start for as long as nobody reads.
            let told = is_writable(&file).and_then(|()| file.write_all(b"\n"));
            told.map_err(|source| Error::ReadyFd { number, source })?;
        }
        // Last, as there is nothing that it can fail.
        tell_manager(&[NotifyState::Ready, NotifyState::MainPid(std::process::id())]);
        Ok(())
    }
}

/// Whether a byte can be written without waiting, or would fail.
fn is_writable(file: &File) -> io::Result<()> {
    let mut polled = [PollFd::new(file.as_fd(), PollFlags::POLLOUT)];
    match poll(&mut polled, PollTimeout::ZERO)? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Ok(()),
    }
}

/// The mount is about to end.
pub(super) fn tell_of_end() {
    tell_manager(&[NotifyState::Stopping]);
}

/// Tells the service manager, if there is one.
fn tell_manager(news: &[NotifyState<'_>]) {
    let socket = env::var_os("NOTIFY_SOCKET").unwrap_or_default();
    let told = match socket.as_encoded_bytes() {
        // A name that is no path, which sd_notify(3) has and the crate lacks.
        [b'@', name @ ..] => {
            let lines: String = news.iter().map(|line| format!("{line}\n")).collect();
            platform::send_to_abstract(name, lines.as_bytes())
        }
        _ => sd_notify::notify(news),
    };
    if let Err(error) = told {
        let words = platform::os_error_message(&error);
        log::warn!("the service manager is not told: {words}");
    }
}
