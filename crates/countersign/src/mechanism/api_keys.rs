use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use http::HeaderName;

use crate::credentials::{Carrier, ClientAddress, Credentials, RequestHead, Scheme};
use crate::directory::{DigestUpgrade, Directory, StoredSecret, Usage, look_up};
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
    /// since the long-lived key itself is presented. [Imported](Self::imported) keys are not accepted there: a text without
    /// the prefix could be a token, which is no primary credential.
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
        let from = credentials.from();
        let result = match self.presented(credentials) {
            Ok(Presented::Own(key)) => {
                let id = *key.id();
                self.keys
                    .verify(id, key.secret(), Scheme::ApiKey, from, now)
            }
            Ok(Presented::Imported(key)) => match self.keys.check_imported(from, now) {
                Ok(()) => self.keys.verify_imported(key, from, now),
                Err(throttled) => return Some(throttled.into()),
            },
            Err(reason) => Err(reason),
        };
        Some(result.into())
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
        secret: &[u8],
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
        let digests = self.peppers.digests_of_whole(key);
        let find = |digest| (digest, directory.imported_key(digest));
        let found: Vec<_> = look_up(directory, || digests.iter().map(find).collect())?;
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
        secret: &[u8],
        scheme: Scheme,
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Result<Identity, Reason> {
        let directory = &self.directory;
        let credential = look_up(directory, || directory.credential(&id))?;
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
mod tests;
