//! The state that requests and the fetching task share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::Guard;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::attempt::Document;
use super::schedule::{Jitter, Schedule};
use super::{FetchError, KeyStatus, RefreshPolicy};
use crate::jose::{KeySet, SharedKeySet};

/// The largest number of unknown key ids that are remembered.
const MAX_UNKNOWN: usize = 1000;
/// The largest number of requests that wait for a fetch.
const MAX_WAITING: usize = 1000;

/// The keys of one issuer, and the state of their fetches.
pub(super) struct Shared {
    policy: RefreshPolicy,
    keys: SharedKeySet,
    started: Instant,
    /// When the keys become too old, in milliseconds since `started`. 0 before there are any.
    usable_until: AtomicU64,
    state: Mutex<State>,
    wake: Notify,
    progress: watch::Sender<Progress>,
}

struct State {
    schedule: Schedule,
    fetch: FetchState,
    /// [`Shared::refresh`] was called.
    refresh_requested: bool,
    /// The key ids of the tokens that requested the next fetch.
    requested: BTreeSet<Box<str>>,
    /// The key ids that the issuer did not have, and when that was found. They are remembered for one minimum interval
    /// only, since the issuer may publish them at any time.
    unknown: BTreeMap<Box<str>, Duration>,
    fetches: u64,
    keys: usize,
    skipped: usize,
    last_error: Option<FetchError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FetchState {
    Idle,
    /// A token requested a fetch, which has not begun.
    Requested,
    Running,
    /// A fetch is running, and requests no longer wait for it.
    Overdue,
    /// The task has stopped.
    Stopped,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The number of completed fetches.
    completed: u64,
    stopped: bool,
}

impl Shared {
    pub(super) fn new(policy: RefreshPolicy) -> Self {
        Self {
            policy,
            keys: SharedKeySet::new(KeySet::default()),
            started: Instant::now(),
            usable_until: AtomicU64::new(0),
            state: Mutex::new(State {
                schedule: Schedule::new(policy),
                // The first fetch is due at once, and earlier requests may wait for it.
                fetch: FetchState::Requested,
                refresh_requested: false,
                requested: BTreeSet::new(),
                unknown: BTreeMap::new(),
                fetches: 0,
                keys: 0,
                skipped: 0,
                last_error: None,
            }),
            wake: Notify::new(),
            progress: watch::Sender::new(Progress::default()),
        }
    }

    /// Returns the time since the start.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn patience(&self) -> Duration {
        self.policy.patience
    }

    /// Returns whether there are keys, and they are not too old.
    pub(super) fn is_usable(&self) -> bool {
        millis(self.now()) < self.usable_until.load(Ordering::Acquire)
    }

    /// Returns the keys, if they are usable.
    pub(super) fn load(&self) -> Option<Guard<Arc<KeySet>>> {
        self.is_usable().then(|| self.keys.load())
    }

    /// Locks the state. Nothing panics while it is locked, so a poisoned state would be consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests a fetch for a token whose key is not in `seen`, if the policy permits it. Returns the fetch to wait for,
    /// or `None` if waiting would not help or too many requests wait.
    pub(super) fn fetch_missing(
        &self,
        seen: Option<&KeySet>,
        key_id: Option<&str>,
    ) -> Option<PendingFetch> {
        let missing = match seen {
            None => None,
            // There is a key with this id, for another algorithm.
            Some(seen) if key_id.is_none_or(|id| seen.has_id(id)) => return None,
            Some(_) => key_id,
        };
        let mut state = self.lock();
        if self.is_usable() && key_id.is_some_and(|id| self.keys.load().has_id(id)) {
            // The key was fetched after the caller had loaded `seen`.
            return Some(PendingFetch(None));
        }
        if let Some(id) = missing {
            let now = self.now();
            if state
                .unknown
                .get(id)
                .is_some_and(|at| self.is_recent(*at, now))
            {
                return None;
            }
            if state.fetch == FetchState::Idle && state.schedule.may_request(now) {
                state.fetch = FetchState::Requested;
                self.wake.notify_one();
            }
            if state.fetch == FetchState::Requested && state.requested.len() < MAX_UNKNOWN {
                state.requested.insert(id.into());
            }
        }
        let may_wait = matches!(state.fetch, FetchState::Requested | FetchState::Running)
            && !self.policy.patience.is_zero()
            && self.progress.receiver_count() < MAX_WAITING;
        may_wait.then(|| PendingFetch(Some(self.progress.subscribe())))
    }

    fn is_recent(&self, at: Duration, now: Duration) -> bool {
        now < at + self.policy.minimum_interval
    }

    /// Fetches as soon as possible, and waits for the result.
    pub(super) async fn refresh(&self) -> Result<(), FetchError> {
        let (mut progress, number) = {
            let mut state = self.lock();
            state.refresh_requested = true;
            (self.progress.subscribe(), state.fetches + 1)
        };
        self.wake.notify_one();
        let progress = progress.wait_for(|p| p.stopped || p.completed >= number);
        if progress.await.map_or(true, |p| p.stopped) {
            return Err(FetchError::Ended);
        }
        self.lock().last_error.clone().map_or(Ok(()), Err)
    }

    /// Returns when the next fetch is due, or `None` if it was requested and is due now.
    pub(super) fn due(&self) -> Option<Instant> {
        let state = self.lock();
        let waits = state.fetch == FetchState::Idle && !state.refresh_requested;
        waits.then(|| self.started + state.schedule.due)
    }

    /// Waits until a fetch is requested.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Records the beginning of a fetch.
    pub(super) fn begin(&self) {
        let now = self.now();
        let mut state = self.lock();
        state.fetch = FetchState::Running;
        state.refresh_requested = false;
        state.fetches += 1;
        state.schedule.begin(now);
    }

    /// Releases the requests that wait for the running fetch, because it takes too long.
    pub(super) fn release_waiting(&self) {
        self.lock().fetch = FetchState::Overdue;
        self.progress.send_modify(|_| {});
    }

    /// Records the result of the running fetch.
    pub(super) fn complete(&self, result: Result<Document, FetchError>, jitter: Jitter) {
        let now = self.now();
        let mut state = self.lock();
        let requested = std::mem::take(&mut state.requested);
        state.last_error = result.as_ref().err().cloned();
        match result {
            Ok(document) => {
                if let Document::Keys { keys, skipped } = document {
                    state.keys = keys.len();
                    state.skipped = skipped;
                    state.unknown.clear();
                    self.keys.replace(keys);
                }
                state.unknown.retain(|_, at| self.is_recent(*at, now));
                let keys = self.keys.load();
                for id in requested.into_iter().filter(|id| !keys.has_id(id)) {
                    if state.unknown.len() < MAX_UNKNOWN {
                        state.unknown.insert(id, now);
                    }
                }
                let until = state.schedule.succeed(now, jitter);
                self.usable_until.store(millis(until), Ordering::Release);
            }
            Err(_) => state.schedule.fail(now, jitter),
        }
        state.fetch = FetchState::Idle;
        let completed = state.fetches;
        self.progress.send_modify(|p| p.completed = completed);
    }

    /// Records that the task has stopped. The keys stay in use until they are too old.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.fetch = FetchState::Stopped;
        state.last_error = Some(FetchError::Ended);
        drop(state);
        self.progress.send_modify(|p| p.stopped = true);
    }

    pub(super) fn status(&self) -> KeyStatus {
        let now = self.now();
        let state = self.lock();
        KeyStatus {
            ready: self.is_usable(),
            keys: state.keys,
            skipped: state.skipped,
            age: state.schedule.last_success.map(|at| now.saturating_sub(at)),
            fetches: state.fetches,
            failures: state.schedule.failures,
            last_error: state.last_error.clone(),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A fetch that a request waits for. It is `None` if the key is already there. Dropping it makes room for another
/// request.
pub(super) struct PendingFetch(Option<watch::Receiver<Progress>>);

impl PendingFetch {
    /// Waits until the fetch has completed, or has taken too long.
    pub(super) async fn completed(self) {
        if let Some(mut progress) = self.0 {
            // An error means that the task has stopped, which ends the wait too.
            let _ = progress.changed().await;
        }
    }
}
