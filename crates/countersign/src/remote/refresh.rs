//! The task that keeps one issuer's keys fresh. One fetch at a time, since it is one task.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{timeout, timeout_at};

use super::attempt::{Document, Memory, Source};
use super::schedule::Jitter;
use super::shared::Shared;
use super::{FetchError, KeyStatus};
use crate::random::Random;

/// `end` is made before the task is: a task that is dropped before it was ever polled has ended, too.
pub(super) async fn run(end: End, source: Source, random: Arc<dyn Random>) {
    let shared = &*end.0;
    let source = Arc::new(source);
    let mut memory = Memory::default();
    loop {
        while let Some(due) = shared.due() {
            if timeout_at(due, shared.woken()).await.is_err() {
                break;
            }
        }
        shared.begin();
        let (outcome, left) = fetch(shared, Arc::clone(&source), memory.clone()).await;
        memory = left.unwrap_or(memory);
        let before = shared.status();
        shared.land(outcome, jitter(&*random));
        tell(&source, &before, &shared.status());
    }
}

/// Whatever the HTTP client does, a panic included, is over when this returns or is dropped.
async fn fetch(
    shared: &Shared,
    source: Arc<Source>,
    mut memory: Memory,
) -> (Result<Document, FetchError>, Option<Memory>) {
    let now = shared.now();
    let mut attempt = JoinSet::new();
    attempt.spawn(async move {
        let outcome = source.attempt(&mut memory, now).await;
        (outcome, memory)
    });
    let joined = match timeout(shared.patience(), attempt.join_next()).await {
        Ok(joined) => joined,
        Err(_) => {
            shared.late();
            attempt.join_next().await
        }
    };
    match joined {
        Some(Ok((outcome, memory))) => (outcome, Some(memory)),
        _ => (Err(FetchError::Panicked), None),
    }
}

/// Without randomness the fetches of several nodes may coincide, and nothing worse.
fn jitter(random: &dyn Random) -> Jitter {
    let mut byte = [0];
    match random.fill(&mut byte) {
        Ok(()) => Jitter(byte[0]),
        Err(_) => Jitter(0),
    }
}

/// Failures are as rare as attempts, so each is told.
fn tell(source: &Source, before: &KeyStatus, after: &KeyStatus) {
    #[cfg(feature = "tracing")]
    {
        let (from, failures) = (source.place.name(), after.failures);
        let (keys, skipped) = (after.keys, after.skipped);
        match after.last_error {
            Some(error) if after.ready => {
                tracing::warn!(from, failures, %error, "keys were not fetched: the last good ones stay");
            }
            Some(error) => {
                tracing::error!(from, failures, %error, "keys were not fetched, and there are none to judge by");
            }
            None if before.failures > 0 || before.age.is_none() => {
                tracing::info!(from, keys, skipped, "keys were fetched");
            }
            None => tracing::debug!(from, keys, skipped, "keys were fetched"),
        }
    }
    #[cfg(not(feature = "tracing"))]
    let _ = (source, before, after);
}

/// Marks the end of the task, however it comes.
pub(super) struct End(pub(super) Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
        #[cfg(feature = "tracing")]
        tracing::debug!("an issuer's keys are fetched no more");
    }
}
