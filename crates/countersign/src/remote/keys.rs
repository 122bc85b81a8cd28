use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::attempt::{KeyLocation, Source};
use super::refresh::StopGuard;
use super::shared::Shared;
use super::url::AllowHttp;
use super::{Fetch, FetchError, RefreshPolicy, RejectedUrl, RemoteError, refresh};
use crate::jose::KeySet;
use crate::random::{Random, SystemRandom};
use crate::token::{IssuerKeys, KeyFetch, KeySource};

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
    pub fn discover(url: impl Into<Arc<str>>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::new(Location::Issuer(url.into()))
    }

    /// Fetches the JWK set at `url` (RFC 7517 §5).
    pub fn jwks(url: &str) -> RemoteKeysBuilder {
        RemoteKeysBuilder::new(Location::Document(url.into()))
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
#[must_use]
pub struct RemoteKeysBuilder {
    location: Location,
    client: Option<Arc<dyn Fetch>>,
    ca_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    allow_http: AllowHttp,
    policy: RefreshPolicy,
    random: Arc<dyn Random>,
}

/// Where the keys are, as it was configured.
#[derive(Clone, Debug)]
pub(super) enum Location {
    Issuer(Arc<str>),
    Document(Box<str>),
    Unknown,
}

impl Location {
    fn parse(self, allow_http: AllowHttp) -> Result<KeyLocation, RemoteError> {
        Ok(match self {
            Self::Issuer(name) => {
                // Microsoft publishes the metadata for all tenants as those of the tenant `common`.
                let url = name.replace("{tenantid}", "common");
                let parsed = allow_http.issuer(&url);
                let parsed = parsed.map_err(|error| RejectedUrl::new(&name, error).or_allow_http());
                KeyLocation::Issuer(parsed?, name)
            }
            Self::Document(url) => {
                let parsed = allow_http.document(&url);
                let parsed = parsed.map_err(|error| RejectedUrl::new(&url, error).or_allow_http());
                KeyLocation::Document(parsed?)
            }
            Self::Unknown => return Err(RemoteError::NoUrl),
        })
    }
}

impl RemoteKeysBuilder {
    pub(super) fn new(location: Location) -> Self {
        Self {
            location,
            client: None,
            ca_file: None,
            token_file: None,
            allow_http: AllowHttp::default(),
            policy: RefreshPolicy::default(),
            random: Arc::new(SystemRandom),
        }
    }

    /// Sets the URL of the JWK set.
    pub(super) fn document(mut self, url: &str) -> Self {
        self.location = Location::Document(url.into());
        self
    }

    /// Allows `http` everywhere.
    pub(super) fn allow_http(mut self) -> Self {
        self.allow_http = AllowHttp(true);
        self
    }

    /// Sets a file with the certificates of the only authorities that the default client trusts, in PEM. It is read once.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Sets a file with a bearer token for the issuer, which every request carries. It is read for each request. The token
    /// is also sent to the URL of the keys that the metadata of the issuer name.
    pub fn fetch_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.token_file = Some(path.into());
        self
    }

    /// Sets the HTTP client. The default, with the feature `http-client`, trusts the root certificates of the
    /// operating system.
    pub fn client(mut self, client: impl Fetch) -> Self {
        self.client = Some(Arc::new(client));
        self
    }

    /// Sets when keys are fetched.
    pub fn policy(mut self, policy: RefreshPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the source of randomness that spreads the fetches of several nodes over time. The default is the
    /// operating system's generator.
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Starts to fetch, on the current tokio runtime, and does not wait for the first fetch.
    ///
    /// # Errors
    ///
    /// - [`RemoteError::Url`] if keys may not be fetched from the URL.
    /// - [`RemoteError::CaFile`] if the file of authorities cannot be read.
    /// - [`RemoteError::Policy`] if the policy contradicts itself.
    /// - [`RemoteError::NoRuntime`] outside of a tokio runtime.
    /// - [`RemoteError::NoClient`] if no HTTP client is set and the feature `http-client` is off.
    /// - [`RemoteError::Roots`] if the default client finds no root certificates.
    pub fn start(self) -> Result<RemoteKeys, RemoteError> {
        let location = self.location.parse(self.allow_http)?;
        self.policy.check()?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| RemoteError::NoRuntime)?;
        let client = match self.client {
            Some(client) => client,
            None => default_client(self.ca_file)?,
        };
        let shared = Arc::new(Shared::new(self.policy));
        let source = Source {
            client,
            location,
            timeout: self.policy.timeout,
            token_file: self.token_file,
            allow_http: self.allow_http,
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

#[cfg(feature = "http-client")]
pub(super) fn default_client(ca_file: Option<PathBuf>) -> Result<Arc<dyn Fetch>, RemoteError> {
    Ok(Arc::new(http_client(ca_file)?))
}

/// Creates the default client for one request after another to the same server.
#[cfg(all(feature = "feed", feature = "http-client"))]
pub(crate) fn keeping_client(ca_file: Option<PathBuf>) -> Result<Arc<dyn Fetch>, RemoteError> {
    Ok(Arc::new(http_client(ca_file)?.keep_connection()))
}

#[cfg(feature = "http-client")]
fn http_client(ca_file: Option<PathBuf>) -> Result<super::HttpClient, RemoteError> {
    let Some(path) = ca_file else {
        return Ok(super::HttpClient::new()?);
    };
    let pem = std::fs::read(&path).map_err(|error| error.to_string());
    let client = pem.and_then(|pem| {
        super::HttpClient::with_roots(&pem).map_err(|_| "it has no valid certificate".to_owned())
    });
    client.map_err(|reason| RemoteError::CaFile {
        path,
        reason: reason.into(),
    })
}

#[cfg(not(feature = "http-client"))]
pub(super) fn default_client(_: Option<PathBuf>) -> Result<Arc<dyn Fetch>, RemoteError> {
    Err(RemoteError::NoClient)
}

#[cfg(all(feature = "feed", not(feature = "http-client")))]
pub(crate) fn keeping_client(_: Option<PathBuf>) -> Result<Arc<dyn Fetch>, RemoteError> {
    Err(RemoteError::NoClient)
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
#[derive(Clone, Debug)]
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
