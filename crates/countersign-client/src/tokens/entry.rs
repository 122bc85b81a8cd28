//! The token for one combination of scopes and resource: at most one request in flight, renewal, and waiting after
//! failures.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Shared;
use crate::error::TokenError;
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
        loop {
            // Subscribed before the state is read, so that the end of a request cannot be missed.
            let mut ended = self.ended.subscribe();
            if let Some(result) = self.poll(shared, wanted) {
                return result;
            }
            // The sender lives in this entry.
            let _ = ended.changed().await;
        }
    }

    /// Returns the token or the last error, or `None` while a request is in flight that may bring a token.
    fn poll(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        wanted: &TokenRequest,
    ) -> Option<Result<Token, TokenError>> {
        let now = Instant::now();
        let mut state = lock(&self.state);
        if let Some(token) = state.usable(now).cloned() {
            if token.is_due(now) && state.may_request(now) {
                self.request(&mut state, shared, wanted);
            }
            return Some(Ok(token));
        }
        if state.may_request(now) {
            self.request(&mut state, shared, wanted);
        }
        if state.in_flight {
            return None;
        }
        state.error.clone().map(Err)
    }

    /// Returns another token than `rejected`, and requests one unless that was tried a moment ago. Until it arrives,
    /// other requests go on with the present token, which another server may still accept.
    pub(super) async fn replace(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        wanted: &TokenRequest,
        rejected: &Token,
    ) -> Option<Token> {
        let mut ended = self.ended.subscribe();
        {
            let now = Instant::now();
            let mut state = lock(&self.state);
            if state.token.as_ref() == Some(rejected) && !state.in_flight {
                let recently = |at: Instant| now < at + REPLACEMENT_INTERVAL;
                if state.replaced_at.is_some_and(recently) || !state.may_request(now) {
                    return None;
                }
                state.replaced_at = Some(now);
                state.rejected = Some(rejected.clone());
                self.request(&mut state, shared, wanted);
            }
            if !state.in_flight {
                return state.usable(now).cloned();
            }
        }
        // The sender lives in this entry.
        let _ = ended.changed().await;
        let state = lock(&self.state);
        state
            .usable(Instant::now())
            .filter(|token| *token != rejected)
            .cloned()
    }

    /// Requests a token in a task of its own, which goes on if the caller is dropped.
    fn request(self: &Arc<Self>, state: &mut State, shared: &Arc<Shared>, wanted: &TokenRequest) {
        state.in_flight = true;
        let guard = InFlight(self.clone());
        let (shared, wanted) = (shared.clone(), wanted.clone());
        let (rejected, session_id) = (state.rejected.take(), state.session_id.clone());
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
            guard.0.store(result, session_id);
        });
    }

    fn store(&self, result: Result<Token, TokenError>, session_id: Option<String>) {
        count(&result);
        let mut state = lock(&self.state);
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
                state.retry_at = Some(Instant::now() + error.retry_after);
                state.error = Some(error);
            }
        }
    }
}

/// Marks the request as ended, even if its task is dropped.
struct InFlight(Arc<Entry>);

impl Drop for InFlight {
    fn drop(&mut self) {
        lock(&self.0.state).in_flight = false;
        self.0.ended.send_replace(());
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
        let outcome = if result.is_ok() { "issued" } else { "failed" };
        metrics::counter!("countersign_client_token_requests_total", "outcome" => outcome)
            .increment(1);
    }
    #[cfg(not(feature = "metrics"))]
    let _ = result;
}
