//! The state of an open store: its options, its keys in memory, and the view of the records.

mod bootstrap;
mod follower;
mod options;
mod view;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign::Id;
use countersign::jose::SigningKeys;
use countersign::key::Peppers;
use countersign::random::Random;
use countersign::time::{Clock, Timestamp};

use crate::audit::AuditKey;
use crate::error::StoreError;
use crate::secrets::{MasterKeySource, Sealer};
use crate::sql::{self, Connection};

pub(crate) use bootstrap::{prepare, upgrade};
pub(crate) use follower::Follower;
pub use options::{StoreOptions, ViewContents, WhenStale};
pub use view::View;

/// What a store knows once its database is ready.
pub(crate) struct State {
    sealer: ArcSwap<Sealer>,
    pub(crate) master_key: MasterKeySource,
    pub(crate) peppers: Peppers,
    pub(crate) audit_key: AuditKey,
    /// The default owner of new credentials.
    pub(crate) account: Id,
    pub(crate) environment: Id,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    /// The signing keys that are in use, by the name of their issuer.
    signing_keys: Mutex<HashMap<String, SigningKeys>>,
}

impl State {
    /// Returns the master key that the database is encrypted with now. Another process may have rotated it.
    pub(crate) async fn sealer(
        &self,
        connection: &mut Connection,
    ) -> Result<Arc<Sealer>, StoreError> {
        let known = self.sealer.load_full();
        let sealed = sql::audit::sealed_key(connection).await?;
        let check = key_check(&sealed);
        if check(&known) {
            return Ok(known);
        }
        let found = Arc::new(self.master_key.find_rotated(&check)?);
        self.sealer.store(Arc::clone(&found));
        Ok(found)
    }

    /// Uses another master key from now on.
    pub(crate) fn use_sealer(&self, sealer: Sealer) {
        self.sealer.store(Arc::new(sealer));
    }

    pub(crate) fn new_id(&self, now: Timestamp, account: &Id) -> Result<Id, StoreError> {
        Ok(Id::new(now, account, &*self.random)?)
    }

    /// Replaces the peppers with those in the database.
    pub(crate) async fn reload_peppers(
        &self,
        connection: &mut Connection,
    ) -> Result<(), StoreError> {
        let sealer = self.sealer(connection).await?;
        let (newest, older) = sql::secrets::peppers(connection, &sealer).await?;
        self.peppers.replace(newest, older);
        Ok(())
    }

    /// Returns the signing keys of an issuer. They follow those in the database from then on.
    pub(crate) async fn signing_keys(
        &self,
        connection: &mut Connection,
        issuer: &str,
        now: Timestamp,
    ) -> Result<SigningKeys, StoreError> {
        let sealer = self.sealer(connection).await?;
        let (id, _) = sql::issuers::find(connection, issuer).await?;
        let stored = sql::signing_keys::list(connection, &id, now).await?;
        let published = stored.iter().filter(|key| key.is_published());
        let keys = published
            .map(|key| Ok((key.open(&sealer)?, key.record.activates_at)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let mut in_use = self.signing_keys_in_use();
        if let Some(known) = in_use.get(issuer) {
            known.replace(keys)?;
            return Ok(known.clone());
        }
        let keys = SigningKeys::new(keys)?;
        in_use.insert(issuer.to_owned(), keys.clone());
        Ok(keys)
    }

    /// Replaces the signing keys that are in use with those in the database.
    pub(crate) async fn reload_signing_keys(
        &self,
        connection: &mut Connection,
    ) -> Result<(), StoreError> {
        let issuers: Vec<String> = self.signing_keys_in_use().keys().cloned().collect();
        for issuer in issuers {
            self.signing_keys(connection, &issuer, self.clock.now())
                .await?;
        }
        Ok(())
    }

    /// Returns whether each issuer in use has a key that signs now.
    pub(crate) fn can_sign(&self) -> bool {
        let now = self.clock.now();
        let in_use = self.signing_keys_in_use();
        in_use.values().all(|keys| keys.signing_at(now).is_some())
    }

    /// Returns for how long the oldest of the keys that sign now has signed.
    pub(crate) fn signing_key_age(&self) -> Option<Duration> {
        let now = self.clock.now();
        let in_use = self.signing_keys_in_use();
        let since = in_use.values().filter_map(|keys| keys.signing_since(now));
        let age = now.unix_millis().saturating_sub(since.min()?.unix_millis());
        u64::try_from(age).ok().map(Duration::from_millis)
    }

    fn signing_keys_in_use(&self) -> MutexGuard<'_, HashMap<String, SigningKeys>> {
        self.signing_keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the check for the master key: it must decrypt the key of the audit log.
pub(crate) fn key_check(sealed_audit_key: &[u8]) -> impl Fn(&Sealer) -> bool + '_ {
    |sealer| AuditKey::open(sealed_audit_key, sealer).is_ok()
}
