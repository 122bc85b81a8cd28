//! Reading the audit log, and facts about the database.

use countersign::BoxFuture;
use countersign::registry::{Caller, RegistryError};

use crate::audit::{AuditRecord, Checkpoint, Verified, Verifier};
use crate::error::StoreError;
use crate::sql::{self, Access, Diagnosis};
use crate::store::Store;

impl Store {
    /// Verifies that every record of the audit log is as it was written, and that none is missing. With a checkpoint, it
    /// also verifies that the log is the one from which the checkpoint was taken. It reads the log in pages, on a connection
    /// of its own: nothing else waits for it but another verification and a backup.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be read. A log that is not intact is [`Verified::Broken`], not an error.
    pub fn verify_audit<'a>(
        &'a self,
        since: Option<&'a Checkpoint>,
    ) -> BoxFuture<'a, Result<Verified, StoreError>> {
        Box::pin(async move {
            let mut connection = self.0.database.long_snapshot().await?;
            let mut verifier = Verifier::new(&self.0.state.audit_key, since);
            loop {
                let verified = sql::audit::verify_page(&mut connection, &mut verifier).await?;
                connection.commit().await?;
                if let Some(verified) = verified {
                    return Ok(verified);
                }
                connection.begin(Access::ReadAll).await?;
            }
        })
    }

    /// Returns at most `limit` records of the audit log with numbers below `before` that the caller can access,
    /// newest first. Pass the number of the last record to get the next page.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unavailable`] if the database cannot be read.
    pub fn list_audit<'a>(
        &'a self,
        caller: &'a Caller,
        before: Option<i64>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<AuditRecord>, RegistryError>> {
        Box::pin(async move {
            let mut connection = self.0.database.list_reader().await?;
            Ok(sql::audit::list(&mut connection, caller.account(), before, limit).await?)
        })
    }

    /// Returns facts about the database, by which an operator can decide whether it is in order.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be read.
    pub fn diagnose(&self) -> BoxFuture<'_, Result<Diagnosis, StoreError>> {
        Box::pin(async move { sql::diagnose(&mut self.0.database.list_reader().await?).await })
    }
}
