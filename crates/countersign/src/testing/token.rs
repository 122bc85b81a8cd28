use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::jose::{KeyError, SigningKey, encode_into};
use crate::time::Timestamp;

/// An unsigned access token (RFC 9068) of a [`TestIssuer`](super::TestIssuer), valid unless a test changes it.
///
/// [`TestIssuer::token`](super::TestIssuer::token) creates one.
#[derive(Clone, Debug)]
#[must_use]
pub struct TestToken {
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
    pub(super) signing_key: SigningKey,
    pub(super) now: Timestamp,
}

impl TestToken {
    pub(super) fn new(
        signing_key: SigningKey,
        issuer: &str,
        audience: &str,
        now: Timestamp,
    ) -> Self {
        let algorithm = signing_key.algorithm().as_str();
        let header = json!({ "alg": algorithm, "typ": "at+jwt", "kid": signing_key.id() });
        let claims = json!({
            "iss": issuer,
            "sub": "alice",
            "client_id": "test-client",
            "aud": audience,
            "iat": now.unix_seconds(),
            "exp": now.unix_seconds().saturating_add(300),
            "jti": "test-token",
        });
        Self {
            header: object(header),
            claims: object(claims),
            signing_key,
            now,
        }
    }

    /// Sets the subject (`sub`). The default is `alice`.
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", subject)
    }

    /// Sets the audience (`aud`). The default is [`TestIssuer::AUDIENCE`](super::TestIssuer::AUDIENCE).
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// Sets the scopes (`scope`), separated by spaces. By default, the token has none.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// Sets the key id (`kid`). The default is the id of the key that signs.
    pub fn key_id(self, id: &str) -> Self {
        self.header("kid", id)
    }

    /// Sets the lifetime, in whole seconds. The default is 5 minutes.
    pub fn lifetime(self, lifetime: Duration) -> Self {
        let exp = self.now.plus(lifetime).unix_seconds();
        self.claim("exp", exp)
    }

    /// Sets a claim. A value that JSON cannot represent becomes `null`.
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.claims.insert(name.to_owned(), value);
        self
    }

    /// Sets a member of the header. A value that JSON cannot represent becomes `null`.
    pub fn header(mut self, name: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.header.insert(name.to_owned(), value);
        self
    }

    /// Sets the key that signs. The header is unchanged: `kid` and `alg` remain those of the issuer's key.
    pub fn key(mut self, key: SigningKey) -> Self {
        self.signing_key = key;
        self
    }

    /// Returns the header as JSON text.
    #[must_use]
    pub fn header_json(&self) -> String {
        Value::Object(self.header.clone()).to_string()
    }

    /// Returns the claims as JSON text.
    #[must_use]
    pub fn claims_json(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    /// Signs the token.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError::Failed`] if the cryptographic library failed.
    pub fn sign(self) -> Result<String, KeyError> {
        self.sign_text(&self.header_json(), &self.claims_json())
    }

    /// Signs these texts in place of the token's header and claims, even if they are not JSON.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError::Failed`] if the cryptographic library failed.
    pub fn sign_text(&self, header: &str, claims: &str) -> Result<String, KeyError> {
        let mut token = String::new();
        encode_into(header.as_bytes(), &mut token);
        token.push('.');
        encode_into(claims.as_bytes(), &mut token);
        self.signing_key.sign(&mut token)?;
        Ok(token)
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
