//! The authentication of requests with primary credentials, in one order for all endpoints.

use std::sync::Arc;

use bytes::Bytes;
use countersign::auth::Authenticator;
use countersign::credentials::{AuthScheme, Carrier, ClientAddress, Credentials};
use countersign::principal::PrimaryPrincipal;
use countersign::rejection::Rejection;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request, Response, request};
use http_body::Body;

use crate::body;
use crate::error::TokenError;
use crate::response::{ResponseBody, add_challenges, set_error_headers};
use crate::wire::CredentialSource;

/// Reads the requests of one endpoint.
pub(crate) trait RequestReader {
    /// What a request asks for, without its credentials.
    type Parameters;

    /// Decodes credentials from the headers again, if the endpoint has a rule of its own.
    fn read_credentials(&self, credentials: Credentials) -> Result<Credentials, TokenError> {
        Ok(credentials)
    }

    /// Reads a request, and the credentials in its body.
    fn read(
        &self,
        head: &request::Parts,
        body: &Bytes,
    ) -> Result<(Option<Credentials>, Self::Parameters), TokenError>;
}

/// Authenticates the requests of one endpoint.
#[derive(Clone)]
pub(crate) struct EndpointAuthenticator {
    authenticator: Authenticator,
    source: CredentialSource,
    challenges: Arc<[HeaderValue]>,
}

impl EndpointAuthenticator {
    pub(crate) fn new(authenticator: Authenticator, source: CredentialSource) -> Self {
        let accepted = || authenticator.challenges(|carrier| source.accepts(carrier));
        let challenges = match source {
            // The challenge of RFC 6749 §5.2.
            CredentialSource::HeadersOrBody => {
                let basic = authenticator.challenges(|carrier| *carrier == Carrier::BASIC);
                if basic.is_empty() { accepted() } else { basic }
            }
            _ => accepted(),
        };
        Self {
            authenticator,
            source,
            challenges: challenges.into(),
        }
    }

    #[cfg(feature = "openapi")]
    pub(crate) const fn source(&self) -> CredentialSource {
        self.source
    }

    /// Returns the challenges of a 401: one for each accepted scheme, with the configured realm.
    pub(crate) fn challenges(&self) -> impl Iterator<Item = HeaderValue> {
        self.challenges.iter().cloned()
    }

    /// Authenticates a request, and reads it.
    ///
    /// The checks are, in this order: the method; a bearer token, which is rejected without being parsed; ambiguity; then
    /// credentials in the headers before the body is read, or the body before the credentials in it.
    pub(crate) async fn authenticate<R, B>(
        &self,
        reader: &R,
        body_limit: usize,
        request: Request<B>,
    ) -> Result<(PrimaryPrincipal, R::Parameters), RequestError>
    where
        R: RequestReader,
        B: Body,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            return Err(TokenError::MethodNotAllowed.into());
        }
        if self.source == CredentialSource::Body {
            let body = body::read(body, body_limit).await?;
            return match reader.read(&head, &body) {
                Ok((Some(credentials), parameters)) => {
                    Ok((self.primary(credentials, &head).await?, parameters))
                }
                // An expired token in the headers does no harm beside primary credentials.
                _ if has_bearer(&head.headers) => Err(TokenError::Chaining.into()),
                Ok((None, _)) => Err(TokenError::NoCredentials.into()),
                Err(error) => Err(error.into()),
            };
        }
        // The body of a request with rejected credentials is not read.
        let in_headers = match self.find_in_headers(&head)? {
            Some(credentials) => {
                let credentials = reader.read_credentials(credentials)?;
                Some(self.primary(credentials, &head).await?)
            }
            None if self.source == CredentialSource::HeadersOrBody => None,
            None => return Err(self.authenticator.missing_credentials().into()),
        };
        let body = body::read(body, body_limit).await?;
        let (in_body, parameters) = reader.read(&head, &body)?;
        let principal = match (in_headers, in_body) {
            (Some(_), Some(_)) => return Err(TokenError::Ambiguous.into()),
            (None, None) => return Err(self.authenticator.missing_credentials().into()),
            (None, Some(credentials)) => self.primary(credentials, &head).await?,
            (Some(principal), None) => {
                // The credentials may have been revoked while the body was read.
                self.authenticator.revalidate(principal.principal())?;
                principal
            }
        };
        Ok((principal, parameters))
    }

    /// Authenticates a request whose body is not read, as [`authenticate`](Self::authenticate) does.
    pub(crate) async fn authenticate_headers(
        &self,
        head: &request::Parts,
    ) -> Result<PrimaryPrincipal, RequestError> {
        let credentials = self.find_in_headers(head)?;
        let credentials = credentials.ok_or_else(|| self.authenticator.missing_credentials())?;
        self.primary(credentials, head).await
    }

    /// Completes the response to a request that failed.
    pub(crate) fn complete_error(
        &self,
        response: &mut Response<ResponseBody>,
        RequestError { error, rejection }: RequestError,
        allow: &'static str,
    ) {
        set_error_headers(response, &error, allow);
        if error == TokenError::Unauthenticated {
            add_challenges(response, self.challenges());
        }
        if let Some(rejection) = rejection {
            response.extensions_mut().insert(rejection);
        }
    }

    fn find_in_headers(&self, head: &request::Parts) -> Result<Option<Credentials>, RequestError> {
        if has_bearer(&head.headers) {
            return Err(TokenError::Chaining.into());
        }
        let found = self.authenticator.find_credentials(&head.into())?;
        Ok(found.filter(|credentials| self.source.accepts(credentials.carrier())))
    }

    async fn primary(
        &self,
        credentials: Credentials,
        head: &request::Parts,
    ) -> Result<PrimaryPrincipal, RequestError> {
        let address = head.extensions.get::<ClientAddress>().copied();
        let credentials = credentials.presented_from(address);
        let principal = self.authenticator.authenticate(credentials, &head.into());
        principal
            .await?
            .primary()
            .ok_or(TokenError::Chaining.into())
    }
}

/// The error of a request, and the authenticator's rejection, for the response's extensions.
#[derive(Debug)]
pub(crate) struct RequestError {
    pub(crate) error: TokenError,
    pub(crate) rejection: Option<Rejection>,
}

impl From<TokenError> for RequestError {
    fn from(error: TokenError) -> Self {
        Self {
            error,
            rejection: None,
        }
    }
}

impl From<Rejection> for RequestError {
    fn from(rejection: Rejection) -> Self {
        Self {
            error: TokenError::from(&rejection),
            rejection: Some(rejection),
        }
    }
}

/// Returns whether an `Authorization` header begins with the scheme of a token, `Bearer` or `DPoP`, even if the header is
/// repeated or joined. The token itself is not parsed.
pub(crate) fn has_bearer(headers: &HeaderMap) -> bool {
    let schemes = [AuthScheme::BEARER, AuthScheme::new("DPoP")];
    headers.get_all(AUTHORIZATION).iter().any(|value| {
        value.as_bytes().split(|&byte| byte == b',').any(|part| {
            let part = part.trim_ascii_start();
            schemes.iter().any(|scheme| has_scheme(part, scheme))
        })
    })
}

fn has_scheme(text: &[u8], scheme: &AuthScheme) -> bool {
    let name = scheme.as_str().as_bytes();
    text.split_at_checked(name.len())
        .is_some_and(|(head, rest)| {
            let continues =
                |&next: &u8| next.is_ascii_alphanumeric() || matches!(next, b'-' | b'_');
            head.eq_ignore_ascii_case(name) && !rest.first().is_some_and(continues)
        })
}
