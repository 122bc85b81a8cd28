use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::imported::ImportedDigest;
use super::{ImportedKey, IssuedKey, KeyDigest, KeyDigests, KeyPrefix, Pepper, SecretDigest};
use crate::id::Id;
use crate::random::{Random, RandomError};
use crate::reason::Reason;
use crate::time::Timestamp;

/// How a set of API keys is written and verified: the prefix of the keys, and the peppers of their digests. The newest
/// pepper makes new digests. Older ones verify the digests that they made.
///
/// The mechanisms that authenticate keys and the registry that creates them take the same `Peppers`, so that they agree
/// on both. Clones share the peppers that [`replace`](Self::replace) sets.
#[derive(Clone)]
pub struct Peppers {
    prefix: KeyPrefix,
    versions: Arc<ArcSwap<Versions>>,
}

struct Versions {
    newest: Pepper,
    older: Box<[Pepper]>,
}

impl Versions {
    fn all(&self) -> impl Iterator<Item = &Pepper> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    fn get(&self, version: u32) -> Option<&Pepper> {
        self.all().find(|pepper| pepper.version() == version)
    }
}

impl Peppers {
    /// Creates the peppers from the `newest` and the `older` ones that stored digests were made with. Keys have the
    /// default prefix `cs`.
    #[must_use]
    pub fn new(newest: Pepper, older: impl IntoIterator<Item = Pepper>) -> Self {
        let older = older.into_iter().collect();
        Self {
            prefix: KeyPrefix::default(),
            versions: Arc::new(ArcSwap::from_pointee(Versions { newest, older })),
        }
    }

    /// Sets the prefix of the keys. Keys of any other prefix are rejected.
    ///
    /// ```
    /// use countersign::directory::MemoryDirectory;
    /// use countersign::key::{Pepper, Peppers};
    /// use countersign::mechanism::ApiKeys;
    /// use countersign::random::SystemRandom;
    /// use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
    /// use countersign::time::SystemClock;
    /// use countersign::{AuthLayer, Scopes};
    /// use http::{Request, Response};
    /// use std::{convert::Infallible, sync::Arc};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # tokio_test::block_on(async {
    /// let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
    /// let other = peppers.clone();
    /// let peppers = peppers.with_prefix("acme".parse()?);
    /// let directory = Arc::new(MemoryDirectory::default());
    /// let create = async |peppers: &Peppers| {
    ///     let directory = Arc::clone(&directory);
    ///     let registry =
    ///         MemoryRegistry::new(directory, peppers.clone(), SystemClock, SystemRandom).unwrap();
    ///     let new = NewKey::new("ci", Scopes::none());
    ///     registry.create_key(&Caller::operator("me"), new).await.unwrap().issued.key
    /// };
    ///
    /// let keys = ApiKeys::new(directory.clone(), peppers.clone());
    /// let service = AuthLayer::builder().primary(keys).build()?.layer(service_fn(
    ///     async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new())),
    /// ));
    /// for (peppers, prefix, status) in [(&peppers, "acme_", 200), (&other, "cs_", 401)] {
    ///     let key = create(peppers).await;
    ///     assert!(key.expose().starts_with(prefix));
    ///     let request = Request::get("/").header("x-api-key", key.expose()).body(())?;
    ///     assert_eq!(service.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn with_prefix(mut self, prefix: KeyPrefix) -> Self {
        self.prefix = prefix;
        self
    }

    /// Returns the prefix of the keys.
    #[must_use]
    pub fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// Generates an API key with this prefix for the credential `id`.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if the generator failed.
    pub fn generate_key(&self, id: &Id, random: &dyn Random) -> Result<IssuedKey, RandomError> {
        super::generate(&self.prefix, id, random)
    }

    /// Replaces the peppers, for every clone at once.
    pub fn replace(&self, newest: Pepper, older: impl IntoIterator<Item = Pepper>) {
        let older = older.into_iter().collect();
        self.versions.store(Arc::new(Versions { newest, older }));
    }

    /// Returns the pepper with this version.
    #[must_use]
    pub fn get(&self, version: u32) -> Option<Pepper> {
        self.versions.load().get(version).cloned()
    }

    /// Returns the digests to store for the first secret of a key.
    #[must_use]
    pub fn digests(&self, id: &Id, secret: &str) -> KeyDigests {
        KeyDigests::new(digest(&self.versions.load().newest, id, secret), None)
    }

    /// Returns the digests under which an imported key may be stored, that to store first. There is none if the pepper of
    /// an HMAC is missing.
    #[must_use]
    pub fn imported(&self, key: &ImportedKey) -> Vec<KeyDigest> {
        let versions = self.versions.load();
        let digest = |pepper: &Pepper| match key.0 {
            ImportedDigest::Sha256(sha256) if !pepper.is_imported() => {
                Some(pepper.digest_sha256(&sha256))
            }
            ImportedDigest::Hmac(version, digest)
                if pepper.is_imported() && pepper.version() == version =>
            {
                Some(SecretDigest::from_bytes(digest))
            }
            _ => None,
        };
        let digests = versions
            .all()
            .filter_map(|pepper| Some((pepper.version(), digest(pepper)?)));
        digests
            .map(|(pepper, digest)| KeyDigest { pepper, digest })
            .collect()
    }

    /// Returns the digest of a presented key under each pepper, that of the newest first.
    pub(crate) fn digests_of_whole(&self, key: &[u8]) -> Vec<KeyDigest> {
        let versions = self.versions.load();
        let digests = versions.all().map(|pepper| KeyDigest {
            pepper: pepper.version(),
            digest: pepper.digest_whole(key),
        });
        digests.collect()
    }

    /// Returns the digests to store for the next secret of a key, whose previous secret stays valid until `until`.
    /// Returns `None` if the pepper of `previous` is missing.
    pub(crate) fn rotate(
        &self,
        previous: &KeyDigests,
        id: &Id,
        secret: &str,
        until: Timestamp,
    ) -> Option<KeyDigests> {
        let versions = self.versions.load();
        let pepper = versions.get(previous.current.pepper)?;
        let current = digest(pepper, id, secret);
        Some(KeyDigests::new(
            current,
            Some((previous.current.digest, until)),
        ))
    }

    /// Verifies a presented secret against the `stored` digests. Returns a digest by the newest pepper if the stored one
    /// should be replaced with it.
    ///
    /// One digest and two comparisons are made in any case, so that an unknown id takes as long as a wrong secret.
    pub(crate) fn verify(
        &self,
        stored: Option<&KeyDigests>,
        id: &Id,
        secret: &[u8],
        now: Timestamp,
    ) -> Result<Option<KeyDigest>, Reason> {
        let versions = self.versions.load();
        let pepper = stored.and_then(|stored| versions.get(stored.current.pepper));
        let digests = stored.unwrap_or(&KeyDigests::DUMMY);
        let presented = pepper.unwrap_or(&versions.newest);
        let presented = presented.digest_bytes(id, secret);
        let (previous, until) = digests
            .previous
            .unwrap_or((SecretDigest::from_bytes([0; 32]), now));
        let is_current = presented.matches(&digests.current.digest);
        let is_previous = presented.matches(&previous) & (now < until);
        if stored.is_none() {
            return Err(Reason::CredentialUnknown);
        }
        let pepper = pepper.ok_or(Reason::PepperMissing)?;
        if !is_current && !is_previous {
            return Err(Reason::SecretWrong);
        }
        let newest = &versions.newest;
        let is_outdated = is_current && pepper.version() != newest.version() && now >= until;
        Ok(is_outdated.then(|| KeyDigest {
            pepper: newest.version(),
            digest: newest.digest_bytes(id, secret),
        }))
    }
}

fn digest(pepper: &Pepper, id: &Id, secret: &str) -> KeyDigest {
    KeyDigest {
        pepper: pepper.version(),
        digest: pepper.digest(id, secret),
    }
}

impl fmt::Debug for Peppers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versions = self.versions.load();
        f.debug_struct("Peppers")
            .field("prefix", &self.prefix)
            .field("newest", &versions.newest)
            .field("older", &versions.older)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    /// The stored digest matches, and is up to date or outdated.
    const CURRENT: Result<bool, Reason> = Ok(false);
    const OUTDATED: Result<bool, Reason> = Ok(true);
    const WRONG: Result<bool, Reason> = Err(Reason::SecretWrong);

    fn id() -> Id {
        Id::from_bytes([1; 20])
    }

    fn pepper(version: u32) -> Pepper {
        Pepper::new(version, &[u8::try_from(version).unwrap(); 32]).unwrap()
    }

    /// Verifies a secret, and returns whether its stored digest is outdated.
    fn verify(
        peppers: &Peppers,
        stored: &KeyDigests,
        secret: &str,
        now: Timestamp,
    ) -> Result<bool, Reason> {
        let upgrade = peppers.verify(Some(stored), &id(), secret.as_bytes(), now)?;
        if let Some(upgrade) = upgrade {
            let upgraded = KeyDigests::new(upgrade, None);
            assert_eq!(verify(peppers, &upgraded, secret, now), CURRENT);
        }
        Ok(upgrade.is_some())
    }

    #[test]
    fn secret_matches_only_under_the_pepper_of_its_digest() {
        let digest = pepper(1).digest(&id(), "s");
        let peppers = Peppers::new(pepper(2), [pepper(1)]);
        let stored = |pepper| KeyDigests::new(KeyDigest { pepper, digest }, None);
        assert_eq!(verify(&peppers, &stored(1), "s", NOW), OUTDATED);
        assert_eq!(verify(&peppers, &stored(1), "t", NOW), WRONG);
        assert_eq!(verify(&peppers, &stored(2), "s", NOW), WRONG);
        let unknown = peppers.verify(None, &id(), b"s", NOW).map(drop);
        assert_eq!(unknown, Err(Reason::CredentialUnknown));
    }

    #[test]
    fn secret_cannot_be_verified_while_its_pepper_is_missing() {
        let peppers = Peppers::new(pepper(2), [pepper(1)]);
        let digest = pepper(3).digest(&id(), "s");
        let stored = KeyDigests::new(KeyDigest { pepper: 3, digest }, None);
        for secret in ["s", "t"] {
            assert_eq!(
                verify(&peppers, &stored, secret, NOW),
                Err(Reason::PepperMissing)
            );
        }
        peppers.replace(pepper(3), []);
        assert_eq!(verify(&peppers.clone(), &stored, "s", NOW), CURRENT);
    }

    #[test]
    fn previous_secret_is_valid_until_its_grace_period_ends_and_the_current_one_longer() {
        let peppers = Peppers::new(pepper(1), []);
        let until = NOW.plus(std::time::Duration::from_secs(60));
        let stored = peppers.rotate(&peppers.digests(&id(), "old"), &id(), "new", until);
        let stored = stored.unwrap();
        let last = Timestamp::from_unix_millis(until.unix_millis() - 1);
        assert_eq!(verify(&peppers, &stored, "new", NOW), CURRENT);
        assert_eq!(verify(&peppers, &stored, "old", last), CURRENT);
        assert_eq!(verify(&peppers, &stored, "old", until), WRONG);
        assert_eq!(verify(&peppers, &stored, "new", until), CURRENT);
    }

    #[test]
    fn both_secrets_of_a_rotation_have_one_pepper_until_the_grace_period_ends() {
        let peppers = Peppers::new(pepper(1), []);
        let first = peppers.digests(&id(), "old");
        peppers.replace(pepper(2), [pepper(1)]);
        let until = NOW.plus(std::time::Duration::from_secs(60));
        let stored = peppers.rotate(&first, &id(), "new", until).unwrap();
        assert_eq!(stored.current.pepper, 1);
        assert_eq!(verify(&peppers, &stored, "new", NOW), CURRENT);
        assert_eq!(verify(&peppers, &stored, "old", NOW), CURRENT);
        assert_eq!(verify(&peppers, &stored, "new", until), OUTDATED);
    }

    #[test]
    fn digest_of_another_id_does_not_match() {
        let peppers = Peppers::new(pepper(1), []);
        let other = peppers.digests(&Id::from_bytes([2; 20]), "s");
        assert_eq!(verify(&peppers, &other, "s", NOW), WRONG);
    }
}
