//! The task that fetches the keys of one issuer, one fetch at a time.

use std::sync::Arc;
#[cfg(feature = "tracing")]
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::attempt::{Document, FetchCache, Source};
use super::exchange::Failure;
use super::schedule::Jitter;
use super::shared::Shared;
use super::{FetchError, KeyStatus};
use crate::random::Random;

/// Fetches keys until the task is aborted. `guard` exists before the task, so that a task that is dropped before it
/// is first polled is marked as stopped too.
pub(super) async fn run(guard: StopGuard, source: Source, random: Arc<dyn Random>) {
    let shared = &*guard.0;
    let source = Arc::new(source);
    let mut cache = FetchCache::default();
    let mut warned = None;
    loop {
        while let Some(due) = shared.due() {
            if timeout_at(due, shared.woken()).await.is_err() {
                break;
            }
        }
        shared.begin();
        let result = fetch(shared, Arc::clone(&source), &mut cache).await;
        let before = shared.status();
        let failure = result.as_ref().err().map(ToString::to_string);
        let result = result.map_err(|failure| failure.error);
        shared.complete(result, jitter(&*random));
        log_result(&source, &before, &shared.status(), failure, &mut warned);
    }
}

/// Fetches the keys once, in a task of its own, so that a panic of the HTTP client is only an error.
async fn fetch(
    shared: &Shared,
    source: Arc<Source>,
    cache: &mut FetchCache,
) -> Result<Document, Failure> {
    let now = shared.now();
    let mut copy = cache.clone();
    let mut attempt = JoinSet::new();
    attempt.spawn(async move { (source.attempt(&mut copy, now).await, copy) });
    let joined = match timeout(shared.patience(), attempt.join_next()).await {
        Ok(joined) => joined,
        Err(_) => {
            shared.release_waiting();
            attempt.join_next().await
        }
    };
    let Some(Ok((result, copy))) = joined else {
        return Err(FetchError::Panicked.into());
    };
    *cache = copy;
    result
}

/// Without random bytes, nodes may fetch at the same time, which is harmless.
fn jitter(random: &dyn Random) -> Jitter {
    let mut byte = [0];
    Jitter(random.fill(&mut byte).map_or(0, |()| byte[0]))
}

/// Logs the result. Before the first success, attempts follow each other fast, so failures are warned of once a minute.
fn log_result(
    source: &Source,
    before: &KeyStatus,
    after: &KeyStatus,
    failure: Option<String>,
    warned: &mut Option<Instant>,
) {
    #[cfg(feature = "tracing")]
    {
        let (from, failures) = (source.location.name(), after.failures);
        let (keys, skipped) = (after.keys, after.skipped);
        let is_due = warned.is_none_or(|at| at.elapsed() >= Duration::from_secs(60));
        if failure.is_some() && is_due {
            *warned = Some(Instant::now());
        }
        match failure {
            Some(error) if !is_due => {
                tracing::debug!(from, failures, error, "fetching keys failed")
            }
            Some(error) if after.ready => {
                tracing::warn!(
                    from,
                    failures,
                    error,
                    "fetching keys failed; using the last valid ones"
                );
            }
            Some(error) => {
                tracing::error!(
                    from,
                    failures,
                    error,
                    "fetching keys failed; tokens cannot be verified"
                );
            }
            None if before.failures > 0 || before.age.is_none() => {
                tracing::info!(from, keys, skipped, "keys fetched");
            }
            None => tracing::debug!(from, keys, skipped, "keys fetched"),
        }
    }
    #[cfg(not(feature = "tracing"))]
    let _ = (source, before, after, failure, warned);
}

/// Marks the task as stopped when it is dropped.
pub(super) struct StopGuard(pub(super) Arc<Shared>);

impl Drop for StopGuard {
    fn drop(&mut self) {
        self.0.stop();
        #[cfg(feature = "tracing")]
        tracing::debug!("key fetching stopped");
    }
}
