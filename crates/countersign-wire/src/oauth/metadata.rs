use countersign::mint::Issuer;
use serde::Serialize;

use crate::document::Document;

/// The documents that an issuer publishes: its metadata (RFC 8414) and its keys (RFC 7517).
#[derive(Clone, Debug)]
pub struct AuthorizationServer {
    issuer: Issuer,
    metadata: Metadata,
}

/// The registered methods that [`OAuth`](crate::OAuth) accepts (RFC 7591 §2).
const AUTH_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// RFC 8414 §2.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = OAuthMetadata))]
pub(crate) struct Metadata {
    issuer: String,
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
    scopes_supported: Vec<String>,
}

impl AuthorizationServer {
    /// The path of an issuer's metadata (RFC 8414 §3).
    pub const METADATA_PATH: &'static str = "/.well-known/oauth-authorization-server";
    /// The path of an issuer's keys.
    pub const JWKS_PATH: &'static str = "/.well-known/jwks.json";

    /// Creates the documents of an issuer whose token endpoint is at `token_path` below its URL.
    #[must_use]
    pub fn new(issuer: Issuer, token_path: &str) -> Self {
        let scopes = issuer.settings().catalogue.iter();
        let metadata = Metadata {
            issuer: issuer.url().to_owned(),
            token_endpoint: below(&issuer, token_path),
            jwks_uri: below(&issuer, Self::JWKS_PATH),
            grant_types_supported: ["client_credentials"],
            response_types_supported: [],
            token_endpoint_auth_methods_supported: AUTH_METHODS,
            introspection_endpoint: None,
            introspection_endpoint_auth_methods_supported: None,
            revocation_endpoint: None,
            revocation_endpoint_auth_methods_supported: None,
            scopes_supported: scopes.map(str::to_owned).collect(),
        };
        Self { issuer, metadata }
    }

    /// Sets the path of [`Introspection`](crate::Introspection) below the issuer's URL.
    #[must_use]
    pub fn introspection_path(mut self, path: &str) -> Self {
        self.metadata.introspection_endpoint = Some(below(&self.issuer, path));
        self.metadata.introspection_endpoint_auth_methods_supported = Some(AUTH_METHODS);
        self
    }

    /// Sets the path of [`Revocation`](crate::Revocation) below the issuer's URL.
    #[must_use]
    pub fn revocation_path(mut self, path: &str) -> Self {
        self.metadata.revocation_endpoint = Some(below(&self.issuer, path));
        self.metadata.revocation_endpoint_auth_methods_supported = Some(AUTH_METHODS);
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
        Document::json(&self.metadata)
    }
}

/// Returns the URL of a path below the issuer's.
fn below(issuer: &Issuer, path: &str) -> String {
    format!("{}{path}", issuer.url().trim_end_matches('/'))
}
