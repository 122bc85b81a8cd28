//! The token for one combination of scopes and resource: at most one request in flight, renewal, and waiting after
//! failures.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Shared;
use crate::error::{TokenError, TokenErrorKind};
use crate::source::lock;
use crate::token::Token;
use crate::token_request::TokenRequest;

/// The wait after the first failure. Each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait after a failure, unless the server asks for more.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The shortest time between two requests for a token that were caused by a 401. Without it, a server that rejects
/// every token would have one token requested for each request.
const REPLACEMENT_INTERVAL: Duration = Duration::from_secs(5);
/// How long a new token is usable at least. A token that is not counts as a failure, so that the next request for one
/// waits.
const SHORTEST_USE: Duration = Duration::from_secs(1);
/// The largest number of requests for a token that a caller waits for. Each brings an error or a token that is usable
/// for a while, so only a caller that is not polled in this time waits for another one.
const MAX_WAITS: u32 = 3;

#[derive(Default)]
pub(crate) struct Entry {
    state: Mutex<State>,
    /// Changes whenever a request for a token ends.
    ended: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    in_flight: bool,
    /// The number of failures in a row, and the last one.
    failures: u32,
    error: Option<TokenError>,
    retry_at: Option<Instant>,
    /// The token that was rejected, while another is requested.
    rejected: Option<Token>,
    replaced_at: Option<Instant>,
    session_id: Option<String>,
}

impl State {
    fn usable(&self, now: Instant) -> Option<&Token> {
        self.token.as_ref().filter(|token| token.is_usable(now))
    }

    /// Returns the token if it is usable and not the rejected one.
    fn other_than(&self, rejected: &Token) -> Option<Token> {
        let usable = self.usable(Instant::now());
        usable.filter(|token| *token != rejected).cloned()
    }

    fn may_request(&self, now: Instant) -> bool {
        !self.in_flight && self.retry_at.is_none_or(|at| now >= at)
    }
}

impl Entry {
    /// Returns the token, and requests one if it is due or there is none.
    pub(super) async fn get(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        wanted: &TokenRequest,
    ) -> Result<Token, TokenError> {
        for _ in 0..MAX_WAITS {
            // Subscribed before the state is read, so that the end of a request cannot be missed.
            let mut ended = self.ended.subscribe();
            if let Some(result) = self.poll(shared, wanted) {
                return result;
            }
            // The sender lives in this entry.
            let _ = ended.changed().await;
        }
        let result = self.poll(shared, wanted);
        result.unwrap_or_else(|| Err(TokenError::new(TokenErrorKind::Expired)))
    }

    /// Returns the token or the last error, or `None` while a request is in flight that may bring a token.
    fn poll(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        wanted: &TokenRequest,
    ) -> Option<Result<Token, TokenError>> {
        let now = Instant::now();
        let state = lock(&self.state);
        let usable = state.usable(now).cloned();
        let is_due = usable.as_ref().is_none_or(|token| token.is_due(now));
        if is_due && state.may_request(now) {
            self.request(state, shared, wanted);
            return usable.map(Ok);
        }
        match usable {
            Some(token) => Some(Ok(token)),
            None if state.in_flight => None,
            None => state.error.clone().map(Err),
        }
    }

    /// Returns another token than `rejected`, and requests one unless that was tried a moment ago.
    pub(super) async fn replace(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        wanted: &TokenRequest,
        rejected: &Token,
    ) -> Option<Token> {
        let mut ended = self.ended.subscribe();
        self.request_other(shared, wanted, rejected);
        {
            let state = lock(&self.state);
            if !state.in_flight {
                return state.other_than(rejected);
            }
        }
        // The sender lives in this entry.
        let _ = ended.changed().await;
        lock(&self.state).other_than(rejected)
    }

    /// Requests another token than `rejected`, unless there is one, or one was requested a moment ago. Until it arrives,
    /// requests go on with the present token, which another server may still accept.
    pub(super) fn request_other(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        wanted: &TokenRequest,
        rejected: &Token,
    ) {
        let now = Instant::now();
        let mut state = lock(&self.state);
        let recently = |at: Instant| now < at + REPLACEMENT_INTERVAL;
        if state.token.as_ref() == Some(rejected)
            && state.may_request(now)
            && !state.replaced_at.is_some_and(recently)
        {
            state.replaced_at = Some(now);
            state.rejected = Some(rejected.clone());
            self.request(state, shared, wanted);
        }
    }

    /// Requests a token in a task of its own, which goes on if the caller is dropped.
    fn request(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        shared: &Arc<Shared>,
        wanted: &TokenRequest,
    ) {
        state.in_flight = true;
        let (rejected, session_id) = (state.rejected.take(), state.session_id.clone());
        // A runtime that is shutting down drops the task at once, and the guard locks the state then.
        drop(state);
        let guard = InFlight {
            entry: self.clone(),
            has_ended: false,
        };
        let (shared, wanted) = (shared.clone(), wanted.clone());
        tokio::spawn(async move {
            let mut session_id = session_id;
            let mut result = shared.source.fetch(&wanted, session_id.as_deref()).await;
            // A session returns the same token as long as it is valid; another session has another token.
            if shared.source.is_session()
                && rejected.is_some()
                && result.as_ref().ok() == rejected.as_ref()
            {
                session_id = Some(new_session_id());
                result = shared.source.fetch(&wanted, session_id.as_deref()).await;
            }
            guard.end(result, session_id);
        });
    }

    fn store(&self, result: Result<Token, TokenError>, session_id: Option<String>) {
        let now = Instant::now();
        let result = result.and_then(|token| match token.is_usable(now + SHORTEST_USE) {
            true => Ok(token),
            false => Err(TokenError::new(TokenErrorKind::Expired)),
        });
        count(&result);
        let mut state = lock(&self.state);
        state.in_flight = false;
        match result {
            Ok(token) => {
                state.token = Some(token);
                state.session_id = session_id;
                (state.failures, state.error, state.retry_at) = (0, None, None);
            }
            Err(mut error) => {
                state.failures = state.failures.saturating_add(1);
                error.retry_after = error.retry_after.max(wait(state.failures));
                tracing::warn!(%error, retry_after = ?error.retry_after, "request for a token failed");
                state.retry_at = Some(now + error.retry_after);
                state.error = Some(error);
            }
        }
        drop(state);
        self.ended.send_replace(());
    }
}

/// A request for a token. If its task is dropped, the request counts as failed.
struct InFlight {
    entry: Arc<Entry>,
    has_ended: bool,
}

impl InFlight {
    fn end(mut self, result: Result<Token, TokenError>, session_id: Option<String>) {
        self.has_ended = true;
        self.entry.store(result, session_id);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.has_ended {
            let dropped = TokenError::new(TokenErrorKind::Transport);
            self.entry.store(Err(dropped), None);
        }
    }
}

/// Returns the wait after a number of failures in a row, plus a random part of up to a quarter.
fn wait(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    wait + wait.mul_f64(fastrand::f64() / 4.0)
}

fn new_session_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

fn count(result: &Result<Token, TokenError>) {
    #[cfg(feature = "metrics")]
    {
        let outcome = result
            .as_ref()
            .map_or_else(|error| error.kind.label(), |_| "issued");
        metrics::counter!("countersign_client_token_requests_total", "outcome" => outcome)
            .increment(1);
    }
    #[cfg(not(feature = "metrics"))]
    let _ = result;
}
