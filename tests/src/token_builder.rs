//! A builder of tokens with any flaw.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::jose::Algorithm;

use crate::{AUDIENCE, EXTERNAL_ISSUER, Key, NOW, OWN_ISSUER, Object, SUBJECT, key};

/// Encodes in base64url without padding (RFC 7515 §2).
#[must_use]
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes base64url without padding.
#[must_use]
pub fn decode_base64url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Encodes and signs a header and a payload of any bytes (JWS Compact Serialization, RFC 7515 §7.1).
#[must_use]
pub fn compact(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>, key: &Key) -> String {
    signed(
        &format!("{}.{}", base64url(header), base64url(payload)),
        key,
    )
}

/// Appends a valid signature to any signing input.
#[must_use]
pub fn signed(signing_input: &str, key: &Key) -> String {
    format!(
        "{signing_input}.{}",
        base64url(key.sign(signing_input.as_bytes()))
    )
}

/// Replaces the signature of a token.
#[must_use]
pub fn with_signature(token: &str, signature: impl AsRef<[u8]>) -> String {
    format!("{}.{}", split(token).0, base64url(signature))
}

/// Splits a token into the signing input and the decoded signature.
#[must_use]
pub fn split(token: &str) -> (&str, Vec<u8>) {
    let (input, signature) = token.rsplit_once('.').unwrap();
    (input, decode_base64url(signature))
}

/// An unsigned token, valid unless a test changes it. It is always signed correctly.
#[derive(Clone, Debug)]
pub struct TokenBuilder {
    pub header: Object,
    pub claims: Object,
    pub key: &'static Key,
}

impl TokenBuilder {
    /// Creates a valid token of the own issuer.
    #[must_use]
    pub fn own() -> Self {
        let claims = Object::new()
            .set_text("iss", OWN_ISSUER)
            .set_text("sub", SUBJECT)
            .set_text("client_id", SUBJECT)
            .set_text("aud", AUDIENCE)
            .set("iat", NOW.to_string())
            .set("exp", (NOW + 600).to_string())
            .set_text("jti", "013xrzp12g3nqk8ngskn1wtxgka5b0ng")
            .set_text("scope", "calls:read")
            .set_text("account", SUBJECT)
            .set("cgn", "1")
            .set("agn", "1");
        Self {
            header: Object::new().set_text("typ", "at+jwt"),
            claims,
            key: key(Algorithm::EdDsa),
        }
        .key(key(Algorithm::EdDsa))
    }

    /// Creates a valid token of the external issuer with only the required claims.
    #[must_use]
    pub fn external() -> Self {
        let claims = Object::new()
            .set_text("iss", EXTERNAL_ISSUER)
            .set_text("sub", "alice")
            .set_text("aud", AUDIENCE)
            .set("exp", (NOW + 600).to_string())
            .set_text("scope", "calls:read");
        Self {
            header: Object::new().set_text("typ", "at+jwt"),
            claims,
            key: key(Algorithm::EdDsa),
        }
        .key(key(Algorithm::EdDsa))
    }

    /// Creates a token of each issuer, for flaws that both reject.
    #[must_use]
    pub fn for_both_issuers() -> [Self; 2] {
        [Self::own(), Self::external()]
    }

    /// Sets the key that signs, and names it in `alg` and `kid`.
    #[must_use]
    pub fn key(mut self, key: &'static Key) -> Self {
        self.header = self
            .header
            .set_text("alg", key.algorithm.as_str())
            .set_text("kid", key.kid);
        self.signed_by(key)
    }

    /// Sets the key that signs. The header is unchanged.
    #[must_use]
    pub fn signed_by(mut self, key: &'static Key) -> Self {
        self.key = key;
        self
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.header = self.header.set(name, value);
        self
    }

    #[must_use]
    pub fn add_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.header = self.header.add(name, value);
        self
    }

    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header = self.header.without(name);
        self
    }

    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<String>) -> Self {
        self.claims = self.claims.set(name, value);
        self
    }

    #[must_use]
    pub fn add_claim(mut self, name: &str, value: impl Into<String>) -> Self {
        self.claims = self.claims.add(name, value);
        self
    }

    #[must_use]
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims = self.claims.without(name);
        self
    }

    #[must_use]
    pub fn token(&self) -> String {
        compact(self.header.json(), self.claims.json(), self.key)
    }

    /// Signs the claims with another header, given as bytes.
    #[must_use]
    pub fn raw_header(&self, header: impl AsRef<[u8]>) -> String {
        compact(header, self.claims.json(), self.key)
    }

    /// Signs the header with another payload, given as bytes.
    #[must_use]
    pub fn raw_claims(&self, payload: impl AsRef<[u8]>) -> String {
        compact(self.header.json(), payload, self.key)
    }
}
