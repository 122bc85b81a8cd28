//! A change is one transaction: the records, their numbers in the change log, and a record of the audit log.

use countersign::Id;
use countersign::directory::Status;
use countersign::registry::Caller;
use countersign::time::Timestamp;

use crate::audit::AuditRecord;
use crate::error::StoreError;
use crate::records::ChangedEntity;
use crate::sqlite::{self, Connection};
use crate::state::State;
use crate::store::Inner;

/// A transaction that changes records. It has no effect if it is dropped before it is committed.
pub(crate) struct Transaction<'s> {
    sqlite: sqlite::Transaction<'static>,
    store: &'s Inner,
    pub(crate) now: Timestamp,
    changed: Vec<ChangedEntity>,
}

impl Inner {
    /// Begins a transaction of the store itself.
    pub(crate) async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        Ok(Transaction {
            sqlite: self.database.begin().await?,
            store: self,
            now: self.state.clock.now(),
            changed: Vec::new(),
        })
    }

    /// Begins a transaction of a caller, whose credential must still be valid.
    pub(crate) async fn begin_for(&self, caller: &Caller) -> Result<Transaction<'_>, StoreError> {
        let mut transaction = self.begin().await?;
        transaction.check_caller(caller).await?;
        Ok(transaction)
    }
}

impl<'s> Transaction<'s> {
    /// Checks that the credential of a caller is still valid: it may have been revoked while the transaction waited for
    /// other ones.
    async fn check_caller(&mut self, caller: &Caller) -> Result<(), StoreError> {
        let Some((id, _)) = caller.credential() else {
            return Ok(());
        };
        let (now, connection) = (self.now, self.connection());
        let found = sqlite::credentials::find(connection, id).await?;
        let account = match &found {
            Some(found) => sqlite::accounts::find(connection, &found.record.account_id).await?,
            None => None,
        };
        let is_active = account.is_some_and(|account| account.status == Status::Active);
        let token_is_valid = match caller.token() {
            Some(token) => {
                now < token.expires_at && !sqlite::denials::denies(connection, token).await?
            }
            None => true,
        };
        let found = found.map(|found| found.credential(0));
        if is_active && token_is_valid && caller.is_still_valid(found.as_ref(), now) {
            Ok(())
        } else {
            Err(StoreError::CallerRevoked)
        }
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.sqlite
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
        sqlite::audit::append(&mut self.sqlite, key, self.now, record).await
    }

    /// Writes the change log, and commits. The changes are in the view of this process when this returns.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        // The change log comes last, so that the order of numbers is the order of commits.
        for entity in &self.changed {
            sqlite::changes::append(&mut self.sqlite, entity).await?;
        }
        self.sqlite.commit().await?;
        match self.changed.is_empty() {
            true => Ok(()),
            false => self.store.poll().await,
        }
    }
}
