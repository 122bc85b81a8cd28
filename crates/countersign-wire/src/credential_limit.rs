use std::num::NonZeroU32;
use std::time::Duration;

use countersign::limit::RateLimit;
use countersign::time::Timestamp;
use countersign::{Id, Principal};

use crate::error::Throttled;

/// Limits the requests of each credential: `burst` at once, and as many again, evenly spread, in each `per`.
///
/// Clones count together, so that a credential that uses several endpoints is counted once. Only authenticated
/// credentials are counted, before a request reaches the storage.
#[derive(Clone, Debug)]
pub struct CredentialLimit {
    policy: &'static str,
    limit: RateLimit<Id>,
}

impl CredentialLimit {
    /// Creates a limit of `burst` requests in each `per`. `policy` is its name in the header `RateLimit`, such as `mints`.
    #[must_use]
    pub fn new(policy: &'static str, burst: NonZeroU32, per: Duration) -> Self {
        let limit = RateLimit::new(burst, per);
        Self { policy, limit }
    }

    /// Counts one request of the principal's credential. A principal without a stored credential is not limited.
    ///
    /// # Errors
    ///
    /// Returns [`Throttled`] if the credential has used up the limit.
    pub fn count(&self, principal: &Principal, now: Timestamp) -> Result<(), Throttled> {
        let credential = principal.credential_id().copied();
        credential.map_or(Ok(()), |credential| self.take(credential, now))
    }

    fn take(&self, credential: Id, now: Timestamp) -> Result<(), Throttled> {
        self.limit.take(credential, now).map_err(|wait| {
            let (burst, per) = self.limit.quota();
            let saturated = |seconds: u128| u32::try_from(seconds).unwrap_or(u32::MAX);
            Throttled {
                retry_after: saturated(wait.as_millis().div_ceil(1000)).max(1),
                policy: self.policy,
                quota: Some((burst.get(), saturated(per.as_secs().into()))),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credential_gets_its_burst_and_then_one_request_for_each_part_of_the_period() {
        let start = Timestamp::from_unix_seconds(1_773_576_000);
        let at = |millis| start.plus(Duration::from_millis(millis));
        let burst = NonZeroU32::new(4).unwrap();
        let limit = CredentialLimit::new("mints", burst, Duration::from_secs(60));
        let [one, other] = [1, 2].map(|byte| Id::from_bytes([byte; 20]));
        for _ in 0..4 {
            assert_eq!(limit.take(one, at(0)), Ok(()));
        }
        let throttled = Throttled {
            retry_after: 15,
            policy: "mints",
            quota: Some((4, 60)),
        };
        assert_eq!(limit.clone().take(one, at(0)), Err(throttled));
        assert_eq!(limit.take(other, at(0)), Ok(()));
        assert_eq!(limit.take(one, at(14_999)).unwrap_err().retry_after, 1);
        assert_eq!(limit.take(one, at(15_000)), Ok(()));
        assert!(limit.take(one, at(15_000)).is_err());
    }
}
