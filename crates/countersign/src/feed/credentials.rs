use std::cmp::Reverse;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::error::Refusal;
use super::message::FeedCredentials;
use crate::directory::{Credential, Directory as _, MemoryDirectory};
use crate::id::Id;
use crate::key::{KeyDigest, Pepper, Peppers};

/// The API keys of an issuer. Requests read them without waiting.
pub(super) struct CredentialView {
    /// Replaced as a whole by a message with the whole state; otherwise changed key by key.
    records: ArcSwap<MemoryDirectory>,
    peppers: Peppers,
    /// The peppers of the keys, which only the task that follows the feed changes.
    known: Mutex<Vec<Pepper>>,
    /// The pepper for unknown ids, while there is no other one.
    spare: Pepper,
    max_credentials: usize,
}

impl CredentialView {
    /// Creates an empty view. `peppers` are replaced.
    pub(super) fn new(peppers: Peppers, spare: Pepper, max_credentials: usize) -> Self {
        Self {
            records: ArcSwap::default(),
            peppers,
            known: Mutex::default(),
            spare,
            max_credentials,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.records.load().len()
    }

    pub(super) fn credential(&self, id: &Id) -> Option<Credential> {
        self.records.load().credential(id)
    }

    pub(super) fn imported_key(&self, digest: &KeyDigest) -> Option<Credential> {
        self.records.load().imported_key(digest)
    }

    /// Applies what a message contains: the whole state, or changes.
    pub(super) fn apply(&self, message: &FeedCredentials, is_whole: bool) -> Result<(), Refusal> {
        let records = match is_whole {
            true => Arc::default(),
            false => self.records.load_full(),
        };
        let is_new = |key: &&Credential| records.credential(&key.id).is_none();
        let added = message.keys.iter().filter(is_new).count();
        if records.len() + added > self.max_credentials {
            return Err(Refusal::TooManyCredentials);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the keys, whose digests may have a new pepper.
        let versions: Vec<_> = message.peppers.iter().map(Pepper::version).collect();
        known.retain(|pepper| !versions.contains(&pepper.version()));
        known.extend_from_slice(&message.peppers);
        self.use_peppers(&known);
        // Before their keys, of which a new one has the state of its account already.
        for (account, generation, status) in &message.accounts {
            records.put_account(*account, *generation, *status);
        }
        for key in &message.keys {
            records.put(key.clone());
        }
        for id in &message.removed {
            records.remove(id);
        }
        self.records.store(records);
        if is_whole {
            known.clone_from(&message.peppers);
            self.use_peppers(&known);
        }
        Ok(())
    }

    /// The newest of the own peppers comes first.
    fn use_peppers(&self, peppers: &[Pepper]) {
        let mut peppers = peppers.to_vec();
        peppers.sort_by_key(|pepper| (pepper.is_imported(), Reverse(pepper.version())));
        if peppers.first().is_none_or(Pepper::is_imported) {
            peppers.insert(0, self.spare.clone());
        }
        let newest = peppers.remove(0);
        self.peppers.replace(newest, peppers);
    }
}
