//! The authentication of requests with primary credentials, in one order for all endpoints.

use std::sync::Arc;

use bytes::Bytes;
use countersign::auth::Authenticator;
use countersign::credentials::{Carrier, ClientAddress, Credentials, is_cross_site};
use countersign::mechanism::Basic;
use countersign::principal::PrimaryPrincipal;
use countersign::registry::Caller;
use countersign::rejection::{Reason, Rejection};
use countersign::time::Clock;
use countersign::{Principal, Secret};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request, Response, request};

use crate::body::PendingBody;
use crate::credential_limit::CredentialLimit;
use crate::error::{FieldErrorCode, TokenError};
use crate::form;
use crate::request_id::RequestId;
use crate::response::{ResponseBody, add_challenges, set_error_headers};
use crate::wire::{CredentialSource, TokenRequest};

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

    /// Returns the challenges of a 401: one for each accepted scheme, with the configured realm.
    pub(crate) fn challenges(&self) -> impl Iterator<Item = HeaderValue> {
        self.challenges.iter().cloned()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.authenticator.clock()
    }

    /// Authenticates a request, and reads it: `read` returns what the body says of the client, and what the request
    /// asks for.
    ///
    /// The checks are, in this order: the method; the site; a bearer token, which is rejected without being parsed; ambiguity; then
    /// credentials in the headers before the body is read, or the body before the credentials in it. A cookie with a token is
    /// rejected like a bearer token, unless there are other credentials.
    pub(crate) async fn authenticate<P>(
        &self,
        request: Request<PendingBody>,
        read: impl Fn(&request::Parts, &Bytes) -> Result<(TokenRequest, P), TokenError>,
    ) -> Result<(PrimaryPrincipal, P), RequestError> {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            return Err(TokenError::MethodNotAllowed.into());
        }
        check_site(&head)?;
        if self.source == CredentialSource::Body {
            let body = body.await.map_err(TokenError::from)?;
            let read = read(&head, &body).and_then(|(request, parameters)| {
                let credentials = request.credentials.ok_or(TokenError::NoCredentials)?;
                Ok((credentials, parameters))
            });
            return match read {
                Ok((credentials, parameters)) => {
                    Ok((self.primary(credentials, &head).await?, parameters))
                }
                // An expired token in the headers does no harm beside primary credentials.
                Err(_) if has_bearer(&head.headers) => Err(TokenError::Chaining.into()),
                Err(_) if self.find(&head).is_ok_and(|(_, has_cookie)| has_cookie) => {
                    Err(TokenError::Chaining.into())
                }
                Err(error) => Err(error.into()),
            };
        }
        // The body of a request with rejected credentials is not read.
        let (found, has_cookie) = self.find_in_headers(&head)?;
        let (in_headers, certificate) = match found {
            // A certificate does not count beside credentials in the body.
            Some(found)
                if self.source == CredentialSource::HeadersOrBody
                    && *found.carrier() == Carrier::ClientCertificate =>
            {
                (None, Some(found))
            }
            found => (found, None),
        };
        let in_headers = match in_headers {
            Some(credentials) => Some(self.primary(credentials, &head).await?),
            None if self.source == CredentialSource::HeadersOrBody => None,
            None => return Err(self.missing_credentials(&head, has_cookie)),
        };
        let body = body.await.map_err(TokenError::from)?;
        let (request, parameters) = read(&head, &body)?;
        let principal = match (in_headers, request.credentials.or(certificate)) {
            (Some(_), Some(_)) => return Err(TokenError::Ambiguous.into()),
            (None, None) => return Err(self.missing_credentials(&head, has_cookie)),
            (None, Some(credentials)) => {
                let principal = self.primary(credentials, &head).await?;
                check_client(principal.principal(), request.client_id.as_ref())?;
                principal
            }
            (Some(principal), None) => {
                // The credentials may have been revoked while the body was read.
                self.authenticator.revalidate(principal.principal())?;
                check_client(principal.principal(), request.client_id.as_ref())?;
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
        check_site(head)?;
        let (credentials, has_cookie) = self.find_in_headers(head)?;
        let credentials = credentials.ok_or_else(|| self.missing_credentials(head, has_cookie))?;
        self.primary(credentials, head).await
    }

    /// Responds to a request that failed. `allow` names the methods of the path.
    pub(crate) fn error_response(
        &self,
        RequestError { error, rejection }: RequestError,
        allow: &'static str,
        write: impl FnOnce(&TokenError) -> Response<ResponseBody>,
    ) -> Response<ResponseBody> {
        let mut response = write(&error);
        set_error_headers(&mut response, &error, allow);
        if error == TokenError::Unauthenticated {
            add_challenges(&mut response, self.challenges());
        }
        if let Some(rejection) = rejection {
            response.extensions_mut().insert(rejection);
        }
        response
    }

    /// Returns the credentials in the headers that are accepted here, and whether there is a token in a cookie instead.
    fn find_in_headers(
        &self,
        head: &request::Parts,
    ) -> Result<(Option<Credentials>, bool), RequestError> {
        if has_bearer(&head.headers) {
            return Err(TokenError::Chaining.into());
        }
        let (found, has_cookie) = self.find(head)?;
        let found = found.filter(|credentials| self.source.accepts(credentials.carrier()));
        let found = match found {
            Some(basic)
                if self.source == CredentialSource::HeadersOrBody
                    && *basic.carrier() == Carrier::BASIC =>
            {
                Some(decode_client(&basic).ok_or(TokenError::Unauthenticated)?)
            }
            found => found,
        };
        Ok((found, has_cookie))
    }

    /// Returns the credentials in the headers, and whether there is a token in a cookie instead.
    fn find(&self, head: &request::Parts) -> Result<(Option<Credentials>, bool), Rejection> {
        let is_cookie = |found: &Credentials| matches!(found.carrier(), Carrier::Cookie(_));
        match self.authenticator.find_credentials(&head.into()) {
            Err(rejection) if rejection.reason() == Reason::CrossSite => Ok((None, true)),
            Ok(Some(found)) if is_cookie(&found) => Ok((None, true)),
            found => Ok((found?, false)),
        }
    }

    /// Returns the error of a request without credentials that are accepted here.
    fn missing_credentials(&self, head: &request::Parts, has_cookie: bool) -> RequestError {
        match has_cookie {
            true => TokenError::Chaining.into(),
            false => self.authenticator.missing_credentials(&head.into()).into(),
        }
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

/// Decodes `client_secret_basic`: both the id and the secret are form-encoded (RFC 6749 §2.3.1).
fn decode_client(basic: &Credentials) -> Option<Credentials> {
    let (id, secret) = Basic::decode(basic)?;
    let (id, secret) = (form::decode(id.expose())?, form::decode(secret.expose())?);
    Some(Credentials::client(id, secret))
}

/// Rejects a `client_id` that is not the authenticated client (RFC 6749 §2.3: one method of authentication a request).
fn check_client(client: &Principal, named: Option<&Secret>) -> Result<(), TokenError> {
    let is_client = |named: &Secret| match client.credential_id() {
        Some(id) => named.expose().parse() == Ok(*id),
        None => named.expose() == client.subject(),
    };
    if named.is_none_or(is_client) {
        return Ok(());
    }
    let message = "client_id is not the client that the credentials in the header are of: omit it";
    let code = FieldErrorCode::UnsupportedValue;
    Err(TokenError::field("client_id", code, message))
}

/// Rejects a request that a page of another site caused, and that may change something.
pub(crate) fn check_site(head: &request::Parts) -> Result<(), TokenError> {
    if is_cross_site(&head.into()) {
        return Err(TokenError::CrossSite);
    }
    Ok(())
}

/// Counts a request, if there is a limit.
pub(crate) fn count(
    limit: Option<&CredentialLimit>,
    principal: &Principal,
    clock: &dyn Clock,
) -> Result<(), TokenError> {
    Ok(limit.map_or(Ok(()), |limit| limit.count(principal, clock.now()))?)
}

/// Returns the caller of a registry; `None` if the principal has no stored credential.
pub(crate) fn caller_of(principal: &Principal, id: &RequestId) -> Option<Caller> {
    Some(Caller::authenticated(principal)?.with_request_id(id.clone()))
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
    let is_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    headers.get_all(AUTHORIZATION).iter().any(|value| {
        let mut parts = value.as_bytes().split(|&byte| byte == b',');
        parts.any(|part| {
            let mut words = part.trim_ascii_start().split(|byte| !is_scheme(byte));
            let scheme = words.next().unwrap_or_default();
            scheme.eq_ignore_ascii_case(b"Bearer") || scheme.eq_ignore_ascii_case(b"DPoP")
        })
    })
}
