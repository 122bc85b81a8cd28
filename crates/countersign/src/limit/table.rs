use std::collections::HashMap;
use std::mem;
use std::time::Duration;

use super::bucket::{Bucket, since};
use crate::time::Timestamp;

/// The number of buckets in each half.
const HALF: usize = 1 << 15;

/// A bounded number of buckets by key.
///
/// A bucket that was not touched for a whole `per` is empty and can be dropped. In each `per`, the old half is dropped
/// and the young half becomes the old one. If the young half is full, this happens early, and the buckets that were not
/// touched for longest are forgotten. That takes events of tens of thousands of keys in one `per`.
#[derive(Debug)]
pub(crate) struct Table<K> {
    young: HashMap<K, Bucket>,
    old: HashMap<K, Bucket>,
    turned: Option<Timestamp>,
}

impl<K: Eq + std::hash::Hash + Copy> Table<K> {
    pub(crate) fn new() -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            turned: None,
        }
    }

    /// Returns a bucket, if there is one, without touching it.
    pub(crate) fn find(&self, key: &K) -> Option<&Bucket> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Touches a bucket, and returns it.
    pub(crate) fn touch(&mut self, key: K, per: Duration, now: Timestamp) -> &mut Bucket {
        let turned = *self.turned.get_or_insert(now);
        let due = since(turned, now) >= per || since(now, turned) >= per;
        if due || self.young.len() >= HALF {
            self.old = mem::take(&mut self.young);
            self.turned = Some(now);
        }
        let old = &mut self.old;
        self.young
            .entry(key)
            .or_insert_with(|| old.remove(&key).unwrap_or_else(|| Bucket::empty(now)))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);
    const PER: Duration = Duration::from_secs(60);

    #[test]
    fn number_of_buckets_is_bounded_under_a_million_keys() {
        let mut table = Table::new();
        for key in 0..1_000_000 {
            table.touch(key, PER, NOW);
            assert!(table.len() <= 2 * HALF);
        }
    }

    #[test]
    fn bucket_in_use_outlives_a_flood_of_others() {
        let mut table = Table::new();
        table.touch(0, PER, NOW).reserve();
        for key in 1..200_000 {
            table.touch(key, PER, NOW);
            if key % 10_000 == 0 {
                table.touch(0, PER, NOW);
            }
        }
        let one = crate::limit::Quota {
            burst: std::num::NonZeroU32::MIN,
            per: PER,
        };
        assert!(table.find(&0).unwrap().wait(one, NOW).is_some());
    }

    #[test]
    fn bucket_is_dropped_once_it_must_be_empty_and_not_before() {
        let mut table = Table::new();
        table.touch(0, PER, NOW);
        table.touch(1, PER, NOW.plus(Duration::from_secs(59)));
        table.touch(2, PER, NOW.plus(Duration::from_secs(60)));
        assert!(table.find(&0).is_some());
        table.touch(3, PER, NOW.plus(Duration::from_secs(118)));
        assert!(table.find(&1).is_some());
        table.touch(4, PER, NOW.plus(Duration::from_secs(120)));
        assert!(table.find(&0).is_none() && table.find(&1).is_none());
        assert!(table.find(&2).is_some());
    }
}
