use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use http::HeaderName;

use crate::credentials::{Carrier, ClientAddress, Credentials, RequestHead, Scheme};
use crate::directory::{DigestUpgrade, Directory, StoredSecret, Usage};
use crate::id::Id;
use crate::jose::looks_like_jws;
use crate::key::{ApiKey, InvalidKey, Peppers};
use crate::mechanism::failures::{Client, Throttled};
use crate::mechanism::stored::revalidate_stored;
use crate::mechanism::{CredentialSelector, FailureLimit, Mechanism, Outcome, sealed};
use crate::principal::{Identity, Principal};
use crate::reason::Reason;
use crate::rejection::Challenge;
use crate::time::Timestamp;

/// The lengths of imported keys, in bytes. A shorter one could be guessed, or be the text of an unset variable.
const IMPORTED_LENGTHS: RangeInclusive<usize> = 16..=1024;
/// What failures of keys that are not of this system's form are counted for, in place of an id.
const IMPORTED: &str = "imported";

/// Authenticates API keys, in `Authorization: ApiKey <key>` and in a header of their own, by default `x-api-key`.
///
/// A key with a wrong form or checksum is rejected without a look-up. Every other key costs one
/// digest and one comparison, whether its id is known or not.
#[derive(Clone)]
pub struct ApiKeys {
    keys: KeyVerifier,
    header: HeaderName,
    bearer: bool,
    imported: bool,
}

impl ApiKeys {
    /// Accepts API keys with the prefix of `peppers`, in `x-api-key` and in `Authorization: ApiKey <key>`.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>, peppers: Peppers) -> Self {
        Self {
            keys: KeyVerifier::new(directory, peppers),
            header: HeaderName::from_static("x-api-key"),
            bearer: false,
            imported: false,
        }
    }

    /// Sets the header whose whole value is the key, in place of `x-api-key`.
    #[must_use]
    pub fn header(mut self, header: HeaderName) -> Self {
        self.header = header;
        self
    }

    /// Accepts keys as `Authorization: Bearer <prefix>_…` too. They are still primary credentials,
    /// since the long-lived key itself is presented.
    #[must_use]
    pub fn bearer(mut self) -> Self {
        self.bearer = true;
        self
    }

    /// Accepts keys of any text of 16 to 1024 bytes that were issued elsewhere and imported, in the headers and in bodies. They
    /// are found by
    /// a digest of the whole key. A token (RFC 7515) is never such a key, and neither is a text of the form of the keys
    /// of `peppers`.
    #[must_use]
    pub const fn imported(mut self) -> Self {
        self.imported = true;
        self
    }

    /// Counts rejected keys as failures of `limit`, which [`Basic`](super::Basic) uses for passwords.
    /// A valid key is accepted even when the limit is reached, because checking it is cheap.
    #[must_use]
    pub fn failure_limit(mut self, limit: FailureLimit) -> Self {
        self.keys.failures = Some(limit);
        self
    }

    fn verify(&self, credentials: &Credentials, now: Timestamp) -> Result<Identity, Reason> {
        let from = credentials.from();
        match self.presented(credentials)? {
            Presented::Own(key) => {
                let id = *key.id();
                self.keys
                    .verify(id, key.secret(), Scheme::ApiKey, from, now)
            }
            Presented::Imported(key) => self.keys.verify_imported(key, from, now),
        }
    }

    fn presented<'c>(&self, credentials: &'c Credentials) -> Result<Presented<'c>, Reason> {
        let presented = credentials.expose();
        match ApiKey::parse(presented) {
            Ok(key) if key.prefix() == self.keys.peppers.prefix().as_str() => {
                Ok(Presented::Own(key))
            }
            Err(InvalidKey::Checksum) => Err(Reason::KeyChecksum),
            _ if looks_like_jws(presented) => Err(Reason::TokenAsSecret),
            _ if self.imported && IMPORTED_LENGTHS.contains(&presented.len()) => {
                Ok(Presented::Imported(presented))
            }
            _ => Err(Reason::KeyMalformed),
        }
    }
}

/// A key that may be valid.
enum Presented<'a> {
    /// One of the form of this system's keys.
    Own(ApiKey<'a>),
    /// One of another system.
    Imported(&'a [u8]),
}

impl Mechanism for ApiKeys {
    fn selectors(&self) -> Vec<CredentialSelector> {
        let keys = |carrier| CredentialSelector::keys(carrier, self.keys.peppers.prefix().clone());
        let any = |carrier| match self.imported {
            true => CredentialSelector::all(carrier),
            false => keys(carrier),
        };
        let mut selectors = vec![
            any(Carrier::Header(self.header.clone())),
            any(Carrier::BodyKey),
            any(Carrier::API_KEY),
        ];
        if self.bearer {
            selectors.push(keys(Carrier::BEARER));
        }
        selectors
    }

    fn challenge(&self) -> Challenge {
        Challenge::API_KEY
    }

    fn try_authenticate(
        &self,
        credentials: &Credentials,
        _: &RequestHead<'_>,
        now: Timestamp,
    ) -> Option<Outcome> {
        if let Ok(Presented::Imported(_)) = self.presented(credentials)
            && let Err(throttled) = self.keys.check_imported(credentials.from(), now)
        {
            return Some(throttled.into());
        }
        Some(self.verify(credentials, now).into())
    }

    fn revalidate(&self, principal: &Principal, now: Timestamp) -> Result<(), Reason> {
        self.keys.revalidate(principal, now)
    }

    fn is_primary(&self, _: sealed::Internal) -> bool {
        true
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys")
            .field("prefix", self.keys.peppers.prefix())
            .field("header", &self.header)
            .field("bearer", &self.bearer)
            .field("imported", &self.imported)
            .finish_non_exhaustive()
    }
}

/// Verifies API keys, whichever way their ids and secrets were presented.
#[derive(Clone)]
pub(super) struct KeyVerifier {
    pub(super) directory: Arc<dyn Directory>,
    peppers: Peppers,
    pub(super) failures: Option<FailureLimit>,
}

impl KeyVerifier {
    pub(super) fn new(directory: Arc<dyn Directory>, peppers: Peppers) -> Self {
        Self {
            directory,
            peppers,
            failures: None,
        }
    }

    /// Verifies the id and secret, and counts a failure.
    pub(super) fn verify(
        &self,
        id: Id,
        secret: &str,
        scheme: Scheme,
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Result<Identity, Reason> {
        let result = self.identity(id, secret, scheme, from, now);
        self.count(Some(&id), from, &result, now);
        result
    }

    /// Checks the limit before an imported key is looked up: a guess is compared with all of them.
    fn check_imported(&self, from: Option<ClientAddress>, now: Timestamp) -> Result<(), Throttled> {
        let client = Client { from, id: IMPORTED };
        let limit = self.failures.as_ref();
        limit.map_or(Ok(()), |limit| limit.check(&client, now))
    }

    /// Verifies a key that was imported from another system, and counts a failure.
    fn verify_imported(
        &self,
        key: &[u8],
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Result<Identity, Reason> {
        let result = self.imported_identity(key, from, now);
        self.count(None, from, &result, now);
        result
    }

    /// Counts a failure, of an imported key without an id.
    fn count(
        &self,
        id: Option<&Id>,
        from: Option<ClientAddress>,
        result: &Result<Identity, Reason>,
        now: Timestamp,
    ) {
        if let (Some(limit), Err(reason)) = (&self.failures, result) {
            let text = id.map(Id::text);
            let id = text.as_ref().map_or(IMPORTED, |text| text.as_str());
            limit.count(&Client { from, id }, Err(*reason), now);
        }
    }

    /// The work is the same whether the key is known or not: one digest and one look-up for each pepper.
    fn imported_identity(
        &self,
        key: &[u8],
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Result<Identity, Reason> {
        let directory = &self.directory;
        directory
            .check_freshness()
            .map_err(|_| Reason::DirectoryStale)?;
        let digests = self.peppers.digests_of_whole(key);
        let found = digests
            .iter()
            .map(|digest| (digest, directory.imported_key(digest)));
        let found: Vec<_> = found.collect();
        let found = found
            .into_iter()
            .find_map(|(digest, found)| Some((digest, found?)));
        let (digest, credential) = found.ok_or(Reason::KeyMalformed)?;
        let id = credential.id;
        let identity = Identity::proven(credential, Scheme::ApiKey, from, now)?;
        let newest = digests.first();
        let newest = newest.filter(|newest| newest.pepper != digest.pepper);
        directory.used(Usage {
            credential: id,
            at: now,
            digest: newest.map(|renewed| DigestUpgrade {
                outdated: *digest,
                renewed: *renewed,
            }),
            password: None,
        });
        Ok(identity)
    }

    /// The work is the same whether the id is known or not. Status, expiry and address are checked
    /// after the secret, so that they show only to clients that hold the key.
    fn identity(
        &self,
        id: Id,
        secret: &str,
        scheme: Scheme,
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Result<Identity, Reason> {
        let directory = &self.directory;
        directory
            .check_freshness()
            .map_err(|_| Reason::DirectoryStale)?;
        let credential = directory.credential(&id);
        let stored = match credential.as_ref().map(|credential| &credential.secret) {
            Some(StoredSecret::Key(digests)) => Some(digests),
            _ => None,
        };
        let renewed = self.peppers.verify(stored, &id, secret, now)?;
        let digest = stored.zip(renewed).map(|(stored, renewed)| DigestUpgrade {
            outdated: stored.current,
            renewed,
        });
        let credential = credential.ok_or(Reason::CredentialUnknown)?;
        let identity = Identity::proven(credential, scheme, from, now)?;
        directory.used(Usage {
            credential: id,
            at: now,
            digest,
            password: None,
        });
        Ok(identity)
    }

    /// Checks again that the credential behind a principal may be used.
    pub(super) fn revalidate(&self, principal: &Principal, now: Timestamp) -> Result<(), Reason> {
        revalidate_stored(&*self.directory, principal, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::MemoryDirectory;
    use crate::key::{ImportedKey, Pepper};
    use crate::random::SystemRandom;
    use crate::registry::{
        Caller, Change, Conflict, MemoryRegistry, NewKey, Registry as _, RegistryError,
    };
    use crate::secret::Secret;
    use crate::time::{Clock as _, SystemClock};

    fn pepper(version: u8) -> Pepper {
        Pepper::new(version.into(), &[version; 32]).unwrap()
    }

    struct Fixture {
        registry: MemoryRegistry,
        peppers: Peppers,
        keys: ApiKeys,
    }

    impl Fixture {
        fn new() -> Self {
            let directory = Arc::new(MemoryDirectory::default());
            let peppers = Peppers::new(pepper(1), []);
            let shared = (Arc::clone(&directory), peppers.clone());
            let registry = MemoryRegistry::new(shared.0, shared.1, SystemClock, SystemRandom);
            Self {
                registry: registry.unwrap(),
                keys: ApiKeys::new(directory, peppers.clone()).imported(),
                peppers,
            }
        }

        async fn import(&self, key: &str) -> Result<Id, RegistryError> {
            self.import_digest(ImportedKey::of(key.as_bytes())).await
        }

        async fn import_digest(&self, key: ImportedKey) -> Result<Id, RegistryError> {
            let new = NewKey::new("old", "a".parse().unwrap());
            let imported = self
                .registry
                .import_key(&Caller::operator("test"), new, key)
                .await;
            Ok(imported?.id)
        }

        fn verify(&self, keys: &ApiKeys, key: &str) -> Result<Identity, Reason> {
            keys.verify(
                &Credentials::key(Secret::from(key.to_owned())),
                SystemClock.now(),
            )
        }
    }

    const KEY: &str = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";

    #[tokio::test]
    async fn imported_key_is_accepted_by_its_whole_text_only() {
        let fixture = Fixture::new();
        let id = fixture.import(KEY).await.unwrap();
        assert!(fixture.verify(&fixture.keys, KEY).is_ok());
        for other in [
            &KEY[1..],
            "",
            "x",
            &KEY.to_lowercase(),
            &id.to_string(),
            &"x".repeat(2000),
        ] {
            let rejected = fixture.verify(&fixture.keys, other).map(drop);
            assert_eq!(rejected, Err(Reason::KeyMalformed), "{other}");
        }
        let without = ApiKeys {
            imported: false,
            ..fixture.keys.clone()
        };
        let rejected = fixture.verify(&without, KEY).map(drop);
        assert_eq!(rejected, Err(Reason::KeyMalformed));
    }

    #[tokio::test]
    async fn short_text_is_no_imported_key() {
        let fixture = Fixture::new();
        for (key, accepted) in [
            ("", false),
            ("undefined", false),
            ("0123456789abcde", false),
            ("0123456789abcdef", true),
        ] {
            fixture.import(key).await.unwrap();
            assert_eq!(
                fixture.verify(&fixture.keys, key).is_ok(),
                accepted,
                "{key}"
            );
        }
    }

    #[tokio::test]
    async fn imported_keys_are_throttled_before_they_are_looked_up_and_own_keys_are_not() {
        use std::num::NonZeroU32;
        let fixture = Fixture::new();
        fixture.import(KEY).await.unwrap();
        let new = NewKey::new("own", "a".parse().unwrap());
        let operator = Caller::operator("test");
        let created = fixture.registry.create_key(&operator, new);
        let own = created.await.unwrap().issued.key;
        let limit = FailureLimit::new(NonZeroU32::MIN, std::time::Duration::from_secs(60));
        let keys = fixture.keys.clone().failure_limit(limit);
        let outcome = |key: &str| {
            let address = Some(ClientAddress::Known("192.0.2.1".parse().unwrap()));
            let credentials =
                Credentials::key(Secret::from(key.to_owned())).presented_from(address);
            let now = SystemClock.now();
            keys.try_authenticate(&credentials, &RequestHead::empty(), now)
        };
        assert!(matches!(outcome(KEY), Some(Outcome::Accepted(_))));
        assert!(matches!(
            outcome("a guess of a key"),
            Some(Outcome::Rejected(_))
        ));
        assert!(matches!(outcome(KEY), Some(Outcome::Throttled { .. })));
        assert!(matches!(outcome(own.expose()), Some(Outcome::Accepted(_))));
    }

    #[tokio::test]
    async fn imported_key_ends_with_its_credential() {
        let fixture = Fixture::new();
        let id = fixture.import(KEY).await.unwrap();
        let operator = Caller::operator("test");
        for (change, reason) in [
            (Change::Suspend, Reason::CredentialSuspended),
            (Change::Revoke { reason: None }, Reason::CredentialRevoked),
            (Change::Delete, Reason::KeyMalformed),
        ] {
            fixture
                .registry
                .change(&operator, id, change)
                .await
                .unwrap();
            assert_eq!(fixture.verify(&fixture.keys, KEY).map(drop), Err(reason));
        }
    }

    #[tokio::test]
    async fn imported_key_is_found_under_an_older_pepper_and_cannot_be_imported_twice() {
        let fixture = Fixture::new();
        fixture.import(KEY).await.unwrap();
        fixture.peppers.replace(pepper(2), [pepper(1)]);
        assert!(fixture.verify(&fixture.keys, KEY).is_ok());
        let again = fixture.import(KEY).await;
        assert!(matches!(
            again,
            Err(RegistryError::Conflict(Conflict::AlreadyImported))
        ));
        fixture.peppers.replace(pepper(3), []);
        assert_eq!(
            fixture.verify(&fixture.keys, KEY).map(drop),
            Err(Reason::KeyMalformed)
        );
    }

    #[tokio::test]
    async fn token_is_never_an_imported_key() {
        let fixture = Fixture::new();
        let token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        fixture.import(token).await.unwrap();
        let rejected = fixture.verify(&fixture.keys, token).map(drop);
        assert_eq!(rejected, Err(Reason::TokenAsSecret));
    }

    #[tokio::test]
    async fn key_that_is_imported_by_an_hmac_is_accepted_while_its_pepper_is_there() {
        let fixture = Fixture::new();
        // Python: hmac.new(b"key of another system", b"secret-1-of-16-bytes", "sha256").hexdigest()
        let hex = "2996741ad17f5551c0cac5697c693dc1a6e80eea3a522267feedd5c4e68d9a7c";
        let imported = ImportedKey::from_hmac(hex, 2).unwrap();
        let without = fixture.import_digest(imported).await;
        assert!(matches!(
            without,
            Err(RegistryError::Conflict(Conflict::PepperMissing))
        ));
        let other = Pepper::imported(2, b"key of another system").unwrap();
        fixture.peppers.replace(pepper(1), [other]);
        fixture.import_digest(imported).await.unwrap();
        assert!(
            fixture
                .verify(&fixture.keys, "secret-1-of-16-bytes")
                .is_ok()
        );
        assert!(
            fixture
                .verify(&fixture.keys, "secret-2-of-16-bytes")
                .is_err()
        );
        fixture.peppers.replace(pepper(1), []);
        assert!(
            fixture
                .verify(&fixture.keys, "secret-1-of-16-bytes")
                .is_err()
        );
    }
}
