//! The token endpoint of an issuer, from its metadata.

use bytes::Bytes;
use countersign::url::{HttpUrl, split};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use serde::Deserialize;
use tower::ServiceExt as _;

use crate::error::{TokenError, TokenErrorKind};
use crate::origin::Origin;
use crate::transport::Transport;

/// The members of authorization server metadata (RFC 8414 §2) that are used.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: String,
    /// If absent, `client_secret_basic`.
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// A token endpoint, and whether it takes the secret of a client in the form only.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) url: Uri,
    pub(crate) secret_in_form: bool,
}

/// Fetches the metadata of an issuer (RFC 8414 §3, then OpenID Connect Discovery §4).
pub(crate) async fn discover(
    transport: &Transport,
    issuer: &HttpUrl,
) -> Result<Endpoint, TokenError> {
    let mut result = Err(TokenError::new(TokenErrorKind::Metadata));
    for url in locations(issuer.as_str()) {
        result = fetch(transport, issuer, &url).await;
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Returns where the metadata may be. RFC 8414 inserts its path before that of the issuer, OpenID Connect appends it.
fn locations(issuer: &str) -> [String; 2] {
    let issuer = issuer.trim_end_matches('/');
    let (origin, path) = split(issuer);
    [
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{issuer}/.well-known/openid-configuration"),
    ]
}

async fn fetch(transport: &Transport, issuer: &HttpUrl, url: &str) -> Result<Endpoint, TokenError> {
    let invalid = || TokenError::new(TokenErrorKind::Metadata);
    let mut request = Request::new(Full::<Bytes>::default());
    *request.uri_mut() = url.parse().map_err(|_| invalid())?;
    let response = transport
        .clone()
        .oneshot(request)
        .await
        .map_err(TokenError::transport)?;
    match response.status() {
        StatusCode::OK => {}
        status if status.is_redirection() => return Err(TokenError::new(TokenErrorKind::Redirect)),
        status => return Err(TokenError::new(TokenErrorKind::Unavailable(status))),
    }
    let metadata: Metadata = serde_json::from_slice(response.body()).map_err(|_| invalid())?;
    // RFC 8414 §3.3: otherwise, one issuer could receive the credentials for another.
    if metadata.issuer != issuer.as_str() || Origin::parse(&metadata.token_endpoint).is_err() {
        return Err(invalid());
    }
    let methods = metadata.token_endpoint_auth_methods_supported;
    Ok(Endpoint {
        url: metadata.token_endpoint.parse().map_err(|_| invalid())?,
        secret_in_form: methods.is_some_and(|methods| {
            let has = |name: &str| methods.iter().any(|method| method == name);
            has("client_secret_post") && !has("client_secret_basic")
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_looked_for_before_and_after_the_path_of_the_issuer() {
        assert_eq!(
            locations("https://auth.example/realms/a/"),
            [
                "https://auth.example/.well-known/oauth-authorization-server/realms/a",
                "https://auth.example/realms/a/.well-known/openid-configuration",
            ]
        );
    }
}
