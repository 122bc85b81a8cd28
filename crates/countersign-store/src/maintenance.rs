//! Work that a store does from time to time: it writes the last uses of credentials, and deletes what has expired.

use std::time::Duration;

use countersign::BoxFuture;
use countersign::directory::Usage;
use countersign::time::Timestamp;

use crate::error::StoreError;
use crate::records::ChangedEntity;
use crate::sql;
use crate::store::{Inner, Store};

/// The number of changes that stay in the log, so that a process that was away for a while need not read all records
/// again, and a restored backup can be brought up to date.
const RETAINED_CHANGES: i64 = 100_000;
/// How long denials, sessions and responses stay in the database after they have expired: clocks differ, and a clock that
/// was set forward by mistake may be set back.
const CLOCK_MARGIN: Duration = Duration::from_secs(2 * 24 * 3600);
/// How long the records of managed tokens are listed after they have expired.
const TOKEN_RETENTION: Duration = Duration::from_secs(90 * 24 * 3600);
/// How often uptime is counted. A process that is open for less counts nothing.
const UPTIME_PERIOD: Duration = Duration::from_secs(300);

impl Store {
    /// How often [`maintain`](Self::maintain) is called: the last uses in the database are at most a minute old.
    pub const MAINTENANCE_PERIOD: Duration = Duration::from_secs(20);

    /// Writes when credentials were last used, replaces digests with outdated peppers, corrects the dates of signing keys
    /// that were created by a clock that was ahead, deletes the private parts of retired signing keys, and deletes denials,
    /// sessions, responses, managed tokens, previous secrets of keys and changes that are not needed any more. Also removes
    /// nodes that have died.
    ///
    /// An open store does this every [`MAINTENANCE_PERIOD`](Self::MAINTENANCE_PERIOD). [`close`](Self::close) writes the
    /// last uses, and deletes nothing.
    ///
    /// A record is deleted after its time has passed by the clock, and after stores have had the database open for as long,
    /// measured with the [`BootClock`](crate::BootClock). A wrong clock therefore deletes nothing too early.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be read or written. The uses are kept for the next call.
    pub fn maintain(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.0.maintain().await })
    }

    /// Raises the longest lifetime of access tokens to `lifetime`. Denials, and signing keys that do not sign any more,
    /// are stored that long. Call it before the first such token is minted. Initially a day is allowed; the lifetime is
    /// never lowered.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be written.
    pub fn allow_lifetime(&self, lifetime: Duration) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.0.allow_lifetime(lifetime, false).await })
    }

    /// Raises the longest lifetime of managed tokens to `lifetime`, as [`allow_lifetime`](Self::allow_lifetime) does for
    /// access tokens. Signing keys that do not sign any more are stored that long. Denials are not, because a managed
    /// token is authenticated by its record.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be written.
    pub fn allow_managed_lifetime(
        &self,
        lifetime: Duration,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.0.allow_lifetime(lifetime, true).await })
    }
}

impl Inner {
    pub(crate) async fn maintain(&self) -> Result<(), StoreError> {
        self.write_used().await?;
        self.count_uptime().await?;
        let before = ago(self.state.clock.now(), CLOCK_MARGIN);
        self.evict().await?;
        self.maintain_signing_keys(before).await?;
        self.delete_expired(before).await
    }

    async fn allow_lifetime(&self, lifetime: Duration, managed: bool) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        sql::denials::allow_lifetime(&mut transaction, lifetime, managed).await?;
        transaction.commit().await
    }

    /// Counts for how long this process has had the database open.
    pub(crate) async fn count_uptime(&self) -> Result<(), StoreError> {
        let mut counted = self.uptime_counted.lock().await;
        let now = self.options.boot_clock.since_boot();
        let (since, seen) = *counted;
        let elapsed = now.saturating_sub(since);
        if elapsed < UPTIME_PERIOD {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        let uptime = sql::expired::count_uptime(transaction.connection(), seen, elapsed).await?;
        transaction.commit().await?;
        *counted = (now, uptime);
        Ok(())
    }

    pub(crate) async fn write_used(&self) -> Result<(), StoreError> {
        let mut used = self.view.take_used();
        while !used.is_empty() {
            // In batches, so that revocations do not wait.
            let rest = used.split_off(used.len().min(self.database.batch()));
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
        // Not in the change log: no decision depends on it.
        sql::credentials::record_uses(transaction.connection(), used).await?;
        for usage in used {
            let connection = transaction.connection();
            if let Some(upgrade) = &usage.digest {
                let id = &usage.credential;
                if sql::credentials::upgrade_digest(connection, id, upgrade, now).await? {
                    transaction.changed(ChangedEntity::Credential(*id));
                }
            }
            let connection = transaction.connection();
            if let Some(upgrade) = &usage.password {
                let id = &usage.credential;
                if sql::credentials::upgrade_password(connection, id, upgrade).await? {
                    transaction.changed(ChangedEntity::Credential(*id));
                }
            }
        }
        transaction.commit().await
    }

    async fn delete_expired(&self, before: Timestamp) -> Result<(), StoreError> {
        let now = self.state.clock.now();
        let expiry = sql::expired::Expiry {
            now,
            before,
            tokens_before: ago(now, TOKEN_RETENTION),
        };
        let mut reader = self.database.reader().await?;
        let head = sql::changes::head(&mut reader).await?;
        let is_log_long = head.number.saturating_sub(head.oldest) >= RETAINED_CHANGES;
        let mut is_due = is_log_long || sql::expired::exist(&mut reader, expiry).await?;
        drop(reader);
        while is_due {
            let mut transaction = self.begin().await?;
            let connection = transaction.connection();
            let (deleted, is_full) = sql::expired::delete(connection, expiry).await?;
            sql::changes::trim(connection, RETAINED_CHANGES).await?;
            deleted
                .into_iter()
                .for_each(|entity| transaction.changed(entity));
            transaction.commit().await?;
            is_due = is_full;
        }
        Ok(())
    }
}

fn ago(now: Timestamp, duration: Duration) -> Timestamp {
    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_millis(now.unix_millis().saturating_sub(millis))
}
