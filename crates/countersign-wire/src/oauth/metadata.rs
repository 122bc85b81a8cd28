use countersign::mint::Issuer;
use serde::Serialize;

use crate::document::Document;

/// The documents that an issuer publishes: its metadata (RFC 8414) and its keys (RFC 7517).
#[derive(Clone, Debug)]
pub struct AuthorizationServer {
    issuer: Issuer,
    token_path: String,
    introspection_path: Option<String>,
    revocation_path: Option<String>,
}

/// The registered methods that [`OAuth`](crate::OAuth) accepts (RFC 7591 §2).
const AUTH_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// RFC 8414 §2.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OAuthMetadata))]
pub(crate) struct MetadataResponse<'a> {
    issuer: &'a str,
    token_endpoint: String,
    jwks_uri: String,
    grant_types_supported: [&'static str; 1],
    /// Required, and empty, since there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    token_endpoint_auth_methods_supported: [&'static str; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint_auth_methods_supported: Option<[&'static str; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_endpoint_auth_methods_supported: Option<[&'static str; 2]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    scopes_supported: Vec<&'a str>,
}

impl AuthorizationServer {
    /// The path of an issuer's metadata (RFC 8414 §3).
    pub const METADATA_PATH: &'static str = "/.well-known/oauth-authorization-server";
    /// The path of an issuer's keys.
    pub const JWKS_PATH: &'static str = "/.well-known/jwks.json";

    /// Creates the documents of an issuer whose token endpoint is at `token_path` below its URL.
    #[must_use]
    pub fn new(issuer: Issuer, token_path: impl Into<String>) -> Self {
        Self {
            issuer,
            token_path: token_path.into(),
            introspection_path: None,
            revocation_path: None,
        }
    }

    /// Sets the path of [`Introspection`](crate::Introspection) below the issuer's URL.
    #[must_use]
    pub fn introspection_path(mut self, path: impl Into<String>) -> Self {
        self.introspection_path = Some(path.into());
        self
    }

    /// Sets the path of [`Revocation`](crate::Revocation) below the issuer's URL.
    #[must_use]
    pub fn revocation_path(mut self, path: impl Into<String>) -> Self {
        self.revocation_path = Some(path.into());
        self
    }

    /// Returns the JWK set, read again at each request.
    #[must_use]
    pub fn jwks(&self) -> Document {
        let issuer = self.issuer.clone();
        Document::read_with("application/jwk-set+json", move || issuer.jwks())
    }

    /// Returns the metadata.
    #[must_use]
    pub fn metadata(&self) -> Document {
        let base = self.issuer.url().trim_end_matches('/');
        let below = |path: &Option<String>| path.as_ref().map(|path| format!("{base}{path}"));
        let methods_of = |path: &Option<String>| path.as_ref().map(|_| AUTH_METHODS);
        let metadata = MetadataResponse {
            issuer: self.issuer.url(),
            token_endpoint: format!("{base}{}", self.token_path),
            jwks_uri: format!("{base}{}", Self::JWKS_PATH),
            grant_types_supported: ["client_credentials"],
            response_types_supported: [],
            token_endpoint_auth_methods_supported: AUTH_METHODS,
            introspection_endpoint: below(&self.introspection_path),
            introspection_endpoint_auth_methods_supported: methods_of(&self.introspection_path),
            revocation_endpoint: below(&self.revocation_path),
            revocation_endpoint_auth_methods_supported: methods_of(&self.revocation_path),
            scopes_supported: self.issuer.settings().catalogue.iter().collect(),
        };
        // Serializing a struct of strings cannot fail.
        let json = serde_json::to_string(&metadata).unwrap_or_default();
        Document::new("application/json", json)
    }
}
