//! The changes since a backup, copied from the live database.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::error::{Result, StoreError};
use crate::sql::{Connection, changes};

/// Attaches the live database to a connection as `present`, for reading. The caller holds its write lock.
pub(crate) async fn attach(db: &mut Connection, path: &Path) -> Result<()> {
    let path = std::path::absolute(path).map_err(|source| StoreError::file(path, source))?;
    let mut name = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                name.push(char::from(*byte));
            }
            // Writing to a string does not fail.
            _ => _ = write!(name, "%{byte:02X}"),
        }
    }
    execute!(db, "ATTACH DATABASE $1 AS present", name + "?mode=ro");
    Ok(())
}

/// Records that the change log names are copied as they are. Records that never change, and are not in the change log, are
/// added. Denials stay: the later end counts, from either side.
const STEPS: [&str; 22] = [
    // One change stands for all managed tokens of a credential.
    "INSERT INTO temp.changed SELECT 'credential', id FROM present.credentials
     WHERE kind = 'token' AND created_by IN (SELECT entity FROM temp.changed WHERE kind = 'created_tokens')",
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
    // All are deleted before the first is inserted: the name of a user may belong to another one now.
    "DELETE FROM credentials WHERE id IN (SELECT entity FROM temp.changed WHERE kind = 'credential')",
    "INSERT INTO credentials SELECT * FROM present.credentials
     WHERE id IN (SELECT entity FROM temp.changed WHERE kind = 'credential')",
    "UPDATE credentials SET last_used_at = p.last_used_at FROM present.credentials p
     WHERE p.id = credentials.id AND coalesce(credentials.last_used_at < p.last_used_at, p.last_used_at IS NOT NULL)",
    "DELETE FROM peppers WHERE version NOT IN (SELECT version FROM present.peppers)
         AND NOT EXISTS (SELECT 1 FROM credentials WHERE pepper_version = version)
         AND NOT EXISTS (SELECT 1 FROM credentials WHERE imported_pepper = version)",
    "INSERT INTO denials SELECT * FROM present.denials WHERE true
     ON CONFLICT (entity, issuer) DO UPDATE SET
         lowest_generation = max(lowest_generation, excluded.lowest_generation),
         until = max(until, excluded.until), until_uptime = max(until_uptime, excluded.until_uptime)",
    // Sessions and responses are not in the change log when they begin. Those in the live database are complete.
    "DELETE FROM sessions",
    "INSERT INTO sessions SELECT * FROM present.sessions",
    "DELETE FROM idempotency_keys",
    "INSERT INTO idempotency_keys SELECT * FROM present.idempotency_keys",
    "UPDATE state SET largest_lifetime = max(state.largest_lifetime, p.largest_lifetime),
         longest_signed = max(state.longest_signed, p.longest_signed), uptime = max(state.uptime, p.uptime)
         FROM present.state p",
    "UPDATE change_head SET number = p.number FROM present.change_head p",
    "INSERT INTO audit SELECT * FROM present.audit
     WHERE number > coalesce((SELECT max(number) FROM main.audit), 0)",
    "UPDATE audit_head SET number = p.number, mac = p.mac FROM present.audit_head p",
];

/// Copies everything that changed after the change of this number. Returns how many changes that were.
pub(crate) async fn copy_changes(db: &mut Connection, after: i64) -> Result<i64> {
    // A record is deleted before it is inserted again, while others refer to it.
    execute!(db, "PRAGMA defer_foreign_keys = ON");
    execute!(
        db,
        "CREATE TEMP TABLE changed AS SELECT DISTINCT kind, entity FROM present.changes WHERE number > $1",
        after,
    );
    for step in STEPS {
        execute!(db, step);
    }
    Ok(changes::head(db).await?.number - after)
}
