//! Bounds for verifiers: how many wait, and how many read the whole state at once.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use countersign::Id;
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::http::metrics;

/// How many verifiers wait at most, and how many with one credential. Most systems let a process open 1,024 files.
const MAX_WAITING: usize = 500;
const MAX_OF_CREDENTIAL: usize = 100;
/// How many answers with the whole state are in memory at once, and how many of those with API keys.
const MAX_WHOLE_STATES: usize = 8;
const MAX_WITH_KEYS: usize = 4;

/// What limits verifiers. Clones share what is counted.
#[derive(Clone)]
pub(in crate::http) struct FeedLimits {
    waiting: Arc<Mutex<HashMap<Id, usize>>>,
    whole_states: Arc<Semaphore>,
    with_keys: Arc<Semaphore>,
}

impl Default for FeedLimits {
    fn default() -> Self {
        Self {
            waiting: Arc::default(),
            whole_states: Arc::new(Semaphore::new(MAX_WHOLE_STATES)),
            with_keys: Arc::new(Semaphore::new(MAX_WITH_KEYS)),
        }
    }
}

impl FeedLimits {
    /// Returns a place for a verifier that waits, if there is one.
    pub(super) fn enter(&self, credential: Id) -> Option<Place> {
        let mut waiting = self.lock();
        let total: usize = waiting.values().sum();
        let of_credential = waiting.get(&credential).copied().unwrap_or(0);
        if total >= MAX_WAITING || of_credential >= MAX_OF_CREDENTIAL {
            return None;
        }
        waiting.insert(credential, of_credential + 1);
        metrics::set_waiting_verifiers(total + 1);
        Some(Place {
            limits: self.clone(),
            credential,
        })
    }

    /// Returns a permit for an answer with the whole state, with or without API keys, which ends when it was sent.
    pub(super) fn hold(&self, with_keys: bool) -> Option<OwnedSemaphorePermit> {
        let permits = match with_keys {
            true => &self.with_keys,
            false => &self.whole_states,
        };
        Arc::clone(permits).try_acquire_owned().ok()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a verifier that waits, which is free again when this is dropped.
pub(super) struct Place {
    limits: FeedLimits,
    credential: Id,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.limits.lock();
        if let Some(of_credential) = waiting.get_mut(&self.credential) {
            *of_credential = of_credential.saturating_sub(1);
            if *of_credential == 0 {
                waiting.remove(&self.credential);
            }
        }
        metrics::set_waiting_verifiers(waiting.values().sum());
    }
}

/// Returns a body that keeps a permit until it was sent. The memory of the bytes is overwritten afterwards.
pub(super) fn held_body(bytes: Zeroizing<Vec<u8>>, permit: Option<OwnedSemaphorePermit>) -> Body {
    let bytes = Bytes::from_owner(bytes);
    match permit {
        None => Body::from(bytes),
        Some(permit) => Body::new(HeldBody {
            bytes: Full::from(bytes),
            _permit: permit,
        }),
    }
}

struct HeldBody {
    bytes: Full<Bytes>,
    _permit: OwnedSemaphorePermit,
}

impl http_body::Body for HeldBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.bytes).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.bytes.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifiers_that_wait_are_limited_for_each_credential_and_in_all() {
        let limits = FeedLimits::default();
        let id = |byte| Id::from_bytes([byte; 20]);
        let mut places: Vec<_> = (0..100).map(|_| limits.enter(id(1)).unwrap()).collect();
        assert!(limits.enter(id(1)).is_none());
        for byte in 2..=5 {
            places.extend((0..100).map(|_| limits.enter(id(byte)).unwrap()));
        }
        assert!(limits.enter(id(6)).is_none());
        places.pop();
        assert!(limits.enter(id(6)).is_some());
        places.clear();
        assert!(limits.lock().is_empty());
    }

    #[test]
    fn permit_of_a_whole_state_is_free_again_after_its_body() {
        let limits = FeedLimits::default();
        for (with_keys, max) in [(false, MAX_WHOLE_STATES), (true, MAX_WITH_KEYS)] {
            let bodies: Vec<_> = (0..max)
                .map(|_| held_body(Zeroizing::new(vec![1]), limits.hold(with_keys)))
                .collect();
            assert!(limits.hold(with_keys).is_none());
            assert!(limits.hold(!with_keys).is_some());
            drop(bodies);
            assert!(limits.hold(with_keys).is_some());
        }
    }
}
