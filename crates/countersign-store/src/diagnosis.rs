//! What a database is, for whoever looks for what is wrong with it.

use countersign::time::Timestamp;
use sqlx::Row as _;

use crate::error::StoreError;
use crate::record::{moment, read_moment};
use crate::store::Store;

/// What a database is, so that somebody can judge whether that is as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The newest migration that it was brought to.
    pub schema_version: i64,
    /// The version of SQLite that reads it.
    pub sqlite_version: String,
    /// When the newest of its records was written; `None`: there is none.
    pub newest_record: Option<Timestamp>,
    /// When the pepper was made that new digests are made with.
    pub newest_pepper: Timestamp,
}

impl Store {
    /// What the database is.
    ///
    /// # Errors
    ///
    /// That it cannot be read.
    pub async fn diagnose(&self) -> Result<Diagnosis, StoreError> {
        let row = sqlx::query(
            "SELECT sqlite_version() AS sqlite,
                 (SELECT max(version) FROM _sqlx_migrations) AS schema,
                 (SELECT created_at FROM peppers ORDER BY version DESC LIMIT 1) AS pepper,
                 (SELECT max(at) FROM (
                     SELECT max(created_at) AS at FROM accounts
                     UNION ALL SELECT max(updated_at) FROM credentials
                     UNION ALL SELECT max(created_at) FROM signing_keys
                     UNION ALL SELECT max(created_at) FROM peppers
                     UNION ALL SELECT max(at) FROM audit
                 )) AS newest",
        )
        .fetch_one(&mut *self.0.reader().await?)
        .await?;
        Ok(Diagnosis {
            schema_version: row.try_get("schema")?,
            sqlite_version: row.try_get("sqlite")?,
            newest_record: read_moment(&row, "newest")?,
            newest_pepper: moment(row.try_get("pepper")?),
        })
    }
}
