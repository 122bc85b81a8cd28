//! Tokens with any flaw.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::jose::Algorithm;

use crate::{AUDIENCE, FOREIGN, Key, NOW, OURS, Object, SUBJECT, key};

#[must_use]
pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[must_use]
pub fn unb64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// A token of any header and payload bytes, with a signature that is right for them.
#[must_use]
pub fn compact(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>, key: &Key) -> String {
    signed(&format!("{}.{}", b64(header), b64(payload)), key)
}

/// Any signing input with the right signature behind it.
#[must_use]
pub fn signed(signing_input: &str, key: &Key) -> String {
    format!(
        "{signing_input}.{}",
        b64(key.sign(signing_input.as_bytes()))
    )
}

/// The same token with another signature.
#[must_use]
pub fn with_signature(token: &str, signature: impl AsRef<[u8]>) -> String {
    format!("{}.{}", split(token).0, b64(signature))
}

/// The signing input, and the signature's bytes.
#[must_use]
pub fn split(token: &str) -> (&str, Vec<u8>) {
    let (input, signature) = token.rsplit_once('.').unwrap();
    (input, unb64(signature))
}

/// A token under way: good until a test spoils it, and always with the right signature.
#[derive(Clone, Debug)]
pub struct Craft {
    pub header: Object,
    pub claims: Object,
    pub key: &'static Key,
}

impl Craft {
    /// A good token of our own issuer.
    #[must_use]
    pub fn own() -> Self {
        let claims = Object::new()
            .set_text("iss", OURS)
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

    /// A good token of an issuer that is not ours, with no claim more than it needs.
    #[must_use]
    pub fn external() -> Self {
        let claims = Object::new()
            .set_text("iss", FOREIGN)
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

    /// One of each: what is refused in a token is refused in both.
    #[must_use]
    pub fn both() -> [Self; 2] {
        [Self::own(), Self::external()]
    }

    /// Signed by `key`, and saying so.
    #[must_use]
    pub fn key(mut self, key: &'static Key) -> Self {
        self.header = self
            .header
            .set_text("alg", key.algorithm.as_str())
            .set_text("kid", key.kid);
        self.signed_by(key)
    }

    /// Signed by `key`, whatever the header says.
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
    pub fn no_header(mut self, name: &str) -> Self {
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
    pub fn no_claim(mut self, name: &str) -> Self {
        self.claims = self.claims.without(name);
        self
    }

    #[must_use]
    pub fn token(&self) -> String {
        compact(self.header.json(), self.claims.json(), self.key)
    }

    /// The token of another header, given in its raw bytes.
    #[must_use]
    pub fn raw_header(&self, header: impl AsRef<[u8]>) -> String {
        compact(header, self.claims.json(), self.key)
    }

    /// The token of another payload, given in its raw bytes.
    #[must_use]
    pub fn raw_claims(&self, payload: impl AsRef<[u8]>) -> String {
        compact(self.header.json(), payload, self.key)
    }
}
