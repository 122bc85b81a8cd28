mod network;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::id::Id;
use crate::limit::{Bucket, Quota, Table};
use crate::mechanism::Outcome;
use crate::principal::Identity;
use crate::reason::{Reason, RejectionKind};
use crate::time::Timestamp;

pub(super) use network::Network;

/// Limits how many passwords may be guessed, before any is hashed.
///
/// Each failure fills a bucket of `burst`, which empties evenly over `per`: one for the address that the
/// failure came from, and one for that address and the name or id that was tried. With either full, every
/// password is answered with 429 and `Retry-After` before it is hashed or looked up, the right one and one that
/// was right a moment ago too: nothing tells it from a wrong one. A key that is right still passes: judging it is
/// cheap, and nobody guesses one. Whoever shares an address with a guesser and must keep working has a key.
///
/// Where there is room, a password that was right lately passes without a hash and takes none of it.
///
/// Failures are all credentials that were judged and refused, passwords and keys. What is malformed is
/// not judged, and what could not be judged is no failure, but for a guess that there was no room to
/// hash. An attempt holds its place from before it is hashed until it has succeeded, so that no number of
/// guesses at once gets past the limit. One that is given up while it is hashed counts as a failure.
///
/// Of IPv6 addresses the first 64 bits count: nobody has fewer.
///
/// **Never by name alone**: then anybody could lock anybody out. So *without an address nothing is
/// limited*. The address is what the service around puts into the request's extensions as
/// [`ClientAddress`](crate::credentials::ClientAddress); where nobody does, guesses are bounded by the
/// [`PasswordHasher`](super::password::PasswordHasher)'s queue alone.
///
/// It holds at most 65,536 buckets, in some 6 MiB. Clones share them: give one limit to all mechanisms that
/// judge for the same users.
///
/// ```
/// use std::net::IpAddr;
/// use std::sync::Arc;
/// use countersign::auth::AuthLayer;
/// use countersign::credentials::ClientAddress;
/// use countersign::directory::MemoryDirectory;
/// use countersign::key::{Pepper, Peppers};
/// use countersign::mechanism::password::PasswordHasher;
/// use countersign::mechanism::{Basic, FailureLimit};
/// use countersign::random::SystemRandom;
/// use http::{Request, Response, StatusCode};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// let basic = Basic::new(Arc::new(MemoryDirectory::default()), peppers)
///     .passwords(PasswordHasher::new(1, &SystemRandom)?)
///     .failure_limit(FailureLimit::default());
/// let layer = AuthLayer::builder().primary(basic).build()?;
/// let guess = async |address: &str| {
///     let service = layer.layer(service_fn(|_: Request<()>| async {
///         Ok::<_, std::convert::Infallible>(Response::new(String::new()))
///     }));
///     let address: IpAddr = address.parse().unwrap();
///     let request = Request::builder()
///         .header("authorization", "Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==")
///         .extension(ClientAddress(address))
///         .body(());
///     service.oneshot(request.unwrap()).await.unwrap().status()
/// };
/// for _ in 0..20 {
///     assert_eq!(guess("192.0.2.1").await, StatusCode::UNAUTHORIZED);
/// }
/// assert_eq!(guess("192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS);
/// // Another address is not limited by it.
/// assert_eq!(guess("192.0.2.2").await, StatusCode::UNAUTHORIZED);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FailureLimit {
    of_address: Quota,
    of_id: Quota,
    table: Arc<Mutex<Table<Key>>>,
    /// Names are kept as hashes under a random key: whatever was typed there is not in memory.
    hasher: RandomState,
}

/// Of one address and id, or of an address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    network: Network,
    id: Option<u64>,
}

impl FailureLimit {
    /// `burst` failures at once, and one more each time that `per` divided by `burst` has passed. A `per` of
    /// zero limits nothing.
    #[must_use]
    pub fn new(burst: NonZeroU32, per: Duration) -> Self {
        let quota = Quota { burst, per };
        Self {
            of_address: quota,
            of_id: quota,
            table: Arc::new(Mutex::new(Table::new())),
            hasher: RandomState::new(),
        }
    }

    /// The same with more room for an address than for one name from there, for addresses that many users
    /// share. Less than that does not count: what is full for an address is full for all names.
    #[must_use]
    pub fn address_burst(mut self, burst: NonZeroU32) -> Self {
        self.of_address.burst = burst;
        self
    }

    /// Whether there is room for one more attempt now.
    pub(super) fn check(&self, who: &Who<'_>, now: Timestamp) -> Result<(), Throttled> {
        let table = self.table();
        for (key, quota) in self.buckets(who) {
            let wait = table.find(&key).and_then(|bucket| bucket.wait(quota, now));
            if let Some(wait) = wait {
                return Err(Throttled(wait));
            }
        }
        Ok(())
    }

    /// ViewContents a place for one attempt.
    pub(super) fn hold(&self, who: &Who<'_>, now: Timestamp) -> Result<Place, Throttled> {
        let buckets: Vec<_> = self.buckets(who).collect();
        let mut table = self.table();
        for (key, quota) in &buckets {
            if let Some(wait) = table.touch(*key, quota.per, now).wait(*quota, now) {
                return Err(Throttled(wait));
            }
        }
        for (key, quota) in &buckets {
            table.touch(*key, quota.per, now).hold();
        }
        drop(table);
        Ok(Place {
            limit: self.clone(),
            buckets,
            now,
        })
    }

    /// Counts what was judged without a place: a key, or a password along with the same one from the same
    /// address.
    pub(super) fn count(&self, who: &Who<'_>, judged: Result<(), Reason>, now: Timestamp) {
        if is_failure(judged) {
            self.fill(self.buckets(who), now, |_| {});
        }
    }

    /// Counts a key that was judged and refused, so that whoever guesses those guesses no passwords either.
    pub(super) fn count_key(
        &self,
        id: &Id,
        from: Option<IpAddr>,
        judged: &Result<Identity, Reason>,
        now: Timestamp,
    ) {
        if let Err(reason) = judged {
            let id = id.text();
            let who = Who {
                from,
                id: id.as_str(),
            };
            self.count(&who, Err(*reason), now);
        }
    }

    fn fill(
        &self,
        buckets: impl IntoIterator<Item = (Key, Quota)>,
        now: Timestamp,
        prepare: fn(&mut Bucket),
    ) {
        let mut table = self.table();
        for (key, quota) in buckets {
            let bucket = table.touch(key, quota.per, now);
            prepare(bucket);
            let was_full = bucket.wait(quota, now).is_some();
            bucket.fill(quota, now);
            if bucket.newly_full(quota, now) {
                report(key);
            }
            // An address that is out of room gets no more buckets by trying more names.
            if was_full {
                break;
            }
        }
    }

    /// The buckets that an attempt counts in, the address's first.
    fn buckets(&self, who: &Who<'_>) -> impl Iterator<Item = (Key, Quota)> + use<> {
        let network = who.network();
        let id = Some(self.hasher.hash_one(who.id));
        let of_address = network.map(|network| (Key { network, id: None }, self.of_address));
        // An address's bucket that is no larger is full whenever the other one is.
        let of_id = network
            .filter(|_| self.of_id.burst < self.of_address.burst)
            .map(|network| (Key { network, id }, self.of_id));
        of_address.into_iter().chain(of_id)
    }

    fn table(&self) -> MutexGuard<'_, Table<Key>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for FailureLimit {
    /// 20 failures, and one more every three seconds.
    fn default() -> Self {
        const BURST: NonZeroU32 = NonZeroU32::new(20).unwrap();
        Self::new(BURST, Duration::from_secs(60))
    }
}

impl fmt::Debug for FailureLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailureLimit")
            .field("burst", &self.of_id.burst)
            .field("address_burst", &self.of_address.burst)
            .field("per", &self.of_id.per)
            .finish_non_exhaustive()
    }
}

/// Who tries: a user's name in its one form or a key's id, and from where.
#[derive(Clone, Copy)]
pub(super) struct Who<'a> {
    pub(super) from: Option<IpAddr>,
    pub(super) id: &'a str,
}

impl Who<'_> {
    pub(super) fn network(&self) -> Option<Network> {
        self.from.map(Network::of)
    }
}

/// There is no room for another attempt for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Throttled(pub(super) Duration);

impl From<Throttled> for Outcome {
    fn from(Throttled(retry_after): Throttled) -> Self {
        Self::Throttled { retry_after }
    }
}

/// A place that an attempt holds. Dropped, it has failed.
pub(super) struct Place {
    limit: FailureLimit,
    buckets: Vec<(Key, Quota)>,
    now: Timestamp,
}

impl Place {
    /// The attempt has been judged.
    pub(super) fn settle(mut self, judged: Result<(), Reason>) {
        if is_failure(judged) {
            return;
        }
        let mut table = self.limit.table();
        for (key, quota) in self.buckets.drain(..) {
            table.touch(key, quota.per, self.now).give_back();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let buckets = std::mem::take(&mut self.buckets);
        self.limit.fill(buckets, self.now, Bucket::give_back);
    }
}

fn is_failure(judged: Result<(), Reason>) -> bool {
    judged.is_err_and(|reason| reason.kind() == RejectionKind::Invalid)
}

/// Once in `per` for each bucket; each request that is refused for it is the layer's to log.
fn report(key: Key) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        address = %key.network,
        one_name = key.id.is_some(),
        "too many failures: passwords from there are refused unjudged until some time has passed"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = key;
}

#[cfg(test)]
mod tests;
