//! A credential or token whose acceptance is known from acknowledged changes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::message::Request;

/// What the server must do with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Accepted,
    Rejected,
    /// A change was requested and not acknowledged yet.
    Unknown,
}

/// What is presented, and what the server must do with it.
#[derive(Clone, Debug)]
pub(super) struct Presented {
    pub(super) request: Request,
    pub(super) expected: Expected,
    /// The change that was acknowledged last.
    pub(super) cause: &'static str,
    /// Raised by each change, so that a response is only compared if no change happened meanwhile.
    pub(super) version: u64,
    /// When a token was minted.
    pub(super) since: Instant,
}

/// A credential or a token in the course of time.
pub(super) struct Subject {
    pub(super) kind: &'static str,
    state: Mutex<Presented>,
}

impl Subject {
    /// Creates a subject that is not known yet.
    pub(super) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            state: Mutex::new(Presented {
                request: Request::get("/whoami"),
                expected: Expected::Unknown,
                cause: "none",
                version: 0,
                since: Instant::now(),
            }),
        }
    }

    pub(super) fn presented(&self) -> Presented {
        self.lock().clone()
    }

    pub(super) fn version(&self) -> u64 {
        self.lock().version
    }

    /// Records that a change was requested and is not acknowledged yet.
    pub(super) fn change(&self) {
        let mut state = self.lock();
        state.expected = Expected::Unknown;
        state.version += 1;
    }

    /// Records an acknowledged change.
    pub(super) fn expect(&self, expected: Expected, cause: &'static str) {
        let mut state = self.lock();
        state.expected = expected;
        state.cause = cause;
        state.version += 1;
    }

    /// Presents something else from now on, which must be accepted.
    pub(super) fn replace(&self, request: Request) {
        let mut state = self.lock();
        let version = state.version + 1;
        *state = Presented {
            request,
            expected: Expected::Accepted,
            cause: "created",
            version,
            since: Instant::now(),
        };
    }

    fn lock(&self) -> MutexGuard<'_, Presented> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
