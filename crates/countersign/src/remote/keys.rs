use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::attempt::{Place, Source};
use super::refresh::End;
use super::shared::Shared;
use super::url::Url;
use super::{Fetch, FetchError, RefreshPolicy, RemoteError, refresh};
use crate::jose::KeySet;
use crate::random::{Random, SystemRandom};
use crate::reason::Reason;
use crate::token::{IssuerKeys, KeyFetch, KeySource};

/// The keys of another issuer, kept fresh by a task. Clones share them; when the last one is dropped, the task ends.
///
/// [`Jwt::issuer`](crate::mechanism::Jwt::issuer) makes these. On their own they serve a
/// [`TrustedIssuer`](crate::token::TrustedIssuer) with rules of its own, such as an issuer that mints with this crate
/// in another process:
///
/// ```no_run
/// use countersign::remote::RemoteKeys;
/// use countersign::token::TrustedIssuer;
///
/// # #[cfg(feature = "http-client")]
/// # fn trust() -> Result<TrustedIssuer, Box<dyn std::error::Error>> {
/// let keys = RemoteKeys::jwks("https://auth.example/.well-known/jwks.json").start()?;
/// let issuer = TrustedIssuer::own("https://auth.example")
///     .audience("https://api.example")
///     .keys(keys)
///     .build()?;
/// # Ok(issuer)
/// # }
/// ```
#[derive(Clone)]
pub struct RemoteKeys(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RemoteKeys {
    /// The keys that the metadata of the issuer at `url` name.
    #[must_use]
    pub fn discover(url: impl Into<Arc<str>>) -> RemoteKeysBuilder {
        let url = url.into();
        let place = Url::issuer(&url).map(|issuer| Place::Issuer(issuer, url));
        RemoteKeysBuilder::new(place.map_err(RemoteError::from))
    }

    /// The keys in the document at `url` (RFC 7517 §5).
    #[must_use]
    pub fn jwks(url: &str) -> RemoteKeysBuilder {
        let place = Url::document(url).map(Place::Document);
        RemoteKeysBuilder::new(place.map_err(RemoteError::from))
    }

    /// Whether tokens can be judged: keys were loaded, and are not too old.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.shared.is_usable()
    }

    /// How the keys and the fetches are.
    #[must_use]
    pub fn status(&self) -> KeyStatus {
        self.0.shared.status()
    }

    /// Fetches now, whatever the policy says, and waits for the outcome. For start-up, and for operators who know
    /// that keys have changed; never for requests.
    ///
    /// # Errors
    ///
    /// Why the fetch brought nothing. The keys are what they were then.
    pub async fn refresh(&self) -> Result<(), FetchError> {
        self.0.shared.order().await
    }
}

impl KeySource for RemoteKeys {
    fn load(&self) -> Option<Guard<Arc<KeySet>>> {
        self.0.shared.load()
    }

    fn is_ready(&self) -> bool {
        self.0.shared.is_usable()
    }

    fn fetch_missing(
        &self,
        seen: Option<&KeySet>,
        key_id: Option<&str>,
    ) -> Result<KeyFetch, Reason> {
        let flight = self.0.shared.without(seen, key_id)?;
        let reason = flight.reason();
        let begun = Instant::now();
        Ok(KeyFetch {
            reason,
            ended: Box::pin(async move {
                flight.landed().await;
                begun.elapsed()
            }),
        })
    }
}

impl From<RemoteKeys> for IssuerKeys {
    fn from(keys: RemoteKeys) -> Self {
        Self::fetched(keys)
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoteKeys").field(&self.status()).finish()
    }
}

/// Builds [`RemoteKeys`].
#[derive(Clone)]
pub struct RemoteKeysBuilder {
    place: Result<Place, RemoteError>,
    client: Option<Arc<dyn Fetch>>,
    policy: RefreshPolicy,
    random: Arc<dyn Random>,
}

impl RemoteKeysBuilder {
    fn new(place: Result<Place, RemoteError>) -> Self {
        Self {
            place,
            client: None,
            policy: RefreshPolicy::default(),
            random: Arc::new(SystemRandom),
        }
    }

    /// The HTTP client; by default, with the feature `http-client`, one with the operating system's roots.
    #[must_use]
    pub fn client(mut self, client: impl Fetch) -> Self {
        self.client = Some(Arc::new(client));
        self
    }

    /// When to fetch.
    #[must_use]
    pub fn policy(mut self, policy: RefreshPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// What spreads fetches in time; by default the system's generator.
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// The same for the document at `url`, without discovery.
    pub(super) fn document(mut self, url: &str) -> Self {
        self.place = Url::document(url)
            .map(Place::Document)
            .map_err(RemoteError::from);
        self
    }

    /// Starts fetching, on the tokio runtime that this is called in, and does not wait for it.
    ///
    /// # Errors
    ///
    /// [`RemoteError`] when nothing could ever be fetched so.
    pub fn start(self) -> Result<RemoteKeys, RemoteError> {
        let place = self.place?;
        self.policy.check()?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| RemoteError::NoRuntime)?;
        let client = match self.client {
            Some(client) => client,
            None => default_client()?,
        };
        let shared = Arc::new(Shared::new(self.policy));
        let source = Source {
            client,
            place,
            timeout: self.policy.timeout,
        };
        let task = runtime.spawn(refresh::run(End(Arc::clone(&shared)), source, self.random));
        Ok(RemoteKeys(Arc::new(Handle {
            shared,
            task: task.abort_handle(),
        })))
    }
}

#[cfg(feature = "http-client")]
fn default_client() -> Result<Arc<dyn Fetch>, RemoteError> {
    let client = super::HttpClient::new().map_err(RemoteError::Roots)?;
    Ok(Arc::new(client))
}

#[cfg(not(feature = "http-client"))]
fn default_client() -> Result<Arc<dyn Fetch>, RemoteError> {
    Err(RemoteError::NoClient)
}

impl fmt::Debug for RemoteKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeysBuilder")
            .field("place", &self.place)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// How an issuer's keys and their fetches are: for probes and metrics.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct KeyStatus {
    /// Whether tokens can be judged.
    pub ready: bool,
    /// How many keys are in use.
    pub keys: usize,
    /// How many keys of the last good document cannot be used.
    pub skipped: usize,
    /// How long ago the issuer last said what its keys are; `None` if never.
    pub age: Option<Duration>,
    /// How many fetches have begun.
    pub fetches: u64,
    /// How many have failed since the last good one.
    pub failures: u32,
    /// Why the last one failed, if it did.
    pub last_error: Option<FetchError>,
}
