//! What changed since a backup, from the database in place.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use sqlx::sqlite::SqliteConnection;

use crate::backup::unusable;
use crate::error::StoreError;

/// Makes the database in place known to a connection as `present`, for reading: who holds it is its only writer.
pub(super) async fn attach(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), StoreError> {
    let path = std::path::absolute(path).map_err(|source| unusable(path, source))?;
    let mut name = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                name.push(char::from(*byte));
            }
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    sqlx::query("ATTACH DATABASE ? AS present")
        .bind(name + "?mode=ro")
        .execute(connection)
        .await?;
    Ok(())
}

/// Records that are named in the change log are taken over as they are; what is never changed, and what is not named
/// there, is added. What is denied stays denied: the later word counts, on either side.
const STEPS: [&str; 22] = [
    "INSERT INTO peppers SELECT * FROM present.peppers p
     WHERE NOT EXISTS (SELECT 1 FROM main.peppers WHERE version = p.version)",
    "DELETE FROM accounts WHERE id IN (SELECT entity FROM temp.changed WHERE kind = 'account')",
    "INSERT INTO accounts SELECT * FROM present.accounts
     WHERE id IN (SELECT entity FROM temp.changed WHERE kind = 'account')",
    "INSERT INTO environments SELECT * FROM present.environments p
     WHERE NOT EXISTS (SELECT 1 FROM main.environments WHERE id = p.id)",
    "INSERT INTO issuers SELECT * FROM present.issuers p
     WHERE NOT EXISTS (SELECT 1 FROM main.issuers WHERE id = p.id)",
    "UPDATE issuers SET url = p.url FROM present.issuers p WHERE p.id = issuers.id AND issuers.url IS NULL",
    "DELETE FROM signing_keys WHERE id IN (SELECT entity FROM temp.changed WHERE kind = 'signing_key')",
    "INSERT INTO signing_keys SELECT * FROM present.signing_keys
     WHERE id IN (SELECT entity FROM temp.changed WHERE kind = 'signing_key')",
    // All of them go before the first comes: a user's name may be another's now.
    "DELETE FROM credentials WHERE id IN (SELECT entity FROM temp.changed WHERE kind = 'credential')",
    "INSERT INTO credentials SELECT * FROM present.credentials
     WHERE id IN (SELECT entity FROM temp.changed WHERE kind = 'credential')",
    "UPDATE credentials SET last_used_at = p.last_used_at FROM present.credentials p
     WHERE p.id = credentials.id AND coalesce(credentials.last_used_at < p.last_used_at, p.last_used_at IS NOT NULL)",
    "DELETE FROM peppers WHERE version NOT IN (SELECT version FROM present.peppers)
         AND NOT EXISTS (SELECT 1 FROM credentials WHERE pepper_version = version)",
    "INSERT INTO denied_entities SELECT * FROM present.denied_entities WHERE true
     ON CONFLICT (entity) DO UPDATE SET
         lowest_generation = max(lowest_generation, excluded.lowest_generation),
         until = max(until, excluded.until)",
    "INSERT INTO denied_tokens SELECT * FROM present.denied_tokens WHERE true
     ON CONFLICT (token, issuer) DO UPDATE SET until = max(until, excluded.until)",
    // Sessions and answers begin without a change, and end for good: those in place are all that there are.
    "DELETE FROM sessions",
    "INSERT INTO sessions SELECT * FROM present.sessions",
    "DELETE FROM answers",
    "INSERT INTO answers SELECT * FROM present.answers",
    "UPDATE state SET largest_lifetime = max(state.largest_lifetime, p.largest_lifetime),
         longest_signed = max(state.longest_signed, p.longest_signed) FROM present.state p",
    "UPDATE change_head SET number = p.number FROM present.change_head p",
    "INSERT INTO audit SELECT * FROM present.audit
     WHERE number > coalesce((SELECT max(number) FROM main.audit), 0)",
    "UPDATE audit_head SET number = p.number, mac = p.mac FROM present.audit_head p",
];

/// Takes over everything that changed after the change of this number; how many changes that were.
pub(super) async fn take_over(
    connection: &mut SqliteConnection,
    after: i64,
) -> Result<i64, StoreError> {
    // A record goes before it comes again, and others refer to it.
    sqlx::query("PRAGMA defer_foreign_keys = ON")
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "CREATE TEMP TABLE changed AS SELECT DISTINCT kind, entity FROM present.changes WHERE number > ?",
    )
    .bind(after)
    .execute(&mut *connection)
    .await?;
    for step in STEPS {
        sqlx::query(step).execute(&mut *connection).await?;
    }
    let head: i64 = sqlx::query_scalar("SELECT number FROM change_head")
        .fetch_one(connection)
        .await?;
    Ok(head - after)
}
