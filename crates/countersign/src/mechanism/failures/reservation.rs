use super::{Client, Counted, FailureLimit, Key, Throttled, fill, is_failure};
use crate::limit::Quota;
use crate::reason::Reason;
use crate::time::Timestamp;

impl FailureLimit {
    /// Counts a password that found no place in the queue of hashes. It is no failure.
    pub(in crate::mechanism) fn count_busy(&self, client: &Client<'_>, now: Timestamp) {
        fill(&mut self.table(), self.networks(client, Counted::Busy), now);
    }

    /// Returns whether more passwords from the networks of the client than its failures could be found no place in
    /// the queue of hashes.
    pub(in crate::mechanism) fn is_often_busy(&self, client: &Client<'_>, now: Timestamp) -> bool {
        let buckets = self.networks(client, Counted::Busy);
        self.find_full(buckets, now).is_err()
    }

    /// Reserves room for one attempt.
    pub(in crate::mechanism) fn reserve(
        &self,
        client: &Client<'_>,
        now: Timestamp,
    ) -> Result<Reservation, Throttled> {
        let buckets: Vec<_> = self.buckets(client).collect();
        let mut table = self.table();
        for (key, quota) in &buckets {
            if let Some(wait) = table.touch(*key, quota.per, now).wait(*quota, now) {
                return Err(Throttled(wait));
            }
        }
        for (key, quota) in &buckets {
            table.touch(*key, quota.per, now).reserve();
        }
        drop(table);
        Ok(Reservation {
            limit: self.clone(),
            buckets,
            now,
            failed: true,
        })
    }
}

/// The room that an attempt has reserved. Dropping it counts as a failure.
pub(in crate::mechanism) struct Reservation {
    limit: FailureLimit,
    buckets: Vec<(Key, Quota)>,
    now: Timestamp,
    failed: bool,
}

impl Reservation {
    /// Releases the room, unless the attempt has failed.
    pub(in crate::mechanism) fn finish(mut self, result: Result<(), Reason>) {
        self.failed = is_failure(result);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut table = self.limit.table();
        for (key, quota) in &self.buckets {
            table.touch(*key, quota.per, self.now).release();
        }
        if self.failed {
            fill(&mut table, self.buckets.iter().copied(), self.now);
        }
    }
}
