//! A change is one transaction: the records, their numbers in the change log, and a record of the audit log.

use std::time::Duration;

use countersign::Id;
use countersign::directory::Status;
use countersign::registry::{Authority, Caller};
use countersign::time::Timestamp;

use crate::audit::AuditRecord;
use crate::error::StoreError;
use crate::records::ChangedEntity;
use crate::sql::{self, Connection};
use crate::state::State;
use crate::store::Inner;

/// A transaction that changes records. It has no effect if it is dropped before it is committed.
pub(crate) struct Transaction<'s> {
    connection: Connection,
    store: &'s Inner,
    pub(crate) now: Timestamp,
    /// When it began to wait for other changes, since the machine was started.
    begun: Duration,
    changed: Vec<ChangedEntity>,
}

impl Inner {
    /// Returns a connection on which a caller, whose credential must still be valid, looks whether there is anything to
    /// write: other changes wait for a transaction.
    pub(crate) async fn look_for<'c>(
        &self,
        caller: &'c Caller,
    ) -> Result<(Connection, Authority<'c>), StoreError> {
        let mut reader = self.database.reader().await?;
        let authority = authority(&mut reader, caller, self.state.clock.now()).await?;
        Ok((reader, authority))
    }

    /// Begins a transaction of the store itself.
    pub(crate) async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        self.transaction(self.database.begin()).await
    }

    /// Begins a transaction of a caller, whose credential must still be valid, and returns what the caller may give.
    pub(crate) async fn begin_for<'c>(
        &self,
        caller: &'c Caller,
    ) -> Result<(Transaction<'_>, Authority<'c>), StoreError> {
        // An operator does not wait for the changes of tenants.
        let mut transaction = match caller.account() {
            None => self.transaction(self.database.begin_revocation()).await?,
            Some(_) => self.transaction(self.database.begin()).await?,
        };
        let authority = authority(&mut transaction.connection, caller, transaction.now).await?;
        Ok((transaction, authority))
    }

    /// Begins a transaction of a caller that removes access. It does not wait for other changes that wait.
    pub(crate) async fn begin_revocation<'c>(
        &self,
        caller: &'c Caller,
    ) -> Result<(Transaction<'_>, Authority<'c>), StoreError> {
        let mut transaction = self.transaction(self.database.begin_revocation()).await?;
        let authority = authority(&mut transaction.connection, caller, transaction.now).await?;
        Ok((transaction, authority))
    }

    async fn transaction(
        &self,
        begin: impl Future<Output = Result<Connection, StoreError>>,
    ) -> Result<Transaction<'_>, StoreError> {
        let begun = self.view.since_boot();
        Ok(Transaction {
            connection: begin.await?,
            store: self,
            now: self.state.clock.now(),
            begun,
            changed: Vec::new(),
        })
    }
}

impl<'s> Transaction<'s> {
    pub(crate) const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    pub(crate) const fn state(&self) -> &'s State {
        &self.store.state
    }

    pub(crate) fn new_id(&self, account: &Id) -> Result<Id, StoreError> {
        self.store.state.new_id(self.now, account)
    }

    /// Notes that a record has changed, so that all views read it again.
    pub(crate) fn changed(&mut self, entity: ChangedEntity) {
        self.changed.push(entity);
    }

    pub(crate) async fn append_audit(&mut self, record: AuditRecord) -> Result<(), StoreError> {
        let key = &self.store.state.audit_key;
        sql::audit::append(&mut self.connection, key, self.now, record).await
    }

    /// Writes the change log, and commits. The changes are in the view of this process when this returns.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        // The change log comes last, so that the order of numbers is the order of commits.
        for entity in &self.changed {
            sql::changes::append(&mut self.connection, entity).await?;
        }
        if !self.changed.is_empty() {
            self.connection.notify().await?;
        }
        self.connection.commit().await?;
        self.store.measured("change", self.begun);
        drop(self.connection);
        match self.changed.is_empty() {
            true => Ok(()),
            false => self.store.poll().await,
        }
    }
}

/// Returns what a caller may give. Its credential is read again: it may have been revoked while the caller waited for
/// other changes.
async fn authority<'c>(
    connection: &mut Connection,
    caller: &'c Caller,
    now: Timestamp,
) -> Result<Authority<'c>, StoreError> {
    let found = match caller.credential() {
        Some(id) => sql::credentials::find(connection, id).await?,
        None => None,
    };
    let account = match &found {
        Some(found) => sql::accounts::find(connection, &found.record.account_id).await?,
        None => None,
    };
    let is_active = account.is_some_and(|account| account.status == Status::Active);
    let is_denied = match caller.token() {
        Some(token) => sql::denials::denies(connection, token).await?,
        None => false,
    };
    let found = found.filter(|_| is_active).map(|found| found.credential(0));
    let authority = caller.authority(found, is_denied, now);
    authority.map_err(|_| StoreError::CallerRevoked)
}
