use countersign::url::split;
use serde::Serialize;

use crate::document::Document;

/// The path of a protected resource's metadata (RFC 9728 §3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The metadata of a service that accepts bearer tokens (RFC 9728): their issuers and scopes.
///
/// Mount [`metadata`](Self::metadata) at [`path`](Self::path), and give [`url`](Self::url) to
/// [`AuthenticatorBuilder::resource_metadata`](countersign::auth::AuthenticatorBuilder::resource_metadata), so that a client without a
/// token learns from the challenge where to get one.
///
/// ```
/// use countersign_wire::ProtectedResource;
/// use http::{Request, StatusCode};
/// use tower::ServiceExt;
///
/// # tokio_test::block_on(async {
/// let resource = ProtectedResource::new("https://api.example/calls")
///     .authorization_server("https://auth.example")
///     .scopes(["calls:read", "calls:write"]);
/// assert_eq!(resource.path(), "/.well-known/oauth-protected-resource/calls");
/// assert_eq!(resource.url(), "https://api.example/.well-known/oauth-protected-resource/calls");
///
/// let get = Request::get("/").body(())?;
/// assert_eq!(resource.metadata().oneshot(get).await?.status(), StatusCode::OK);
/// let post = Request::post("/").body(())?;
/// assert_eq!(resource.metadata().oneshot(post).await?.status(), StatusCode::METHOD_NOT_ALLOWED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProtectedResource {
    resource: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    authorization_servers: Vec<String>,
    #[serde(rename = "scopes_supported", skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    scopes: Vec<String>,
    /// Tokens in a form or in the query (RFC 6750 §2.2 and §2.3) are not accepted.
    bearer_methods_supported: &'static [&'static str],
}

impl ProtectedResource {
    /// Creates the metadata of a resource. The identifier is an `https` URL without a fragment, and also its audience.
    #[must_use]
    pub fn new(resource: impl Into<String>) -> Self {
        Self {
            resource: resource.into(),
            authorization_servers: Vec::new(),
            scopes: Vec::new(),
            bearer_methods_supported: &["header"],
        }
    }

    /// Adds an issuer whose tokens are accepted, by its URL.
    #[must_use]
    pub fn authorization_server(mut self, issuer: impl Into<String>) -> Self {
        self.authorization_servers.push(issuer.into());
        self
    }

    /// Sets the scopes that the routes require.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// States that the resource accepts no bearer tokens, and primary credentials alone.
    #[must_use]
    pub const fn without_bearer_tokens(mut self) -> Self {
        self.bearer_methods_supported = &[];
        self
    }

    /// Returns the path of the metadata: the well-known path, then that of the resource (RFC 9728 §3.1).
    #[must_use]
    pub fn path(&self) -> String {
        format!("{WELL_KNOWN}{}", self.split().1)
    }

    /// Returns the URL of the metadata.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.split().0, self.path())
    }

    /// Returns the metadata.
    #[must_use]
    pub fn metadata(&self) -> Document {
        Document::json(self)
    }

    /// Returns the origin and the path, which is empty where it is a slash alone (RFC 9728 §3.1).
    fn split(&self) -> (&str, &str) {
        let (origin, path) = split(&self.resource);
        (origin, if path == "/" { "" } else { path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_of_the_resource_follows_the_well_known_path() {
        // RFC 9728 §3.1: "https://resource.example.com" and "https://resource.example.com/resource1"
        for (resource, url) in [
            (
                "https://resource.example.com",
                "https://resource.example.com/.well-known/oauth-protected-resource",
            ),
            (
                "https://resource.example.com/",
                "https://resource.example.com/.well-known/oauth-protected-resource",
            ),
            (
                "https://resource.example.com/resource1",
                "https://resource.example.com/.well-known/oauth-protected-resource/resource1",
            ),
        ] {
            assert_eq!(ProtectedResource::new(resource).url(), url);
        }
    }

    #[test]
    fn metadata_has_the_members_that_are_set_and_no_empty_lists() {
        let json = |resource: &ProtectedResource| serde_json::to_string(resource).unwrap();
        let bare = ProtectedResource::new("https://api.example");
        assert_eq!(
            json(&bare),
            r#"{"resource":"https://api.example","bearer_methods_supported":["header"]}"#
        );
        let primary_only = bare.clone().without_bearer_tokens();
        assert_eq!(
            json(&primary_only),
            r#"{"resource":"https://api.example","bearer_methods_supported":[]}"#
        );
        let full = bare
            .authorization_server("https://auth.example")
            .scopes(["a:b", "c"]);
        assert_eq!(
            json(&full),
            r#"{"resource":"https://api.example","authorization_servers":["https://auth.example"],"scopes_supported":["a:b","c"],"bearer_methods_supported":["header"]}"#
        );
    }
}
