//! Keys that are replaced while they are used.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};

use super::{KeyError, KeySet, SigningKey};
use crate::time::Timestamp;

/// The verifying keys of an issuer, which can be replaced at any time. Clones share them. Reading takes no lock.
#[derive(Clone, Debug)]
pub struct SharedKeySet(Arc<Replaceable>);

#[derive(Debug)]
struct Replaceable {
    keys: ArcSwap<KeySet>,
    /// The version of the keys, which every request with a cached token reads: loading it is cheaper than loading the keys.
    version: AtomicU64,
    replacing: Mutex<()>,
}

impl SharedKeySet {
    /// Creates the shared set with these keys.
    #[must_use]
    pub fn new(keys: KeySet) -> Self {
        Self(Arc::new(Replaceable {
            version: AtomicU64::new(keys.version()),
            keys: ArcSwap::from_pointee(keys),
            replacing: Mutex::new(()),
        }))
    }

    /// Replaces all keys. Every authentication that begins later uses the new ones.
    pub fn replace(&self, keys: KeySet) {
        // Otherwise two calls at the same time could leave the keys of one with the version of the other.
        let replacing = &self.0.replacing;
        let _one_at_a_time = replacing.lock().unwrap_or_else(PoisonError::into_inner);
        // Tokens that were verified with the same keys stay in the caches.
        if !self.load().has_same_keys(&keys) {
            let version = keys.version();
            self.0.keys.store(Arc::new(keys));
            self.0.version.store(version, Ordering::Release);
        }
    }

    pub(crate) fn load(&self) -> Guard<Arc<KeySet>> {
        self.0.keys.load()
    }

    /// Returns the version of the keys.
    pub(crate) fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }
}

impl From<KeySet> for SharedKeySet {
    fn from(keys: KeySet) -> Self {
        Self::new(keys)
    }
}

/// The signing keys of an issuer, each with the time from which it signs. Clones share them.
///
/// Three rules allow rotation without a rejected token: publish a key before it signs; of the keys whose
/// time has come, the latest signs; keep a key that no longer signs until its last token has expired.
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
/// // Both keys are published. The old one signs until the time of the new one.
/// assert!(keys.jwks().contains(old.id()) && keys.jwks().contains(new.id()));
/// assert_eq!(keys.signing_at(at(199)).unwrap().id(), old.id());
/// assert_eq!(keys.signing_at(at(200)).unwrap().id(), new.id());
/// assert!(keys.signing_at(at(99)).is_none());
///
/// // A set in which two keys could verify one token is rejected, and the old keys stay in use.
/// let repeated = keys.replace([(old.clone(), at(100)), (old, at(200))]);
/// assert_eq!(repeated, Err(KeyError::Ambiguous));
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
    /// Sorted by time, latest first.
    keys: Vec<(SigningKey, Timestamp)>,
    jwks: Arc<str>,
}

impl SigningKeys {
    /// Creates the set of keys.
    ///
    /// # Errors
    ///
    /// - [`KeyError::Ambiguous`] if a key is repeated.
    /// - [`KeyError::Mixed`] if HMAC secrets and key pairs are mixed (RFC 8725 §3.1).
    /// - Those of [`SigningKey::verifying_key`].
    pub fn new(keys: impl IntoIterator<Item = (SigningKey, Timestamp)>) -> Result<Self, KeyError> {
        let (set, verifying) = prepare(keys)?;
        Ok(Self(Arc::new(Inner {
            signing: ArcSwap::from_pointee(set),
            verifying: SharedKeySet::new(verifying),
        })))
    }

    /// Replaces all keys, for every clone, mint and verifier at once.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new). The old keys stay in use.
    pub fn replace(
        &self,
        keys: impl IntoIterator<Item = (SigningKey, Timestamp)>,
    ) -> Result<(), KeyError> {
        let (set, verifying) = prepare(keys)?;
        // In this order, so that this process never signs a token that it would reject.
        self.0.verifying.replace(verifying);
        self.0.signing.store(Arc::new(set));
        Ok(())
    }

    /// Returns the key that signs at this time, or `None` if it is before the time of every key.
    #[must_use]
    pub fn signing_at(&self, now: Timestamp) -> Option<SigningKey> {
        let set = self.0.signing.load();
        let found = set.keys.iter().find(|(_, from)| *from <= now);
        found.map(|(key, _)| key.clone())
    }

    /// Returns the time from which the key signs that signs at this time, or `None` if it is before the time of every key.
    #[must_use]
    pub fn signing_since(&self, now: Timestamp) -> Option<Timestamp> {
        let set = self.0.signing.load();
        set.keys
            .iter()
            .map(|(_, from)| *from)
            .find(|from| *from <= now)
    }

    /// Returns the keys that verify the tokens. Later replacements apply to them too.
    #[must_use]
    pub fn key_set(&self) -> SharedKeySet {
        self.0.verifying.clone()
    }

    /// Returns the JWK set for verifiers (RFC 7517 §5) in JSON. It does not contain HMAC secrets.
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
    let public = keys.iter().map(|(key, _)| key.verifying_key());
    let verifying = KeySet::new(public.collect::<Result<Vec<_>, _>>()?)?;
    if verifying.has_hmac_and_public() {
        return Err(KeyError::Mixed);
    }
    let jwks = keys.iter().filter_map(|(key, _)| key.public_jwk());
    let jwks = jwks.collect::<Vec<_>>().join(",");
    let jwks = format!(r#"{{"keys":[{jwks}]}}"#).into();
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
