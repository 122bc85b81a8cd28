//! What becomes of a backup when nobody knows what happened after it.

use countersign::Id;
use countersign::jose::Algorithm;
use countersign::time::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use crate::denials;
use crate::error::StoreError;
use crate::record::{corrupt, read_id};
use crate::store::Inner;
use crate::writing::Writing;

/// Suspends every credential that is active, and kills its tokens; how many. Any of them may have been revoked.
pub(super) async fn suspend(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let until = denials::until(connection, now).await?;
    sqlx::query(
        "INSERT INTO denied_entities (entity, lowest_generation, until)
         SELECT id, min(generation + 1, 4294967295), ? FROM credentials WHERE status = 'active' AND kind <> 'token'
         ON CONFLICT (entity) DO UPDATE SET
             lowest_generation = max(lowest_generation, excluded.lowest_generation),
             until = max(until, excluded.until)",
    )
    .bind(until.unix_millis())
    .execute(&mut *connection)
    .await?;
    // A managed token has no generation: its record decides.
    let done = sqlx::query(
        "UPDATE credentials
         SET status = 'suspended', updated_at = ?,
             generation = CASE kind WHEN 'token' THEN generation ELSE min(generation + 1, 4294967295) END
         WHERE status = 'active'",
    )
    .bind(now.unix_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets the sessions and answers of the backup: their tokens were signed by keys that are revoked.
pub(super) async fn forget_tokens(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    for forget in ["DELETE FROM sessions", "DELETE FROM answers"] {
        sqlx::query(forget).execute(&mut *connection).await?;
    }
    Ok(())
}

impl Inner {
    /// Revokes every signing key, and makes each issuer another of the same kind: what was denied in the lost time
    /// is known to nobody, so that no token of that time may be accepted.
    pub(super) async fn replace_signing_keys(
        &self,
        writing: &mut Writing<'_>,
    ) -> Result<(), StoreError> {
        let now = writing.now;
        let rows = sqlx::query(
            "SELECT issuer_id, algorithm FROM signing_keys WHERE revoked_at IS NULL
             ORDER BY issuer_id, activates_at > ?, activates_at DESC, id DESC",
        )
        .bind(now.unix_millis())
        .fetch_all(writing.connection())
        .await?;
        // Each issuer's first one signs, or will be the first to.
        let mut signing: Vec<(Id, Algorithm)> = Vec::new();
        for row in &rows {
            let issuer = read_id(row.try_get("issuer_id")?)?;
            if signing.last().is_none_or(|(last, _)| *last != issuer) {
                let algorithm: &str = row.try_get("algorithm")?;
                let algorithm = algorithm.parse();
                signing.push((
                    issuer,
                    algorithm.or_else(|_| corrupt("a signing key's algorithm"))?,
                ));
            }
        }
        sqlx::query(
            "UPDATE signing_keys SET revoked_at = ?, sealed = NULL WHERE revoked_at IS NULL",
        )
        .bind(now.unix_millis())
        .execute(writing.connection())
        .await?;
        for (issuer, algorithm) in signing {
            self.make_key(writing, &issuer, algorithm, now).await?;
        }
        Ok(())
    }
}
