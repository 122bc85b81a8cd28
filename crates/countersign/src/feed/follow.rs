//! The task that asks the issuer again and again, one question at a time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::FeedStatus;
use super::credentials::CredentialView;
use super::error::FeedError;
use super::source::Source;
use super::view::View;
use crate::random::Random;

/// The shortest time from one question to the next: changes within it come in one answer.
const SHORTEST_PERIOD: Duration = Duration::from_millis(20);
/// The pause after a failure, at first and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// What requests and the task share.
pub(super) struct Shared {
    pub(super) view: View,
    progress: Mutex<Progress>,
    answers: watch::Sender<u64>,
}

#[derive(Clone, Default)]
struct Progress {
    applied: Option<u64>,
    failures: u32,
    last_error: Option<FeedError>,
}

impl Shared {
    pub(super) fn new(view: View) -> Self {
        Self {
            view,
            progress: Mutex::default(),
            answers: watch::Sender::new(0),
        }
    }

    /// Waits until an answer has made the view fresh.
    pub(super) async fn fresh(&self) {
        let mut answers = self.answers.subscribe();
        while !self.view.is_fresh() {
            // The sender lives as long as `self`.
            let _ = answers.changed().await;
        }
    }

    pub(super) fn status(&self) -> FeedStatus {
        let progress = self.lock().clone();
        let (denials, keys) = self.view.counts();
        let credentials = self.view.credentials();
        FeedStatus {
            ready: self.view.is_fresh(),
            remaining: self.view.remaining(),
            applied: progress.applied,
            denials,
            keys,
            credentials: credentials.map_or(0, CredentialView::len),
            answers: *self.answers.borrow(),
            failures: progress.failures,
            last_error: progress.last_error,
        }
    }

    fn record(&self, result: Result<Option<u64>, FeedError>) {
        let mut progress = self.lock();
        match result {
            Ok(applied) => {
                *progress = Progress {
                    applied,
                    ..Progress::default()
                };
                drop(progress);
                self.answers.send_modify(|answers| *answers += 1);
            }
            Err(error) => {
                progress.failures = progress.failures.saturating_add(1);
                progress.last_error = Some(error);
            }
        }
    }

    /// Nothing panics while it is locked, so that a poisoned state would be consistent.
    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows the feed until the task is aborted. `guard` exists before the task, so that a task that is dropped before it is
/// first polled is marked as ended too.
pub(super) async fn run(guard: EndGuard, mut source: Source) {
    let shared = &*guard.0;
    let mut failures = 0;
    loop {
        let begun = Instant::now();
        let result = source.ask(&shared.view, failures > 0).await;
        log_result(&source, failures, &result, shared.view.is_fresh());
        let applied = source.cursor.as_ref().map(|cursor| cursor.applied);
        failures = match &result {
            Ok(()) => 0,
            Err(_) => failures + 1,
        };
        shared.record(result.map(|()| applied));
        match failures {
            0 => sleep_until(begun + SHORTEST_PERIOD).await,
            failures => sleep(pause(failures, &*source.random)).await,
        }
    }
}

/// Returns how long to wait after so many failures: twice as long each time, minus a random part of up to a quarter, so that
/// verifiers do not return at the same time after a restart of the issuer.
fn pause(failures: u32, random: &dyn Random) -> Duration {
    let [first, longest] = PAUSES;
    let doubled = first.saturating_mul(1 << (failures - 1).min(10));
    let pause = doubled.min(longest);
    let mut byte = [0];
    let part = random.fill(&mut byte).map_or(0, |()| u32::from(byte[0]));
    pause - pause * part / 1024
}

/// Logs the first failure, and the first success after it.
fn log_result(source: &Source, failures: u32, result: &Result<(), FeedError>, is_fresh: bool) {
    #[cfg(feature = "tracing")]
    {
        let issuer = &*source.issuer;
        match result {
            Err(error) if failures == 0 => {
                tracing::warn!(issuer, %error, "following the feed failed; retrying");
            }
            Err(error) if !is_fresh => {
                tracing::debug!(issuer, failures, %error, "following the feed failed; tokens cannot be verified");
            }
            Ok(()) if failures > 0 => {
                tracing::info!(issuer, failures, "the feed is followed again")
            }
            _ => {}
        }
    }
    #[cfg(not(feature = "tracing"))]
    let _ = (source, failures, result, is_fresh);
}

/// Records that the task has ended when it is dropped. What is known stays in use until it is too old.
pub(super) struct EndGuard(pub(super) Arc<Shared>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.record(Err(FeedError::Ended));
    }
}
