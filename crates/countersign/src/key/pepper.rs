use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::{IssuedKey, KeyPrefix};
use crate::id::Id;
use crate::random::{Random, RandomError};
use crate::time::Timestamp;

/// What is kept of a key's secret: HMAC-SHA256 under a pepper over the length-framed parts
/// `api-key/v1`, id and secret. Comparing takes the same time wherever the two differ.
#[derive(Clone, Copy)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// From the bytes that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a store to keep.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest([redacted])")
    }
}

/// The digest of a key's secret, and the version of the pepper that made it.
#[derive(Clone, Copy, Debug)]
pub struct KeyDigest {
    /// The pepper's version.
    pub pepper: u32,
    /// The digest.
    pub digest: SecretDigest,
}

/// A secret that the store does not hold in clear, so that a stolen database lets nobody test guesses.
/// Peppers have versions: each digest remembers its own.
#[derive(Clone)]
pub struct Pepper {
    version: u32,
    mac: Hmac<Sha256>,
}

impl Pepper {
    /// A pepper from at least 32 bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidPepper`] when there are fewer.
    pub fn new(version: u32, secret: &[u8]) -> Result<Self, InvalidPepper> {
        if secret.len() < 32 {
            return Err(InvalidPepper);
        }
        let mac = Hmac::new_from_slice(secret).map_err(|_| InvalidPepper)?;
        Ok(Self { version, mac })
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The digest of a key's secret.
    #[must_use]
    pub fn digest(&self, id: &Id, secret: &str) -> SecretDigest {
        let mut mac = self.mac.clone();
        for part in [b"api-key/v1".as_slice(), id.as_bytes(), secret.as_bytes()] {
            mac.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            mac.update(part);
        }
        SecretDigest(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper(version {})", self.version)
    }
}

/// Fewer than 32 bytes were given as a pepper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPepper;

impl fmt::Display for InvalidPepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pepper has at least 32 bytes")
    }
}

impl std::error::Error for InvalidPepper {}

/// What a key's secret is judged by: its digest, and, while a rotation's grace lasts, that of the secret before.
/// One pepper made both, so that one digest of what is presented is compared with both.
#[derive(Clone, Copy, Debug)]
pub struct KeyDigests {
    current: KeyDigest,
    previous: Option<(SecretDigest, Timestamp)>,
}

impl KeyDigests {
    /// From what a store kept: the digest, and the previous one with the moment at which it stops working.
    #[must_use]
    pub const fn new(current: KeyDigest, previous: Option<(SecretDigest, Timestamp)>) -> Self {
        Self { current, previous }
    }

    /// The digest of the present secret.
    #[must_use]
    pub const fn current(&self) -> &KeyDigest {
        &self.current
    }

    /// The digest of the secret before, and the moment at which it stops working.
    #[must_use]
    pub const fn previous(&self) -> Option<&(SecretDigest, Timestamp)> {
        self.previous.as_ref()
    }

    /// Until when the secret before works, too.
    #[must_use]
    pub fn grace_until(&self) -> Option<Timestamp> {
        self.previous.map(|(_, until)| until)
    }

    /// One that no secret proves.
    pub(crate) const fn nobody() -> Self {
        let current = KeyDigest {
            pepper: 0,
            digest: SecretDigest([0; 32]),
        };
        Self::new(current, None)
    }
}

/// How a set of API keys is written and verified: the prefix of the keys, and the peppers of their digests. The
/// newest pepper makes new digests; older ones verify the digests that they made.
///
/// The mechanisms that authenticate keys and the registry that creates them take the same `Peppers`, so that they
/// agree on both. Clones share the peppers that [`replace`](Self::replace) sets.
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
    fn get(&self, version: u32) -> Option<&Pepper> {
        let mut all = std::iter::once(&self.newest).chain(&self.older);
        all.find(|pepper| pepper.version == version)
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

    /// Generates a key with this prefix for the credential `id`.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if the generator failed.
    pub fn generate_key(&self, id: &Id, random: &dyn Random) -> Result<IssuedKey, RandomError> {
        super::generate(&self.prefix, id, random)
    }

    /// Puts others in the place of these, for every clone at once.
    pub fn replace(&self, newest: Pepper, older: impl IntoIterator<Item = Pepper>) {
        let older = older.into_iter().collect();
        self.versions.store(Arc::new(Versions { newest, older }));
    }

    /// What to keep of a new secret.
    #[must_use]
    pub fn proof(&self, id: &Id, secret: &str) -> KeyDigests {
        KeyDigests::new(self.digest(id, secret), None)
    }

    /// The digest by the newest pepper.
    pub(crate) fn digest(&self, id: &Id, secret: &str) -> KeyDigest {
        let newest = &self.versions.load().newest;
        KeyDigest {
            pepper: newest.version,
            digest: newest.digest(id, secret),
        }
    }

    /// What to keep of a new secret beside the one before it, which works until `until`. `None`: the pepper of
    /// the one before is not here.
    pub(crate) fn succeed(
        &self,
        before: &KeyDigests,
        id: &Id,
        secret: &str,
        until: Timestamp,
    ) -> Option<KeyDigests> {
        let versions = self.versions.load();
        let pepper = versions.get(before.current.pepper)?;
        let current = KeyDigest {
            pepper: pepper.version,
            digest: pepper.digest(id, secret),
        };
        Some(KeyDigests::new(
            current,
            Some((before.current.digest, until)),
        ))
    }

    /// Judges `secret` by what is `kept`. Exactly one digest and two comparisons are made, also where there
    /// is nothing to compare with: an unknown id takes as long as a wrong secret.
    pub(crate) fn judge(
        &self,
        kept: Option<&KeyDigests>,
        id: &Id,
        secret: &str,
        now: Timestamp,
    ) -> SecretIs {
        let versions = self.versions.load();
        let known = kept.and_then(|kept| Some((versions.get(kept.current.pepper)?, kept)));
        let nobody = KeyDigests::nobody();
        let (pepper, proof) = known.unwrap_or((&versions.newest, &nobody));
        let presented = pepper.digest(id, secret);
        let (before, until) = proof.previous.unwrap_or((nobody.current.digest, now));
        let current = presented.matches(&proof.current.digest);
        let previous = presented.matches(&before) & (now < until);
        match (kept, known) {
            (Some(_), None) => SecretIs::NeverJudged,
            (None, _) => SecretIs::Wrong,
            (Some(_), Some(_)) if current => SecretIs::Right {
                outdated: pepper.version != versions.newest.version && now >= until,
            },
            (Some(_), Some(_)) if previous => SecretIs::Right { outdated: false },
            (Some(_), Some(_)) => SecretIs::Wrong,
        }
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

/// What came of judging a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretIs {
    /// It is the present one, or the one before within its grace. `outdated`: its digest was made with an older
    /// pepper, and can be made anew.
    Right {
        outdated: bool,
    },
    Wrong,
    /// The pepper that its digest was made with is not here.
    NeverJudged,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pepper(version: u32) -> Pepper {
        Pepper::new(version, &[u8::try_from(version).unwrap(); 32]).unwrap()
    }

    #[test]
    fn digest_depends_on_pepper_id_and_secret() {
        let (a, b) = (Id::from_bytes([1; 20]), Id::from_bytes([2; 20]));
        let digest = pepper(1).digest(&a, "s");
        assert!(digest.matches(&pepper(1).digest(&a, "s")));
        assert!(!digest.matches(&pepper(1).digest(&b, "s")));
        assert!(!digest.matches(&pepper(1).digest(&a, "t")));
        assert!(!digest.matches(&pepper(2).digest(&a, "s")));
    }

    #[test]
    fn digest_is_hmac_sha256_over_length_framed_parts() {
        // Python: hmac.new(bytes([1])*32, frame(b"api-key/v1")+frame(bytes([1])*20)+frame(b"s"), "sha256")
        let digest = pepper(1).digest(&Id::from_bytes([1; 20]), "s");
        let hex: String = digest
            .as_bytes()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(
            hex,
            "5f730933c8e22dce1139fe9905a22d3ab1fe6c517f89c79ad826d66fa06853e8"
        );
    }

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn judged(peppers: &Peppers, kept: &KeyDigests, secret: &str, now: Timestamp) -> SecretIs {
        peppers.judge(Some(kept), &Id::from_bytes([1; 20]), secret, now)
    }

    #[test]
    fn secret_matches_under_the_version_that_made_it_and_no_other() {
        let id = Id::from_bytes([1; 20]);
        let digest = pepper(1).digest(&id, "s");
        let peppers = Peppers::new(pepper(2), [pepper(1)]);
        let kept = |pepper| KeyDigests::new(KeyDigest { pepper, digest }, None);
        let right = SecretIs::Right { outdated: true };
        assert_eq!(judged(&peppers, &kept(1), "s", NOW), right);
        assert_eq!(judged(&peppers, &kept(1), "t", NOW), SecretIs::Wrong);
        assert_eq!(judged(&peppers, &kept(2), "s", NOW), SecretIs::Wrong);
        assert_eq!(peppers.judge(None, &id, "s", NOW), SecretIs::Wrong);
    }

    #[test]
    fn secret_is_never_judged_when_its_pepper_is_not_here() {
        let peppers = Peppers::new(pepper(2), [pepper(1)]);
        let digest = pepper(3).digest(&Id::from_bytes([1; 20]), "s");
        let kept = KeyDigests::new(KeyDigest { pepper: 3, digest }, None);
        for secret in ["s", "t"] {
            assert_eq!(judged(&peppers, &kept, secret, NOW), SecretIs::NeverJudged);
        }
        peppers.replace(pepper(3), []);
        let right = SecretIs::Right { outdated: false };
        assert_eq!(judged(&peppers.clone(), &kept, "s", NOW), right);
    }

    #[test]
    fn secret_before_works_until_its_grace_ends_and_the_present_one_on() {
        let id = Id::from_bytes([1; 20]);
        let peppers = Peppers::new(pepper(1), []);
        let until = NOW.plus(std::time::Duration::from_secs(60));
        let kept = peppers.succeed(&peppers.proof(&id, "old"), &id, "new", until);
        let kept = kept.unwrap();
        let right = SecretIs::Right { outdated: false };
        let last = Timestamp::from_unix_millis(until.unix_millis() - 1);
        assert_eq!(judged(&peppers, &kept, "new", NOW), right);
        assert_eq!(judged(&peppers, &kept, "old", last), right);
        assert_eq!(judged(&peppers, &kept, "old", until), SecretIs::Wrong);
        assert_eq!(judged(&peppers, &kept, "new", until), right);
    }

    #[test]
    fn both_secrets_of_a_rotation_have_one_pepper_and_stay_as_they_are_until_its_grace_ends() {
        let id = Id::from_bytes([1; 20]);
        let peppers = Peppers::new(pepper(1), []);
        let first = peppers.proof(&id, "old");
        peppers.replace(pepper(2), [pepper(1)]);
        let until = NOW.plus(std::time::Duration::from_secs(60));
        let kept = peppers.succeed(&first, &id, "new", until).unwrap();
        assert_eq!(kept.current().pepper, 1);
        let within = SecretIs::Right { outdated: false };
        let after = SecretIs::Right { outdated: true };
        assert_eq!(judged(&peppers, &kept, "new", NOW), within);
        assert_eq!(judged(&peppers, &kept, "old", NOW), within);
        assert_eq!(judged(&peppers, &kept, "new", until), after);
    }

    #[test]
    fn nobody_s_digest_matches_nothing_not_even_within_no_grace() {
        let peppers = Peppers::new(pepper(1), []);
        assert_eq!(
            judged(
                &peppers,
                &peppers.proof(&Id::from_bytes([2; 20]), "s"),
                "s",
                NOW
            ),
            SecretIs::Wrong
        );
    }

    #[test]
    fn pepper_rejected_when_shorter_than_32_bytes() {
        assert_eq!(Pepper::new(1, &[0; 31]).unwrap_err(), InvalidPepper);
    }
}
