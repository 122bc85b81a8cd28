use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign::Id;
use countersign::directory::{Credential, Directory, MemoryDirectory, StaleView, Usage, UserName};
use countersign::registry::backend::KeyDigest;
use countersign::time::BootClock;

use super::options::WhenStale;

/// Uses of one credential within this many milliseconds count as one.
const USE_RESOLUTION: i64 = 1000;

/// The records in the memory of this process, and when they were last compared with the database.
///
/// A view that has not been compared for longer than [`max_staleness`](crate::StoreOptions::max_staleness) is stale:
/// requests are rejected with 503, unless [`WhenStale::Serve`] says otherwise. A view is not fresh before the first
/// comparison, nor after the store was closed.
pub struct View {
    /// Replaced as a whole when a new history begins; otherwise changed record by record.
    records: ArcSwap<MemoryDirectory>,
    /// When the last successful comparison began, in nanoseconds since boot; [`NEVER`] before the first.
    compared_at: AtomicU64,
    max_staleness: Duration,
    when_stale: WhenStale,
    clock: Arc<dyn BootClock>,
    /// The uses that are not in the database yet.
    used: papaya::HashMap<Id, Usage>,
}

/// Reached 584 years after boot: the view is stale for good then.
const NEVER: u64 = u64::MAX;

impl View {
    pub(crate) fn new(
        max_staleness: Duration,
        when_stale: WhenStale,
        clock: Arc<dyn BootClock>,
    ) -> Self {
        Self {
            records: ArcSwap::default(),
            compared_at: AtomicU64::new(NEVER),
            max_staleness,
            when_stale,
            clock,
            used: papaya::HashMap::new(),
        }
    }

    /// Returns the time since the view was last equal to the database; `None` before the first comparison, and after the
    /// store was closed.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let compared_at = self.compared_at()?;
        Some(self.since_boot().saturating_sub(compared_at))
    }

    /// Returns when the last successful comparison began, since the machine was started.
    pub(crate) fn compared_at(&self) -> Option<Duration> {
        match self.compared_at.load(Ordering::Acquire) {
            NEVER => None,
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        }
    }

    /// Returns whether the view is older than [`max_staleness`](crate::StoreOptions::max_staleness), also if requests are
    /// still decided with it.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.age().is_none_or(|age| age > self.max_staleness)
    }

    pub(crate) fn since_boot(&self) -> Duration {
        self.clock.since_boot()
    }

    /// Records that the view was equal to the database at a moment after `began`.
    pub(crate) fn compared(&self, began: Duration) {
        let nanoseconds = u64::try_from(began.as_nanos()).unwrap_or(NEVER);
        self.compared_at.store(nanoseconds, Ordering::Release);
    }

    /// Makes the view stale for good. No comparison may follow.
    pub(crate) fn close(&self) {
        self.compared_at.store(NEVER, Ordering::Release);
    }

    pub(crate) fn records(&self) -> Arc<MemoryDirectory> {
        self.records.load_full()
    }

    pub(crate) fn replace(&self, records: MemoryDirectory) {
        self.records.store(Arc::new(records));
    }

    /// Removes and returns the uses that are not in the database yet.
    pub(crate) fn take_used(&self) -> Vec<Usage> {
        let used = self.used.pin();
        let ids: Vec<Id> = used.keys().copied().collect();
        let taken = ids.iter().filter_map(|id| used.remove(id));
        taken.cloned().collect()
    }

    /// Puts back uses that could not be written. Later uses of the same credentials take precedence.
    pub(crate) fn put_back_used(&self, unwritten: impl IntoIterator<Item = Usage>) {
        let used = self.used.pin();
        for usage in unwritten {
            used.get_or_insert(usage.credential, usage);
        }
    }
}

impl Directory for View {
    fn credential(&self, id: &Id) -> Option<Credential> {
        self.records.load().credential(id)
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        self.records.load().user(name)
    }

    fn costliest_password(&self) -> Option<Arc<str>> {
        self.records.load().costliest_password()
    }

    fn imported_key(&self, digest: &KeyDigest) -> Option<Credential> {
        self.records.load().imported_key(digest)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.records.load().lowest_generation(entity)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        self.records.load().is_denied(issuer, token)
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        let decides = match self.when_stale {
            WhenStale::Reject => !self.is_stale(),
            WhenStale::Serve => self.age().is_some(),
        };
        decides.then_some(()).ok_or(StaleView)
    }

    fn used(&self, usage: Usage) {
        let used = self.used.pin();
        let known = used.get(&usage.credential);
        let same = known.is_some_and(|known| {
            let since = usage
                .at
                .unix_millis()
                .saturating_sub(known.at.unix_millis());
            since < USE_RESOLUTION && usage.digest.is_none() && usage.password.is_none()
        });
        if !same {
            used.insert(usage.credential, usage);
        }
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("records", &*self.records.load())
            .field("stale", &self.is_stale())
            .finish_non_exhaustive()
    }
}
