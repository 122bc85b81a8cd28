use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use quick_cache::sync::Cache;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::random::{Random, RandomError};
use crate::time::Timestamp;

/// For how long a password that was found right is not hashed again.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How many of them are remembered.
const CAPACITY: usize = 10_000;

/// Passwords that were found right lately, as digests under a key that leaves this process by no way.
pub(super) struct Recent {
    mac: Hmac<Sha256>,
    found_right: Cache<Digest, Timestamp>,
}

/// A password along with all that it is judged by.
pub(super) type Digest = [u8; 32];

impl Recent {
    pub(super) fn new(random: &dyn Random) -> Result<Self, RandomError> {
        let mut key = Zeroizing::new([0; 32]);
        random.fill(key.as_mut())?;
        Ok(Self {
            mac: Hmac::new_from_slice(key.as_ref()).map_err(|_| RandomError)?,
            found_right: Cache::new(CAPACITY),
        })
    }

    /// The digest of these parts. Each is preceded by its length: no end of one passes for the beginning of
    /// the next, and nothing is cut short.
    pub(super) fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut mac = self.mac.clone();
        for part in [b"password/v1".as_slice()].iter().chain(parts) {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether it was found right in the last five minutes. What was found right later than now is not
    /// believed: the clock has been set back, and nobody knows how old it is.
    pub(super) fn holds(&self, digest: &Digest, now: Timestamp) -> bool {
        let found = self.found_right.get(digest);
        found.is_some_and(|then| then <= now && now < then.plus(LIFETIME))
    }

    pub(super) fn remember(&self, digest: Digest, now: Timestamp) {
        self.found_right.insert(digest, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);

    #[test]
    fn success_is_remembered_for_five_minutes_and_not_from_the_future() {
        let recent = Recent::new(&SystemRandom).unwrap();
        let digest = recent.digest(&[b"x"]);
        assert!(!recent.holds(&digest, NOW));
        recent.remember(digest, NOW);
        let at = |millis| Timestamp::from_unix_millis(NOW.unix_millis() + millis);
        for (millis, holds) in [(-1, false), (0, true), (299_999, true), (300_000, false)] {
            assert_eq!(recent.holds(&digest, at(millis)), holds, "{millis} ms");
        }
    }

    #[test]
    fn digest_differs_when_any_part_or_its_bounds_differ() {
        let recent = Recent::new(&SystemRandom).unwrap();
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
            parts.iter().map(|parts| recent.digest(parts)).collect();
        assert_eq!(digests.len(), parts.len());
    }

    #[test]
    fn digests_of_two_processes_have_nothing_in_common() {
        let digest = || Recent::new(&SystemRandom).unwrap().digest(&[b"x"]);
        assert_ne!(digest(), digest());
    }

    #[test]
    fn number_of_remembered_successes_is_bounded() {
        let recent = Recent::new(&SystemRandom).unwrap();
        for n in 0..100_000_u32 {
            recent.remember(recent.digest(&[&n.to_be_bytes()]), NOW);
        }
        assert!(recent.found_right.len() <= CAPACITY);
    }
}
