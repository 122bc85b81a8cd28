//! JSON Web Keys (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2): strict parsing, and writing for publication.

use super::algorithm::Family;
use super::json::{self, Value, members};
use super::{Algorithm, KeyError, VerifyingKey, base64url};

members! {
    struct Jwk<'a> {
        kty: Value<'a> = "kty",
        alg: Value<'a> = "alg",
        usage: Value<'a> = "use",
        key_ops: Value<'a> = "key_ops",
        kid: Value<'a> = "kid",
        crv: Value<'a> = "crv",
        x: Value<'a> = "x",
        y: Value<'a> = "y",
        n: Value<'a> = "n",
        e: Value<'a> = "e",
        private: Value<'a> = "d",
        issuer: Value<'a> = "issuer",
    }
}

impl VerifyingKey {
    /// Parses a public key from the JSON of a JWK.
    ///
    /// `alg`, `use`, `key_ops` and `crv` are enforced. Without `alg`, an RSA key is for RS256, and an EC
    /// key for the algorithm of its curve. Members that are `null`, an empty `kid`, `crv` or `key_ops`, and a `use` that
    /// RFC 7517 §4.2 does not define count as absent. Of a private key, only the public part is used, and a warning is
    /// logged. A key with the member `issuer`, which Microsoft adds, verifies only tokens of this issuer, in which
    /// `{tenantid}` stands for any tenant.
    ///
    /// # Errors
    ///
    /// - [`KeyError::Malformed`] if the text is not a JWK, or the key is not a point of its curve.
    /// - [`KeyError::Private`] if the key is symmetric (`oct`). Create it with [`hmac`](Self::hmac).
    /// - [`KeyError::Purpose`] if the key is not for signatures.
    /// - [`KeyError::Algorithm`] if the algorithm or the curve is not supported, or they differ.
    /// - [`KeyError::WeakRsa`] if an RSA key is weak.
    /// - [`KeyError::KeyId`] if `kid` is longer than 256 bytes.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        let jwk: Jwk<'_> = json::object(json.as_bytes()).ok_or(KeyError::Malformed)?;
        let kid = text(&jwk.kid)?;
        if text(&jwk.kty)? == Some("oct") {
            return Err(KeyError::Private);
        }
        jwk.is_for_signatures()?;
        let algorithm = jwk.algorithm()?;
        let key = match algorithm.family() {
            Family::Ed25519 => Self::from_ed25519(&fixed(&jwk.x, 32)?)?,
            Family::Ec => {
                let size = match algorithm {
                    Algorithm::Es256 => 32,
                    Algorithm::Es384 => 48,
                    _ => 66,
                };
                let mut point = vec![4];
                point.extend(fixed(&jwk.x, size)?);
                point.extend(fixed(&jwk.y, size)?);
                Self::parse(algorithm, &point)?
            }
            Family::Rsa => Self::from_rsa(algorithm, &bytes(&jwk.n)?, &bytes(&jwk.e)?)?,
            Family::Hmac => return Err(KeyError::Private),
        };
        if !matches!(jwk.private, None | Some(Value::Null)) {
            warn_of_private_key(kid.unwrap_or_default());
        }
        let key = match text(&jwk.issuer)? {
            Some(issuer) => key.of_issuer(issuer),
            None => key,
        };
        match kid {
            Some(id) => key.with_id(id),
            None => Ok(key),
        }
    }
}

impl Jwk<'_> {
    fn is_for_signatures(&self) -> Result<(), KeyError> {
        // SPIFFE marks the authorities of certificates with `x509-svid`. They sign no tokens.
        let usage = !matches!(text(&self.usage)?, Some("enc" | "x509-svid"));
        let operations: Vec<&str> = match &self.key_ops {
            None | Some(Value::Null) => Vec::new(),
            Some(list) => list.list().map_err(|_| KeyError::Malformed)?.collect(),
        };
        let repeated = |(i, op): (usize, &&str)| operations.iter().skip(i + 1).any(|o| o == op);
        let verifies = operations.is_empty()
            || operations.contains(&"verify")
                && operations.iter().all(|op| ["verify", "sign"].contains(op))
                && !operations.iter().enumerate().any(repeated);
        (usage && verifies).then_some(()).ok_or(KeyError::Purpose)
    }

    fn algorithm(&self) -> Result<Algorithm, KeyError> {
        let kty = self.kty.as_ref().ok_or(KeyError::Malformed)?;
        let by_type = match kty.text().map_err(|_| KeyError::Malformed)? {
            // RSA keys have no curve (RFC 7518 §6.3).
            "RSA" => Algorithm::Rs256,
            kty => match (kty, text(&self.crv)?) {
                ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
                ("EC", Some("P-256")) => Algorithm::Es256,
                ("EC", Some("P-384")) => Algorithm::Es384,
                ("EC", Some("P-521")) => Algorithm::Es512,
                _ => return Err(KeyError::Algorithm),
            },
        };
        let Some(value) = self.alg.as_ref().filter(|alg| !matches!(alg, Value::Null)) else {
            return Ok(by_type);
        };
        let named: Algorithm = value.text().map_err(|_| KeyError::Malformed)?.parse()?;
        let fits = match by_type.family() {
            Family::Rsa => named.family() == Family::Rsa,
            _ => named == by_type,
        };
        fits.then_some(named).ok_or(KeyError::Algorithm)
    }
}

/// Returns the text of a member. `null` and an empty text count as absent.
fn text<'a>(member: &'a Option<Value<'_>>) -> Result<Option<&'a str>, KeyError> {
    match member {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let text = value.text().map_err(|_| KeyError::Malformed)?;
            Ok(Some(text).filter(|text| !text.is_empty()))
        }
    }
}

/// Decodes a number. Some issuers write it with padding or in the standard alphabet.
fn bytes(member: &Option<Value<'_>>) -> Result<Vec<u8>, KeyError> {
    let text = text(member)?.ok_or(KeyError::Malformed)?;
    base64url::decode_any_alphabet(text).ok_or(KeyError::Malformed)
}

/// Decodes a coordinate, which has the full size of the field (RFC 7518 §6.2.1.2).
fn fixed(member: &Option<Value<'_>>, size: usize) -> Result<Vec<u8>, KeyError> {
    Some(bytes(member)?)
        .filter(|bytes| bytes.len() == size)
        .ok_or(KeyError::Malformed)
}

/// Logs once for each key id that its private key is published. At most 100 ids are remembered.
fn warn_of_private_key(kid: &str) {
    #[cfg(feature = "tracing")]
    {
        use std::collections::BTreeSet;
        use std::sync::{Mutex, PoisonError};

        static WARNED: Mutex<BTreeSet<Box<str>>> = Mutex::new(BTreeSet::new());
        let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.len() < 100 && warned.insert(kid.into()) {
            tracing::warn!(
                kid,
                "a JWK contains a private key: replace it, since everyone who read it can sign tokens"
            );
        }
    }
    #[cfg(not(feature = "tracing"))]
    let _ = kid;
}
