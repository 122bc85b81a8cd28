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

use crate::{Answer, Denial, Exchange, FlawCode, ResponseBody, Source, Submission, Wire, respond};
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
    fn read_credentials(&self, presented: Credentials) -> Result<Credentials, Denial> {
        if *presented.carrier() != Carrier::BASIC {
            return Ok(presented);
        }
        let decoded = STANDARD.decode(presented.expose()).map(Zeroizing::new);
        let text = decoded.map_err(|_| Denial::Unauthenticated)?;
        let text = std::str::from_utf8(&text).map_err(|_| Denial::Unauthenticated)?;
        let (id, secret) = text.split_once(':').ok_or(Denial::Unauthenticated)?;
        let half = |text| form::decode(text).ok_or(Denial::Unauthenticated);
        Ok(Credentials::client(half(id)?, half(secret)?))
    }

    fn read(&self, head: &request::Parts, body: &Bytes) -> Result<Submission, Denial> {
        let mut form = Form::parse(&head.headers, body)?;
        match form.take("grant_type") {
            Some(grant) if grant.expose() == "client_credentials" => {}
            Some(_) => return Err(Denial::UnsupportedGrantType),
            None => {
                return Err(form::flaw(
                    "grant_type",
                    FlawCode::Missing,
                    "grant_type is missing",
                ));
            }
        }
        let scopes = form.take("scope").map(|scope| {
            let scopes: Option<Scopes> = scope.expose().parse().ok();
            // Nothing but spaces asks for a token that may do nothing.
            scopes
                .filter(|scopes| !scopes.is_empty())
                .ok_or(Denial::InvalidScope(Scopes::none()))
        });
        let parameters = MintParameters {
            scopes: scopes.transpose()?,
            lifetime: None,
            resource: form.take_resource()?,
        };
        Ok(Submission {
            credentials: form.take_client()?,
            parameters,
            session: None,
        })
    }

    fn write(&self, answer: Answer<'_>, _: &Exchange) -> Response<ResponseBody> {
        match answer {
            Answer::Issued { token, .. } => json(
                StatusCode::OK,
                &Issued {
                    access_token: token.token.expose(),
                    token_type: "Bearer",
                    expires_in: token.expires_in,
                    scope: token.scopes.as_str(),
                },
            ),
            Answer::Denied(denial) => self.deny(denial),
        }
    }
}

impl OAuth {
    fn deny(&self, denial: &Denial) -> Response<ResponseBody> {
        let empty = |status| {
            let mut response = Response::new(ResponseBody::default());
            *response.status_mut() = status;
            response
        };
        let error = match denial {
            Denial::NotFound => return empty(StatusCode::NOT_FOUND),
            Denial::MethodNotAllowed => return empty(StatusCode::METHOD_NOT_ALLOWED),
            Denial::Chaining => "unauthorized_client",
            Denial::Ambiguous
            | Denial::Invalid(_)
            | Denial::PayloadTooLarge
            | Denial::NoCredentials
            | Denial::InvalidLifetime => "invalid_request",
            Denial::UnsupportedGrantType => "unsupported_grant_type",
            Denial::Unauthenticated => "invalid_client",
            Denial::InvalidScope(_) => "invalid_scope",
            Denial::InvalidTarget => "invalid_target",
            // RFC 8628 §3.5's word for it; RFC 6749 has none.
            Denial::TooManyRequests(_) => "slow_down",
            Denial::Unavailable(_) => "temporarily_unavailable",
            Denial::Failed => "server_error",
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
