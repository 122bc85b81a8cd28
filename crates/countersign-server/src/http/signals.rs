use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that a server hears.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes SIGTERM, SIGINT and SIGHUP from now on.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one that asks the server to end. SIGHUP asks for other things, and not to have
    /// heard it would end the process.
    pub(super) async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => tracing::warn!(
                    "SIGHUP is ignored: what is configured is read at the start alone; restart the server"
                ),
            }
        }
    }
}
