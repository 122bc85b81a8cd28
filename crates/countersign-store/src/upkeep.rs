//! What a store does by itself from time to time: it writes down what was used, and forgets what nobody needs.

use std::time::Duration;

use countersign::Id;
use countersign::directory::{DigestUpgrade, Usage};
use countersign::time::Timestamp;

use crate::answers;
use crate::denials;
use crate::error::StoreError;
use crate::options::StoreOptions;
use crate::sessions;
use crate::signing_keys::{KeyState, read_keys};
use crate::store::{Inner, Store};
use crate::writing::{Entity, Writing};

/// Changes that are kept, so that who was away for a while need not read everything again, and so that a restored
/// backup can be brought up to date.
const KEPT_CHANGES: i64 = 100_000;
/// By how much a clock may be set forward and still be believed.
const CORRECTION: Duration = Duration::from_secs(3600);
/// How many uses are written down in one transaction.
const BATCH: usize = 1000;

impl Store {
    /// How often [`upkeep`](Self::upkeep) is due: what it writes down is never older than a minute.
    pub const UPKEEP_PERIOD: Duration = Duration::from_secs(20);

    /// Writes down when credentials were used last, makes outdated digests anew, destroys the private parts of
    /// signing keys that have retired, and forgets denials, sessions, answers and changes that nobody needs any more.
    ///
    /// [`follow`](Self::follow) does it every [`UPKEEP_PERIOD`](Self::UPKEEP_PERIOD). [`close`](Self::close) writes
    /// down what was used, and forgets nothing: a command whose clock is wrong has no say in that.
    ///
    /// A clock that is set forward while the store is open makes it forget an hour sooner at most.
    ///
    /// # Errors
    ///
    /// That the database cannot be read or written. What was used is kept for the next time.
    pub async fn upkeep(&self) -> Result<(), StoreError> {
        self.0.write_down_used().await?;
        self.0.forget().await
    }

    /// Raises the longest lifetime that an access token may have to `lifetime`: what is denied is kept that long, and
    /// so are keys that sign no more. Call it before the first such token is minted. A day is allowed from the start;
    /// it is never lowered.
    ///
    /// # Errors
    ///
    /// That the database cannot be written.
    pub async fn allow_lifetime(&self, lifetime: Duration) -> Result<(), StoreError> {
        let mut connection = self.0.writer().await?;
        denials::allow_lifetime(&mut connection, lifetime).await
    }

    /// Raises the longest lifetime that a managed token may have to `lifetime`: keys that sign no more are kept that
    /// long. Denials are not, for a managed token is judged by its record. As
    /// [`allow_lifetime`](Self::allow_lifetime) otherwise.
    ///
    /// # Errors
    ///
    /// That the database cannot be written.
    pub async fn allow_managed_lifetime(&self, lifetime: Duration) -> Result<(), StoreError> {
        let mut connection = self.0.writer().await?;
        denials::allow_managed_lifetime(&mut connection, lifetime).await
    }
}

/// What both clocks said when the store was opened.
pub(crate) struct OpenedAt {
    time: Timestamp,
    since_boot: Duration,
}

impl OpenedAt {
    pub(crate) fn now(options: &StoreOptions) -> Self {
        Self {
            time: options.clock.now(),
            since_boot: options.since_boot.since_boot(),
        }
    }

    /// The time, as far as it can have come since.
    fn credible(&self, options: &StoreOptions) -> Timestamp {
        let open = options.since_boot.since_boot();
        let open = open.saturating_sub(self.since_boot);
        let latest = self.time.plus(open).plus(CORRECTION);
        options.clock.now().min(latest)
    }
}

impl Inner {
    pub(crate) async fn write_down_used(&self) -> Result<(), StoreError> {
        let mut used = self.view.take_used();
        while !used.is_empty() {
            // Not all at once: who wants to revoke something is not kept waiting.
            let rest = used.split_off(used.len().min(BATCH));
            if let Err(error) = self.write_down(&used).await {
                self.view.put_back_used(used.into_iter().chain(rest));
                return Err(error);
            }
            used = rest;
        }
        Ok(())
    }

    async fn write_down(&self, used: &[Usage]) -> Result<(), StoreError> {
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin(&mut connection, self.now()).await?;
        for usage in used {
            // Monotone, whoever else writes. Not a change: nobody judges by it.
            sqlx::query(
                "UPDATE credentials SET last_used_at = ?1
                 WHERE id = ?2 AND (last_used_at IS NULL OR last_used_at < ?1)",
            )
            .bind(usage.at.unix_millis())
            .bind(usage.credential.as_bytes().as_slice())
            .execute(writing.connection())
            .await?;
            if let Some(redigest) = &usage.digest {
                make_anew(&mut writing, &usage.credential, redigest).await?;
            }
        }
        writing.commit(self, None).await
    }

    async fn forget(&self) -> Result<(), StoreError> {
        let mut connection = self.writer().await?;
        let now = self.opened_at.credible(&self.options);
        let mut writing = Writing::begin(&mut connection, now).await?;
        denials::forget(writing.connection(), now).await?;
        sessions::forget(writing.connection(), now).await?;
        answers::forget(writing.connection(), now).await?;
        for key in read_keys(writing.connection(), now).await? {
            if key.state == KeyState::Removed && key.sealed.is_some() {
                sqlx::query("UPDATE signing_keys SET sealed = NULL WHERE id = ?")
                    .bind(key.id.as_bytes().as_slice())
                    .execute(writing.connection())
                    .await?;
                writing.changed(Entity::SigningKey(key.id));
            }
        }
        sqlx::query(
            "UPDATE state SET oldest_change = (SELECT number FROM change_head) - ?1 + 1
             WHERE oldest_change < (SELECT number FROM change_head) - ?1 + 1",
        )
        .bind(KEPT_CHANGES)
        .execute(writing.connection())
        .await?;
        sqlx::query("DELETE FROM changes WHERE number < (SELECT oldest_change FROM state)")
            .execute(writing.connection())
            .await?;
        writing.commit(self, None).await?;
        let table = self.view.table();
        table.denied().forget_before(denials::forgettable(now));
        Ok(())
    }
}

/// Only if the secret is still the one whose digest is outdated: a rotation may have come first.
async fn make_anew(
    writing: &mut Writing<'_>,
    id: &Id,
    redigest: &DigestUpgrade,
) -> Result<(), StoreError> {
    let DigestUpgrade {
        outdated, renewed, ..
    } = redigest;
    let now = writing.now.unix_millis();
    let done = sqlx::query(
        "UPDATE credentials SET pepper_version = ?, digest = ?, previous_digest = NULL, previous_until = NULL
         WHERE id = ? AND pepper_version = ? AND digest = ?
             AND (previous_until IS NULL OR previous_until <= ?)
             AND EXISTS (SELECT 1 FROM peppers WHERE version = ?)",
    )
    .bind(renewed.pepper)
    .bind(renewed.digest.as_bytes().as_slice())
    .bind(id.as_bytes().as_slice())
    .bind(outdated.pepper)
    .bind(outdated.digest.as_bytes().as_slice())
    .bind(now)
    .bind(renewed.pepper)
    .execute(writing.connection())
    .await?;
    if done.rows_affected() > 0 {
        writing.changed(Entity::Credential(*id));
    }
    Ok(())
}
