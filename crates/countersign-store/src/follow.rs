//! Keeps the view as the database is, whoever writes to it.

use std::collections::HashSet;
use std::sync::Arc;

use countersign::Id;
use countersign::directory::{CredentialKind, MemoryDirectory};
use countersign::registry::Account;
use countersign::registry::backend::StoredCredential;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::denials;
use crate::error::StoreError;
use crate::ground::Ground;
use crate::opened::Opened;
use crate::record::{
    corrupt, find_account, find_credential, read_account, read_credential, read_id, read_user_name,
    select_accounts, select_credentials,
};
use crate::view::View;
use crate::writing::Entity;

/// Reads the change log and applies it. Whoever holds it is the only one that changes the view.
pub(crate) struct Follower {
    options: SqliteConnectOptions,
    opened: Opened,
    connection: Option<SqliteConnection>,
    /// What `PRAGMA data_version` said on this connection when the log was last read.
    seen: Option<i64>,
    /// Every change up to this one is in the view. `None`: nothing was read yet.
    applied: Option<Position>,
    closed: bool,
    holds: ViewContents,
    ground: Arc<Ground>,
    view: Arc<View>,
}

/// What a view is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing between the two")]
pub enum ViewContents {
    /// All credentials, and what is denied.
    Everything,
    /// What is denied alone: enough for a process that only checks tokens. It knows no key and no user.
    Denials,
}

/// A place in the change log: which history, and how far.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Position {
    epoch: Id,
    number: i64,
}

impl Follower {
    pub(crate) fn new(
        options: SqliteConnectOptions,
        opened: Opened,
        holds: ViewContents,
        ground: Arc<Ground>,
        view: Arc<View>,
    ) -> Self {
        Self {
            options,
            opened,
            connection: None,
            seen: None,
            applied: None,
            closed: false,
            holds,
            ground,
            view,
        }
    }

    /// Compares the view with the database, and reads what it lacks.
    pub(crate) async fn poll(&mut self) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        // Before the comparison: the view is at least as fresh as this.
        let began = self.view.since_boot();
        // What SQLite says of a file that has lost its name is true, and worth nothing.
        self.opened.check()?;
        // Put back only after success. A new connection has no `seen`, so that it reads the log.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                self.seen = None;
                let connection = self.options.connect().await?;
                // The name may have gone to another file just before.
                self.opened.check()?;
                connection
            }
        };
        // Outside a transaction, where it answers for the present. It changes with every commit of
        // another connection, and costs no reading of the file while there is none.
        let version: i64 = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&mut connection)
            .await?;
        if self.seen != Some(version) {
            self.read(&mut connection).await?;
            self.seen = Some(version);
        }
        self.connection = Some(connection);
        self.view.compared(began);
        Ok(())
    }

    /// Reads what is above `applied`, or everything, from one snapshot.
    async fn read(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let mut snapshot = connection.begin().await?;
        let row = sqlx::query("SELECT number, epoch, oldest_change FROM change_head, state")
            .fetch_one(&mut *snapshot)
            .await?;
        let oldest: i64 = row.try_get("oldest_change")?;
        let head = Position {
            epoch: read_id(row.try_get("epoch")?)?,
            number: row.try_get("number")?,
        };
        match self.applied {
            // History is finite: what is too old, or of another history, needs all of it.
            Some(at) if at.epoch == head.epoch && at.number + 1 >= oldest => {
                self.catch_up(&mut snapshot, at.number, head.number).await?;
            }
            _ => self.load(&mut snapshot).await?,
        }
        snapshot.commit().await?;
        self.applied = Some(head);
        Ok(())
    }

    /// Everything, into a new table that takes the old one's place in one go.
    async fn load(&self, snapshot: &mut SqliteConnection) -> Result<(), StoreError> {
        let table = MemoryDirectory::default();
        self.ground.reload_peppers(snapshot).await?;
        if self.holds == ViewContents::Everything {
            let rows = sqlx::query(select_accounts!(""))
                .fetch_all(&mut *snapshot)
                .await?;
            for row in &rows {
                let account = read_account(row)?;
                table.put_account(account.id, account.generation, account.status);
            }
            let mut rows = sqlx::query(select_credentials!("")).fetch(&mut *snapshot);
            while let Some(row) = rows.try_next().await? {
                put(&table, &read_credential(&row)?)?;
            }
        }
        denials::load(snapshot, table.denied()).await?;
        self.ground.reload_signing_keys(snapshot).await?;
        self.view.replace(table);
        Ok(())
    }

    /// What changed since `applied`. Records are read as they are in the snapshot, which may be later than the
    /// change that names them.
    async fn catch_up(
        &self,
        snapshot: &mut SqliteConnection,
        applied: i64,
        head: i64,
    ) -> Result<(), StoreError> {
        let rows = sqlx::query("SELECT kind, entity FROM changes WHERE number > ? ORDER BY number")
            .bind(applied)
            .fetch_all(&mut *snapshot)
            .await?;
        // Numbers are dense: a change that was not read, or a log that is shorter than it was, shows.
        if i64::try_from(rows.len()).ok() != Some(head - applied) {
            return corrupt("the change log has a gap");
        }
        let mut seen = HashSet::new();
        let mut delta = Delta::default();
        for row in &rows {
            let entity = read_entity(row)?;
            if seen.insert(entity) {
                self.look_at(snapshot, entity, &mut delta).await?;
            }
        }
        // Peppers first: no digest arrives before what it was made with.
        if delta.peppers {
            self.ground.reload_peppers(snapshot).await?;
        }
        if delta.signing_keys {
            self.ground.reload_signing_keys(snapshot).await?;
        }
        // All was read before the first is applied: a view is never half way between two states.
        let table = self.view.table();
        for account in &delta.accounts {
            table.put_account(account.id, account.generation, account.status);
        }
        for kept in &delta.credentials {
            put(&table, kept)?;
        }
        for id in &delta.gone {
            table.remove(id);
        }
        Ok(())
    }

    /// Reads what a change names. What is denied is denied at once: nothing is ever less denied.
    async fn look_at(
        &self,
        snapshot: &mut SqliteConnection,
        entity: Entity,
        delta: &mut Delta,
    ) -> Result<(), StoreError> {
        let table = self.view.table();
        let everything = self.holds == ViewContents::Everything;
        match entity {
            Entity::Credential(id) => {
                denials::load_entity(snapshot, &id, table.denied()).await?;
                match find_credential(snapshot, &id).await? {
                    Some(kept) if everything => delta.credentials.push(kept),
                    Some(_) => {}
                    None => delta.gone.push(id),
                }
            }
            Entity::Account(id) => {
                denials::load_entity(snapshot, &id, table.denied()).await?;
                if everything {
                    delta.accounts.extend(find_account(snapshot, &id).await?);
                }
            }
            Entity::Session(id) => denials::load_entity(snapshot, &id, table.denied()).await?,
            Entity::Token(id) => denials::load_token(snapshot, &id, table.denied()).await?,
            Entity::SigningKey(_) => delta.signing_keys = true,
            Entity::Peppers => delta.peppers = true,
        }
        Ok(())
    }

    pub(crate) async fn close(&mut self) -> Result<(), StoreError> {
        self.closed = true;
        match self.connection.take() {
            Some(connection) => Ok(connection.close().await?),
            None => Ok(()),
        }
    }
}

/// What was read of changes, before it is applied.
#[derive(Default)]
struct Delta {
    accounts: Vec<Account>,
    credentials: Vec<StoredCredential>,
    gone: Vec<Id>,
    signing_keys: bool,
    peppers: bool,
}

/// Puts a credential into the table, in the place of what was known of it. Its account's part is the account's to
/// say, which is in the table too.
fn put(table: &MemoryDirectory, kept: &StoredCredential) -> Result<(), StoreError> {
    let credential = kept.credential(0);
    match kept.record.kind {
        CredentialKind::User => table.put_user(read_user_name(&kept.record.name)?, credential),
        _ => table.put(credential),
    }
    Ok(())
}

fn read_entity(row: &SqliteRow) -> Result<Entity, StoreError> {
    let id = || read_id(row.try_get("entity")?);
    Ok(match row.try_get("kind")? {
        "credential" => Entity::Credential(id()?),
        "account" => Entity::Account(id()?),
        "token" => Entity::Token(id()?),
        "session" => Entity::Session(id()?),
        "signing_key" => Entity::SigningKey(id()?),
        "pepper" => Entity::Peppers,
        _ => return corrupt("a change's kind"),
    })
}
