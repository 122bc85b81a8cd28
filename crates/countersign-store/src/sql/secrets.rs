//! Encrypted secrets: peppers, and the re-encryption of all secrets under a new master key.

use countersign::Secret;
use countersign::key::Pepper;
use countersign::random::Random;
use countersign::time::Timestamp;
use zeroize::Zeroizing;

use super::rows::{flag, id, unsigned};
use super::{Connection, Row, audit, idempotency, sessions};
use crate::audit::AuditKey;
use crate::error::{Result, corrupt};
use crate::records::signing_key_context;
use crate::secrets::{SealContext, Sealer};

fn pepper_context(version: u32) -> SealContext {
    SealContext::new("peppers", &[&version.to_be_bytes()], "the pepper")
}

/// Creates a random pepper.
pub(crate) async fn insert_pepper(
    db: &mut Connection,
    version: u32,
    (sealer, random): (&Sealer, &dyn Random),
    now: Timestamp,
) -> Result<()> {
    let mut pepper = Zeroizing::new([0; 32]);
    random.fill(pepper.as_mut())?;
    let sealed = sealer.seal(&pepper_context(version), pepper.as_ref(), random)?;
    execute!(
        db,
        "INSERT INTO peppers (version, sealed, created_at) VALUES ($1, $2, $3)",
        version,
        sealed,
        now.unix_millis(),
    );
    Ok(())
}

/// Stores the HMAC key of another system as a pepper, unless it is stored already. Returns its version, and whether it is
/// new.
pub(crate) async fn import_pepper(
    db: &mut Connection,
    secret: &Secret,
    (sealer, random): (&Sealer, &dyn Random),
    now: Timestamp,
) -> Result<(u32, bool)> {
    let read = |row: &Row| {
        let version: u32 = unsigned(row, "version")?;
        let stored = sealer.open(&pepper_context(version), row.try_get("sealed")?)?;
        Ok((stored[..] == *secret.expose().as_bytes()).then_some(version))
    };
    let query = "SELECT version, sealed FROM peppers WHERE imported = 1";
    if let Some(version) = fetch_all!(db, read, query).into_iter().flatten().next() {
        return Ok((version, false));
    }
    let version = next_pepper(db).await?;
    let sealed = sealer.seal(&pepper_context(version), secret.expose().as_bytes(), random)?;
    execute!(
        db,
        "INSERT INTO peppers (version, imported, sealed, created_at) VALUES ($1, 1, $2, $3)",
        version,
        sealed,
        now.unix_millis(),
    );
    Ok((version, true))
}

/// Decrypts all peppers, and returns the newest and the others.
pub(crate) async fn peppers(db: &mut Connection, sealer: &Sealer) -> Result<(Pepper, Vec<Pepper>)> {
    let read = |row: &Row| {
        let version = unsigned(row, "version")?;
        let secret = sealer.open(&pepper_context(version), row.try_get("sealed")?)?;
        let pepper = match flag(row, "imported")? {
            true => Pepper::imported(version, &secret),
            false => Pepper::new(version, &secret),
        };
        pepper.or_else(|_| corrupt("a pepper"))
    };
    let query = "SELECT version, imported, sealed FROM peppers ORDER BY imported, version DESC";
    let mut peppers = fetch_all!(db, read, query);
    if peppers.is_empty() {
        return corrupt("there is no pepper");
    }
    Ok((peppers.remove(0), peppers))
}

/// Returns the version of the pepper that makes new digests.
pub(crate) async fn newest_pepper(db: &mut Connection) -> Result<u32> {
    let query = "SELECT max(version) AS version FROM peppers WHERE imported = 0";
    let row = fetch_one!(db, query);
    unsigned(&row, "version")
}

/// Returns the version of the next pepper.
pub(crate) async fn next_pepper(db: &mut Connection) -> Result<u32> {
    let row = fetch_one!(db, "SELECT max(version) AS version FROM peppers");
    let largest: u32 = unsigned(&row, "version")?;
    let next = largest.checked_add(1);
    next.map_or_else(|| corrupt("there have been too many peppers"), Ok)
}

/// Deletes the peppers below a version that no credential uses, and returns their versions.
pub(crate) async fn delete_unused_peppers(db: &mut Connection, below: u32) -> Result<Vec<u32>> {
    Ok(fetch_all!(
        db,
        |row| unsigned(row, "version"),
        "DELETE FROM peppers WHERE version < $1
             AND NOT EXISTS (SELECT 1 FROM credentials WHERE pepper_version = version)
             AND NOT EXISTS (SELECT 1 FROM credentials WHERE imported_pepper = version)
         RETURNING version",
        below,
    ))
}

/// Returns the statements that read and write the encrypted column of a table: all row ids, one row, and its update.
macro_rules! statements {
    ($table:literal) => {
        (
            concat!(
                "SELECT rowid AS rowid FROM ",
                $table,
                " WHERE sealed IS NOT NULL"
            ),
            concat!("SELECT * FROM ", $table, " WHERE rowid = $1"),
            concat!("UPDATE ", $table, " SET sealed = $1 WHERE rowid = $2"),
        )
    };
}

/// Decrypts every secret in the database with one master key, and encrypts it with another.
pub(crate) async fn reseal(
    db: &mut Connection,
    old: &Sealer,
    new: &Sealer,
    random: &dyn Random,
) -> Result<()> {
    type ReadContext = fn(&Row) -> Result<SealContext>;
    let tables: [(_, ReadContext); 5] = [
        (statements!("audit_head"), |_| Ok(AuditKey::context())),
        (statements!("peppers"), |row| {
            Ok(pepper_context(unsigned(row, "version")?))
        }),
        (statements!("signing_keys"), |row| {
            Ok(signing_key_context(&id(row, "id")?))
        }),
        (statements!("sessions"), |row| {
            Ok(sessions::read(row)?.context())
        }),
        (statements!("idempotency_keys"), |row| {
            Ok(idempotency::read(row)?.context())
        }),
    ];
    // The chain of the audit log depends on its key: without it, the database is damaged.
    audit::sealed_key(db).await?;
    for ((select_ids, select, update), read_context) in tables {
        let ids: Vec<i64> = fetch_all!(db, |row| Ok(row.try_get("rowid")?), select_ids);
        // Row by row: there may be many sessions and responses.
        for rowid in ids {
            let row = fetch_one!(db, select, rowid);
            let context = read_context(&row)?;
            let secret = old.open(&context, row.try_get("sealed")?)?;
            let sealed = new.seal(&context, &secret, random)?;
            execute!(db, update, sealed, rowid);
        }
    }
    Ok(())
}
