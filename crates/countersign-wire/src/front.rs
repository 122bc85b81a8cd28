//! What stands before everything that takes primary credentials: the order of judging, once.

use bytes::Bytes;
use countersign::Principal;
use countersign::auth::Authenticator;
use countersign::credentials::{AuthScheme, Carrier, ClientAddress, Credentials, RequestHead};
use countersign::mint::MintError;
use countersign::principal::PrimaryPrincipal;
use countersign::registry::{IdempotencyKey, RegistryError};
use countersign::rejection::{Rejection, RejectionKind};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, request};
use http_body::Body;

use crate::{Source, Throttled, TokenError, body};

/// How a request is read.
pub(crate) trait Reading {
    /// What a body asks for, its credentials aside.
    type Asked;

    fn source(&self) -> Source;

    fn read_credentials(&self, presented: Credentials) -> Result<Credentials, TokenError>;

    fn read(
        &self,
        head: &request::Parts,
        body: &Bytes,
    ) -> Result<(Option<Credentials>, Self::Asked), TokenError>;
}

/// A refusal, and which check it was, for whoever logs outside.
pub(crate) struct Refused {
    pub(crate) denial: TokenError,
    pub(crate) rejection: Option<Rejection>,
}

impl From<TokenError> for Refused {
    fn from(denial: TokenError) -> Self {
        Self {
            denial,
            rejection: None,
        }
    }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self {
            denial: denial(&rejection),
            rejection: Some(rejection),
        }
    }
}

/// Who asks, and for what.
///
/// Method; a bearer, valid or garbage, is refused unparsed; ambiguity; credentials in headers before the body is
/// read, credentials in the body after it.
pub(crate) async fn admit<R, B>(
    reading: &R,
    authenticator: &Authenticator,
    body_limit: usize,
    request: Request<B>,
) -> Result<(PrimaryPrincipal, R::Asked), Refused>
where
    R: Reading,
    B: Body,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(TokenError::MethodNotAllowed.into());
    }
    let from = head.extensions.get::<ClientAddress>().copied();
    let request_head = RequestHead::from(&head);
    let authenticate = async |credentials: Credentials| {
        let credentials = credentials.presented_from(from);
        let principal = authenticator
            .authenticate(credentials, &request_head)
            .await?;
        primary(&principal)
    };
    match reading.source() {
        Source::Body => {
            let body = body::read(body, body_limit).await?;
            // A bearer token in the headers is ignored beside primary credentials in the body.
            match reading.read(&head, &body) {
                Ok((Some(credentials), asked)) => Ok((authenticate(credentials).await?, asked)),
                _ if presents_bearer(&head.headers) => Err(TokenError::Chaining.into()),
                Ok((None, _)) => Err(TokenError::NoCredentials.into()),
                Err(denial) => Err(denial.into()),
            }
        }
        source => {
            let in_headers = match of_headers(reading, authenticator, &head)? {
                Some(credentials) => Some(authenticate(credentials).await?),
                None if source == Source::HeadersOrBody => None,
                None => return Err(authenticator.missing_credentials().into()),
            };
            let body = body::read(body, body_limit).await?;
            let (in_body, asked) = reading.read(&head, &body)?;
            match (in_headers, in_body) {
                (Some(_), Some(_)) => Err(TokenError::Ambiguous.into()),
                (None, None) => Err(authenticator.missing_credentials().into()),
                (Some(principal), None) => {
                    // The body may have taken time, and the credential may be revoked meanwhile.
                    authenticator.revalidate(principal.principal())?;
                    Ok((principal, asked))
                }
                (None, Some(credentials)) => Ok((authenticate(credentials).await?, asked)),
            }
        }
    }
}

/// Returns the principal as a primary one. Other principals cannot mint.
fn primary(principal: &Principal) -> Result<PrimaryPrincipal, Refused> {
    principal.primary().ok_or(TokenError::Chaining.into())
}

/// Who asks for something that takes no body: the same order, as far as it goes.
pub(crate) async fn admit_headers(
    authenticator: &Authenticator,
    head: &request::Parts,
) -> Result<PrimaryPrincipal, Refused> {
    let presented = of_headers(&HeadersAlone, authenticator, head)?;
    let credentials = presented.ok_or_else(|| authenticator.missing_credentials())?;
    let authentication = authenticator.authenticate(credentials, &RequestHead::from(head));
    primary(&authentication.await?)
}

struct HeadersAlone;

impl Reading for HeadersAlone {
    type Asked = ();

    fn source(&self) -> Source {
        Source::Headers
    }

    fn read_credentials(&self, presented: Credentials) -> Result<Credentials, TokenError> {
        Ok(presented)
    }

    fn read(
        &self,
        _: &request::Parts,
        _: &Bytes,
    ) -> Result<(Option<Credentials>, Self::Asked), TokenError> {
        Ok((None, ()))
    }
}

fn of_headers<R: Reading>(
    reading: &R,
    authenticator: &Authenticator,
    head: &request::Parts,
) -> Result<Option<Credentials>, Refused> {
    if presents_bearer(&head.headers) {
        return Err(TokenError::Chaining.into());
    }
    let Some(presented) = authenticator.find_credentials(&RequestHead::from(head))? else {
        return Ok(None);
    };
    let from = head.extensions.get::<ClientAddress>().copied();
    if reading.source() == Source::ApiKeyHeader && *presented.carrier() == Carrier::BASIC {
        return Ok(None);
    }
    let credentials = reading.read_credentials(presented)?;
    Ok(Some(credentials.presented_from(from)))
}

/// Whether any `Authorization` header, also one of several or a joined one, begins with a scheme of
/// bearers. Nothing behind the scheme is looked at.
pub(crate) fn presents_bearer(headers: &HeaderMap) -> bool {
    let bearers = [AuthScheme::BEARER, AuthScheme::new("DPoP")];
    headers.get_all(AUTHORIZATION).iter().any(|value| {
        value.as_bytes().split(|&byte| byte == b',').any(|part| {
            let part = part.trim_ascii_start();
            bearers.iter().any(|scheme| begins_with(part, scheme))
        })
    })
}

fn begins_with(text: &[u8], scheme: &AuthScheme) -> bool {
    let name = scheme.as_str().as_bytes();
    text.get(..name.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(name))
        && !text
            .get(name.len())
            .is_some_and(|&next| next.is_ascii_alphanumeric() || next == b'-' || next == b'_')
}

/// What a rejection is called here.
pub(crate) fn denial(rejection: &Rejection) -> TokenError {
    let seconds = rejection.retry_after().unwrap_or(1);
    match rejection.kind() {
        RejectionKind::Malformed => TokenError::Ambiguous,
        RejectionKind::Missing | RejectionKind::Invalid => TokenError::Unauthenticated,
        RejectionKind::TooManyRequests => TokenError::TooManyRequests(Throttled {
            retry_after: seconds,
            policy: "failed-authentications",
            quota: None,
        }),
        RejectionKind::Unavailable => TokenError::Unavailable(seconds),
        _ => TokenError::Failed,
    }
}

/// What it is called here that a registry did not do what it was asked.
pub(crate) fn not_done(error: &RegistryError) -> TokenError {
    match error {
        RegistryError::NotFound => TokenError::NotFound,
        RegistryError::CallerRevoked => TokenError::Unauthenticated,
        RegistryError::TooManyIdempotencyKeys => TokenError::TooManyRequests(Throttled {
            retry_after: 3600,
            policy: "idempotency-keys",
            quota: Some((IdempotencyKey::MAX_PER_CALLER, 24 * 3600)),
        }),
        // The answer that was to be remembered could not be made.
        RegistryError::Unavailable(source) if source.is::<MintError>() => TokenError::Failed,
        RegistryError::Unavailable(_) => TokenError::Unavailable(1),
        _ => TokenError::Failed,
    }
}
