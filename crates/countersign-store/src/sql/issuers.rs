//! Issuers: their names and URLs.

use countersign::Id;
use countersign::time::Timestamp;

use super::rows::{blob, id};
use super::{Connection, Row};
use crate::error::{Result, StoreError};

/// Returns the names of all issuers, oldest first.
pub(crate) async fn names(db: &mut Connection) -> Result<Vec<String>> {
    let query = "SELECT name FROM issuers ORDER BY rowid";
    Ok(fetch_all!(db, |row| Ok(row.try_get("name")?), query))
}

/// Returns whether it was inserted: another issuer may have the name.
pub(crate) async fn insert(
    db: &mut Connection,
    id: &Id,
    name: &str,
    now: Timestamp,
) -> Result<bool> {
    Ok(execute!(
        db,
        "INSERT INTO issuers (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        blob(id),
        name,
        now.unix_millis(),
    ) > 0)
}

/// Returns the id of an issuer and its URL.
///
/// # Errors
///
/// [`StoreError::UnknownIssuer`], or that the database cannot be read.
pub(crate) async fn find(db: &mut Connection, name: &str) -> Result<(Id, Option<String>)> {
    let query = "SELECT id, url FROM issuers WHERE name = $1";
    let read = |row: &Row| Ok((id(row, "id")?, row.try_get("url")?));
    let found = fetch_optional!(db, read, query, name);
    found.ok_or_else(|| StoreError::UnknownIssuer(name.to_owned()))
}

pub(crate) async fn set_url(db: &mut Connection, id: &Id, url: &str) -> Result<()> {
    execute!(
        db,
        "UPDATE issuers SET url = $1 WHERE id = $2",
        url,
        blob(id)
    );
    Ok(())
}
