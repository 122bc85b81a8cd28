//! One question to the issuer, and the checks of its answer.

use std::sync::Arc;
use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderValue, Request, StatusCode};
use zeroize::Zeroizing;

use super::error::{FeedError, Refusal};
use super::message::FeedMessage;
use super::view::View;
use super::{CREDENTIALS_PATH, KEYS_PATH, MEDIA_TYPE, PATH};
use crate::id::Id;
use crate::jose::{KeySet, encode_into};
use crate::random::Random;
use crate::remote::{Fetch, FetchError, exchange_up_to};
use crate::url::HttpUrl;

/// How long the whole state, or the keys of the feed, may take to arrive.
const LONGEST_TRANSFER: Duration = Duration::from_secs(60);
/// For how long the keys of the feed are used before they are fetched again, so that a revoked one is used no longer.
const KEYS_PERIOD: Duration = Duration::from_secs(60);
/// The longest document with the keys of the feed, in bytes.
const MAX_KEYS_DOCUMENT: usize = 64 * 1024;
/// The largest number of keys of the feed.
const MAX_KEYS: usize = 10;

/// Where answers come from, and what the answers so far have been.
pub(super) struct Source {
    pub(super) client: Arc<dyn Fetch>,
    /// The URL of the issuer.
    pub(super) issuer: Arc<str>,
    /// The URL at which it is reached, without a slash at its end.
    pub(super) base: Box<str>,
    pub(super) credential: HeaderValue,
    pub(super) random: Arc<dyn Random>,
    /// A random id, which is new at each start.
    pub(super) verifier: Id,
    pub(super) max_staleness: Duration,
    pub(super) max_bytes: usize,
    /// How many API keys a message may contain; `None` if they are not asked for.
    pub(super) max_credentials: Option<usize>,
    /// The keys of the feed, if they are not fetched.
    pub(super) pinned: Option<KeySet>,
    /// The keys of the feed.
    pub(super) keys: KeySet,
    /// When they were fetched, in time since the machine was started.
    pub(super) keys_fetched_at: Option<Duration>,
    pub(super) cluster: Option<Id>,
    pub(super) cursor: Option<Cursor>,
}

/// How far the verifier has followed the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    history: Arc<str>,
    pub(super) applied: u64,
}

impl Source {
    /// Asks the issuer what has changed, which waits for a change for a part of the bound. Applies the answer to the view.
    ///
    /// `is_retry` says that the last question has failed.
    pub(super) async fn ask(&mut self, view: &View, is_retry: bool) -> Result<(), FeedError> {
        let mut nonce = [0; 16];
        let filled = self.random.fill(&mut nonce);
        filled.map_err(|_| FeedError::Random)?;
        let mut text = String::new();
        encode_into(&nonce, &mut text);
        let wait = self.wait();
        let url = self.question(&text, wait)?;
        // An answer that comes later is of no use, unless it is the whole state, after which a short question follows.
        let limit = match self.cursor {
            Some(_) if !is_retry => wait + self.max_staleness,
            _ => LONGEST_TRANSFER,
        };
        // Before it is sent: what the issuer reads for the answer is at most so much older as it says.
        let sent = view.since_boot();
        let bytes = self.get(&url, self.max_bytes, limit).await?;
        let message = self.open(&bytes, view.since_boot()).await?;
        drop(bytes);
        self.accept(&message, &text, sent, view)?;
        Ok(())
    }

    /// Returns for how long the issuer waits for a change: several answers come within the bound.
    fn wait(&self) -> Duration {
        (self.max_staleness / 5).min(Duration::from_secs(5))
    }

    fn question(&self, nonce: &str, wait: Duration) -> Result<HttpUrl, FeedError> {
        let path = match self.max_credentials {
            Some(_) => CREDENTIALS_PATH,
            None => PATH,
        };
        let mut url = format!(
            "{}{path}?verifier={}&nonce={nonce}&max_staleness_ms={}&wait_ms={}",
            self.base,
            self.verifier,
            self.max_staleness.as_millis(),
            wait.as_millis(),
        );
        if let Some(Cursor { history, applied }) = &self.cursor {
            url.push_str(&format!("&history={history}&after={applied}"));
        }
        HttpUrl::parse(&url).map_err(|_| FetchError::UrlRejected.into())
    }

    async fn get(
        &self,
        url: &HttpUrl,
        longest: usize,
        limit: Duration,
    ) -> Result<Zeroizing<Vec<u8>>, FeedError> {
        let mut request = Request::new(Vec::new());
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert("x-api-key", self.credential.clone());
        let response = exchange_up_to(longest, &*self.client, url, request, limit).await;
        let response = response.map_err(|error| match error {
            FetchError::TooLong => Refusal::TooLong.into(),
            error => FeedError::from(error),
        })?;
        match response.status() {
            StatusCode::OK => Ok(Zeroizing::new(response.into_body())),
            status => Err(FetchError::Status(status.as_u16()).into()),
        }
    }

    /// Verifies an answer. The keys of the feed are fetched once if that of the answer is not among them, or if they are old.
    async fn open(&mut self, bytes: &[u8], now: Duration) -> Result<FeedMessage, FeedError> {
        let open = |keys: &KeySet| FeedMessage::open(bytes, keys, self.max_credentials);
        if let Some(pinned) = &self.pinned {
            return Ok(open(pinned)?);
        }
        let is_recent = |at| now.saturating_sub(at) < KEYS_PERIOD;
        if self.keys_fetched_at.is_some_and(is_recent) {
            match open(&self.keys) {
                Err(Refusal::UnknownKey) => {}
                opened => return Ok(opened?),
            }
        }
        let keys = self.fetch_keys().await?;
        let opened = open(&keys);
        (self.keys, self.keys_fetched_at) = (keys, Some(now));
        Ok(opened?)
    }

    async fn fetch_keys(&self) -> Result<KeySet, FeedError> {
        let url = HttpUrl::parse(&format!("{}{KEYS_PATH}", self.base));
        let url = url.map_err(|_| FetchError::UrlRejected)?;
        let document = self.get(&url, MAX_KEYS_DOCUMENT, LONGEST_TRANSFER).await?;
        let text = std::str::from_utf8(&document).map_err(|_| FetchError::Malformed)?;
        let keys = KeySet::from_jwks_of(text, MAX_KEYS).map_err(|_| FetchError::Malformed)?;
        Ok(keys.0)
    }

    /// Checks that an answer is one to this question and continues what is known, and applies it.
    fn accept(
        &mut self,
        message: &FeedMessage,
        nonce: &str,
        sent: Duration,
        view: &View,
    ) -> Result<(), Refusal> {
        if *message.nonce != *nonce {
            return Err(Refusal::OtherQuestion);
        }
        if message.issuer != self.issuer {
            return Err(Refusal::OtherIssuer);
        }
        if self.cluster.is_some_and(|known| known != message.cluster) {
            return Err(Refusal::OtherCluster);
        }
        let known = self.cursor.as_ref();
        let known = known.filter(|known| known.history == message.history);
        match (known, message.after) {
            (Some(known), _) if message.head < known.applied => return Err(Refusal::Older),
            (Some(known), Some(after)) if after != known.applied => return Err(Refusal::Gap),
            (None, Some(_)) => return Err(Refusal::Gap),
            _ => {}
        }
        let is_new_history = known.is_none();
        let bound = self.max_staleness.min(message.max_staleness);
        view.apply(message, is_new_history, (sent, bound))?;
        self.cluster = Some(message.cluster);
        self.cursor = Some(Cursor {
            history: Arc::clone(&message.history),
            applied: message.head,
        });
        Ok(())
    }
}
