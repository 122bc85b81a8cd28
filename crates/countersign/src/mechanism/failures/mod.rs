mod network;
#[cfg(feature = "passwords")]
mod reservation;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::credentials::ClientAddress;
use crate::limit::{Quota, Table};
use crate::mechanism::Outcome;
use crate::reason::{Reason, RejectionKind};
use crate::time::Timestamp;

pub(super) use network::Network;

/// Limits failed attempts to authenticate, before any password is hashed.
///
/// Each failure adds one to a leaky bucket of capacity `burst`, which empties evenly over `per`. Only
/// time empties it; a success does not. There is a bucket for each address and, with
/// [`address_burst`](Self::address_burst), one for each address and tried name. While one of them is
/// full, every password is rejected with 429 and `Retry-After` before it is looked up or hashed, so
/// that a right password cannot be told from a wrong one, and every imported key is, which may be one that can be guessed. A
/// valid API key of this system is still accepted: checking it is cheap, and it cannot be guessed. While there is room, a recently verified password passes
/// without a hash, and takes no room.
///
/// An opaque token is rejected like a password while a bucket is full, unless it was accepted in the last minute.
///
/// A failure is a password or key that was checked and rejected, or an opaque token that its issuer was asked about. Malformed credentials are not
/// checked, and credentials that could not be checked are not failures. An attempt reserves its room
/// before the password is hashed, and releases it on success, so that many attempts at once do not
/// pass the limit. An attempt that is cancelled counts as a failure.
///
/// IPv6 addresses count by their first 64 bits, since every client has at least that many addresses.
/// The /56 and the /48 around them have buckets too, of 4 and 16 times the capacity, since many
/// clients have as many networks. A failure that a full bucket of the /64 stops takes no room in these.
///
/// **The limit is never by name alone**, because anyone could then lock out any user. *Without an
/// address nothing is limited*: the service inserts the address into the request extensions as
/// [`ClientAddress`](crate::credentials::ClientAddress). Without one, only the queue of the password
/// hasher bounds the attempts.
///
/// There are at most 65,536 buckets, in about 6 MiB. Clones share them: give one limit to all
/// mechanisms of the same users.
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
///     .passwords(PasswordHasher::new(1, SystemRandom)?)
///     .failure_limit(FailureLimit::default());
/// let layer = AuthLayer::builder().primary(basic).build()?;
/// let attempt = async |address: &str| {
///     let service = layer.layer(service_fn(|_: Request<()>| async {
///         Ok::<_, std::convert::Infallible>(Response::new(String::new()))
///     }));
///     let address: IpAddr = address.parse().unwrap();
///     let request = Request::builder()
///         .header("authorization", "Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==")
///         .extension(ClientAddress::Known(address))
///         .body(());
///     service.oneshot(request.unwrap()).await.unwrap().status()
/// };
/// for _ in 0..20 {
///     assert_eq!(attempt("192.0.2.1").await, StatusCode::UNAUTHORIZED);
/// }
/// assert_eq!(attempt("192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS);
/// // Another address is not limited.
/// assert_eq!(attempt("192.0.2.2").await, StatusCode::UNAUTHORIZED);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FailureLimit {
    by_address: Quota,
    by_id: Quota,
    table: Arc<Mutex<Table<Key>>>,
    /// Names are stored as hashes under a random key, so that nothing that was typed is in memory.
    hasher: RandomState,
}

/// The key of a bucket: an address, or an address and a name or id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    network: Network,
    counted: Counted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Counted {
    /// Failures with any name or id.
    All,
    /// Failures with this name or id.
    Name(u64),
    /// Passwords that found no place in the queue of hashes.
    #[cfg(feature = "passwords")]
    Busy,
}

impl FailureLimit {
    /// Permits `burst` failures at once, and one more each time that `per` divided by `burst` has
    /// passed. If `per` is zero, nothing is limited.
    #[must_use]
    pub fn new(burst: NonZeroU32, per: Duration) -> Self {
        let quota = Quota { burst, per };
        Self {
            by_address: quota,
            by_id: quota,
            table: Arc::new(Mutex::new(Table::new())),
            hasher: RandomState::new(),
        }
    }

    /// Sets a larger burst for an address than for one name from that address, for addresses that
    /// many users share. A smaller burst than that of a name makes the bucket of the name useless.
    #[must_use]
    pub fn address_burst(mut self, burst: NonZeroU32) -> Self {
        self.by_address.burst = burst;
        self
    }

    /// Counts an attempt that has reserved no room: an API key, or a password that shared the check
    /// of another attempt.
    pub(super) fn count(&self, client: &Client<'_>, result: Result<(), Reason>, now: Timestamp) {
        if is_failure(result) {
            fill(&mut self.table(), self.buckets(client), now);
        }
    }

    /// Checks that there is room for one more attempt.
    pub(in crate::mechanism) fn check(
        &self,
        client: &Client<'_>,
        now: Timestamp,
    ) -> Result<(), Throttled> {
        self.find_full(self.buckets(client), now)
    }

    fn find_full(
        &self,
        mut buckets: impl Iterator<Item = (Key, Quota)>,
        now: Timestamp,
    ) -> Result<(), Throttled> {
        let table = self.table();
        let full = buckets.find_map(|(key, quota)| table.find(&key)?.wait(quota, now));
        full.map_or(Ok(()), |wait| Err(Throttled(wait)))
    }

    /// Returns the buckets of an attempt, that of the smallest network first.
    fn buckets(&self, client: &Client<'_>) -> impl Iterator<Item = (Key, Quota)> + use<> {
        let mut networks = self.networks(client, Counted::All);
        let smallest = networks.next();
        let id = self.hasher.hash_one(client.id);
        // The bucket of a name is needed only if it is smaller than that of the address.
        let by_id = smallest
            .filter(|_| self.by_id.burst < self.by_address.burst)
            .map(|(Key { network, .. }, _)| {
                let counted = Counted::Name(id);
                (Key { network, counted }, self.by_id)
            });
        smallest.into_iter().chain(by_id).chain(networks)
    }

    /// Returns a bucket for each network of the client, the smallest first.
    fn networks(
        &self,
        client: &Client<'_>,
        counted: Counted,
    ) -> impl Iterator<Item = (Key, Quota)> + use<> {
        let Quota { burst, per } = self.by_address;
        let networks = client.from.into_iter().flat_map(Network::of);
        networks.map(move |(network, times)| {
            let times = NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN);
            let burst = burst.saturating_mul(times);
            (Key { network, counted }, Quota { burst, per })
        })
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
            .field("burst", &self.by_id.burst)
            .field("address_burst", &self.by_address.burst)
            .field("per", &self.by_id.per)
            .finish_non_exhaustive()
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

/// The client of an attempt: its address, and the user name or key id that it tried.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    pub(super) from: Option<ClientAddress>,
    pub(super) id: &'a str,
}

#[cfg(feature = "passwords")]
impl Client<'_> {
    /// Returns the networks of the address, the smallest first.
    pub(super) fn networks(&self) -> Vec<Network> {
        let networks = self.from.into_iter().flat_map(Network::of);
        networks.map(|(network, _)| network).collect()
    }
}

fn fill(table: &mut Table<Key>, buckets: impl IntoIterator<Item = (Key, Quota)>, now: Timestamp) {
    for (key, quota) in buckets {
        let bucket = table.touch(key, quota.per, now);
        let was_full = bucket.wait(quota, now).is_some();
        bucket.fill(quota, now);
        if bucket.newly_full(quota, now) {
            report(key);
        }
        // An address whose bucket is full gets no more buckets for further names, and fills no larger network.
        if was_full {
            break;
        }
    }
}

fn is_failure(result: Result<(), Reason>) -> bool {
    result.is_err_and(|reason| reason.kind() == RejectionKind::Invalid)
}

/// Logs once in `per` for each bucket. The layer logs each rejected request.
fn report(key: Key) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        address = %key.network,
        single_name = matches!(key.counted, Counted::Name(_)),
        "too many failed attempts; rejecting passwords and opaque tokens from this address for some time"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = key;
}

#[cfg(test)]
#[cfg(feature = "passwords")]
mod tests;
