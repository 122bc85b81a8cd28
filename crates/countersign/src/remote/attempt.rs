//! One attempt to fetch the keys of an issuer: its metadata, if needed, and the JWK set.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Request, StatusCode};

use super::exchange::{Failure, exchange_unlogged};
use super::url::AllowHttp;
use super::{Fetch, FetchError};
use crate::jose::json::{self, Text, members};
use crate::jose::{JwksError, KeySet};
use crate::url::HttpUrl;

/// The largest number of keys in a document.
const MAX_KEYS: usize = 100;
/// The longest name of another issuer that is shown, in characters.
const MAX_SHOWN: usize = 200;
/// The longest `ETag` that is sent back, in bytes.
const MAX_ETAG: usize = 1024;
/// Kubernetes answers 406 unless the media type of key sets is among these.
const ACCEPTED: &str = "application/jwk-set+json, application/json, */*;q=0.1";
/// How long a `jwks_uri` is used before the metadata are fetched again.
const JWKS_URI_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The location of the keys, and the client that fetches them.
pub(super) struct Source {
    pub(super) client: Arc<dyn Fetch>,
    pub(super) location: KeyLocation,
    /// The time limit for each document.
    pub(super) timeout: Duration,
    /// A file with the bearer token of requests, read for each of them.
    pub(super) token_file: Option<PathBuf>,
    pub(super) allow_http: AllowHttp,
}

#[derive(Clone, Debug)]
pub(super) enum KeyLocation {
    /// The URL for discovery, and the name of an issuer whose metadata contain the URL of the JWK set.
    Issuer(HttpUrl, Arc<str>),
    /// The URL of the JWK set.
    Document(HttpUrl),
}

impl KeyLocation {
    /// Returns the name for log messages.
    #[cfg(feature = "tracing")]
    pub(super) fn name(&self) -> String {
        match self {
            Self::Issuer(_, name) => name.to_string(),
            Self::Document(url) => format!("{url:?}"),
        }
    }
}

/// The results of an attempt that the next one uses.
#[derive(Clone, Default)]
pub(super) struct FetchCache {
    /// The `jwks_uri` of the metadata, and when it was fetched.
    jwks_uri: Option<(HttpUrl, Duration)>,
    /// The URL and `ETag` of the document whose keys are in use.
    etag: Option<(HttpUrl, HeaderValue)>,
    failed: bool,
}

pub(super) enum Document {
    Keys {
        keys: KeySet,
        /// The number of keys that are not usable.
        skipped: usize,
    },
    /// The keys of the last valid document have not changed.
    Unchanged,
}

impl Source {
    /// Fetches the keys once.
    pub(super) async fn attempt(
        &self,
        cache: &mut FetchCache,
        now: Duration,
    ) -> Result<Document, Failure> {
        let result = match self.jwks_url(cache, now).await {
            Ok(url) => {
                let keys = self.keys(&url, cache).await;
                keys.map_err(|failure| failure.at(&url))
            }
            Err(error) => Err(error),
        };
        cache.failed = result.is_err();
        result
    }

    async fn jwks_url(&self, cache: &mut FetchCache, now: Duration) -> Result<HttpUrl, Failure> {
        let (issuer, name) = match &self.location {
            KeyLocation::Document(url) => return Ok(url.clone()),
            KeyLocation::Issuer(issuer, name) => (issuer, name),
        };
        let cached = cache.jwks_uri.clone();
        if let Some((url, at)) = &cached
            && !cache.failed
            && now < at.saturating_add(JWKS_URI_LIFETIME)
        {
            return Ok(url.clone());
        }
        match self.discover(issuer, name).await {
            Ok(url) => {
                cache.jwks_uri = Some((url.clone(), now));
                Ok(url)
            }
            // The last known URL may still be valid if the metadata are not available.
            Err(error) => cached.map(|(url, _)| url).ok_or(error),
        }
    }

    /// Returns the `jwks_uri` of the metadata. If both locations of metadata fail, it returns the error of the
    /// second, which is where most issuers have their metadata.
    async fn discover(&self, issuer: &HttpUrl, name: &str) -> Result<HttpUrl, Failure> {
        let mut result = Err(FetchError::UrlRejected.into());
        for url in self.allow_http.metadata(issuer).into_iter().flatten() {
            let found = self.metadata(&url, issuer, name).await;
            result = found.map_err(|failure| failure.at(&url));
            if result.is_ok() {
                break;
            }
        }
        result
    }

    async fn metadata(
        &self,
        url: &HttpUrl,
        issuer: &HttpUrl,
        name: &str,
    ) -> Result<HttpUrl, Failure> {
        let (status, _, body) = self.get(url, None).await?;
        if status != StatusCode::OK {
            return Err(FetchError::Status(status.as_u16()).into());
        }
        let metadata: Metadata<'_> = json::object(&body).ok_or(FetchError::Malformed)?;
        let (Some(Text(named)), Some(Text(keys))) = (metadata.issuer, metadata.jwks_uri) else {
            return Err(FetchError::Malformed.into());
        };
        // RFC 8414 §3.3: otherwise, one issuer could publish the keys of another.
        if named != name {
            return Err(FetchError::IssuerMismatch {
                found: named.chars().take(MAX_SHOWN).collect(),
                configured: name.into(),
            }
            .into());
        }
        self.allow_http
            .named(issuer, &keys)
            .map_err(|_| FetchError::UrlRejected.into())
    }

    async fn keys(&self, url: &HttpUrl, cache: &mut FetchCache) -> Result<Document, Failure> {
        let etag = cache.etag.as_ref().filter(|(of, _)| of == url);
        let etag = etag.map(|(_, etag)| etag.clone());
        let conditional = etag.is_some();
        let (status, headers, body) = self.get(url, etag).await?;
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if conditional => return Ok(Document::Unchanged),
            StatusCode::NOT_MODIFIED => return Err(FetchError::NotModified.into()),
            other => return Err(FetchError::Status(other.as_u16()).into()),
        }
        let text = std::str::from_utf8(&body).map_err(|_| FetchError::Malformed)?;
        let (keys, skipped) =
            KeySet::from_jwks_of(text, MAX_KEYS).map_err(|error| match error {
                JwksError::Malformed => FetchError::Malformed,
                JwksError::TooMany => FetchError::TooManyKeys,
            })?;
        if keys.is_empty() {
            return Err(FetchError::NoUsableKey.into());
        }
        // The tag of a rejected document is not stored: a later 304 would confirm that document.
        cache.etag = headers
            .get(ETAG)
            .filter(|etag| etag.len() <= MAX_ETAG)
            .map(|etag| (url.clone(), etag.clone()));
        let skipped = skipped.len();
        Ok(Document::Keys { keys, skipped })
    }

    /// Fetches a document. The time limit applies to the whole document.
    async fn get(
        &self,
        url: &HttpUrl,
        etag: Option<HeaderValue>,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), Failure> {
        let mut request = Request::new(Vec::new());
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        if let Some(path) = &self.token_file {
            headers.insert(AUTHORIZATION, bearer(path).await?);
        }
        if let Some(etag) = etag {
            headers.insert(IF_NONE_MATCH, etag);
        }
        let response =
            exchange_unlogged(&*self.client, url, self.allow_http, request, self.timeout);
        let (head, body) = response.await?.into_parts();
        Ok((head.status, head.headers, body))
    }
}

/// Reads the bearer token for a request. Kubernetes replaces the file while the process runs.
async fn bearer(path: &Path) -> Result<HeaderValue, FetchError> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
    let text = read
        .ok()
        .and_then(Result::ok)
        .ok_or(FetchError::TokenFile)?;
    let token = text.trim();
    let is_token = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    let value = HeaderValue::try_from(format!("Bearer {token}"))
        .ok()
        .filter(|_| is_token);
    let mut value = value.ok_or(FetchError::TokenFile)?;
    value.set_sensitive(true);
    Ok(value)
}

members! {
    struct Metadata<'a> {
        issuer: Text<'a> = "issuer",
        jwks_uri: Text<'a> = "jwks_uri",
    }
}
