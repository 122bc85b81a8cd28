//! Requests that may come again: what was answered is kept sealed for a day, with what was done.

use countersign::Secret;
use countersign::registry::{IdempotencyKey, Record, RegistryError};
use countersign::time::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::error::StoreError;
use crate::record::{corrupt, moment};
use crate::seal::{Place, framed};
use crate::store::Inner;
use crate::writing::Writing;

impl Inner {
    /// What was answered to this request, if it has come before.
    pub(crate) async fn recall(
        &self,
        writing: &mut Writing<'_>,
        once: Option<&IdempotencyKey<'_>>,
    ) -> Result<Option<Secret>, RegistryError> {
        let Some(once) = once else {
            return Ok(None);
        };
        let now = writing.now.unix_millis();
        let row = sqlx::query(
            "SELECT caller, key, request, until, sealed FROM answers WHERE caller = ? AND key = ? AND until > ?",
        )
        .bind(once.caller.as_bytes().as_slice())
        .bind(once.key)
        .bind(now)
        .fetch_optional(writing.connection())
        .await
        .map_err(StoreError::from)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let request: &[u8] = row.try_get("request").map_err(StoreError::from)?;
        if request != once.request_digest {
            return Err(RegistryError::IdempotencyConflict);
        }
        Ok(Some(self.open_answer(writing.connection(), &row).await?))
    }

    async fn open_answer(
        &self,
        connection: &mut SqliteConnection,
        row: &SqliteRow,
    ) -> Result<Secret, StoreError> {
        let sealer = self.ground.sealer(connection).await?;
        let bound = read_bound(row)?;
        let answer = sealer
            .open(answer_place(&bound), row.try_get("sealed")?)
            .map_err(|_| UNSEAL)?;
        let answer = str::from_utf8(&answer).or_else(|_| corrupt("an answer"))?;
        Ok(Secret::from(answer.to_owned()))
    }

    /// Remembers what is answered, in the place of what has lapsed.
    pub(crate) async fn remember(
        &self,
        writing: &mut Writing<'_>,
        once: Option<&IdempotencyKey<'_>>,
        record: &Record,
    ) -> Result<(), RegistryError> {
        let Some(once) = once else {
            return Ok(());
        };
        let remembered: i64 =
            sqlx::query_scalar("SELECT count(*) FROM answers WHERE caller = ? AND until > ?")
                .bind(once.caller.as_bytes().as_slice())
                .bind(writing.now.unix_millis())
                .fetch_one(writing.connection())
                .await
                .map_err(StoreError::from)?;
        if remembered >= i64::from(IdempotencyKey::MAX_PER_CALLER) {
            return Err(RegistryError::TooManyIdempotencyKeys);
        }
        let answer = (once.response)(record)?;
        let until = writing.now.plus(IdempotencyKey::RETENTION);
        let connection = writing.connection();
        let sealer = self.ground.sealer(connection).await?;
        let caller = once.caller.as_bytes().as_slice();
        let bound = bound(caller, once.key, &once.request_digest, until);
        let sealed = sealer
            .seal(
                answer_place(&bound),
                answer.expose().as_bytes(),
                &*self.options.random,
            )
            .map_err(StoreError::from)?;
        sqlx::query(
            "INSERT INTO answers (caller, key, request, sealed, until) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (caller, key) DO UPDATE SET
                 request = excluded.request, sealed = excluded.sealed, until = excluded.until",
        )
        .bind(caller)
        .bind(once.key)
        .bind(once.request_digest.as_slice())
        .bind(sealed)
        .bind(until.unix_millis())
        .execute(connection)
        .await
        .map_err(StoreError::from)?;
        Ok(())
    }
}

/// All that a row says, which its answer is sealed to.
fn bound(caller: &[u8], key: &str, request: &[u8], until: Timestamp) -> Vec<u8> {
    let until = until.unix_millis().to_be_bytes();
    framed(&[caller, key.as_bytes(), request, &until])
}

pub(crate) fn read_bound(row: &SqliteRow) -> Result<Vec<u8>, StoreError> {
    Ok(bound(
        row.try_get("caller")?,
        row.try_get("key")?,
        row.try_get("request")?,
        moment(row.try_get("until")?),
    ))
}

const UNSEAL: StoreError = StoreError::Unseal { what: "an answer" };

/// Where an answer is sealed, by all that its row says.
pub(crate) const fn answer_place(bound: &[u8]) -> Place<'_> {
    Place {
        table: "answers",
        row: bound,
        column: "sealed",
    }
}

/// Forgets what has lapsed.
pub(crate) async fn forget(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM answers WHERE until <= ?")
        .bind(now.unix_millis())
        .execute(connection)
        .await?;
    Ok(())
}
