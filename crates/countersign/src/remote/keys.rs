use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::attempt::{KeyLocation, Source};
use super::refresh::StopGuard;
use super::shared::Shared;
use super::url;
use super::{Fetch, FetchError, RefreshPolicy, RemoteError, refresh};
use crate::jose::KeySet;
use crate::random::{Random, SystemRandom};
use crate::token::{IssuerKeys, KeyFetch, KeySource};
use crate::url::UrlError;

/// The keys of an issuer, which a task fetches and refreshes. Clones share them. The task ends when the last clone is
/// dropped.
///
/// [`Jwt::issuer`](crate::mechanism::Jwt::issuer) creates them for an external issuer. Create them yourself for a
/// [`TrustedIssuer`](crate::token::TrustedIssuer) with other rules, such as an issuer that mints with this crate in
/// another process:
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
    /// The task, which is aborted when this is dropped.
    _task: JoinSet<()>,
}

impl RemoteKeys {
    /// Fetches the keys that the metadata of the issuer at `url` name.
    #[must_use]
    pub fn discover(url: impl Into<Arc<str>>) -> RemoteKeysBuilder {
        let name = url.into();
        RemoteKeysBuilder::new(url::issuer(&name).map(|url| KeyLocation::Issuer(url, name)))
    }

    /// Fetches the JWK set at `url` (RFC 7517 §5).
    #[must_use]
    pub fn jwks(url: &str) -> RemoteKeysBuilder {
        RemoteKeysBuilder::new(url::document(url).map(KeyLocation::Document))
    }

    /// Returns whether tokens can be verified: keys have been fetched, and are not too old.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.shared.is_usable()
    }

    /// Returns the state of the keys and their fetches.
    #[must_use]
    pub fn status(&self) -> KeyStatus {
        self.0.shared.status()
    }

    /// Fetches the keys now, regardless of the policy, and waits for the result. Call it at start-up, or when an
    /// operator knows that the keys have changed, but not for requests.
    ///
    /// # Errors
    ///
    /// [`FetchError`] if the fetch failed. The keys are unchanged then.
    pub async fn refresh(&self) -> Result<(), FetchError> {
        self.0.shared.refresh().await
    }
}

impl KeySource for RemoteKeys {
    fn load(&self) -> Option<Guard<Arc<KeySet>>> {
        self.0.shared.load()
    }

    fn is_ready(&self) -> bool {
        self.0.shared.is_usable()
    }

    fn fetch_missing(&self, seen: Option<&KeySet>, key_id: Option<&str>) -> Option<KeyFetch> {
        let fetch = self.0.shared.fetch_missing(seen, key_id)?;
        let begun = Instant::now();
        Some(Box::pin(async move {
            fetch.completed().await;
            begun.elapsed()
        }))
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
    location: Result<KeyLocation, RemoteError>,
    client: Option<Arc<dyn Fetch>>,
    policy: RefreshPolicy,
    random: Arc<dyn Random>,
}

impl RemoteKeysBuilder {
    fn new(location: Result<KeyLocation, UrlError>) -> Self {
        Self {
            location: location.map_err(RemoteError::from),
            client: None,
            policy: RefreshPolicy::default(),
            random: Arc::new(SystemRandom),
        }
    }

    /// Sets the HTTP client. The default, with the feature `http-client`, trusts the root certificates of the
    /// operating system.
    #[must_use]
    pub fn client(mut self, client: impl Fetch) -> Self {
        self.client = Some(Arc::new(client));
        self
    }

    /// Sets when keys are fetched.
    #[must_use]
    pub fn policy(mut self, policy: RefreshPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the source of randomness that spreads the fetches of several nodes over time. The default is the
    /// operating system's generator.
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Starts to fetch, on the current tokio runtime, and does not wait for the first fetch.
    ///
    /// # Errors
    ///
    /// - [`RemoteError::Url`] if keys may not be fetched from the URL.
    /// - [`RemoteError::Policy`] if the policy contradicts itself.
    /// - [`RemoteError::NoRuntime`] outside of a tokio runtime.
    /// - [`RemoteError::NoClient`] if no HTTP client is set and the feature `http-client` is off.
    /// - [`RemoteError::Roots`] if the default client finds no root certificates.
    pub fn start(self) -> Result<RemoteKeys, RemoteError> {
        let location = self.location?;
        self.policy.check()?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| RemoteError::NoRuntime)?;
        let client = self.client.map_or_else(default_client, Ok)?;
        let shared = Arc::new(Shared::new(self.policy));
        let source = Source {
            client,
            location,
            timeout: self.policy.timeout,
        };
        let guard = StopGuard(Arc::clone(&shared));
        let mut task = JoinSet::new();
        task.spawn_on(refresh::run(guard, source, self.random), &runtime);
        let handle = Handle {
            shared,
            _task: task,
        };
        Ok(RemoteKeys(Arc::new(handle)))
    }
}

fn default_client() -> Result<Arc<dyn Fetch>, RemoteError> {
    #[cfg(feature = "http-client")]
    return Ok(Arc::new(super::HttpClient::new()?));
    #[cfg(not(feature = "http-client"))]
    return Err(RemoteError::NoClient);
}

impl fmt::Debug for RemoteKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeysBuilder")
            .field("location", &self.location)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// The state of an issuer's keys and their fetches, for probes and metrics.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct KeyStatus {
    /// Whether tokens can be verified.
    pub ready: bool,
    /// The number of keys in use.
    pub keys: usize,
    /// The number of keys in the last valid document that are not usable.
    pub skipped: usize,
    /// The time since the issuer last confirmed its keys, or `None` if it never did.
    pub age: Option<Duration>,
    /// The number of fetches, including a running one.
    pub fetches: u64,
    /// The number of failures since the last success.
    pub failures: u32,
    /// The error of the last fetch, if it failed.
    pub last_error: Option<FetchError>,
}
