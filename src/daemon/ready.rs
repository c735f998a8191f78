//! Readiness notification for supervisors: through an inherited descriptor (`--ready-fd`, the
//! protocol of s6), and through the socket of sd_notify(3). When the mount counts as ready is the
//! business of `mounted`.

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, RawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sd_notify::NotifyState;

use super::{Error, background};
use crate::platform;

/// The receivers of the readiness notification.
#[derive(Debug, Default)]
pub(super) struct Ready {
    descriptor: Option<(RawFd, File)>,
}

impl Ready {
    /// Takes ownership of the descriptor of `--ready-fd`, if there is one.
    ///
    /// # Errors
    ///
    /// When the descriptor is not open.
    pub(super) fn new(number: Option<RawFd>) -> Result<Ready, Error> {
        let take_ownership = |number| match background::take_descriptor(number) {
            Ok(file) => Ok((number, file)),
            Err(source) => Err(Error::ReadyFd { number, source }),
        };
        let descriptor = number.map(take_ownership).transpose()?;
        Ok(Ready { descriptor })
    }

    /// Notifies that the mount is usable.
    ///
    /// # Errors
    ///
    /// When the descriptor cannot be written without blocking.
    pub(super) fn notify(self) -> Result<(), Error> {
        if let Some((number, mut file)) = self.descriptor {
            // A write to a full pipe would block the start.
            let outcome = check_writable(&file).and_then(|()| file.write_all(b"\n"));
            outcome.map_err(|source| Error::ReadyFd { number, source })?;
        }
        // Last, since this step cannot fail.
        notify_manager(&[NotifyState::Ready, NotifyState::MainPid(std::process::id())]);
        Ok(())
    }
}

/// Checks that a write will not block.
///
/// # Errors
///
/// `WouldBlock` when it would.
fn check_writable(file: &File) -> io::Result<()> {
    let mut polled = [PollFd::new(file.as_fd(), PollFlags::POLLOUT)];
    match poll(&mut polled, PollTimeout::ZERO)? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Ok(()),
    }
}

/// Notifies the service manager that the mount is about to end.
pub(super) fn notify_stopping() {
    notify_manager(&[NotifyState::Stopping]);
}

/// Sends state changes to the service manager, if there is one. Failures are only logged.
fn notify_manager(states: &[NotifyState<'_>]) {
    let socket = env::var_os("NOTIFY_SOCKET").unwrap_or_default();
    let outcome = match socket.as_encoded_bytes() {
        // An abstract socket, which sd_notify(3) supports and the crate does not.
        [b'@', name @ ..] => {
            let lines: String = states.iter().map(|line| format!("{line}\n")).collect();
            platform::send_to_abstract(name, lines.as_bytes())
        }
        _ => sd_notify::notify(states),
    };
    if let Err(error) = outcome {
        let message = platform::os_error_message(&error);
        log::warn!("cannot notify the service manager: {message}");
    }
}
