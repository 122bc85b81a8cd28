//! Credentials: API keys, users and managed tokens.

use countersign::Id;
use countersign::directory::{CredentialKind, Usage, UserName};
use countersign::registry::Record;
use countersign::registry::backend::{
    DigestUpgrade, KeyDigest, KeyDigests, PasswordUpgrade, Placement, SecretDigest,
    StoredCredential, StoredSecret,
};
use countersign::time::Timestamp;
use sqlx::AssertSqlSafe;

use super::rows::{
    blob, environment_kind, flag, id, one_of, optional_blob, optional_id, optional_time, parsed,
    status, time, unsigned,
};
use super::{Connection, IntoValue as _, Row};
use crate::error::{Result, corrupt};

/// Returns the statement that reads the credentials to which a clause applies.
macro_rules! select {
    ($($clause:expr),+) => {
        concat!(
            "SELECT *, \
             coalesce((SELECT kind FROM environments WHERE id = environment_id), 'production') AS environment_kind \
             FROM credentials ",
            $($clause),+
        )
    };
}

mod all;
mod lists;

pub(crate) use all::for_each;
pub(crate) use lists::{has_created, has_credentials, list, list_tokens};

/// Reads the credentials among the changes after the number `$1`.
pub(super) const CHANGED: &str = select!("WHERE id ", changed!("'credential'"));

pub(crate) async fn find(db: &mut Connection, id: &Id) -> Result<Option<StoredCredential>> {
    Ok(fetch_optional!(
        db,
        read,
        select!("WHERE id = $1"),
        blob(id)
    ))
}

pub(crate) async fn find_user(
    db: &mut Connection,
    name: &UserName,
) -> Result<Option<StoredCredential>> {
    let query = select!("WHERE kind = 'user' AND name = $1");
    Ok(fetch_optional!(db, read, query, name.as_str()))
}

/// Returns whether a key was imported by this digest and is stored, even if its digest was replaced or its secret rotated.
pub(crate) async fn is_imported(db: &mut Connection, digest: &KeyDigest) -> Result<bool> {
    Ok(fetch_scalar!(
        db,
        "SELECT EXISTS (SELECT 1 FROM credentials WHERE imported = 1 AND digest = $1)
             OR EXISTS (SELECT 1 FROM credentials WHERE imported_digest = $1)",
        digest.digest.as_bytes().as_slice(),
    ))
}

/// Revokes the managed tokens that a credential created, with one statement however many there are. Returns how many
/// were not revoked before.
pub(crate) async fn revoke_created(
    db: &mut Connection,
    creator: &Id,
    reason: &str,
    now: Timestamp,
) -> Result<u64> {
    Ok(execute!(
        db,
        "UPDATE credentials SET status = 'revoked', reason = $1, updated_at = $2
         WHERE created_by = $3 AND kind = 'token' AND status <> 'revoked'",
        reason,
        now.unix_millis(),
        blob(creator),
    ))
}

/// Returns the ids of the managed tokens that a credential created and that are revoked.
pub(crate) async fn revoked_created(db: &mut Connection, creator: &Id) -> Result<Vec<Id>> {
    Ok(fetch_all!(
        db,
        |row: &Row| id(row, "id"),
        "SELECT id FROM credentials WHERE created_by = $1 AND kind = 'token' AND status = 'revoked'",
        blob(creator),
    ))
}

/// Returns whether there is any credential, whatever its status.
pub(crate) async fn exist(db: &mut Connection) -> Result<bool> {
    Ok(fetch_scalar!(
        db,
        "SELECT EXISTS (SELECT 1 FROM credentials)"
    ))
}

/// Inserts a credential, or writes all columns of an existing one that can change, except for `last_used_at`.
pub(crate) async fn save(db: &mut Connection, credential: &StoredCredential) -> Result<()> {
    let record = &credential.record;
    let (digest, previous, password) = match &credential.secret {
        StoredSecret::Key(key) => (Some(&key.current), key.previous.as_ref(), None),
        StoredSecret::ImportedKey(digest) => (Some(digest), None, None),
        StoredSecret::Password(hash) => (None, None, Some(&**hash)),
        _ => (None, None, None),
    };
    let imported = matches!(credential.secret, StoredSecret::ImportedKey(_));
    let end = record
        .expires_at
        .filter(|_| record.kind == CredentialKind::Token);
    let lifetime = end.map(|end| end.unix_millis() - record.created_at.unix_millis());
    // Only a rotation changes the previous secret.
    let grace = previous.map(|(_, until)| until.unix_millis() - record.updated_at.unix_millis());
    execute!(
        db,
        "INSERT INTO credentials (id, kind, name, account_id, environment_id, generation, status, reason, scopes,
             allow_from, issuers, created_by, created_by_user, created_at, updated_at, expires_at, pepper_version,
             digest, imported, previous_digest, previous_until, password_hash, until_uptime, previous_until_uptime,
             imported_digest, imported_pepper)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
             (SELECT uptime FROM state) + $23, (SELECT uptime FROM state) + $24,
             CASE WHEN $19 = 1 THEN $18 END,
             (SELECT version FROM peppers WHERE version = $17 AND imported = 0 AND $19 = 1))
         ON CONFLICT (id) DO UPDATE SET
             generation = excluded.generation, status = excluded.status, reason = excluded.reason,
             scopes = excluded.scopes, updated_at = excluded.updated_at, pepper_version = excluded.pepper_version,
             digest = excluded.digest, imported = excluded.imported, previous_digest = excluded.previous_digest,
             previous_until = excluded.previous_until, password_hash = excluded.password_hash,
             previous_until_uptime = CASE
                 WHEN credentials.previous_digest IS NOT DISTINCT FROM excluded.previous_digest
                 THEN credentials.previous_until_uptime ELSE excluded.previous_until_uptime END",
        blob(&record.id),
        record.kind.as_str(),
        &record.name,
        blob(&record.account_id),
        optional_blob(record.environment_id.as_ref()),
        record.generation,
        record.status.as_str(),
        &record.reason,
        record.scopes.as_str(),
        record.allow_from.to_string(),
        record.issuers.to_string(),
        optional_blob(record.created_by.as_ref()),
        record.created_by_user,
        record.created_at.unix_millis(),
        record.updated_at.unix_millis(),
        record.expires_at.map(Timestamp::unix_millis),
        digest.map(|digest| digest.pepper),
        digest.map(|digest| digest.digest.as_bytes().as_slice()),
        imported,
        previous.map(|(digest, _)| digest.as_bytes().as_slice()),
        previous.map(|(_, until)| until.unix_millis()),
        password,
        lifetime,
        grace,
    );
    Ok(())
}

pub(crate) async fn delete(db: &mut Connection, id: &Id) -> Result<()> {
    execute!(db, "DELETE FROM credentials WHERE id = $1", blob(id));
    Ok(())
}

/// Records the last uses of credentials, of which there is one at least, unless another process has recorded later ones. It is one
/// statement: each takes two journeys to PostgreSQL, and other changes wait meanwhile.
pub(crate) async fn record_uses(db: &mut Connection, uses: &[Usage]) -> Result<()> {
    let rows = (1..=uses.len()).map(|row| format!("(${}, ${})", 2 * row - 1, 2 * row));
    let rows: Vec<_> = rows.collect();
    let statement = format!(
        "WITH used (id, at) AS (VALUES {})
         UPDATE credentials SET last_used_at = used.at FROM used
         WHERE credentials.id = used.id AND (last_used_at IS NULL OR last_used_at < used.at)",
        rows.join(", ")
    );
    let values = uses.iter().flat_map(|usage| {
        let at = usage.at.unix_millis();
        [blob(&usage.credential).into_value(), at.into_value()]
    });
    let values: Vec<_> = values.collect();
    db.execute(AssertSqlSafe(statement), &values).await?;
    Ok(())
}

/// Replaces the digest of a key by one with a newer pepper, and returns whether it did: the key may have been rotated
/// since. An import is found by the new digest then, or still by the one that the other system computed.
pub(crate) async fn upgrade_digest(
    db: &mut Connection,
    id: &Id,
    upgrade: &DigestUpgrade,
    now: Timestamp,
) -> Result<bool> {
    let DigestUpgrade {
        outdated, renewed, ..
    } = upgrade;
    Ok(execute!(
        db,
        "UPDATE credentials SET pepper_version = $1, digest = $2, previous_digest = NULL, previous_until = NULL,
             previous_until_uptime = NULL,
             imported_digest = CASE WHEN imported = 1 AND imported_pepper IS NOT NULL THEN $2 ELSE imported_digest END,
             imported_pepper = CASE WHEN imported = 1 AND imported_pepper IS NOT NULL THEN $1 ELSE imported_pepper END
         WHERE id = $3 AND pepper_version = $4 AND digest = $5
             AND (previous_until IS NULL OR previous_until <= $6)
             AND EXISTS (SELECT 1 FROM peppers WHERE version = $1)",
        renewed.pepper,
        renewed.digest.as_bytes().as_slice(),
        blob(id),
        outdated.pepper,
        outdated.digest.as_bytes().as_slice(),
        now.unix_millis(),
    ) > 0)
}

/// Replaces the password hash of an imported user by one of the own method, and returns whether it did: the password may
/// have been changed since.
pub(crate) async fn upgrade_password(
    db: &mut Connection,
    id: &Id,
    upgrade: &PasswordUpgrade,
) -> Result<bool> {
    let (renewed, outdated) = (upgrade.renewed.expose(), upgrade.outdated.expose());
    let query = "UPDATE credentials SET password_hash = $1 WHERE id = $2 AND password_hash = $3";
    Ok(execute!(db, query, renewed, blob(id), outdated) > 0)
}

pub(super) fn read(row: &Row) -> Result<StoredCredential> {
    let all = [
        CredentialKind::Key,
        CredentialKind::User,
        CredentialKind::Token,
    ];
    let what = "the kind of a credential";
    let kind = one_of(row, "kind", &all, CredentialKind::as_str, what)?;
    let secret = match kind {
        CredentialKind::Key if flag(row, "imported")? => {
            StoredSecret::ImportedKey(read_digests(row)?.current)
        }
        CredentialKind::Key => StoredSecret::Key(read_digests(row)?),
        CredentialKind::Token => StoredSecret::Signature,
        _ => StoredSecret::Password(row.try_get::<&str>("password_hash")?.into()),
    };
    let mut placement = Placement::account(id(row, "account_id")?);
    placement.environment = optional_id(row, "environment_id")?;
    placement.environment_kind = environment_kind(row, "environment_kind")?;
    let scopes = parsed(row, "scopes", "the scopes of a credential")?;
    let created_at = time(row, "created_at")?;
    let mut record = Record::new(id(row, "id")?, kind, placement, scopes, created_at);
    record.name = row.try_get("name")?;
    record.status = status(row)?;
    record.reason = row.try_get("reason")?;
    record.allow_from = parsed(row, "allow_from", "the networks of a credential")?;
    record.issuers = parsed(row, "issuers", "the issuers of a credential")?;
    record.created_by = optional_id(row, "created_by")?;
    record.created_by_user = flag(row, "created_by_user")?;
    record.generation = unsigned(row, "generation")?;
    record.updated_at = time(row, "updated_at")?;
    record.expires_at = optional_time(row, "expires_at")?;
    record.grace_until = optional_time(row, "previous_until")?;
    record.last_used_at = optional_time(row, "last_used_at")?;
    Ok(StoredCredential::new(record, secret))
}

fn read_digests(row: &Row) -> Result<KeyDigests> {
    let current = KeyDigest {
        pepper: unsigned(row, "pepper_version")?,
        digest: read_digest(&row.try_get_bytes("digest")?.unwrap_or_default())?,
    };
    let previous = row.try_get_bytes("previous_digest")?;
    let previous = previous.map(|bytes| read_digest(&bytes)).transpose()?;
    let until = optional_time(row, "previous_until")?;
    Ok(KeyDigests::new(current, previous.zip(until)))
}

fn read_digest(bytes: &[u8]) -> Result<SecretDigest> {
    let bytes = bytes.try_into();
    bytes
        .map(SecretDigest::from_bytes)
        .or_else(|_| corrupt("the length of a digest"))
}
