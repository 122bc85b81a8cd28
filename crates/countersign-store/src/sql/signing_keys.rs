//! Signing keys and their encrypted private parts.

use countersign::Id;
use countersign::time::Timestamp;

use super::rows::{blob, id, optional_time, parsed, time};
use super::{Connection, Row, denials};
use crate::error::Result;
use crate::records::{KeyState, SigningKeyRecord, StoredSigningKey, assign_states};

/// Returns the signing keys of an issuer, newest first, with their states at `now`.
pub(crate) async fn list(
    db: &mut Connection,
    issuer: &Id,
    now: Timestamp,
) -> Result<Vec<StoredSigningKey>> {
    let mut keys = fetch_all!(
        db,
        read,
        "SELECT id, kid, algorithm, sealed, created_at, created_uptime, activates_at, revoked_at FROM signing_keys
         WHERE issuer_id = $1 ORDER BY activates_at DESC, id DESC",
        blob(issuer),
    );
    assign_states(&mut keys, now, denials::longest_signed(db).await?);
    Ok(keys)
}

/// Inserts a key, or writes all columns of an existing one that can change.
pub(crate) async fn save(db: &mut Connection, issuer: &Id, key: &StoredSigningKey) -> Result<()> {
    let record = &key.record;
    execute!(
        db,
        "INSERT INTO signing_keys (id, issuer_id, algorithm, kid, sealed, created_at, activates_at, revoked_at,
             created_uptime)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, (SELECT uptime FROM state))
         ON CONFLICT (id) DO UPDATE SET
             sealed = excluded.sealed, created_at = excluded.created_at, activates_at = excluded.activates_at,
             revoked_at = excluded.revoked_at",
        blob(&key.id),
        blob(issuer),
        record.algorithm.as_str(),
        &record.kid,
        &key.sealed,
        record.created_at.unix_millis(),
        record.activates_at.unix_millis(),
        record.revoked_at.map(Timestamp::unix_millis),
    );
    Ok(())
}

fn read(row: &Row) -> Result<StoredSigningKey> {
    Ok(StoredSigningKey {
        id: id(row, "id")?,
        sealed: row.try_get("sealed")?,
        created_uptime: row.try_get("created_uptime")?,
        until_uptime: None,
        record: SigningKeyRecord {
            kid: row.try_get("kid")?,
            algorithm: parsed(row, "algorithm", "the algorithm of a signing key")?,
            state: KeyState::Pending,
            created_at: time(row, "created_at")?,
            activates_at: time(row, "activates_at")?,
            revoked_at: optional_time(row, "revoked_at")?,
        },
    })
}
