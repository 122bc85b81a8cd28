use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Credential, EnvironmentKind, Issuers, Networks, Status, StoredSecret};
use crate::id::Id;
use crate::key::{KeyDigest, KeyDigests, SecretDigest};
use crate::scope::{Scopes, SharedScopes};
use crate::time::Timestamp;

/// A [`Credential`] as a table stores it: without its id, which is the key of the table, with an owner and scopes that it
/// shares with others, and with what few credentials have behind a pointer.
pub(super) struct CompactCredential {
    owner: Arc<Owner>,
    account_generation: u32,
    generation: u32,
    status: Status,
    kind: SecretKind,
    /// The digest of a key. Of other kinds, it matches nothing.
    digest: KeyDigest,
    scopes: Arc<Scopes>,
    expires_at: Expiry,
    name: Option<Arc<str>>,
    rare: Option<Box<Rare>>,
}

/// When a credential expires, in milliseconds. The last point in time stands for never.
#[derive(Clone, Copy)]
struct Expiry(Timestamp);

impl Expiry {
    const NEVER: Timestamp = Timestamp::from_unix_millis(i64::MAX);

    fn new(expires_at: Option<Timestamp>) -> Self {
        Self(expires_at.unwrap_or(Self::NEVER))
    }

    fn get(self) -> Option<Timestamp> {
        (self.0 != Self::NEVER).then_some(self.0)
    }
}

/// The kind of a [`StoredSecret`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum SecretKind {
    Key,
    ImportedKey,
    Password,
    Signature,
}

/// What the credentials of an environment of an account have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Owner {
    account: Id,
    environment: Option<Id>,
    environment_kind: EnvironmentKind,
}

/// The owners of many credentials: equal ones are in memory once.
#[derive(Default)]
pub(super) struct SharedOwners(Mutex<HashSet<Arc<Owner>>>);

/// The number of different owners that are shared.
const MAX_SHARED: usize = 10_000;

impl SharedOwners {
    fn share(&self, owner: Owner) -> Arc<Owner> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(&owner) {
            return Arc::clone(shared);
        }
        // Owners that are in use stay where they are used.
        if known.len() >= MAX_SHARED {
            known.clear();
        }
        let shared = Arc::new(owner);
        known.insert(Arc::clone(&shared));
        shared
    }
}

#[derive(Clone)]
struct Rare {
    allow_from: Networks,
    issuers: Issuers,
    /// The digest of a key's previous secret, and the end of its grace period.
    previous: Option<(SecretDigest, Timestamp)>,
    password: Option<Arc<str>>,
}

impl Rare {
    const NONE: Self = Self {
        allow_from: Networks::anywhere(),
        issuers: Issuers::all(),
        previous: None,
        password: None,
    };

    fn is_none(&self) -> bool {
        self.allow_from.is_anywhere()
            && self.issuers.is_all()
            && self.previous.is_none()
            && self.password.is_none()
    }
}

impl CompactCredential {
    pub(super) fn new(
        credential: Credential,
        scopes: &SharedScopes,
        owners: &SharedOwners,
    ) -> Self {
        let (mut digest, mut previous, mut password) = (KeyDigests::DUMMY.current, None, None);
        let kind = match credential.secret {
            StoredSecret::Key(digests) => {
                (digest, previous) = (digests.current, digests.previous);
                SecretKind::Key
            }
            StoredSecret::ImportedKey(imported) => {
                digest = imported;
                SecretKind::ImportedKey
            }
            StoredSecret::Password(hash) => {
                password = Some(hash);
                SecretKind::Password
            }
            StoredSecret::Signature => SecretKind::Signature,
        };
        let owner = Owner {
            account: credential.account,
            environment: credential.environment,
            environment_kind: credential.environment_kind,
        };
        let rare = Rare {
            allow_from: credential.allow_from,
            issuers: credential.issuers,
            previous,
            password,
        };
        Self {
            owner: owners.share(owner),
            account_generation: credential.account_generation,
            generation: credential.generation,
            status: credential.status,
            kind,
            digest,
            scopes: scopes.share(credential.scopes),
            expires_at: Expiry::new(credential.expires_at),
            name: credential.name,
            rare: (!rare.is_none()).then(|| Box::new(rare)),
        }
    }

    /// Returns the credential under its id.
    pub(super) fn credential(&self, id: Id) -> Credential {
        let Owner {
            account,
            environment,
            environment_kind,
        } = *self.owner;
        let Rare {
            allow_from,
            issuers,
            previous,
            password,
        } = self.rare.as_deref().cloned().unwrap_or(Rare::NONE);
        let secret = match self.kind {
            SecretKind::Key => StoredSecret::Key(KeyDigests::new(self.digest, previous)),
            SecretKind::ImportedKey => StoredSecret::ImportedKey(self.digest),
            // Without a hash, which no credential is stored without, no password is right.
            SecretKind::Password => StoredSecret::Password(password.unwrap_or_default()),
            SecretKind::Signature => StoredSecret::Signature,
        };
        Credential {
            id,
            name: self.name.clone(),
            account,
            account_generation: self.account_generation,
            environment,
            environment_kind,
            generation: self.generation,
            status: self.status,
            scopes: Scopes::clone(&self.scopes),
            allow_from,
            issuers,
            expires_at: self.expires_at.get(),
            secret,
        }
    }

    pub(super) fn account(&self) -> Id {
        self.owner.account
    }

    pub(super) const fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns the digest by which an imported key is found.
    pub(super) fn imported_digest(&self) -> Option<[u8; 32]> {
        let is_imported = self.kind == SecretKind::ImportedKey;
        is_imported.then(|| *self.digest.digest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> KeyDigest {
        KeyDigest {
            pepper: u32::from(byte),
            digest: SecretDigest::from_bytes([byte; 32]),
        }
    }

    fn secrets() -> [StoredSecret; 5] {
        let until = Timestamp::from_unix_seconds(7);
        let previous = (digest(2).digest, until);
        [
            StoredSecret::Key(KeyDigests::new(digest(1), None)),
            StoredSecret::Key(KeyDigests::new(digest(1), Some(previous))),
            StoredSecret::ImportedKey(digest(3)),
            StoredSecret::Password("$argon2id$".into()),
            StoredSecret::Signature,
        ]
    }

    /// Describes a credential with its secret, which `Debug` does not show.
    fn describe(credential: &Credential) -> String {
        let bytes =
            |digest: &KeyDigest| format!("{} {:?}", digest.pepper, digest.digest.as_bytes());
        let secret = match &credential.secret {
            StoredSecret::Key(digests) => {
                let previous = digests.previous;
                let previous = previous.map(|(digest, until)| (*digest.as_bytes(), until));
                format!("key {} {previous:?}", bytes(&digests.current))
            }
            StoredSecret::ImportedKey(digest) => format!("imported {}", bytes(digest)),
            StoredSecret::Password(hash) => format!("password {hash}"),
            StoredSecret::Signature => "signature".to_owned(),
        };
        format!("{credential:?} {secret}")
    }

    #[test]
    fn stored_credential_has_every_field_of_the_credential() {
        let (scopes_of_all, owners) = (SharedScopes::default(), SharedOwners::default());
        let (id, account) = (Id::from_bytes([1; 20]), Id::from_bytes([2; 20]));
        let scopes = || "calls:read wallet:*".parse().unwrap();
        for secret in secrets() {
            let plain = Credential::new(id, account, scopes(), secret);
            let full = Credential {
                name: Some("ci".into()),
                account_generation: 3,
                environment: Some(Id::from_bytes([4; 20])),
                environment_kind: EnvironmentKind::Sandbox,
                generation: 5,
                status: Status::Suspended,
                allow_from: "192.0.2.0/24".parse().unwrap(),
                issuers: "core".parse().unwrap(),
                expires_at: Some(Timestamp::from_unix_seconds(6)),
                ..plain.clone()
            };
            for credential in [plain, full] {
                let stored = CompactCredential::new(credential.clone(), &scopes_of_all, &owners);
                assert_eq!(describe(&stored.credential(id)), describe(&credential));
                assert_eq!(stored.account(), account);
                assert_eq!(stored.generation(), credential.generation);
            }
        }
    }
}
