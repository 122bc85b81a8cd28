use std::sync::atomic::{AtomicU64, Ordering};

use super::json::{self, Raw, members};
use super::{Algorithm, KeyError, VerifyingKey};

/// The largest number of keys in a document.
const MAX_KEYS: usize = 1000;

members! {
    struct Document<'a> {
        keys: Vec<Raw<'a>> = "keys",
    }
}

/// The verifying keys of one issuer.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    /// Sorted by key id, those without one first.
    keys: Vec<VerifyingKey>,
    /// 0 only without keys.
    version: u64,
}

impl KeySet {
    fn of(mut keys: Vec<VerifyingKey>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        keys.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        Self {
            keys,
            version: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Creates a set of keys.
    ///
    /// # Errors
    ///
    /// [`KeyError::Ambiguous`] if two keys have the same algorithm and the same key id, or both none: only one key may be
    /// able to verify a token.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Result<Self, KeyError> {
        let mut distinct: Vec<VerifyingKey> = Vec::new();
        for key in keys {
            if distinct.iter().any(|other| ambiguous(other, &key)) {
                return Err(KeyError::Ambiguous);
            }
            distinct.push(key);
        }
        Ok(Self::of(distinct))
    }

    /// Parses a JWK set (RFC 7517 §5). Returns the usable keys, and an error for each of the others.
    ///
    /// A key that is not usable, or of an unknown kind, does not invalidate the others. A repeated key counts once. Of
    /// two different keys with the same algorithm and key id, neither is used.
    ///
    /// # Errors
    ///
    /// [`KeyError::Malformed`] if the document is not a JWK set, or has more than 1,000 keys.
    ///
    /// ```
    /// use countersign::jose::{KeyError, KeySet};
    ///
    /// // The key of RFC 8037 A.2, one of an unknown kind, and a symmetric one.
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

    /// Parses a JWK set of at most `max_keys` keys.
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
        for Raw(jwk) in listed {
            match VerifyingKey::from_jwk(jwk) {
                Ok(key) => keys.push(key),
                Err(error) => dropped.push(error),
            }
        }
        let mut distinct: Vec<VerifyingKey> = Vec::new();
        for key in keys {
            match distinct.iter_mut().find(|other| other.is_same_key(&key)) {
                // With and without a key id, it is one key.
                Some(other) if other.id().is_none() => *other = key,
                Some(_) => {}
                None => distinct.push(key),
            }
        }
        // Each key is ambiguous with itself.
        let mut keys = distinct.clone();
        keys.retain(|key| {
            distinct
                .iter()
                .filter(|other| ambiguous(key, other))
                .count()
                == 1
        });
        let removed = distinct.len() - keys.len();
        dropped.extend(std::iter::repeat_n(KeyError::Ambiguous, removed));
        Ok((Self::of(keys), dropped))
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the version: a number that no other set of this process has, except for clones.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Returns whether both sets have the same keys under the same ids. Two HMAC keys are the same only if
    /// one is a clone of the other.
    pub(super) fn has_same_keys(&self, other: &Self) -> bool {
        self.keys.len() == other.keys.len()
            && std::iter::zip(&self.keys, &other.keys).all(|(a, b)| a.is_identical(b))
    }

    /// Returns the key for a token with this `alg` and `kid`: the key with this id, else the key without one. For a
    /// token without `kid`, it is the only key for the algorithm. Returns `None` if there is no such key, or more than
    /// one.
    pub(crate) fn find<'k>(
        &'k self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> Option<&'k VerifyingKey> {
        let only = |keys: &'k [VerifyingKey]| {
            let mut keys = keys.iter().filter(|key| key.algorithm() == algorithm);
            keys.next().filter(|_| keys.next().is_none())
        };
        match id {
            None => only(&self.keys),
            Some(_) => only(self.with_id(id)).or_else(|| only(self.with_id(None))),
        }
    }

    /// Returns the keys with this id, or those without one.
    fn with_id(&self, id: Option<&str>) -> &[VerifyingKey] {
        let start = self.keys.partition_point(|key| key.id() < id);
        let rest = self.keys.get(start..).unwrap_or_default();
        let end = rest.partition_point(|key| key.id() == id);
        rest.get(..end).unwrap_or_default()
    }

    /// Returns whether a key has this id, for any algorithm.
    #[cfg(feature = "remote")]
    pub(crate) fn has_id(&self, id: &str) -> bool {
        !self.with_id(Some(id)).is_empty()
    }

    pub(crate) fn has_hmac_and_public(&self) -> bool {
        let hmac = |key: &VerifyingKey| key.algorithm().is_hmac();
        self.keys.iter().any(hmac) && !self.keys.iter().all(hmac)
    }
}

/// The reason why a JWK set is rejected.
pub(crate) enum JwksError {
    Malformed,
    TooMany,
}

fn sort_key(key: &VerifyingKey) -> (Option<&str>, &str) {
    (key.id(), key.algorithm().as_str())
}

fn ambiguous(a: &VerifyingKey, b: &VerifyingKey) -> bool {
    a.algorithm() == b.algorithm() && a.id() == b.id()
}
