use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::Secret;
use http::HeaderValue;

/// The long-lived credentials that are sent to the token endpoint.
///
/// ```
/// use countersign_client::Credentials;
///
/// let credentials = Credentials::client_secret("reports", "correct horse battery staple");
/// assert!(!format!("{credentials:?}").contains("horse"));
/// ```
#[derive(Clone, Debug)]
pub struct Credentials(pub(crate) Kind);

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    ApiKey(Secret),
    Pair {
        is_user: bool,
        id: String,
        secret: Secret,
    },
}

impl Credentials {
    /// Creates the credentials of an API key, sent as `x-api-key` or in the member `api_key`.
    pub fn api_key(key: impl Into<String>) -> Self {
        Self(Kind::ApiKey(Secret::from(key.into())))
    }

    /// Creates the credentials of an OAuth client (RFC 6749 §2.3.1), or the id and the secret of a key.
    pub fn client_secret(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self(Kind::Pair {
            is_user: false,
            id: id.into(),
            secret: Secret::from(secret.into()),
        })
    }

    /// Creates the credentials of a user, for the formats `envelope` and `session`.
    pub fn password(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self(Kind::Pair {
            is_user: true,
            id: user.into(),
            secret: Secret::from(password.into()),
        })
    }
}

/// Returns `Basic` credentials (RFC 7617) as a header value that is marked as sensitive.
pub(crate) fn basic(id: &str, secret: &str) -> Option<HeaderValue> {
    let encoded = STANDARD.encode(format!("{id}:{secret}"));
    sensitive(&format!("Basic {encoded}"))
}

/// Returns a header value whose `Debug` output does not contain it, or `None` if no header can contain it.
pub(crate) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
