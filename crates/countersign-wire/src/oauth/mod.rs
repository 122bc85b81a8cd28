//! The client credentials grant (RFC 6749 §4.4), introspection (RFC 7662), revocation (RFC 7009) and metadata (RFC 8414).

mod introspection;
mod metadata;
mod revocation;
mod token_form;

use bytes::Bytes;
use countersign::Scopes;
use countersign::credentials::Credentials;
use countersign::json::ObjectWriter;
use countersign::mint::MintParameters;
use http::header::PRAGMA;
use http::{HeaderValue, Response, StatusCode, request};
use serde::Serialize;

use crate::error::TokenError;
use crate::fields::missing;
use crate::form::Form;
use crate::response::{self, ResponseBody};
use crate::wire::{CredentialSource, RequestContext, TokenRequest, TokenResponse, Wire};

pub use introspection::Introspection;
#[cfg(feature = "openapi")]
pub(crate) use introspection::IntrospectionResponse;
pub use metadata::AuthorizationServer;
#[cfg(feature = "openapi")]
pub(crate) use metadata::Metadata;
pub use revocation::Revocation;
#[cfg(feature = "openapi")]
pub(crate) use token_form::TokenFormEndpoint;

/// Exchanges client credentials for a token (RFC 6749 §4.4, `POST /oauth/token`).
///
/// `client_id` and `client_secret` are the id and the secret of a key; users' passwords are not accepted. `resource`
/// (RFC 8707) chooses the audience.
///
/// Clients authenticate with `client_secret_basic`, `client_secret_post`, or an API key in its header.
///
/// # Errors
///
/// The body is `{"error":"…","error_description":"…"}` (RFC 6749 §5.2), empty for 404 and 405:
///
/// | status | error | when |
/// |---|---|---|
/// | 400 | `invalid_request` | the body is not a form, a parameter is missing or repeated, there are two credentials, or `client_id` is another client than the credentials are of |
/// | 400 | `unsupported_grant_type`, `invalid_scope`, `invalid_target` | another grant type, scope or resource |
/// | 401 | `invalid_client` | the credentials are missing or not valid, for any reason |
/// | 403 | `unauthorized_client` | a bearer token, valid or not |
/// | 403 | `cross_site` | a page of another site caused the request |
/// | 413 | `invalid_request` | the body is over 16 KiB |
/// | 429 | `slow_down` | too many failures or tokens; see `Retry-After` |
/// | 503 | `temporarily_unavailable` | the credentials could not be checked; see `Retry-After` |
/// | 500 | `server_error` | the server failed |
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OAuth;

/// RFC 6749 §5.1.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OAuthToken))]
pub(crate) struct OAuthTokenResponse<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[cfg_attr(feature = "openapi", schema(required = false))]
    scope: &'a str,
}

impl OAuthTokenResponse<'_> {
    fn to_json(&self) -> String {
        let length = self.access_token.len() + self.scope.len();
        let mut object = ObjectWriter::with_capacity(96 + length);
        object.text("access_token", self.access_token);
        object.text("token_type", self.token_type);
        object.number(
            "expires_in",
            i64::try_from(self.expires_in).unwrap_or(i64::MAX),
        );
        if !self.scope.is_empty() {
            object.text("scope", self.scope);
        }
        object.finish()
    }
}

/// RFC 6749 §5.2.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OAuthError))]
pub(crate) struct OAuthErrorResponse {
    pub(crate) error: &'static str,
    pub(crate) error_description: String,
}

impl Wire for OAuth {
    fn credential_source(&self) -> CredentialSource {
        CredentialSource::HeadersOrBody
    }

    fn read(&self, head: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError> {
        let mut form = Form::parse(&head.headers, body)?;
        let grant_type = form.take("grant_type");
        if required("grant_type", grant_type)?.expose() != "client_credentials" {
            return Err(TokenError::UnsupportedGrantType);
        }
        let mut parameters = MintParameters::default();
        if let Some(scope) = form.take("scope") {
            let scopes: Option<Scopes> = scope.expose().parse().ok();
            // A scope of spaces alone would request a token without scopes.
            let scopes = scopes.filter(|scopes| !scopes.is_empty());
            parameters.scopes = Some(scopes.ok_or(TokenError::InvalidScope(Scopes::none()))?);
        }
        if let Some(resource) = form.take("resource") {
            parameters.resource = Some(resource.expose().to_owned());
            // RFC 8707 §2 allows several resources. A token has one audience.
            if form.take("resource").is_some() {
                return Err(TokenError::InvalidTarget);
            }
        }
        Ok(TokenRequest {
            parameters,
            ..take_client(&mut form)?
        })
    }

    fn write(&self, response: TokenResponse<'_>, _: &RequestContext) -> Response<ResponseBody> {
        match response {
            TokenResponse::Issued { token, .. } => {
                let response = OAuthTokenResponse {
                    access_token: token.token.expose(),
                    token_type: "Bearer",
                    expires_in: token.expires_in,
                    scope: token.scopes.as_str(),
                };
                with_pragma(response::json_text(StatusCode::OK, response.to_json()))
            }
            TokenResponse::Error(error) => error_response(error),
        }
    }
}

/// Takes the credentials in the form: `client_secret_post` (RFC 6749 §2.3.1), or a `client_id` alone.
fn take_client(form: &mut Form) -> Result<TokenRequest, TokenError> {
    let mut request = TokenRequest::default();
    match (form.take("client_id"), form.take("client_secret")) {
        (id, Some(secret)) => {
            let id = required("client_id", id)?;
            request.credentials = Some(Credentials::client(id, secret));
        }
        (id, None) => request.client_id = id,
    }
    Ok(request)
}

fn required<T>(name: &'static str, value: Option<T>) -> Result<T, TokenError> {
    Ok(value.ok_or_else(|| missing(name))?)
}

fn error_response(error: &TokenError) -> Response<ResponseBody> {
    match error {
        TokenError::NotFound | TokenError::MethodNotAllowed => response::empty(error.status()),
        // RFC 6749 has no code for this; `slow_down` is that of RFC 8628 §3.5.
        TokenError::TooManyRequests(_) => {
            json_error(error.status(), "slow_down", error.to_string())
        }
        error => json_error(error.status(), error_code(error), error.to_string()),
    }
}

/// Returns the code of RFC 6749 §5.2, as far as it has one.
pub(crate) const fn error_code(error: &TokenError) -> &'static str {
    match error {
        TokenError::CrossSite => "cross_site",
        TokenError::Chaining => "unauthorized_client",
        TokenError::UnsupportedGrantType => "unsupported_grant_type",
        TokenError::Unauthenticated => "invalid_client",
        TokenError::InvalidScope(_) => "invalid_scope",
        TokenError::InvalidTarget => "invalid_target",
        TokenError::Unavailable(_) => "temporarily_unavailable",
        TokenError::Internal => "server_error",
        _ => "invalid_request",
    }
}

fn json_error(
    status: StatusCode,
    error: &'static str,
    error_description: String,
) -> Response<ResponseBody> {
    let body = OAuthErrorResponse {
        error,
        error_description,
    };
    json(status, &body)
}

/// Creates a response with a JSON body.
fn json(status: StatusCode, body: &impl Serialize) -> Response<ResponseBody> {
    with_pragma(response::json(status, body))
}

/// Adds the `Pragma` of RFC 6749 §5.1.
fn with_pragma(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    let no_cache = HeaderValue::from_static("no-cache");
    response.headers_mut().insert(PRAGMA, no_cache);
    response
}
