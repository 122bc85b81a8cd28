use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::error::Result;
use crate::files::FileIdentity;
use crate::sql::{Connection, Held, News};

/// Detects commits of other connections. It has one connection of its own, because `PRAGMA data_version` compares with
/// what the same connection saw before.
pub(crate) struct Watcher {
    options: Box<SqliteConnectOptions>,
    identity: FileIdentity,
    pub(crate) connection: Option<Connection>,
    /// The version of the data that was read with the connection.
    seen: Option<i64>,
    /// The version when the news were read.
    current: Option<i64>,
}

impl Watcher {
    pub(super) fn new(options: SqliteConnectOptions, identity: FileIdentity) -> Self {
        Self {
            options: Box::new(options),
            identity,
            connection: None,
            seen: None,
            current: None,
        }
    }

    /// Takes the connection, which is a new one after a failure. The caller puts it back after success.
    pub(crate) async fn take(&mut self) -> Result<Connection> {
        // What SQLite reads from a file that has lost its name is outdated.
        self.identity.check()?;
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        self.seen = None;
        let connection = Held::Own(self.options.connect().await?);
        // Another file may have got the name just before.
        self.identity.check()?;
        Ok(Connection::Sqlite(connection))
    }

    /// Returns whether another connection has committed since the connection was put back. This does not read the file while
    /// nothing changes.
    pub(crate) async fn news(&mut self, connection: &mut Connection) -> Result<News> {
        let version = Some(fetch_scalar!(connection, "PRAGMA data_version"));
        self.current = version;
        Ok(match self.seen == version {
            true => News::Nothing,
            false => News::Changes,
        })
    }

    /// Puts the connection back, with which the news were read.
    pub(crate) fn put_back(&mut self, connection: Connection) {
        self.connection = Some(connection);
        self.seen = self.current;
    }
}
