//! A log, and an attacker who can write to its database but does not have its key.

use std::collections::BTreeSet;
use std::rc::Rc;

use countersign::Id;
use countersign::random::SystemRandom;
use countersign::time::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::contents::{Contents, HeadRow, Row, blob};
use crate::audit::{AuditKey, AuditRecord, Checkpoint, Verified};
use crate::error::StoreError;
use crate::secrets::Sealer;
use crate::sql::sqlite;
use crate::sql::{self, Connection};

pub(super) const ACCOUNT: Id = Id::from_bytes([1; 20]);
pub(super) const OTHER_ACCOUNT: Id = Id::from_bytes([2; 20]);
pub(super) const ENTITY: Id = Id::from_bytes([3; 20]);
pub(super) const RECORDS: i64 = 8;

pub(super) struct Log {
    pub(super) connection: Connection,
    pub(super) key: AuditKey,
}

pub(super) fn sealer(byte: u8) -> Sealer {
    Sealer::new(&[byte; 32]).unwrap()
}

impl Log {
    pub(super) async fn new() -> Self {
        let mut connection = sqlite::memory().await;
        let (key, sealed) = AuditKey::generate(&sealer(1), &SystemRandom).unwrap();
        let begun = sql::audit::begin(&mut connection, &key, &sealed).await;
        begun.unwrap();
        Self { connection, key }
    }

    /// Returns the connection as that of an attacker.
    pub(super) fn sqlite(&mut self) -> &mut SqliteConnection {
        match &mut self.connection {
            Connection::Sqlite(connection) => connection,
            #[cfg(feature = "postgres")]
            Connection::Postgres(_) => panic!("the log is in SQLite"),
        }
    }

    /// Decrypts the key that is stored in the database.
    pub(super) async fn open_key(&mut self, sealer: &Sealer) -> Result<AuditKey, StoreError> {
        let sealed = sql::audit::sealed_key(&mut self.connection).await?;
        AuditKey::open(&sealed, sealer)
    }

    /// Encrypts the key with another master key.
    pub(super) async fn reseal_key(
        &mut self,
        old: &Sealer,
        new: &Sealer,
    ) -> Result<(), StoreError> {
        sql::secrets::reseal(&mut self.connection, old, new, &SystemRandom).await
    }

    /// Creates a log of different records, with and without the optional values.
    pub(super) async fn of(records: i64) -> Self {
        let mut log = Self::new().await;
        for i in 1..=records {
            let (actor, request) = (format!("user-{i}"), format!("request-{i}"));
            let entry = AuditRecord {
                request_id: (i % 3 != 0).then_some(request),
                account_id: (i % 4 != 0).then_some(if i % 2 == 0 {
                    ACCOUNT
                } else {
                    OTHER_ACCOUNT
                }),
                entity: (i % 5 != 0).then_some(ENTITY),
                ..AuditRecord::new(&actor, "key.create").with("name", i)
            };
            log.append_at(1_800_000_000_000 + i, entry).await.unwrap();
        }
        log
    }

    pub(super) async fn append(&mut self, entry: AuditRecord) -> Result<(), StoreError> {
        self.append_at(1_800_000_000_000, entry).await
    }

    pub(super) async fn append_at(
        &mut self,
        millis: i64,
        entry: AuditRecord,
    ) -> Result<(), StoreError> {
        let now = Timestamp::from_unix_millis(millis);
        sql::audit::append(&mut self.connection, &self.key, now, entry).await
    }

    pub(super) async fn verify(&mut self, since: Option<&Checkpoint>) -> Verified {
        let verified = sql::audit::verify(&mut self.connection, &self.key, since);
        verified.await.unwrap()
    }

    /// Returns the checkpoint of an intact log.
    pub(super) async fn checkpoint(&mut self) -> Checkpoint {
        match self.verify(None).await {
            Verified::Intact { checkpoint, .. } => checkpoint,
            broken => panic!("{broken:?}"),
        }
    }

    /// Returns the number of the first broken record; `None` if the log is intact.
    pub(super) async fn broken(&mut self, since: Option<&Checkpoint>) -> Option<i64> {
        match self.verify(since).await {
            Verified::Intact { .. } => None,
            Verified::Broken { number, .. } => Some(number),
        }
    }

    pub(super) async fn execute(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        let done = sqlx::raw_sql(sql).execute(self.sqlite()).await;
        done.map(|_| ())
    }

    pub(super) async fn drop_triggers(&mut self) {
        let triggers = "DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_deleted";
        self.execute(triggers).await.unwrap();
    }

    pub(super) async fn contents(&mut self) -> Contents {
        let rows = sqlx::query("SELECT * FROM audit ORDER BY number");
        let rows = rows.fetch_all(self.sqlite()).await.unwrap();
        let head = sqlx::query("SELECT number, mac FROM audit_head");
        let head = head.fetch_optional(self.sqlite()).await.unwrap();
        Contents {
            rows: rows
                .iter()
                .map(|r| (r.get("number"), Rc::new(Row::read(r))))
                .collect(),
            head: head.map(|head| HeadRow {
                number: head.get("number"),
                mac: head.get("mac"),
            }),
        }
    }

    /// Changes the log from `old` to `new`, in one statement and only where they differ, so that ten
    /// thousand changes do not take minutes.
    pub(super) async fn write(&mut self, old: &Contents, new: &Contents) {
        let differing = old.differing(new);
        let mut sql = format!("DELETE FROM audit WHERE number IN ({});", list(&differing));
        let rows = differing.iter().filter_map(|number| {
            let row = new.rows.get(number)?;
            Some(row.values(*number))
        });
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            sql += &format!("INSERT INTO audit VALUES {};", rows.join(","));
        }
        if old.head != new.head {
            sql += &new
                .head
                .as_ref()
                .map_or("DELETE FROM audit_head".to_owned(), |head| {
                    let HeadRow { number, mac } = head;
                    format!(
                        "UPDATE audit_head SET number = {number}, mac = {}",
                        blob(mac)
                    )
                });
        }
        self.execute_text(sql).await;
    }

    /// Copies the log for [`restore`](Self::restore).
    pub(super) async fn copy(&mut self) {
        let copy = "CREATE TEMP TABLE copy AS SELECT * FROM audit;
                    CREATE TEMP TABLE copy_head AS SELECT * FROM audit_head";
        self.execute(copy).await.unwrap();
    }

    /// Restores the copy `old` after `new` was written.
    pub(super) async fn restore(&mut self, old: &Contents, new: &Contents) {
        let numbers = list(&old.differing(new));
        self.execute_text(format!(
            "DELETE FROM audit WHERE number IN ({numbers});
             INSERT INTO audit SELECT * FROM copy WHERE number IN ({numbers});
             INSERT OR REPLACE INTO audit_head SELECT * FROM copy_head"
        ))
        .await;
    }

    async fn execute_text(&mut self, sql: String) {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
        sql.execute(self.sqlite()).await.unwrap();
    }
}

/// Tampers with a log of eight records, and returns the number that verification names.
pub(super) async fn named(tamper: impl FnOnce(&mut Contents)) -> Option<i64> {
    let mut log = Log::of(RECORDS).await;
    tampered(&mut log, tamper).await;
    log.broken(None).await
}

pub(super) async fn tampered(log: &mut Log, tamper: impl FnOnce(&mut Contents)) {
    log.drop_triggers().await;
    let old = log.contents().await;
    let mut new = old.clone();
    tamper(&mut new);
    assert_ne!(old, new, "nothing was changed");
    log.write(&old, &new).await;
}

fn list(numbers: &BTreeSet<i64>) -> String {
    let numbers: Vec<_> = numbers.iter().map(i64::to_string).collect();
    numbers.join(",")
}
