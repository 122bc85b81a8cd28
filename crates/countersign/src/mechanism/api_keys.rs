use std::fmt;
use std::sync::Arc;

use http::HeaderName;

use crate::credentials::{Carrier, ClientAddress, Credentials, RequestHead, Scheme};
use crate::directory::{DigestUpgrade, Directory, StoredSecret, Usage};
use crate::id::Id;
use crate::jose::looks_like_jws;
use crate::key::{ApiKey, InvalidKey, Peppers};
use crate::mechanism::failures::Client;
use crate::mechanism::{CredentialSelector, FailureLimit, Mechanism, Outcome, sealed};
use crate::principal::{Identity, Principal};
use crate::reason::Reason;
use crate::rejection::Challenge;
use crate::time::Timestamp;

/// Authenticates API keys, by default in `x-api-key`.
///
/// A key with a wrong form or checksum is rejected without a look-up. Every other key costs one
/// digest and one comparison, whether its id is known or not.
#[derive(Clone)]
pub struct ApiKeys {
    keys: KeyVerifier,
    header: HeaderName,
    bearer: bool,
}

impl ApiKeys {
    /// Accepts API keys with the prefix of `peppers`, in `x-api-key`.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>, peppers: Peppers) -> Self {
        Self {
            keys: KeyVerifier::new(directory, peppers),
            header: HeaderName::from_static("x-api-key"),
            bearer: false,
        }
    }

    /// Sets the header of the keys.
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

    /// Counts rejected keys as failures of `limit`, which [`Basic`](super::Basic) uses for passwords.
    /// A valid key is accepted even when the limit is reached, because checking it is cheap.
    #[must_use]
    pub fn failure_limit(mut self, limit: FailureLimit) -> Self {
        self.keys.failures = Some(limit);
        self
    }

    fn verify(&self, credentials: &Credentials, now: Timestamp) -> Result<Identity, Reason> {
        let presented = credentials.expose();
        let key = ApiKey::parse(presented).map_err(|invalid| match invalid {
            InvalidKey::Checksum => Reason::KeyChecksum,
            InvalidKey::Form if looks_like_jws(presented) => Reason::TokenAsSecret,
            InvalidKey::Form => Reason::KeyMalformed,
        })?;
        if key.prefix() != self.keys.peppers.prefix().as_str() {
            return Err(Reason::KeyMalformed);
        }
        let from = credentials.from();
        self.keys
            .verify(*key.id(), key.secret(), Scheme::ApiKey, from, now)
    }
}

impl Mechanism for ApiKeys {
    fn selectors(&self) -> Vec<CredentialSelector> {
        let keys = |carrier| CredentialSelector::keys(carrier, self.keys.peppers.prefix().clone());
        let mut selectors = vec![
            keys(Carrier::Header(self.header.clone())),
            keys(Carrier::BodyKey),
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
        if let (Some(limit), Err(reason)) = (&self.failures, &result) {
            let text = id.text();
            let id = text.as_str();
            limit.count(&Client { from, id }, Err(*reason), now);
        }
        result
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
            Some(StoredSecret::Password(_) | StoredSecret::Signature) | None => None,
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
        });
        Ok(identity)
    }

    /// Checks again that the credential behind a principal may be used.
    pub(super) fn revalidate(&self, principal: &Principal, now: Timestamp) -> Result<(), Reason> {
        self.directory
            .check_freshness()
            .map_err(|_| Reason::DirectoryStale)?;
        let credential = principal
            .credential_id()
            .and_then(|id| self.directory.credential(id))
            .ok_or(Reason::CredentialRevoked)?;
        credential.usable(now, principal.address())?;
        let generations = (principal.generation(), principal.account_generation());
        if generations != (credential.generation, credential.account_generation) {
            return Err(Reason::Superseded);
        }
        Ok(())
    }
}
