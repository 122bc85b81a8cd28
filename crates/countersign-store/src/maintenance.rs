//! Work that a store does from time to time: it writes the last uses of credentials, and deletes what has expired.

use std::time::Duration;

use countersign::directory::Usage;
use countersign::time::Timestamp;

use crate::error::StoreError;
use crate::records::{ChangedEntity, KeyState};
use crate::sqlite;
use crate::store::{Inner, Store};
use crate::transaction::Transaction;

/// The number of changes that stay in the log, so that a process that was away for a while need not read all records
/// again, and a restored backup can be brought up to date.
const RETAINED_CHANGES: i64 = 100_000;
/// How far a clock that was set forward is trusted.
const MAX_CLOCK_CORRECTION: Duration = Duration::from_secs(3600);
/// How long denials and sessions stay in the database after they have expired: clocks differ, and a clock that was set
/// forward by mistake may be set back.
const CLOCK_MARGIN: Duration = Duration::from_secs(24 * 3600);
/// The number of uses that one transaction writes.
const BATCH: usize = 1000;

impl Store {
    /// How often [`maintain`](Self::maintain) is called: the last uses in the database are at most a minute old.
    pub const MAINTENANCE_PERIOD: Duration = Duration::from_secs(20);

    /// Writes when credentials were last used, replaces digests with outdated peppers, deletes the private parts of
    /// retired signing keys, and deletes denials, sessions, responses and changes that are not needed any more.
    ///
    /// An open store does this every [`MAINTENANCE_PERIOD`](Self::MAINTENANCE_PERIOD). [`close`](Self::close) writes the
    /// last uses, and deletes nothing, so that a command on a machine with a wrong clock deletes nothing.
    ///
    /// If the clock is set forward while the store is open, records are deleted at most an hour too early.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be read or written. The uses are kept for the next call.
    pub async fn maintain(&self) -> Result<(), StoreError> {
        self.0.maintain().await
    }

    /// Raises the longest lifetime of access tokens to `lifetime`. Denials, and signing keys that do not sign any more,
    /// are stored that long. Call it before the first such token is minted. Initially a day is allowed; the lifetime is
    /// never lowered.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be written.
    pub async fn allow_lifetime(&self, lifetime: Duration) -> Result<(), StoreError> {
        let mut connection = self.0.database.writer().await?;
        sqlite::denials::allow_lifetime(&mut connection, lifetime, false).await
    }

    /// Raises the longest lifetime of managed tokens to `lifetime`, as [`allow_lifetime`](Self::allow_lifetime) does for
    /// access tokens. Signing keys that do not sign any more are stored that long. Denials are not, because a managed
    /// token is authenticated by its record.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be written.
    pub async fn allow_managed_lifetime(&self, lifetime: Duration) -> Result<(), StoreError> {
        let mut connection = self.0.database.writer().await?;
        sqlite::denials::allow_lifetime(&mut connection, lifetime, true).await
    }
}

impl Inner {
    pub(crate) async fn maintain(&self) -> Result<(), StoreError> {
        self.write_used().await?;
        self.delete_expired().await
    }

    pub(crate) async fn write_used(&self) -> Result<(), StoreError> {
        let mut used = self.view.take_used();
        while !used.is_empty() {
            // In batches, so that revocations do not wait.
            let rest = used.split_off(used.len().min(BATCH));
            if let Err(error) = self.write_batch(&used).await {
                self.view.put_back_used(used.into_iter().chain(rest));
                return Err(error);
            }
            used = rest;
        }
        Ok(())
    }

    async fn write_batch(&self, used: &[Usage]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let now = transaction.now;
        for usage in used {
            let connection = transaction.connection();
            // Not in the change log: no decision depends on it.
            sqlite::credentials::record_use(connection, usage).await?;
            if let Some(upgrade) = &usage.digest {
                let id = &usage.credential;
                if sqlite::credentials::upgrade_digest(connection, id, upgrade, now).await? {
                    transaction.changed(ChangedEntity::Credential(*id));
                }
            }
        }
        transaction.commit().await
    }

    async fn delete_expired(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let now = self.trusted_time(transaction.now);
        let margin = i64::try_from(CLOCK_MARGIN.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::from_unix_millis(now.unix_millis().saturating_sub(margin));
        let connection = transaction.connection();
        sqlite::denials::delete_expired(connection, before).await?;
        sqlite::sessions::delete_expired(connection, before).await?;
        sqlite::idempotency::delete_expired(connection, now).await?;
        sqlite::changes::trim(connection, RETAINED_CHANGES).await?;
        for name in sqlite::issuers::names(connection).await? {
            delete_private_parts(&mut transaction, &name, now).await?;
        }
        transaction.commit().await?;
        self.view.records().denied().remove_expired(before);
        Ok(())
    }

    /// Returns `now`, or the latest time that it can be according to the boot clock, which cannot be set.
    fn trusted_time(&self, now: Timestamp) -> Timestamp {
        let (opened_at, since_boot) = self.opened_at;
        let open = self.options.boot_clock.since_boot();
        let open = open.saturating_sub(since_boot);
        now.min(opened_at.plus(open).plus(MAX_CLOCK_CORRECTION))
    }
}

/// Deletes the private parts of the keys of an issuer whose tokens have all expired.
async fn delete_private_parts(
    transaction: &mut Transaction<'_>,
    issuer: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let connection = transaction.connection();
    let (issuer, _) = sqlite::issuers::find(connection, issuer).await?;
    for mut key in sqlite::signing_keys::list(connection, &issuer, now).await? {
        if key.record.state == KeyState::Removed && key.sealed.take().is_some() {
            sqlite::signing_keys::save(transaction.connection(), &issuer, &key).await?;
            transaction.changed(ChangedEntity::SigningKey(key.id));
        }
    }
    Ok(())
}
