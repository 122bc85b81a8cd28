use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use http::HeaderValue;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::credentials::CredentialView;
use super::directory::KeyDirectory;
use super::error::{ConnectError, FeedError};
use super::follow::{EndGuard, Shared, run};
use super::source::Source;
use super::view::View;
use crate::Secret;
use crate::id::Id;
use crate::jose::KeySet;
use crate::key::{KeyPrefix, Pepper, Peppers};
use crate::mechanism::{ApiKeys, Basic};
use crate::random::{Random, SystemRandom};
use crate::remote::{Fetch, fetchable, keeping_client};
use crate::time::{BootClock, SystemBootClock};
use crate::token::{IssuerKeys, KeyFetch, KeySource, TrustedIssuer, TrustedIssuerBuilder};

/// The denials and the keys of an issuer and, if they are [asked for](FeedBuilder::credentials), its API keys, which a task follows
/// over HTTP. Clones share them. The task ends when the last clone is dropped. See the [module](super).
///
/// As a [`Directory`](crate::directory::Directory), it contains no users and no managed tokens. It is stale before the first answer
/// since the start of the process.
#[derive(Clone)]
pub struct Feed(Arc<Handle>);

struct Handle {
    issuer: Arc<str>,
    shared: Arc<Shared>,
    peppers: Peppers,
    /// The task, which is aborted when this is dropped.
    _task: JoinSet<()>,
}

impl Feed {
    /// Starts to follow the issuer at `url` with an API key that has the scope `feed:denials`, on the current tokio runtime, and
    /// does not wait for the first answer. [`builder`](Self::builder) has options.
    ///
    /// # Errors
    ///
    /// Those of [`FeedBuilder::connect`].
    pub fn connect(url: impl Into<Arc<str>>, key: &Secret) -> Result<Self, ConnectError> {
        Self::builder(url).connect(key)
    }

    /// Starts building a feed of the issuer at `url`, which is equal to the `iss` of its tokens.
    pub fn builder(url: impl Into<Arc<str>>) -> FeedBuilder {
        FeedBuilder {
            issuer: url.into(),
            base: None,
            client: None,
            ca_file: None,
            max_staleness: Duration::from_secs(5),
            max_bytes: 64 * 1024 * 1024,
            credentials: false,
            max_credentials: 250_000,
            prefix: KeyPrefix::default(),
            pinned: None,
            random: Arc::new(SystemRandom),
            clock: Arc::new(SystemBootClock),
        }
    }

    /// Starts building the issuer of the feed as a verifier trusts it: with its keys, and with its denials. Set the audience.
    pub fn trusted(&self) -> TrustedIssuerBuilder {
        TrustedIssuer::own(Arc::clone(&self.0.issuer))
            .keys(self.clone())
            .directory(Arc::new(self.clone()))
    }

    /// Returns the mechanism that authenticates the API keys of the issuer. Their uses are not recorded. If the feed is followed without [`credentials`](FeedBuilder::credentials), it rejects each key with 503.
    #[must_use]
    pub fn api_keys(&self) -> ApiKeys {
        let directory = Arc::new(KeyDirectory(self.clone()));
        ApiKeys::new(directory, self.0.peppers.clone())
    }

    /// Returns the mechanism that authenticates the id and the secret of the same API keys by `Basic` (RFC 7617). The name and
    /// password of a user get 503: password hashes are not in the feed.
    #[must_use]
    pub fn basic(&self) -> Basic {
        let directory = Arc::new(KeyDirectory(self.clone()));
        Basic::new(directory, self.0.peppers.clone())
    }

    pub(super) fn view(&self) -> &View {
        &self.0.shared.view
    }

    /// Waits until tokens can be verified. Call it at a start; requests that arrive earlier are rejected with 503.
    pub async fn ready(&self) {
        self.0.shared.fresh().await;
    }

    /// Returns whether tokens can be verified.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.shared.view.is_fresh()
    }

    /// Returns the state of the feed, for probes and metrics.
    #[must_use]
    pub fn status(&self) -> FeedStatus {
        self.0.shared.status()
    }
}

impl KeySource for Feed {
    fn load(&self) -> Option<Guard<Arc<KeySet>>> {
        self.0.shared.view.keys()
    }

    fn is_ready(&self) -> bool {
        self.0.shared.view.is_fresh()
    }

    /// A key is in the feed before it signs.
    fn fetch_missing(&self, _: Option<&KeySet>, _: Option<&str>) -> Option<KeyFetch> {
        None
    }
}

impl From<Feed> for IssuerKeys {
    fn from(feed: Feed) -> Self {
        Self::fetched(feed)
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("issuer", &self.0.issuer)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// Builds a [`Feed`].
#[derive(Clone)]
#[must_use]
pub struct FeedBuilder {
    issuer: Arc<str>,
    base: Option<Box<str>>,
    client: Option<Arc<dyn Fetch>>,
    ca_file: Option<PathBuf>,
    max_staleness: Duration,
    max_bytes: usize,
    credentials: bool,
    max_credentials: usize,
    prefix: KeyPrefix,
    pinned: Option<KeySet>,
    random: Arc<dyn Random>,
    clock: Arc<dyn BootClock>,
}

impl FeedBuilder {
    /// Follows the API keys of the issuer too, for [`Feed::api_keys`] and [`Feed::basic`], with the scope `feed:credentials` in
    /// place of `feed:denials`. The digests of their secrets and the peppers of these are then in the memory of this process.
    pub fn credentials(mut self) -> Self {
        self.credentials = true;
        self
    }

    /// Sets the largest number of API keys that are in memory: 250,000 by default. If the issuer has more, answers are rejected.
    pub fn max_credentials(mut self, max: usize) -> Self {
        self.max_credentials = max;
        self
    }

    /// Sets the prefix of the API keys, if the issuer's is another one than `cs`.
    pub fn key_prefix(mut self, prefix: KeyPrefix) -> Self {
        self.prefix = prefix;
        self
    }

    /// Sets the age above which what is known is not used any more: 5 s by default, from 1 s to 1 h. The server may permit
    /// less, its own `max_staleness`, and the lower one is used.
    pub fn max_staleness(mut self, max_staleness: Duration) -> Self {
        self.max_staleness = max_staleness;
        self
    }

    /// Sets the URL at which this service reaches the issuer, if it is another one than that of the issuer. The feed is `/v1/feed`
    /// below it. The URL of the issuer is then only compared.
    pub fn reached_at(mut self, url: impl Into<Box<str>>) -> Self {
        self.base = Some(url.into());
        self
    }

    /// Sets the longest message that is read, in bytes: 64 MiB by default, which is enough for a million denials, or for 200,000 API
    /// keys with short names and few scopes.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets the only keys that may sign the feed. By default, they are fetched from the issuer, `/v1/feed/keys` below its URL,
    /// every minute, so that TLS is what authenticates the issuer.
    pub fn feed_keys(mut self, keys: KeySet) -> Self {
        self.pinned = Some(keys);
        self
    }

    /// Sets a file with the certificates of the only authorities that the default client trusts, in PEM. It is read once.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Sets the HTTP client. The default, with the feature `http-client`, trusts the root certificates of the operating
    /// system.
    pub fn client(mut self, client: impl Fetch) -> Self {
        self.client = Some(Arc::new(client));
        self
    }

    /// Sets the source of the nonces of questions. The default is the generator of the operating system.
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Sets the clock that measures the age of what is known. The default is that of the operating system.
    pub fn clock(mut self, clock: impl BootClock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Starts to follow the issuer with an API key that has the scope `feed:denials`, or `feed:credentials`, on the current tokio
    /// runtime, and does not wait for the first answer.
    ///
    /// # Errors
    ///
    /// - [`ConnectError::Url`] if the URL is neither `https` nor `http` on the loopback.
    /// - [`ConnectError::Credential`] if the key cannot be sent in a header.
    /// - [`ConnectError::MaxStaleness`] if the bound is out of range.
    /// - [`ConnectError::Client`] if there is no HTTP client, no root certificate, or the file of authorities cannot be read.
    /// - [`ConnectError::NoRuntime`] outside of a tokio runtime.
    /// - [`ConnectError::Random`] if the generator failed.
    pub fn connect(self, key: &Secret) -> Result<Feed, ConnectError> {
        let base = fetchable(self.base.as_deref().unwrap_or(&self.issuer))?;
        let credential = HeaderValue::from_str(key.expose());
        let mut credential = credential.map_err(|_| ConnectError::Credential)?;
        credential.set_sensitive(true);
        let bounds = Duration::from_secs(1)..=Duration::from_secs(3600);
        if !bounds.contains(&self.max_staleness) {
            return Err(ConnectError::MaxStaleness);
        }
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let client = match self.client {
            Some(client) => client,
            None => keeping_client(self.ca_file)?,
        };
        let mut verifier = [0; 20];
        let mut secret = Zeroizing::new([0; 32]);
        let filled = self.random.fill(&mut verifier);
        let filled = filled.and_then(|()| self.random.fill(secret.as_mut()));
        filled.map_err(|_| ConnectError::Random)?;
        let spare = Pepper::new(0, secret.as_ref()).map_err(|_| ConnectError::Random)?;
        let peppers = Peppers::new(spare.clone(), []).with_prefix(self.prefix);
        let credentials = self
            .credentials
            .then(|| CredentialView::new(peppers.clone(), spare, self.max_credentials));
        let shared = Arc::new(Shared::new(View::new(self.clock, credentials)));
        let source = Source {
            client,
            issuer: Arc::clone(&self.issuer),
            base: base.as_str().trim_end_matches('/').into(),
            credential,
            random: self.random,
            verifier: Id::from_bytes(verifier),
            max_staleness: self.max_staleness,
            max_bytes: self.max_bytes,
            max_credentials: self.credentials.then_some(self.max_credentials),
            pinned: self.pinned,
            keys: KeySet::default(),
            keys_fetched_at: None,
            cluster: None,
            cursor: None,
        };
        let mut task = JoinSet::new();
        task.spawn_on(run(EndGuard(Arc::clone(&shared)), source), &runtime);
        Ok(Feed(Arc::new(Handle {
            issuer: self.issuer,
            shared,
            peppers,
            _task: task,
        })))
    }
}

impl fmt::Debug for FeedBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedBuilder")
            .field("issuer", &self.issuer)
            .field("max_staleness", &self.max_staleness)
            .finish_non_exhaustive()
    }
}

/// The state of a [`Feed`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FeedStatus {
    /// Whether tokens can be verified.
    pub ready: bool,
    /// For how long tokens can be verified without another answer.
    pub remaining: Duration,
    /// The number of the last change that is known; `None` before the first answer.
    pub applied: Option<u64>,
    /// The number of denials that are known.
    pub denials: usize,
    /// The number of keys of the issuer.
    pub keys: usize,
    /// The number of API keys that are known.
    pub credentials: usize,
    /// The number of answers that were accepted.
    pub answers: u64,
    /// The number of failures since the last answer that was accepted.
    pub failures: u32,
    /// The error of the last question, if it failed.
    pub last_error: Option<FeedError>,
}
