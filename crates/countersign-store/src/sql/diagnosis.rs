use countersign::time::Timestamp;

use super::Connection;
use super::rows::{optional_time, time};
use crate::error::Result;

/// Facts about a database, by which an operator can decide whether it is in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The version of its schema.
    pub schema_version: i64,
    /// The database system and its version, such as `SQLite 3.51.3`.
    pub system: String,
    /// When its newest record was written; `None` if there is none.
    pub newest_record: Option<Timestamp>,
    /// When the pepper of new digests was created.
    pub newest_pepper: Timestamp,
}

pub(crate) async fn diagnose(db: &mut Connection) -> Result<Diagnosis> {
    let system = match db {
        Connection::Sqlite(_) => {
            "SELECT 'SQLite ' || sqlite_version() AS system,
                 (SELECT user_version FROM pragma_user_version) AS version"
        }
        #[cfg(feature = "postgres")]
        Connection::Postgres(_) => {
            "SELECT 'PostgreSQL ' || current_setting('server_version') AS system, version FROM countersign_schema"
        }
    };
    let system = fetch_one!(db, system);
    let row = fetch_one!(
        db,
        "SELECT (SELECT created_at FROM peppers WHERE imported = 0 ORDER BY version DESC LIMIT 1) AS pepper,
             (SELECT max(at) FROM (
                 SELECT max(created_at) AS at FROM accounts
                 UNION ALL SELECT max(updated_at) FROM credentials
                 UNION ALL SELECT max(created_at) FROM signing_keys
                 UNION ALL SELECT max(created_at) FROM peppers
                 UNION ALL SELECT max(at) FROM audit
             ) AS newest_of_each) AS newest",
    );
    Ok(Diagnosis {
        schema_version: system.try_get("version")?,
        system: system.try_get("system")?,
        newest_record: optional_time(&row, "newest")?,
        newest_pepper: time(&row, "pepper")?,
    })
}
