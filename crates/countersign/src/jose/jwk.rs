//! JSON Web Keys (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2): strict parsing, and writing for publication.

use super::algorithm::Family;
use super::json::{self, Text, members, text};
use super::{Algorithm, KeyError, VerifyingKey, base64url};

members! {
    struct Jwk<'a> {
        kty: Text<'a> = "kty",
        alg: Text<'a> = "alg",
        usage: Text<'a> = "use",
        key_ops: Vec<Text<'a>> = "key_ops",
        kid: Text<'a> = "kid",
        crv: Text<'a> = "crv",
        x: Text<'a> = "x",
        y: Text<'a> = "y",
        n: Text<'a> = "n",
        e: Text<'a> = "e",
        ; private = "d" | "k" | "p" | "q" | "dp" | "dq" | "qi" | "oth"
    }
}

impl VerifyingKey {
    /// Parses a public key from the JSON of a JWK.
    ///
    /// `alg`, `use`, `key_ops` and `crv` are enforced. Without `alg`, an RSA key is for RS256, and an EC
    /// key for the algorithm of its curve.
    ///
    /// # Errors
    ///
    /// - [`KeyError::Malformed`] if the text is not a JWK, or the key is not a point of its curve.
    /// - [`KeyError::Private`] if the key is private or symmetric. Create a symmetric key (`oct`) with
    ///   [`hmac`](Self::hmac).
    /// - [`KeyError::Purpose`] if the key is not for signatures.
    /// - [`KeyError::Algorithm`] if the algorithm or the curve is not supported, or they differ.
    /// - [`KeyError::WeakRsa`] if an RSA key is weak.
    /// - [`KeyError::KeyId`] if `kid` is empty or longer than 256 bytes.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        let jwk: Jwk<'_> = json::object(json.as_bytes()).ok_or(KeyError::Malformed)?;
        if jwk.private || text(&jwk.kty) == Some("oct") {
            return Err(KeyError::Private);
        }
        jwk.is_for_signatures()?;
        let algorithm = jwk.algorithm()?;
        let key = match algorithm.family() {
            Family::Ed25519 => Self::from_ed25519(&fixed(&jwk.x, 32)?)?,
            Family::Ec => {
                let size = if algorithm == Algorithm::Es256 {
                    32
                } else {
                    48
                };
                let mut point = vec![4];
                point.extend(fixed(&jwk.x, size)?);
                point.extend(fixed(&jwk.y, size)?);
                Self::parse(algorithm, &point)?
            }
            Family::Rsa => Self::from_rsa(algorithm, &bytes(&jwk.n)?, &bytes(&jwk.e)?)?,
            Family::Hmac => return Err(KeyError::Private),
        };
        match text(&jwk.kid) {
            Some(id) => key.with_id(id),
            None => Ok(key),
        }
    }
}

impl Jwk<'_> {
    fn is_for_signatures(&self) -> Result<(), KeyError> {
        let usage = text(&self.usage).is_none_or(|usage| usage == "sig");
        let operations = self.key_ops.as_ref().is_none_or(|list| {
            let repeated =
                |(i, op): (usize, &Text<'_>)| list.iter().skip(i + 1).any(|o| o.0 == op.0);
            list.iter().any(|op| op.0 == "verify")
                && list.iter().all(|op| op.0 == "verify" || op.0 == "sign")
                && !list.iter().enumerate().any(repeated)
        });
        (usage && operations).then_some(()).ok_or(KeyError::Purpose)
    }

    fn algorithm(&self) -> Result<Algorithm, KeyError> {
        let by_type = match (text(&self.kty), text(&self.crv)) {
            (Some("OKP"), Some("Ed25519")) => Algorithm::EdDsa,
            (Some("EC"), Some("P-256")) => Algorithm::Es256,
            (Some("EC"), Some("P-384")) => Algorithm::Es384,
            (Some("RSA"), None) => Algorithm::Rs256,
            (Some(_), _) => return Err(KeyError::Algorithm),
            (None, _) => return Err(KeyError::Malformed),
        };
        let Some(name) = text(&self.alg) else {
            return Ok(by_type);
        };
        let named: Algorithm = name.parse()?;
        let fits = match by_type.family() {
            Family::Rsa => named.family() == Family::Rsa,
            _ => named == by_type,
        };
        fits.then_some(named).ok_or(KeyError::Algorithm)
    }
}

fn bytes(member: &Option<Text<'_>>) -> Result<Vec<u8>, KeyError> {
    text(member)
        .and_then(|text| base64url::decode(text.as_bytes()))
        .ok_or(KeyError::Malformed)
}

/// Decodes a coordinate, which has the full size of the field (RFC 7518 §6.2.1.2).
fn fixed(member: &Option<Text<'_>>, size: usize) -> Result<Vec<u8>, KeyError> {
    Some(bytes(member)?)
        .filter(|bytes| bytes.len() == size)
        .ok_or(KeyError::Malformed)
}
