//! One JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2), read strictly and written for publication.

use serde::de::MapAccess;

use super::algorithm::Family;
use super::json::{self, Anything, Members, Taken, Text, once};
use super::{Algorithm, KeyError, VerifyingKey, base64url};

#[derive(Default)]
struct Jwk<'a> {
    kty: Option<Text<'a>>,
    alg: Option<Text<'a>>,
    usage: Option<Text<'a>>,
    key_ops: Option<Vec<Text<'a>>>,
    kid: Option<Text<'a>>,
    crv: Option<Text<'a>>,
    x: Option<Text<'a>>,
    y: Option<Text<'a>>,
    n: Option<Text<'a>>,
    e: Option<Text<'a>>,
    private: bool,
}

impl<'de> Members<'de> for Jwk<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<Taken, A::Error> {
        match name {
            "kty" => once(&mut self.kty, map),
            "alg" => once(&mut self.alg, map),
            "use" => once(&mut self.usage, map),
            "key_ops" => once(&mut self.key_ops, map),
            "kid" => once(&mut self.kid, map),
            "crv" => once(&mut self.crv, map),
            "x" => once(&mut self.x, map),
            "y" => once(&mut self.y, map),
            "n" => once(&mut self.n, map),
            "e" => once(&mut self.e, map),
            "d" | "k" | "p" | "q" | "dp" | "dq" | "qi" | "oth" => {
                map.next_value::<Anything>()?;
                self.private = true;
                Ok(Taken::Yes)
            }
            _ => Ok(Taken::No),
        }
    }
}

impl VerifyingKey {
    /// A public key from the JSON of a JWK.
    ///
    /// `alg`, `use`, `key_ops` and `crv` are enforced. Without `alg`, an RSA key is one for RS256, an EC
    /// key one for its curve's algorithm.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when it is malformed, private, for another purpose, or too weak. A symmetric key
    /// (`oct`) is private: take it with [`hmac`](Self::hmac), never from a document.
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
        if usage && operations {
            Ok(())
        } else {
            Err(KeyError::Purpose)
        }
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
        if fits {
            Ok(named)
        } else {
            Err(KeyError::Algorithm)
        }
    }
}

fn text<'a>(member: &'a Option<Text<'_>>) -> Option<&'a str> {
    member.as_ref().map(|Text(text)| &**text)
}

fn bytes(member: &Option<Text<'_>>) -> Result<Vec<u8>, KeyError> {
    text(member)
        .and_then(|text| base64url::decode(text.as_bytes()))
        .ok_or(KeyError::Malformed)
}

/// RFC 7518 §6.2.1.2: a coordinate has the full size of the curve's field.
fn fixed(member: &Option<Text<'_>>, size: usize) -> Result<Vec<u8>, KeyError> {
    Some(bytes(member)?)
        .filter(|bytes| bytes.len() == size)
        .ok_or(KeyError::Malformed)
}

/// The public half of a key, in the members that a JWK shows.
pub(super) enum PublicJwk {
    Okp {
        x: Vec<u8>,
    },
    Ec {
        crv: &'static str,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl PublicJwk {
    /// The required members in lexicographic order, without white space: what RFC 7638 §3 hashes.
    pub(super) fn required(&self) -> String {
        let b64 = |bytes: &[u8]| base64url::encode(bytes);
        match self {
            Self::Okp { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, b64(x)),
            Self::Ec { crv, x, y } => format!(
                r#"{{"crv":"{crv}","kty":"EC","x":"{}","y":"{}"}}"#,
                b64(x),
                b64(y)
            ),
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, b64(e), b64(n)),
        }
    }

    /// The JWK for publication: the required members, `kid`, `use` and `alg`.
    pub(super) fn document(&self, id: &str, algorithm: Algorithm) -> String {
        let required = self.required();
        let members = required.trim_start_matches('{').trim_end_matches('}');
        let id = serde_json::Value::from(id);
        format!(r#"{{{members},"kid":{id},"use":"sig","alg":"{algorithm}"}}"#)
    }
}
