use std::sync::Arc;
use std::time::Duration;

use super::pools::Primary;
use super::{Prepared, within};
use crate::error::{Result, StoreError, corrupt};
use crate::sql::{Connection, Held, News};

/// How long the head of the change log is waited for.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// How long to wait before another attempt to connect, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

const HEAD: &str = "
    SELECT number, epoch,
        CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS timeline
    FROM change_head, state";

/// Reads the head of the change log, always from the primary. It has one connection of its own.
pub(crate) struct Watcher {
    primary: Arc<Primary>,
    pub(crate) connection: Option<Connection>,
    /// How long to wait before the next attempt to connect, after one that failed.
    pause: Duration,
    /// The head that was read with the connection.
    seen: Option<Head>,
    /// The head when the news were read.
    current: Option<Head>,
}

/// The end of the change log.
#[derive(Clone, PartialEq, Eq)]
struct Head {
    number: i64,
    epoch: Vec<u8>,
    /// The timeline of the server, which changes when a standby becomes the primary.
    timeline: String,
}

impl Watcher {
    pub(super) const fn new(primary: Arc<Primary>) -> Self {
        Self {
            primary,
            connection: None,
            pause: Duration::ZERO,
            seen: None,
            current: None,
        }
    }

    /// Takes the connection, which is a new one after a failure. The caller puts it back after success.
    pub(crate) async fn take(&mut self) -> Result<Connection> {
        if let Some(connection) = self.connection.take() {
            return Ok(match connection {
                Connection::Postgres(Held::Own(db)) if self.primary.is_direct() => {
                    Connection::Postgres(Held::Direct(db, Prepared::default()))
                }
                connection => connection,
            });
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        let connection = self.primary.connect().await?;
        Ok(Connection::Postgres(Held::Own(connection)))
    }

    /// Compares the head with the one that was read when the connection was put back last. It is one message in each
    /// direction, and no transaction.
    pub(crate) async fn news(&mut self, connection: &mut Connection) -> Result<News> {
        let query = [(HEAD, &[][..])];
        let rows = within(ANSWER_TIME, connection.fetch_together(&query)).await??;
        let Some(row) = rows.first().and_then(|rows| rows.first()) else {
            return corrupt("the head of the change log");
        };
        let timeline: Option<String> = row.try_get("timeline")?;
        let current = Some(Head {
            number: row.try_get("number")?,
            epoch: row.try_get_bytes("epoch")?.unwrap_or_default().into_owned(),
            timeline: timeline.ok_or(StoreError::Standby)?,
        });
        let news = match (&self.seen, &current) {
            (seen, current) if seen == current => News::Nothing,
            (Some(seen), Some(current)) if seen.timeline != current.timeline => News::Failover,
            _ => News::Changes,
        };
        self.current = current;
        Ok(news)
    }

    /// Returns the timeline of the server that the news were read from.
    pub(crate) fn timeline(&self) -> Option<&str> {
        self.current.as_ref().map(|head| &*head.timeline)
    }

    /// Puts the connection back, with which the news were read.
    pub(crate) fn put_back(&mut self, connection: Connection) {
        self.connection = Some(connection);
        self.pause = Duration::ZERO;
        self.seen.clone_from(&self.current);
    }
}
