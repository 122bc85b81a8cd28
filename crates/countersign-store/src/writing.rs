//! A change is one transaction: the records, their numbers in the change log, and an entry in the audit.

use countersign::Id;
use countersign::directory::Status;
use countersign::registry::Caller;
use countersign::time::Timestamp;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::{Connection as _, Transaction};

use crate::audit::{self, AuditEntry};
use crate::denials;
use crate::error::StoreError;
use crate::record::{find_account, find_credential};
use crate::store::Inner;

/// What kind of thing changed, as the change log names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Entity {
    Credential(Id),
    Account(Id),
    /// A single token that is denied.
    Token(Id),
    /// A session that was ended.
    Session(Id),
    SigningKey(Id),
    Peppers,
}

impl Entity {
    const fn parts(&self) -> (&'static str, &[u8]) {
        match self {
            Self::Credential(id) => ("credential", id.as_bytes()),
            Self::Account(id) => ("account", id.as_bytes()),
            Self::Token(id) => ("token", id.as_bytes()),
            Self::Session(id) => ("session", id.as_bytes()),
            Self::SigningKey(id) => ("signing_key", id.as_bytes()),
            Self::Peppers => ("pepper", &[]),
        }
    }
}

/// A transaction that changes something. What is dropped before [`commit`](Self::commit) was never done.
pub(crate) struct Writing<'c> {
    transaction: Transaction<'c, Sqlite>,
    pub(crate) now: Timestamp,
    changed: Vec<Entity>,
}

impl<'c> Writing<'c> {
    /// At once as the writer: a transaction that reads first may find, when it writes, that it cannot.
    pub(crate) async fn begin(
        connection: &'c mut PoolConnection<Sqlite>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            transaction: connection.begin_with("BEGIN IMMEDIATE").await?,
            now,
            changed: Vec::new(),
        })
    }

    /// The same for a caller, whose credential must stand: it may have been revoked while this waited for its
    /// turn.
    pub(crate) async fn begin_for(
        connection: &'c mut PoolConnection<Sqlite>,
        now: Timestamp,
        caller: &Caller,
    ) -> Result<Self, StoreError> {
        let mut writing = Self::begin(connection, now).await?;
        let Some((id, _)) = caller.credential() else {
            return Ok(writing);
        };
        let connection = writing.connection();
        let found = find_credential(connection, id).await?;
        let account = match &found {
            Some(kept) => find_account(connection, &kept.record.account_id).await?,
            None => None,
        };
        let active = account.is_some_and(|account| account.status == Status::Active);
        let found = found.map(|kept| kept.credential(0));
        let token_stands = match caller.token() {
            Some(token) => now < token.expires_at && !denials::denies(connection, token).await?,
            None => true,
        };
        if active && token_stands && caller.is_still_valid(found.as_ref(), now) {
            Ok(writing)
        } else {
            Err(StoreError::CallerRevoked)
        }
    }

    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    /// Says that something has changed, so that every view reads it again.
    pub(crate) fn changed(&mut self, entity: Entity) {
        self.changed.push(entity);
    }

    /// Writes an entry of the audit, before the one that [`commit`](Self::commit) writes.
    pub(crate) async fn tell(
        &mut self,
        store: &Inner,
        entry: AuditEntry<'_>,
    ) -> Result<(), StoreError> {
        let key = &store.ground.audit_key;
        audit::append(&mut self.transaction, key, self.now, entry).await
    }

    /// Makes all of it last, where no view has to know of it.
    pub(crate) async fn keep(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }

    /// Writes the audit's entry and the change log's numbers, and makes all of it last.
    pub(crate) async fn commit(
        mut self,
        store: &Inner,
        entry: Option<AuditEntry<'_>>,
    ) -> Result<(), StoreError> {
        if let Some(entry) = entry {
            self.tell(store, entry).await?;
        }
        // The counter comes last, so that the order of numbers is the order of commits.
        for entity in &self.changed {
            log(&mut self.transaction, entity).await?;
        }
        self.transaction.commit().await?;
        // What is acknowledged is in the view of this process.
        store.follower.lock().await.poll().await
    }
}

async fn log(connection: &mut SqliteConnection, entity: &Entity) -> Result<(), StoreError> {
    let (kind, id) = entity.parts();
    sqlx::query(
        "INSERT INTO changes (number, kind, entity) SELECT number + 1, ?, ? FROM change_head",
    )
    .bind(kind)
    .bind(id)
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE change_head SET number = number + 1")
        .execute(connection)
        .await?;
    Ok(())
}

/// An entry of the audit in a caller's name.
pub(crate) fn entry<'a>(caller: &'a Caller, action: &'static str) -> AuditEntry<'a> {
    let mut entry = AuditEntry::new(caller.actor(), action);
    entry.request_id = caller.request_id();
    entry
}
