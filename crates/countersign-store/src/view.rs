use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign::Id;
use countersign::directory::memory::MemoryDirectory;
use countersign::directory::{Credential, Directory, Stale, UserName};

use crate::since_boot::SinceBoot;

/// This process's view of the records: a table in memory that knows when it was last compared with
/// the database. It vouches for what it says while that is no longer ago than it may be.
pub struct View {
    pub(crate) table: MemoryDirectory,
    /// When the last comparison that succeeded began, in nanoseconds since boot.
    compared_at: AtomicU64,
    max_staleness: Duration,
    since_boot: Arc<dyn SinceBoot>,
}

impl View {
    pub(crate) fn new(max_staleness: Duration, since_boot: Arc<dyn SinceBoot>) -> Self {
        Self {
            table: MemoryDirectory::default(),
            compared_at: AtomicU64::new(0),
            max_staleness,
            since_boot,
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
}

impl Directory for View {
    fn credential(&self, id: &Id) -> Option<Credential> {
        self.table.credential(id)
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        self.table.user(name)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.table.lowest_generation(entity)
    }

    fn vouch(&self) -> Result<(), Stale> {
        let compared_at = Duration::from_nanos(self.compared_at.load(Ordering::Acquire));
        if self.since_boot().saturating_sub(compared_at) > self.max_staleness {
            return Err(Stale);
        }
        Ok(())
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("credentials", &self.table.len())
            .field("stale", &self.vouch().is_err())
            .finish_non_exhaustive()
    }
}
