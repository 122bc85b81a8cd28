//! One request to the token endpoint.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use countersign::time::{Clock, Timestamp};
use countersign::url::HttpUrl;
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, Response, StatusCode, Uri};
use tokio::time::{Instant, timeout};
use tower::ServiceExt as _;

use crate::credentials::Credentials;
use crate::discovery::{self, Endpoint};
use crate::error::{TokenError, TokenErrorKind};
use crate::format::{self, Expiry, Format};
use crate::token::Token;
use crate::token_request::TokenRequest;
use crate::transport::Transport;

/// How long a discovered token endpoint is used before the metadata are fetched again.
const ENDPOINT_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// Longer values of `Retry-After` count as this one.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

pub(crate) enum Location {
    Endpoint(Uri),
    Issuer(HttpUrl),
}

/// Where tokens come from.
pub(crate) struct Source {
    pub(crate) location: Location,
    pub(crate) format: Format,
    pub(crate) credentials: Credentials,
    pub(crate) transport: Transport,
    pub(crate) timeout: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) discovered: Mutex<Option<(Endpoint, Instant)>>,
}

impl Source {
    pub(crate) fn is_session(&self) -> bool {
        self.format == Format::Session
    }

    /// Requests one token.
    pub(crate) async fn fetch(
        &self,
        wanted: &TokenRequest,
        session_id: Option<&str>,
    ) -> Result<Token, TokenError> {
        let limited = timeout(self.timeout, self.fetch_unlimited(wanted, session_id));
        let result = limited
            .await
            .unwrap_or_else(|_| Err(TokenError::new(TokenErrorKind::Timeout)));
        if result.is_err() {
            // The endpoint may have moved.
            *lock(&self.discovered) = None;
        }
        result
    }

    async fn fetch_unlimited(
        &self,
        wanted: &TokenRequest,
        session_id: Option<&str>,
    ) -> Result<Token, TokenError> {
        let (url, format) = self.endpoint().await?;
        let invalid = || TokenError::new(TokenErrorKind::Malformed);
        let request = format
            .request(&url, &self.credentials, wanted, session_id)
            .ok_or_else(invalid)?;
        let requested_at = Instant::now();
        let response = self.transport.clone().oneshot(request).await;
        let response = response.map_err(TokenError::transport)?;
        if !response.status().is_success() {
            return Err(self.failure(&response));
        }
        let issued =
            format::parse(format, response.body()).ok_or_else(|| self.failure(&response))?;
        let lifetime = match issued.expiry {
            Expiry::After(lifetime) => lifetime,
            Expiry::At(timestamp) => self.until(timestamp, response.headers()),
        };
        Token::new(&issued.token, requested_at, lifetime).ok_or_else(invalid)
    }

    async fn endpoint(&self) -> Result<(Uri, Format), TokenError> {
        let issuer = match &self.location {
            Location::Endpoint(url) => return Ok((url.clone(), self.format)),
            Location::Issuer(issuer) => issuer,
        };
        let now = Instant::now();
        let cached = lock(&self.discovered).clone();
        let endpoint = match cached {
            Some((endpoint, at)) if now < at + ENDPOINT_LIFETIME => endpoint,
            _ => {
                let endpoint = discovery::discover(&self.transport, issuer).await?;
                *lock(&self.discovered) = Some((endpoint.clone(), now));
                endpoint
            }
        };
        let secret_in_form = endpoint.secret_in_form
            || self.format
                == Format::OAuth {
                    secret_in_form: true,
                };
        Ok((endpoint.url, Format::OAuth { secret_in_form }))
    }

    /// Returns the error for a response without a token.
    fn failure(&self, response: &Response<Bytes>) -> TokenError {
        let status = response.status();
        let code = format::error_code(response.body());
        // The format `envelope` can answer errors with 200.
        let busy = matches!(
            code.as_deref(),
            Some("RATE_LIMIT_EXCEEDED" | "SERVICE_UNAVAILABLE" | "INTERNAL_ERROR")
        );
        let kind = if status.is_redirection() {
            TokenErrorKind::Redirect
        } else if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() || busy {
            TokenErrorKind::Unavailable(status)
        } else if status.is_success() && code.is_none() {
            TokenErrorKind::Malformed
        } else {
            TokenErrorKind::Rejected { status, code }
        };
        TokenError {
            retry_after: self.retry_after(response.headers()).unwrap_or_default(),
            ..TokenError::new(kind)
        }
    }

    /// Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
        let duration = match text.trim().parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => self.until(date(headers, RETRY_AFTER)?, headers),
        };
        Some(duration.min(LONGEST_RETRY_AFTER))
    }

    /// Returns the time until `timestamp`, counted from the date of the response, since the clock of this machine may
    /// differ from that of the server.
    fn until(&self, timestamp: Timestamp, headers: &HeaderMap) -> Duration {
        let now = date(headers, DATE).unwrap_or_else(|| self.clock.now());
        let millis = timestamp.unix_millis().saturating_sub(now.unix_millis());
        Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    }
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()?;
    let since_epoch = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_unix_seconds(
        i64::try_from(since_epoch.as_secs()).ok()?,
    ))
}

/// Locks a mutex. A panic while it was locked left nothing half written, so its poison is ignored.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
