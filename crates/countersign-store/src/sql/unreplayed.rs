//! A backup of which later changes are unknown.

use countersign::Id;
use countersign::jose::Algorithm;
use countersign::time::Timestamp;

use super::Connection;
use super::denials::{self, later_end};
use super::rows::{id, parsed};
use crate::error::Result;

/// Returns the expression for the generation after the present one, which is the same after the last one.
macro_rules! next_generation {
    () => {
        "CASE WHEN generation < 4294967295 THEN generation + 1 ELSE generation END"
    };
}

/// Suspends every active credential, and denies its tokens: any of them may have been revoked after the backup. Returns
/// how many credentials that were.
pub(crate) async fn suspend_all(db: &mut Connection, now: Timestamp) -> Result<u64> {
    let until = denials::until(db, now).await?;
    execute!(
        db,
        concat!(
            "INSERT INTO denials (entity, issuer, lowest_generation, until, until_uptime)
             SELECT id, '', ",
            next_generation!(),
            ", $1, (SELECT uptime FROM state) + $1 - $2
             FROM credentials WHERE status = 'active' AND kind <> 'token'",
            later_end!()
        ),
        until.unix_millis(),
        now.unix_millis(),
    );
    // A managed token has no generation: its record decides.
    Ok(execute!(
        db,
        concat!(
            "UPDATE credentials SET status = 'suspended', updated_at = $1,
                 generation = CASE kind WHEN 'token' THEN generation ELSE ",
            next_generation!(),
            " END WHERE status = 'active'"
        ),
        now.unix_millis(),
    ))
}

/// Deletes all sessions and responses: their tokens were signed by keys that are revoked.
pub(crate) async fn delete_tokens(db: &mut Connection) -> Result<()> {
    execute!(db, "DELETE FROM sessions");
    execute!(db, "DELETE FROM idempotency_keys");
    Ok(())
}

/// Revokes all signing keys. Returns the issuers that had one, each with the algorithm of its active or next key.
pub(crate) async fn revoke_signing_keys(
    db: &mut Connection,
    now: Timestamp,
) -> Result<Vec<(Id, Algorithm)>> {
    let mut issuers = fetch_all!(
        db,
        |row| Ok((
            id(row, "issuer_id")?,
            parsed(row, "algorithm", "the algorithm of a signing key")?
        )),
        "SELECT issuer_id, algorithm FROM signing_keys WHERE revoked_at IS NULL
         ORDER BY issuer_id, activates_at > $1, activates_at DESC, id DESC",
        now.unix_millis(),
    );
    // The first key of each issuer signs, or will be the first to sign.
    issuers.dedup_by_key(|(issuer, _)| *issuer);
    execute!(
        db,
        "UPDATE signing_keys SET revoked_at = $1, sealed = NULL WHERE revoked_at IS NULL",
        now.unix_millis(),
    );
    Ok(issuers)
}
