use std::collections::hash_map::{self, HashMap};
use std::sync::Arc;

use super::entry::{Entry, EntryCredential};
use super::error::LineError;
use super::ids;
use crate::directory::password_hash::cost;
use crate::directory::{Credential, StoredSecret, UserName};
use crate::id::Id;
use crate::key::{KeyDigest, KeyDigests, Pepper, SecretDigest};

/// How many credentials a file may have.
const MAX_CREDENTIALS: usize = 10_000;

/// The credentials of a file.
#[derive(Default)]
pub(super) struct View {
    credentials: HashMap<Id, Credential>,
    users: HashMap<UserName, Id>,
    /// Keys of other systems by the digest of the whole key.
    whole_keys: HashMap<[u8; 32], Id>,
    /// The password hash that takes longest, with its cost.
    costliest_password: Option<(u64, Arc<str>)>,
}

impl View {
    /// Creates the view of these entries, if they do not contradict each other.
    pub(super) fn of(entries: Vec<Entry>) -> Result<Self, LineError> {
        let pepper = Pepper::of_files();
        let (mut view, mut lines) = (Self::default(), HashMap::new());
        for entry in entries {
            let line = entry.line;
            if lines.len() == MAX_CREDENTIALS {
                let reason = format!("more than {MAX_CREDENTIALS} credentials: remove some");
                return Err(LineError::new(line, reason));
            }
            let whole_key = match entry.credential {
                EntryCredential::WholeKey { sha256, .. } => Some(pepper.digest_sha256(&sha256)),
                EntryCredential::Key { .. } | EntryCredential::User(..) => None,
            };
            if let Some(digest) = whole_key
                && let Some(other) = view.whole_keys.get(digest.as_bytes())
            {
                let other = lines.get(other).copied().unwrap_or_default();
                let reason = format!("the key is the same as at line {other}: remove one of them");
                return Err(LineError::new(line, reason));
            }
            let id = view.insert(entry, &pepper);
            match lines.entry(id) {
                hash_map::Entry::Vacant(free) => free.insert(line),
                hash_map::Entry::Occupied(taken) => {
                    let other = taken.get();
                    let reason = format!("the name is the same as at line {other}: change one");
                    return Err(LineError::new(line, reason));
                }
            };
        }
        Ok(view)
    }

    fn insert(&mut self, entry: Entry, pepper: &Pepper) -> Id {
        let digest = |digest| KeyDigest {
            pepper: pepper.version(),
            digest,
        };
        let (id, name, secret): (_, Arc<str>, _) = match entry.credential {
            EntryCredential::Key {
                name,
                digest: stored,
            } => {
                let stored = digest(SecretDigest::from_bytes(stored));
                let secret = StoredSecret::Key(KeyDigests::new(stored, None));
                (ids::of_key(pepper, &name), name.into(), secret)
            }
            EntryCredential::WholeKey { name, sha256 } => {
                let id = ids::of_key(pepper, &name);
                let stored = digest(pepper.digest_sha256(&sha256));
                self.whole_keys.insert(*stored.digest.as_bytes(), id);
                (id, name.into(), StoredSecret::ImportedKey(stored))
            }
            EntryCredential::User(name, hash) => {
                let id = ids::of_user(pepper, name.as_str());
                let hash: Arc<str> = hash.expose().into();
                self.note_cost(&hash);
                let text = name.as_str().into();
                self.users.insert(name, id);
                (id, text, StoredSecret::Password(hash))
            }
        };
        let mut credential = Credential::new(id, ids::ACCOUNT, entry.scopes, secret);
        credential.name = Some(name);
        credential.expires_at = entry.expires_at;
        credential.allow_from = entry.allow_from;
        credential.generation = ids::generation(pepper, &credential);
        self.credentials.insert(id, credential);
        id
    }

    fn note_cost(&mut self, hash: &Arc<str>) {
        let cost = cost(hash).unwrap_or_default();
        let costliest = self.costliest_password.as_ref();
        if costliest.is_none_or(|(known, _)| *known < cost) {
            self.costliest_password = Some((cost, Arc::clone(hash)));
        }
    }

    pub(super) fn credential(&self, id: &Id) -> Option<&Credential> {
        self.credentials.get(id)
    }

    pub(super) fn user(&self, name: &UserName) -> Option<&Credential> {
        self.credential(self.users.get(name)?)
    }

    pub(super) fn whole_key(&self, digest: &KeyDigest) -> Option<&Credential> {
        self.credential(self.whole_keys.get(digest.digest.as_bytes())?)
    }

    pub(super) fn costliest_password(&self) -> Option<&Arc<str>> {
        self.costliest_password.as_ref().map(|(_, hash)| hash)
    }

    /// Returns the number of credentials.
    pub(super) fn len(&self) -> usize {
        self.credentials.len()
    }

    /// Returns how many of the credentials `other` does not have in the same generation.
    #[cfg(feature = "tracing")]
    pub(super) fn count_missing_in(&self, other: &Self) -> usize {
        let has = |credential: &&Credential| {
            let found = other.credential(&credential.id);
            found.is_some_and(|found| found.generation == credential.generation)
        };
        self.len() - self.credentials.values().filter(has).count()
    }
}
