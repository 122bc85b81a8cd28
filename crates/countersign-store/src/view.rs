use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign::Id;
use countersign::directory::{Credential, Directory, MemoryDirectory, StaleView, Usage, UserName};

use crate::since_boot::SinceBoot;

/// Uses of one credential within this time are one.
const USE: i64 = 1000;

/// This process's view of the records: a table in memory that knows when it was last compared with
/// the database. It vouches for what it says while that is no longer ago than it may be.
pub struct View {
    /// Replaced as a whole when another history begins; else changed record by record.
    table: ArcSwap<MemoryDirectory>,
    /// When the last comparison that succeeded began, in nanoseconds since boot.
    compared_at: AtomicU64,
    max_staleness: Duration,
    since_boot: Arc<dyn SinceBoot>,
    /// What was used since it was last written down.
    used: papaya::HashMap<Id, Usage>,
}

impl View {
    pub(crate) fn new(max_staleness: Duration, since_boot: Arc<dyn SinceBoot>) -> Self {
        Self {
            table: ArcSwap::default(),
            compared_at: AtomicU64::new(0),
            max_staleness,
            since_boot,
            used: papaya::HashMap::new(),
        }
    }

    pub(crate) fn since_boot(&self) -> Duration {
        self.since_boot.since_boot()
    }

    /// Says that the view was as the database is, at a moment after `began`.
    pub(crate) fn compared(&self, began: Duration) {
        // 584 years after the machine's start the view is stale for good.
        let nanoseconds = u64::try_from(began.as_nanos()).unwrap_or(u64::MAX);
        self.compared_at.store(nanoseconds, Ordering::Release);
    }

    pub(crate) fn table(&self) -> Arc<MemoryDirectory> {
        self.table.load_full()
    }

    pub(crate) fn replace(&self, table: MemoryDirectory) {
        self.table.store(Arc::new(table));
    }

    /// What was used since this was last called.
    pub(crate) fn take_used(&self) -> Vec<Usage> {
        let used = self.used.pin();
        let ids: Vec<Id> = used.keys().copied().collect();
        let taken = ids.iter().filter_map(|id| used.remove(id));
        taken.cloned().collect()
    }

    /// Puts back what could not be written down. What was used since counts more.
    pub(crate) fn put_back_used(&self, used: impl IntoIterator<Item = Usage>) {
        let kept = self.used.pin();
        for usage in used {
            kept.get_or_insert(usage.credential, usage);
        }
    }
}

impl Directory for View {
    fn credential(&self, id: &Id) -> Option<Credential> {
        self.table.load().credential(id)
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        self.table.load().user(name)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.table.load().lowest_generation(entity)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        self.table.load().is_denied(issuer, token)
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        let compared_at = Duration::from_nanos(self.compared_at.load(Ordering::Acquire));
        if self.since_boot().saturating_sub(compared_at) > self.max_staleness {
            return Err(StaleView);
        }
        Ok(())
    }

    fn used(&self, usage: Usage) {
        let used = self.used.pin();
        let known = used.get(&usage.credential);
        let same = known.is_some_and(|known| {
            let since = usage
                .at
                .unix_millis()
                .saturating_sub(known.at.unix_millis());
            since < USE && usage.digest.is_none()
        });
        if !same {
            used.insert(usage.credential, usage);
        }
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("table", &*self.table.load())
            .field("stale", &self.check_freshness().is_err())
            .finish_non_exhaustive()
    }
}
