//! Access to the database file from another process.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::runtime::{Builder, Runtime};

use super::{Violation, ensure};

fn connect(path: &Path) -> (Runtime, SqliteConnection) {
    let runtime = Builder::new_current_thread().build().unwrap();
    let options = SqliteConnectOptions::new().filename(path);
    let connection = runtime.block_on(options.connect()).unwrap();
    (runtime, connection)
}

/// Checks the integrity of the database with SQLite.
pub(super) fn check_integrity(path: &Path) -> Result<(), Violation> {
    let (runtime, mut connection) = connect(path);
    let found: String = runtime
        .block_on(sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection))
        .unwrap();
    let orphans = runtime
        .block_on(sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut connection))
        .unwrap();
    runtime.block_on(connection.close()).unwrap();
    ensure(found == "ok", || format!("integrity_check: {found}"))?;
    ensure(orphans.is_empty(), || {
        format!("foreign_key_check: {} rows", orphans.len())
    })
}

/// A write transaction of another process.
pub(crate) struct WriteLock(Runtime, SqliteConnection);

impl WriteLock {
    pub(crate) fn take(path: &Path) -> Self {
        let (runtime, mut connection) = connect(path);
        runtime
            .block_on(sqlx::query("BEGIN IMMEDIATE").execute(&mut connection))
            .unwrap();
        Self(runtime, connection)
    }

    pub(crate) fn release(self) {
        let Self(runtime, connection) = self;
        runtime.block_on(connection.close()).unwrap();
    }
}
