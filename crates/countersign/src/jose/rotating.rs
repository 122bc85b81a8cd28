//! Keys that change while they are used.

use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::{KeyError, KeySet, SigningKey};
use crate::time::Timestamp;

/// An issuer's verifying keys, which others may replace at any time. Clones share them; reading takes no lock.
#[derive(Clone, Debug)]
pub struct SharedKeySet(Arc<ArcSwap<KeySet>>);

impl SharedKeySet {
    /// These keys, until they are replaced.
    #[must_use]
    pub fn new(keys: KeySet) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(keys)))
    }

    /// Puts others in the place of all of them. Every judgement that begins from now on sees the new ones.
    pub fn replace(&self, keys: KeySet) {
        self.0.store(Arc::new(keys));
    }

    pub(crate) fn load(&self) -> Guard<Arc<KeySet>> {
        self.0.load()
    }
}

impl From<KeySet> for SharedKeySet {
    fn from(keys: KeySet) -> Self {
        Self::new(keys)
    }
}

/// An issuer's signing keys, each with the moment from which it signs. Clones share them.
///
/// Keys are rotated without a rejected token by three rules: a key is published before it signs, the one
/// that began last signs, and a key that signs no more stays until its last token has expired.
///
/// ```
/// use countersign::jose::{Algorithm, KeyError, SigningKey, SigningKeys};
/// use countersign::random::SystemRandom;
/// use countersign::time::Timestamp;
///
/// let at = Timestamp::from_unix_seconds;
/// let old = SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?;
/// let new = SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?;
/// let keys = SigningKeys::new([(old.clone(), at(100)), (new.clone(), at(200))])?;
///
/// // Both are published; the old one signs until the new one begins.
/// assert!(keys.jwks().contains(old.id()) && keys.jwks().contains(new.id()));
/// assert_eq!(keys.signing_at(at(199)).unwrap().id(), old.id());
/// assert_eq!(keys.signing_at(at(200)).unwrap().id(), new.id());
/// assert!(keys.signing_at(at(99)).is_none());
///
/// // A set that leads one token to two keys is refused, and the old set stays.
/// let twice = keys.replace([(old.clone(), at(100)), (old, at(200))]);
/// assert_eq!(twice, Err(KeyError::Ambiguous));
/// assert_eq!(keys.signing_at(at(200)).unwrap().id(), new.id());
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone)]
pub struct SigningKeys(Arc<Inner>);

struct Inner {
    signing: ArcSwap<Set>,
    verifying: SharedKeySet,
}

struct Set {
    /// Those that begin last come first.
    keys: Vec<(SigningKey, Timestamp)>,
    jwks: Arc<str>,
}

impl SigningKeys {
    /// These keys.
    ///
    /// # Errors
    ///
    /// [`KeyError::Ambiguous`] when one is there twice, [`KeyError::Mixed`] when HMAC secrets stand beside key
    /// pairs (RFC 8725 §3.1), or what the cryptographic library says of a key's verifying half.
    pub fn new(keys: impl IntoIterator<Item = (SigningKey, Timestamp)>) -> Result<Self, KeyError> {
        let (set, verifying) = prepare(keys)?;
        Ok(Self(Arc::new(Inner {
            signing: ArcSwap::from_pointee(set),
            verifying: SharedKeySet::new(verifying),
        })))
    }

    /// Puts others in the place of all of them, for every clone, mint and verifier at once.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new). The old ones stay then.
    pub fn replace(
        &self,
        keys: impl IntoIterator<Item = (SigningKey, Timestamp)>,
    ) -> Result<(), KeyError> {
        let (set, verifying) = prepare(keys)?;
        // In this order: nothing is signed that this process would refuse.
        self.0.verifying.replace(verifying);
        self.0.signing.store(Arc::new(set));
        Ok(())
    }

    /// The one that signs at this moment; `None` while none has begun.
    #[must_use]
    pub fn signing_at(&self, now: Timestamp) -> Option<SigningKey> {
        let set = self.0.signing.load();
        let found = set.keys.iter().find(|(_, from)| *from <= now);
        found.map(|(key, _)| key.clone())
    }

    /// What verifies their tokens, also after they were replaced.
    #[must_use]
    pub fn key_set(&self) -> SharedKeySet {
        self.0.verifying.clone()
    }

    /// The JWK set (RFC 7517 §5) that verifiers need, in JSON. HMAC secrets are not in it.
    #[must_use]
    pub fn jwks(&self) -> Arc<str> {
        Arc::clone(&self.0.signing.load().jwks)
    }
}

fn prepare(
    keys: impl IntoIterator<Item = (SigningKey, Timestamp)>,
) -> Result<(Set, KeySet), KeyError> {
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort_by_key(|(_, from)| std::cmp::Reverse(*from));
    let halves = keys.iter().map(|(key, _)| key.verifying_key());
    let verifying = KeySet::new(halves.collect::<Result<Vec<_>, _>>()?)?;
    if verifying.has_hmac_and_public() {
        return Err(KeyError::Mixed);
    }
    let public: Vec<_> = keys
        .iter()
        .filter_map(|(key, _)| key.public_jwk())
        .collect();
    let jwks = format!(r#"{{"keys":[{}]}}"#, public.join(",")).into();
    Ok((Set { keys, jwks }, verifying))
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.0.signing.load();
        f.debug_list()
            .entries(set.keys.iter().map(|(key, _)| key))
            .finish()
    }
}
