use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Credential, EnvironmentKind, Issuers, Networks, Status, StoredSecret};
use crate::id::Id;
use crate::key::{KeyDigest, KeyDigests, SecretDigest};
use crate::scope::{Scopes, SharedScopes};
use crate::time::Timestamp;

/// A [`Credential`] as a table stores it: without its id, which is the key of the table, and without what it has in common
/// with others and what few credentials have, which are behind pointers.
///
/// With its id, it fits into 104 bytes. A byte more would take 16 more of the allocator.
pub(super) struct CompactCredential {
    common: Arc<Common>,
    generation: u32,
    /// The digest of a key. Of other kinds, it matches nothing.
    digest: KeyDigest,
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
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum SecretKind {
    Key,
    ImportedKey,
    Password,
    Signature,
}

/// What many credentials of an account have in common.
struct Common {
    account: Id,
    account_generation: u32,
    environment: Option<Id>,
    environment_kind: EnvironmentKind,
    status: Status,
    kind: SecretKind,
    scopes: Scopes,
}

impl Common {
    /// Returns everything, to be compared. Scopes are compared as texts, since their order is kept.
    fn parts(&self) -> impl Eq + Hash {
        let ids = (self.account, self.account_generation, self.environment);
        let kinds = (self.environment_kind, self.status.as_str(), self.kind);
        (ids, kinds, self.scopes.text())
    }
}

impl PartialEq for Common {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Common {}

impl Hash for Common {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

/// What many credentials have in common: equal parts are in memory once.
#[derive(Default)]
pub(super) struct CommonParts {
    scopes: SharedScopes,
    known: Mutex<HashSet<Arc<Common>>>,
}

/// The number of different parts that are shared.
const MAX_SHARED: usize = 10_000;

impl CommonParts {
    fn share(&self, mut common: Common) -> Arc<Common> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(&common) {
            return Arc::clone(shared);
        }
        // Parts that are in use stay where they are used.
        if known.len() >= MAX_SHARED {
            known.clear();
        }
        // Other accounts may have the same scopes.
        common.scopes = self.scopes.share(common.scopes);
        let shared = Arc::new(common);
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
    pub(super) fn new(credential: Credential, parts: &CommonParts) -> Self {
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
        let common = Common {
            account: credential.account,
            account_generation: credential.account_generation,
            environment: credential.environment,
            environment_kind: credential.environment_kind,
            status: credential.status,
            kind,
            scopes: credential.scopes,
        };
        let rare = Rare {
            allow_from: credential.allow_from,
            issuers: credential.issuers,
            previous,
            password,
        };
        Self {
            common: parts.share(common),
            generation: credential.generation,
            digest,
            expires_at: Expiry::new(credential.expires_at),
            name: credential.name,
            rare: (!rare.is_none()).then(|| Box::new(rare)),
        }
    }

    /// Returns the credential under its id.
    pub(super) fn credential(&self, id: Id) -> Credential {
        let common = &*self.common;
        let Rare {
            allow_from,
            issuers,
            previous,
            password,
        } = self.rare.as_deref().cloned().unwrap_or(Rare::NONE);
        let secret = match common.kind {
            SecretKind::Key => StoredSecret::Key(KeyDigests::new(self.digest, previous)),
            SecretKind::ImportedKey => StoredSecret::ImportedKey(self.digest),
            // Without a hash, which no credential is stored without, no password is right.
            SecretKind::Password => StoredSecret::Password(password.unwrap_or_default()),
            SecretKind::Signature => StoredSecret::Signature,
        };
        Credential {
            id,
            name: self.name.clone(),
            account: common.account,
            account_generation: common.account_generation,
            environment: common.environment,
            environment_kind: common.environment_kind,
            generation: self.generation,
            status: common.status,
            scopes: common.scopes.clone(),
            allow_from,
            issuers,
            expires_at: self.expires_at.get(),
            secret,
        }
    }

    pub(super) fn account(&self) -> Id {
        self.common.account
    }

    pub(super) const fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns the digest by which an imported key is found.
    pub(super) fn imported_digest(&self) -> Option<[u8; 32]> {
        let is_imported = self.common.kind == SecretKind::ImportedKey;
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
        let parts = CommonParts::default();
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
                let stored = CompactCredential::new(credential.clone(), &parts);
                assert_eq!(describe(&stored.credential(id)), describe(&credential));
                assert_eq!(stored.account(), account);
                assert_eq!(stored.generation(), credential.generation);
            }
        }
    }
    #[test]
    fn credential_and_its_id_fit_into_104_bytes() {
        assert!(size_of::<Id>() + size_of::<CompactCredential>() <= 104);
    }

    #[test]
    fn equal_parts_are_in_memory_once_and_different_ones_are_not_confused() {
        let parts = CommonParts::default();
        let [id, account] = [1, 2].map(|byte| Id::from_bytes([byte; 20]));
        let common = |scopes: &str, change: fn(&mut Credential)| {
            let secret = StoredSecret::Signature;
            let mut credential = Credential::new(id, account, scopes.parse().unwrap(), secret);
            change(&mut credential);
            CompactCredential::new(credential, &parts).common
        };
        let plain = common("a:b c:d", |_| ());
        assert!(Arc::ptr_eq(&plain, &common("a:b c:d", |_| ())));
        let others: [fn(&mut Credential); 6] = [
            |other| other.account = Id::from_bytes([3; 20]),
            |other| other.account_generation = 7,
            |other| other.environment = Some(Id::from_bytes([4; 20])),
            |other| other.environment_kind = EnvironmentKind::Sandbox,
            |other| other.status = Status::Revoked,
            |other| other.secret = StoredSecret::ImportedKey(digest(1)),
        ];
        for change in others {
            assert!(!Arc::ptr_eq(&plain, &common("a:b c:d", change)));
        }
        assert_eq!(common("c:d a:b", |_| ()).scopes.as_str(), "c:d a:b");
    }
}
