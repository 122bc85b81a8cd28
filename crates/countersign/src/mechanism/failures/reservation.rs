use std::time::Duration;

use super::{Client, FailureLimit, Key, is_failure};
use crate::limit::{Bucket, Quota};
use crate::mechanism::Outcome;
use crate::reason::Reason;
use crate::time::Timestamp;

impl FailureLimit {
    /// Checks that there is room for one more attempt.
    pub(in crate::mechanism) fn check(
        &self,
        client: &Client<'_>,
        now: Timestamp,
    ) -> Result<(), Throttled> {
        let table = self.table();
        for (key, quota) in self.buckets(client) {
            let wait = table.find(&key).and_then(|bucket| bucket.wait(quota, now));
            if let Some(wait) = wait {
                return Err(Throttled(wait));
            }
        }
        Ok(())
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
        })
    }
}

/// There is no room for another attempt until this time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mechanism) struct Throttled(pub(super) Duration);

impl From<Throttled> for Outcome {
    fn from(Throttled(retry_after): Throttled) -> Self {
        Self::Throttled { retry_after }
    }
}

/// The room that an attempt has reserved. Dropping it counts as a failure.
pub(in crate::mechanism) struct Reservation {
    limit: FailureLimit,
    buckets: Vec<(Key, Quota)>,
    now: Timestamp,
}

impl Reservation {
    /// Releases the room, unless the attempt has failed.
    pub(in crate::mechanism) fn finish(mut self, result: Result<(), Reason>) {
        if is_failure(result) {
            return;
        }
        let mut table = self.limit.table();
        for (key, quota) in self.buckets.drain(..) {
            table.touch(key, quota.per, self.now).release();
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let buckets = std::mem::take(&mut self.buckets);
        self.limit.fill(buckets, self.now, Bucket::release);
    }
}
