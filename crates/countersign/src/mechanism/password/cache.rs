use std::time::Duration;

use quick_cache::sync::Cache;
use zeroize::Zeroizing;

use crate::key::MacKey;
use crate::random::{Random, RandomError};
use crate::time::Timestamp;

/// How long a verified password is not hashed again.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// The number of entries.
const CAPACITY: usize = 10_000;

/// Recently verified passwords, as digests under a random key of this process.
pub(super) struct VerifiedPasswords {
    key: MacKey,
    verified: Cache<Digest, Timestamp>,
}

/// The digest of a password and of what it was verified against.
pub(super) type Digest = [u8; 32];

impl VerifiedPasswords {
    pub(super) fn new(random: &dyn Random) -> Result<Self, RandomError> {
        let mut key = Zeroizing::new([0; 32]);
        random.fill(key.as_mut())?;
        Ok(Self {
            key: MacKey::new(key.as_ref()),
            verified: Cache::new(CAPACITY),
        })
    }

    /// Computes the digest of the parts. Each part is preceded by its length, so that different parts
    /// never have the same input.
    pub(super) fn digest(&self, parts: &[&[u8]]) -> Digest {
        self.key.framed_mac(parts)
    }

    /// Returns whether the password was verified in the last five minutes. An entry from the future is
    /// ignored: the clock was set back, and its age is unknown.
    pub(super) fn contains(&self, digest: &Digest, now: Timestamp) -> bool {
        let verified = self.verified.get(digest);
        verified.is_some_and(|then| then <= now && now < then.plus(LIFETIME))
    }

    pub(super) fn insert(&self, digest: Digest, now: Timestamp) {
        self.verified.insert(digest, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);

    #[test]
    fn verified_password_is_cached_for_five_minutes_and_not_from_the_future() {
        let cache = VerifiedPasswords::new(&SystemRandom).unwrap();
        let digest = cache.digest(&[b"x"]);
        assert!(!cache.contains(&digest, NOW));
        cache.insert(digest, NOW);
        let at = |millis| Timestamp::from_unix_millis(NOW.unix_millis() + millis);
        for (millis, cached) in [(-1, false), (0, true), (299_999, true), (300_000, false)] {
            assert_eq!(cache.contains(&digest, at(millis)), cached, "{millis} ms");
        }
    }

    #[test]
    fn digest_differs_when_any_part_or_its_bounds_differ() {
        let cache = VerifiedPasswords::new(&SystemRandom).unwrap();
        let long = "x".repeat(72);
        let (a, b) = (format!("{long}a"), format!("{long}b"));
        let parts: [&[&[u8]]; 8] = [
            &[],
            &[b""],
            &[b"", b""],
            &[b"ab", b"c"],
            &[b"a", b"bc"],
            &[b"abc"],
            &[a.as_bytes()],
            &[b.as_bytes()],
        ];
        let digests: std::collections::HashSet<_> =
            parts.iter().map(|parts| cache.digest(parts)).collect();
        assert_eq!(digests.len(), parts.len());
    }

    #[test]
    fn digests_of_two_processes_have_nothing_in_common() {
        let digest = || {
            VerifiedPasswords::new(&SystemRandom)
                .unwrap()
                .digest(&[b"x"])
        };
        assert_ne!(digest(), digest());
    }

    #[test]
    fn number_of_entries_is_bounded() {
        let cache = VerifiedPasswords::new(&SystemRandom).unwrap();
        for n in 0..100_000_u32 {
            cache.insert(cache.digest(&[&n.to_be_bytes()]), NOW);
        }
        assert!(cache.verified.len() <= CAPACITY);
    }
}
