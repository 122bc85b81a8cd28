//! Signing keys and their encrypted private parts.

use countersign::Id;
use countersign::jose::SigningKey;
use countersign::time::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::Connection;
use super::denials;
use super::rows::{blob, id, optional_time, parsed, time};
use crate::error::Result;
use crate::records::{KeyState, SigningKeyRecord, StoredSigningKey, assign_states};

/// Returns all signing keys, the newest of each issuer first, with their states at `now`.
pub(crate) async fn list(db: &mut Connection, now: Timestamp) -> Result<Vec<StoredSigningKey>> {
    let rows = fetch_all!(
        db,
        "SELECT k.id, i.name AS issuer, k.kid, k.algorithm, k.sealed, k.created_at, k.activates_at, k.revoked_at
         FROM signing_keys k JOIN issuers i ON i.id = k.issuer_id
         ORDER BY i.name, k.activates_at DESC, k.id DESC",
    );
    let mut keys = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    assign_states(&mut keys, now, denials::longest_signed(db).await?);
    Ok(keys)
}

/// Returns when the newest key of an issuer that is not revoked begins to sign.
pub(crate) async fn last_activation(db: &mut Connection, issuer: &Id) -> Result<Option<Timestamp>> {
    let query =
        "SELECT max(activates_at) FROM signing_keys WHERE issuer_id = ? AND revoked_at IS NULL";
    let millis: Option<i64> = fetch_scalar!(db, query, blob(issuer));
    Ok(millis.map(Timestamp::from_unix_millis))
}

pub(crate) async fn insert(
    db: &mut Connection,
    (id, issuer): (&Id, &Id),
    (key, sealed): (&SigningKey, &[u8]),
    created_at: Timestamp,
    activates_at: Timestamp,
) -> Result<()> {
    execute!(
        db,
        "INSERT INTO signing_keys (id, issuer_id, algorithm, kid, sealed, created_at, activates_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        blob(id),
        blob(issuer),
        key.algorithm().as_str(),
        key.id(),
        sealed,
        created_at.unix_millis(),
        activates_at.unix_millis(),
    );
    Ok(())
}

pub(crate) async fn set_activation(
    db: &mut Connection,
    id: &Id,
    activates_at: Timestamp,
) -> Result<()> {
    execute!(
        db,
        "UPDATE signing_keys SET activates_at = ? WHERE id = ?",
        activates_at.unix_millis(),
        blob(id),
    );
    Ok(())
}

/// Revokes a key, and deletes its private part, which only an attacker could still use.
pub(crate) async fn revoke(db: &mut Connection, id: &Id, now: Timestamp) -> Result<()> {
    execute!(
        db,
        "UPDATE signing_keys SET revoked_at = ?, sealed = NULL WHERE id = ?",
        now.unix_millis(),
        blob(id),
    );
    Ok(())
}

pub(crate) async fn delete_private_part(db: &mut Connection, id: &Id) -> Result<()> {
    execute!(
        db,
        "UPDATE signing_keys SET sealed = NULL WHERE id = ?",
        blob(id)
    );
    Ok(())
}

fn read(row: &SqliteRow) -> Result<StoredSigningKey> {
    Ok(StoredSigningKey {
        id: id(row, "id")?,
        issuer: row.try_get("issuer")?,
        sealed: row.try_get("sealed")?,
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
