use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::jose::{KeyError, SigningKey, encode_into};
use crate::time::Timestamp;

/// A token before it is signed, as [`TestIssuer::token`](super::TestIssuer::token) drafts it: a good one.
#[derive(Clone, Debug)]
#[must_use]
pub struct TestToken {
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
    pub(super) key: SigningKey,
    pub(super) now: Timestamp,
}

impl TestToken {
    pub(super) fn new(key: SigningKey, issuer: &str, audience: &str, now: Timestamp) -> Self {
        let header = json!({ "alg": key.algorithm().as_str(), "typ": "at+jwt", "kid": key.id() });
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
            key,
            now,
        }
    }

    /// Whom it is about: `sub`. By default `alice`.
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", subject)
    }

    /// Whom it is for: `aud`. By default [`TestIssuer::AUDIENCE`](super::TestIssuer::AUDIENCE).
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// What it allows: `scope`, with spaces between. By default there is none.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// Which key it says it is signed with: `kid`. By default the one that does.
    pub fn key_id(mut self, id: &str) -> Self {
        self.header.insert("kid".to_owned(), id.into());
        self
    }

    /// How long it lives, in whole seconds. By default 5 min.
    pub fn lifetime(self, lifetime: Duration) -> Self {
        let exp = self.now.plus(lifetime).unix_seconds();
        self.claim("exp", exp)
    }

    /// Any claim; a `null` where `value` has no form in JSON.
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.claims.insert(name.to_owned(), value);
        self
    }

    /// The signed token.
    ///
    /// # Errors
    ///
    /// [`KeyError::Failed`] when the cryptographic library failed.
    pub fn sign(self) -> Result<String, KeyError> {
        sign(
            &self.header,
            &Value::Object(self.claims).to_string(),
            &self.key,
        )
    }
}

pub(super) fn sign(
    header: &Map<String, Value>,
    claims: &str,
    key: &SigningKey,
) -> Result<String, KeyError> {
    let header = Value::Object(header.clone()).to_string();
    let mut token = String::new();
    encode_into(header.as_bytes(), &mut token);
    token.push('.');
    encode_into(claims.as_bytes(), &mut token);
    let input = token.clone();
    token.push('.');
    key.sign(input.as_bytes(), &mut token)?;
    Ok(token)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
