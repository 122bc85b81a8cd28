use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::json::{self, Members, Taken, once};
use super::{Algorithm, KeyError, VerifyingKey};

/// The longest list of keys that a document may have.
const MAX_KEYS: usize = 1000;

/// The keys of one issuer.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<VerifyingKey>,
}

impl KeySet {
    /// A set of keys.
    ///
    /// # Errors
    ///
    /// [`KeyError::Ambiguous`] when two have the same key id, or one of two for the same algorithm has none: a
    /// token must lead to one key.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Result<Self, KeyError> {
        let mut set = Self::default();
        for key in keys {
            if set.keys.iter().any(|other| ambiguous(other, &key)) {
                return Err(KeyError::Ambiguous);
            }
            set.keys.push(key);
        }
        Ok(set)
    }

    /// The usable keys of a JWK set (RFC 7517 §5), and why the others are not usable.
    ///
    /// One unusable key never spoils the set, and neither does one of an unknown kind. Where two
    /// keys could verify the same token, neither is used.
    ///
    /// # Errors
    ///
    /// [`KeyError::Malformed`] when the document is not a JWK set, or has more than 1,000 keys.
    ///
    /// ```
    /// use countersign::jose::{KeyError, KeySet};
    ///
    /// // RFC 8037 A.2, beside a key of a kind that is unknown here and a symmetric one.
    /// let (set, dropped) = KeySet::from_jwks(r#"{"keys":[
    ///     {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ///     {"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"},
    ///     {"kty":"oct","k":"AAAA"}
    /// ]}"#)?;
    /// assert_eq!(set.len(), 1);
    /// assert_eq!(dropped, [KeyError::Algorithm, KeyError::Private]);
    ///
    /// assert!(KeySet::from_jwks("[]").is_err());
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn from_jwks(json: &str) -> Result<(Self, Vec<KeyError>), KeyError> {
        Self::from_jwks_of(json, MAX_KEYS).map_err(|_| KeyError::Malformed)
    }

    /// The same, of a list of at most `max_keys`.
    pub(crate) fn from_jwks_of(
        json: &str,
        max_keys: usize,
    ) -> Result<(Self, Vec<KeyError>), JwksError> {
        let document: Document<'_> = json::object(json.as_bytes()).ok_or(JwksError::Malformed)?;
        let listed = document.keys.ok_or(JwksError::Malformed)?;
        if listed.len() > max_keys {
            return Err(JwksError::TooMany);
        }
        let mut keys = Vec::new();
        let mut dropped = Vec::new();
        for jwk in listed {
            match VerifyingKey::from_jwk(jwk.get()) {
                Ok(key) => keys.push(key),
                Err(error) => dropped.push(error),
            }
        }
        let clashes: Vec<bool> = keys
            .iter()
            .enumerate()
            .map(|(i, key)| {
                keys.iter()
                    .enumerate()
                    .any(|(j, other)| i != j && ambiguous(key, other))
            })
            .collect();
        let mut clashes = clashes.into_iter();
        keys.retain(|_| {
            let clash = clashes.next().unwrap_or(true);
            if clash {
                dropped.push(KeyError::Ambiguous);
            }
            !clash
        });
        Ok((Self { keys }, dropped))
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The one key that may verify a token with this `alg` and `kid`. A token without `kid` leads to a
    /// key only if there is one of its algorithm.
    pub(crate) fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Option<&VerifyingKey> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.algorithm() == algorithm && (id.is_none() || key.id().is_none() || key.id() == id)
        });
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(key),
            _ => None,
        }
    }

    /// Whether a key has this id, for whatever algorithm.
    #[cfg(feature = "remote")]
    pub(crate) fn has_id(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id() == Some(id))
    }

    pub(crate) fn has_hmac_and_public(&self) -> bool {
        let hmac = |key: &VerifyingKey| key.algorithm().is_hmac();
        self.keys.iter().any(hmac) && !self.keys.iter().all(hmac)
    }
}

/// Why a text is not taken as a JWK set.
pub(crate) enum JwksError {
    Malformed,
    TooMany,
}

fn ambiguous(a: &VerifyingKey, b: &VerifyingKey) -> bool {
    let same_id = a.id() == b.id();
    let unnamed = a.id().is_none() || b.id().is_none();
    (same_id && a.id().is_some()) || (unnamed && a.algorithm() == b.algorithm())
}

#[derive(Default)]
struct Document<'a> {
    keys: Option<Vec<&'a RawValue>>,
}

impl<'de> Members<'de> for Document<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<Taken, A::Error> {
        match name {
            "keys" => once(&mut self.keys, map),
            _ => Ok(Taken::No),
        }
    }
}
