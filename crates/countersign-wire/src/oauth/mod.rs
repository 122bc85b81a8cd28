//! The client credentials grant (RFC 6749 §4.4).

pub(crate) mod form;
mod introspection;
mod metadata;
mod revocation;
mod token_request;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::Scopes;
use countersign::credentials::{Carrier, Credentials};
use countersign::mint::MintParameters;
use http::header::{PRAGMA, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode, request};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    FieldErrorCode, RequestContext, ResponseBody, Source, TokenError, TokenRequest, TokenResponse,
    Wire, respond,
};
use form::Form;

#[cfg(feature = "openapi")]
pub(crate) use introspection::Active;
pub use introspection::Introspection;
pub use metadata::AuthorizationServer;
#[cfg(feature = "openapi")]
pub(crate) use metadata::Metadata;
pub use revocation::Revocation;
#[cfg(feature = "openapi")]
pub(crate) use token_request::TokenRequests;

/// `client_id` and `client_secret` are a key's id and secret; passwords are not for clients. `resource`
/// (RFC 8707) chooses the audience.
///
/// Clients authenticate with `client_secret_basic`, `client_secret_post`, or an API key in its header.
#[derive(Clone, Debug)]
pub struct OAuth {
    challenge: HeaderValue,
}

impl Default for OAuth {
    fn default() -> Self {
        Self {
            challenge: HeaderValue::from_static(r#"Basic realm="countersign", charset="UTF-8""#),
        }
    }
}

/// RFC 6749 §5.1.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OAuthToken))]
pub(crate) struct Issued<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    scope: &'a str,
}

/// RFC 6749 §5.2.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OAuthError))]
pub(crate) struct Denied<'a> {
    error: &'static str,
    error_description: &'a str,
}

impl Wire for OAuth {
    fn source(&self) -> Source {
        Source::HeadersOrBody
    }

    /// RFC 6749 §2.3.1: both halves of Basic are form-encoded first.
    fn read_credentials(&self, presented: Credentials) -> Result<Credentials, TokenError> {
        if *presented.carrier() != Carrier::BASIC {
            return Ok(presented);
        }
        let decoded = STANDARD.decode(presented.expose()).map(Zeroizing::new);
        let text = decoded.map_err(|_| TokenError::Unauthenticated)?;
        let text = std::str::from_utf8(&text).map_err(|_| TokenError::Unauthenticated)?;
        let (id, secret) = text.split_once(':').ok_or(TokenError::Unauthenticated)?;
        let half = |text| form::decode(text).ok_or(TokenError::Unauthenticated);
        Ok(Credentials::client(half(id)?, half(secret)?))
    }

    fn read(&self, head: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError> {
        let mut form = Form::parse(&head.headers, body)?;
        match form.take("grant_type") {
            Some(grant) if grant.expose() == "client_credentials" => {}
            Some(_) => return Err(TokenError::UnsupportedGrantType),
            None => {
                return Err(form::flaw(
                    "grant_type",
                    FieldErrorCode::Missing,
                    "grant_type is missing",
                ));
            }
        }
        let scopes = form.take("scope").map(|scope| {
            let scopes: Option<Scopes> = scope.expose().parse().ok();
            // Nothing but spaces asks for a token that may do nothing.
            scopes
                .filter(|scopes| !scopes.is_empty())
                .ok_or(TokenError::InvalidScope(Scopes::none()))
        });
        let mut parameters = MintParameters::default();
        parameters.scopes = scopes.transpose()?;
        parameters.resource = form.take_resource()?;
        Ok(TokenRequest {
            credentials: form.take_client()?,
            parameters,
            session: None,
        })
    }

    fn write(&self, answer: TokenResponse<'_>, _: &RequestContext) -> Response<ResponseBody> {
        match answer {
            TokenResponse::Issued { token, .. } => json(
                StatusCode::OK,
                &Issued {
                    access_token: token.token.expose(),
                    token_type: "Bearer",
                    expires_in: token.expires_in,
                    scope: token.scopes.as_str(),
                },
            ),
            TokenResponse::Denied(denial) => self.deny(denial),
        }
    }
}

impl OAuth {
    fn deny(&self, denial: &TokenError) -> Response<ResponseBody> {
        let empty = |status| {
            let mut response = Response::new(ResponseBody::default());
            *response.status_mut() = status;
            response
        };
        let error = match denial {
            TokenError::NotFound => return empty(StatusCode::NOT_FOUND),
            TokenError::MethodNotAllowed => return empty(StatusCode::METHOD_NOT_ALLOWED),
            TokenError::Chaining => "unauthorized_client",
            TokenError::Ambiguous
            | TokenError::Invalid(_)
            | TokenError::PayloadTooLarge
            | TokenError::NoCredentials
            | TokenError::InvalidLifetime => "invalid_request",
            TokenError::UnsupportedGrantType => "unsupported_grant_type",
            TokenError::Unauthenticated => "invalid_client",
            TokenError::InvalidScope(_) => "invalid_scope",
            TokenError::InvalidTarget => "invalid_target",
            // RFC 8628 §3.5's word for it; RFC 6749 has none.
            TokenError::TooManyRequests(_) => "slow_down",
            TokenError::Unavailable(_) => "temporarily_unavailable",
            TokenError::Failed => "server_error",
        };
        let status = denial.status();
        let mut response = json(
            status,
            &Denied {
                error,
                error_description: denial.message(),
            },
        );
        if status == StatusCode::UNAUTHORIZED {
            let challenge = self.challenge.clone();
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// RFC 6749 §5.1 asks for `Pragma` beside `Cache-Control`.
fn json(status: StatusCode, body: &impl Serialize) -> Response<ResponseBody> {
    let mut response = respond::json(status, body);
    let no_cache = HeaderValue::from_static("no-cache");
    response.headers_mut().insert(PRAGMA, no_cache);
    response
}
