//! One attempt at an issuer's keys: metadata where they are needed, and the document of keys.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use tokio::time::timeout;

use super::url::Url;
use super::{Fetch, FetchError, FetchedBody};
use crate::jose::json::{self, Text, members};
use crate::jose::{JwksError, KeySet};

/// The longest list of keys that a document may have.
const MAX_KEYS: usize = 100;
/// The longest `ETag` that is sent back, in bytes.
const MAX_TAG: usize = 1024;
/// How long a `jwks_uri` is used without looking for it again.
const FOUND_FOR: Duration = Duration::from_secs(24 * 3600);

/// Where keys come from, and through what.
pub(super) struct Source {
    pub(super) client: Arc<dyn Fetch>,
    pub(super) place: Place,
    /// For each document.
    pub(super) timeout: Duration,
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    /// The document of keys is named by the issuer's metadata.
    Issuer(Url, Arc<str>),
    Document(Url),
}

impl Place {
    /// What it is called in the log.
    #[cfg(feature = "tracing")]
    pub(super) fn name(&self) -> Box<str> {
        match self {
            Self::Issuer(_, name) => (**name).into(),
            Self::Document(url) => format!("{url:?}").into(),
        }
    }
}

/// What attempts leave for the next one.
#[derive(Clone, Default)]
pub(super) struct Memory {
    /// Where the metadata said that the keys are, and when.
    found: Option<(Url, Duration)>,
    /// The `ETag` of the document that the present keys are from.
    tag: Option<(Url, HeaderValue)>,
    failed: bool,
}

pub(super) enum Document {
    Keys {
        keys: KeySet,
        /// How many keys cannot be used.
        skipped: usize,
    },
    /// The keys are those of the last good document.
    Unchanged,
}

impl Source {
    pub(super) async fn attempt(
        &self,
        memory: &mut Memory,
        now: Duration,
    ) -> Result<Document, FetchError> {
        let result = match self.key_document(memory, now).await {
            Ok(url) => self.keys(&url, memory).await,
            Err(error) => Err(error),
        };
        memory.failed = result.is_err();
        result
    }

    /// The URL of the document of keys.
    async fn key_document(&self, memory: &mut Memory, now: Duration) -> Result<Url, FetchError> {
        let (issuer, name) = match &self.place {
            Place::Document(url) => return Ok(url.clone()),
            Place::Issuer(issuer, name) => (issuer, name),
        };
        let known = memory.found.clone();
        if let Some((url, at)) = &known
            && !memory.failed
            && now < at.saturating_add(FOUND_FOR)
        {
            return Ok(url.clone());
        }
        match self.discover(issuer, name).await {
            Ok(url) => {
                memory.found = Some((url.clone(), now));
                Ok(url)
            }
            // Metadata that cannot be had say nothing against where the keys were.
            Err(error) => known.map(|(url, _)| url).ok_or(error),
        }
    }

    /// Of two failures the second is told: it is where most issuers have their metadata.
    async fn discover(&self, issuer: &Url, name: &str) -> Result<Url, FetchError> {
        let mut outcome = Err(FetchError::UrlRefused);
        for place in issuer.metadata().into_iter().flatten() {
            outcome = self.metadata(&place, issuer, name).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    async fn metadata(&self, place: &Url, issuer: &Url, name: &str) -> Result<Url, FetchError> {
        let (status, _, body) = self.get(place, None).await?;
        if status != StatusCode::OK {
            return Err(FetchError::Status(status.as_u16()));
        }
        let metadata: Metadata<'_> = json::object(&body).ok_or(FetchError::Malformed)?;
        let (Some(Text(named)), Some(Text(keys))) = (metadata.issuer, metadata.jwks_uri) else {
            return Err(FetchError::Malformed);
        };
        // RFC 8414 §3.3: letter by letter, or one issuer could speak for another.
        if named != name {
            return Err(FetchError::IssuerMismatch);
        }
        issuer.named(&keys).map_err(|_| FetchError::UrlRefused)
    }

    async fn keys(&self, url: &Url, memory: &mut Memory) -> Result<Document, FetchError> {
        let tag = memory.tag.as_ref().filter(|(of, _)| of == url);
        let tag = tag.map(|(_, tag)| tag.clone());
        let conditional = tag.is_some();
        let (status, headers, body) = self.get(url, tag).await?;
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if conditional => return Ok(Document::Unchanged),
            StatusCode::NOT_MODIFIED => return Err(FetchError::NotModified),
            other => return Err(FetchError::Status(other.as_u16())),
        }
        let text = std::str::from_utf8(&body).map_err(|_| FetchError::Malformed)?;
        let (keys, skipped) =
            KeySet::from_jwks_of(text, MAX_KEYS).map_err(|error| match error {
                JwksError::Malformed => FetchError::Malformed,
                JwksError::TooMany => FetchError::TooManyKeys,
            })?;
        if keys.is_empty() {
            return Err(FetchError::NoUsableKey);
        }
        // Only the tag of what is in use: with that of a refused document a 304 would approve of it.
        memory.tag = headers
            .get(ETAG)
            .filter(|tag| tag.len() <= MAX_TAG)
            .map(|tag| (url.clone(), tag.clone()));
        Ok(Document::Keys {
            keys,
            skipped: skipped.len(),
        })
    }

    /// The deadline is for the whole document: a byte now and then does not move it.
    async fn get(
        &self,
        url: &Url,
        tag: Option<HeaderValue>,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), FetchError> {
        let mut request = Request::new(());
        *request.uri_mut() = url.uri().clone();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(tag) = tag {
            headers.insert(IF_NONE_MATCH, tag);
        }
        let mut body = FetchedBody::default();
        let response = match timeout(self.timeout, self.client.get(request, &mut body)).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) if body.is_too_long() => return Err(FetchError::TooLong),
            Ok(Err(error)) => {
                tell(url, &*error);
                return Err(FetchError::Client);
            }
            Err(_) => return Err(FetchError::Timeout),
        };
        let (head, ()) = response.into_parts();
        if head.status.is_redirection() && head.status != StatusCode::NOT_MODIFIED {
            return Err(FetchError::Redirect);
        }
        let body = body.into_bytes().map_err(|_| FetchError::TooLong)?;
        Ok((head.status, head.headers, body))
    }
}

/// Says in the log what the HTTP client said. At most once an attempt and document.
fn tell(url: &Url, error: &(dyn Error + Send + Sync)) {
    #[cfg(feature = "tracing")]
    {
        let cause = error.source().map(ToString::to_string);
        tracing::warn!(?url, %error, cause, "the HTTP client failed");
    }
    #[cfg(not(feature = "tracing"))]
    let _ = (url, error);
}

members! {
    struct Metadata<'a> {
        issuer: Text<'a> = "issuer",
        jwks_uri: Text<'a> = "jwks_uri",
    }
}
