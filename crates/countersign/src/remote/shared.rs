//! What requests and the task share.

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
use crate::reason::Reason;

/// How many unknown key ids are remembered.
const MAX_UNKNOWN: usize = 1000;
/// How many requests wait for a fetch.
const MAX_WAITING: usize = 1000;

/// The keys of one issuer, and how it is with them.
pub(super) struct Shared {
    policy: RefreshPolicy,
    keys: SharedKeySet,
    origin: Instant,
    /// Milliseconds since `origin` at which the keys become too old; 0 before there are any.
    usable_until: AtomicU64,
    state: Mutex<State>,
    wake: Notify,
    progress: watch::Sender<Progress>,
}

struct State {
    schedule: Schedule,
    stage: Stage,
    /// Somebody ordered a fetch.
    ordered: bool,
    /// The key ids that the fetch to come was asked for.
    asked: BTreeSet<Box<str>>,
    /// Those that the issuer had not, and when it was asked. A key may be published the moment after, so they are
    /// believed for a minimum interval alone.
    unknown: BTreeMap<Box<str>, Duration>,
    begun: u64,
    keys: usize,
    skipped: usize,
    last_error: Option<FetchError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Resting,
    /// A fetch was asked for and has not begun.
    Asked,
    /// One is under way, and worth waiting for.
    Fetching,
    /// One is under way, and has taken too long.
    Late,
    /// The task has ended.
    Ended,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The number of the last fetch that ended.
    landed: u64,
    ended: bool,
}

impl Shared {
    pub(super) fn new(policy: RefreshPolicy) -> Self {
        Self {
            policy,
            keys: SharedKeySet::new(KeySet::default()),
            origin: Instant::now(),
            usable_until: AtomicU64::new(0),
            state: Mutex::new(State {
                schedule: Schedule::new(policy),
                // The first one is due at once, and requests that come before it may wait for it.
                stage: Stage::Asked,
                ordered: false,
                asked: BTreeSet::new(),
                unknown: BTreeMap::new(),
                begun: 0,
                keys: 0,
                skipped: 0,
                last_error: None,
            }),
            wake: Notify::new(),
            progress: watch::Sender::new(Progress::default()),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    pub(super) fn patience(&self) -> Duration {
        self.policy.patience
    }

    pub(super) fn is_usable(&self) -> bool {
        millis(self.now()) < self.usable_until.load(Ordering::Acquire)
    }

    /// The keys to judge by, if there are any to judge by.
    pub(super) fn load(&self) -> Option<Guard<Arc<KeySet>>> {
        self.is_usable().then(|| self.keys.load())
    }

    /// Nothing panics while it is held; if something did, the state would still be whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn without(
        &self,
        seen: Option<&KeySet>,
        key_id: Option<&str>,
    ) -> Result<Flight, Reason> {
        let reason = match seen {
            Some(_) => Reason::KeyUnknown,
            None => Reason::KeysUnavailable,
        };
        let asked_for = match seen {
            None => None,
            // A key of that id is there, and is one for another algorithm.
            Some(seen) if key_id.is_none_or(|id| seen.has_id(id)) => return Err(reason),
            Some(_) => key_id,
        };
        let mut state = self.lock();
        if self.is_usable() && key_id.is_some_and(|id| self.keys.load().has_id(id)) {
            // It came between the look at the keys and this one.
            return Ok(Flight {
                progress: None,
                reason,
            });
        }
        let now = self.now();
        let asked_lately = |at: &Duration| now < *at + self.policy.minimum_interval;
        if asked_for.is_some_and(|id| state.unknown.get(id).is_some_and(asked_lately)) {
            return Err(reason);
        }
        if state.stage == Stage::Resting && asked_for.is_some() && state.schedule.may_ask(now) {
            state.stage = Stage::Asked;
            self.wake.notify_one();
        }
        if state.stage == Stage::Asked
            && let Some(id) = asked_for
            && state.asked.len() < MAX_UNKNOWN
        {
            state.asked.insert(id.into());
        }
        let worth_it = matches!(state.stage, Stage::Asked | Stage::Fetching);
        let patient = !self.policy.patience.is_zero();
        if worth_it && patient && self.progress.receiver_count() < MAX_WAITING {
            Ok(Flight {
                progress: Some(self.progress.subscribe()),
                reason,
            })
        } else {
            Err(reason)
        }
    }

    pub(super) async fn order(&self) -> Result<(), FetchError> {
        let (mut progress, number) = {
            let mut state = self.lock();
            state.ordered = true;
            (self.progress.subscribe(), state.begun + 1)
        };
        self.wake.notify_one();
        let landed = progress.wait_for(|p| p.ended || p.landed >= number).await;
        if landed.map_or(true, |p| p.ended) {
            return Err(FetchError::Ended);
        }
        self.lock().last_error.map_or(Ok(()), Err)
    }

    /// When the next fetch is due: at once, if it was asked for.
    pub(super) fn due(&self) -> Option<Instant> {
        let state = self.lock();
        let waits = state.stage == Stage::Resting && !state.ordered;
        waits.then(|| self.origin + state.schedule.due())
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(super) fn begin(&self) {
        let now = self.now();
        let mut state = self.lock();
        state.stage = Stage::Fetching;
        state.ordered = false;
        state.begun += 1;
        state.schedule.begin(now);
    }

    /// Nobody waits any longer for the fetch that is under way.
    pub(super) fn late(&self) {
        self.lock().stage = Stage::Late;
        self.progress.send_modify(|_| {});
    }

    /// The fetch that is under way has ended.
    pub(super) fn land(&self, outcome: Result<Document, FetchError>, jitter: Jitter) {
        let now = self.now();
        let mut state = self.lock();
        let asked = std::mem::take(&mut state.asked);
        state.last_error = outcome.as_ref().err().copied();
        match outcome {
            Ok(document) => {
                if let Document::Keys { keys, skipped } = document {
                    state.keys = keys.len();
                    state.skipped = skipped;
                    state.unknown.clear();
                    self.keys.replace(keys);
                }
                let lately = |at: &Duration| now < *at + self.policy.minimum_interval;
                state.unknown.retain(|_, at| lately(at));
                let keys = self.keys.load();
                for id in asked.into_iter().filter(|id| !keys.has_id(id)) {
                    if state.unknown.len() < MAX_UNKNOWN {
                        state.unknown.insert(id, now);
                    }
                }
                let until = state.schedule.succeed(now, jitter);
                self.usable_until.store(millis(until), Ordering::Release);
            }
            Err(_) => state.schedule.fail(now, jitter),
        }
        state.stage = Stage::Resting;
        let landed = state.begun;
        self.progress.send_modify(|p| p.landed = landed);
    }

    /// The task has ended, by its own fault or the runtime's. What it loaded is good until it is too old.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.stage = Stage::Ended;
        state.last_error = Some(FetchError::Ended);
        drop(state);
        self.progress.send_modify(|p| p.ended = true);
    }

    pub(super) fn status(&self) -> KeyStatus {
        let now = self.now();
        let state = self.lock();
        KeyStatus {
            ready: self.is_usable(),
            keys: state.keys,
            skipped: state.skipped,
            age: state.schedule.good().map(|good| now.saturating_sub(good)),
            fetches: state.begun,
            failures: state.schedule.failures(),
            last_error: state.last_error,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A wait for the fetch that is under way. Dropping it gives up the place.
#[derive(Debug)]
pub(crate) struct Flight {
    /// `None` if the key has come already.
    progress: Option<watch::Receiver<Progress>>,
    reason: Reason,
}

impl Flight {
    /// Waits until the fetch has ended, or has taken too long.
    pub(crate) async fn landed(self) {
        if let Some(mut progress) = self.progress {
            // An error means that nobody fetches any more, which ends the wait as well.
            let _ = progress.changed().await;
        }
    }

    /// Why the token is not accepted, if nobody waits.
    pub(crate) fn reason(&self) -> Reason {
        self.reason
    }
}
