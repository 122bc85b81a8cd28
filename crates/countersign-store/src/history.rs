//! The audit log, as the store shows it.

use countersign::registry::{Caller, RegistryError};

use crate::audit::{self, AuditRecord, Checkpoint, Verified};
use crate::error::StoreError;
use crate::store::Store;

impl Store {
    /// Looks at the whole audit log: whether every record is as it was written, and none is missing. With a
    /// checkpoint from before, also whether the log is the one that it was taken from.
    ///
    /// # Errors
    ///
    /// That the database cannot be read. A log that is not intact is [`Verified::Broken`], not an error.
    pub async fn verify_audit(&self, since: Option<&Checkpoint>) -> Result<Verified, StoreError> {
        let mut connection = self.0.reader().await?;
        audit::verify(&mut connection, &self.0.ground.audit_key, since).await
    }

    /// Records of the audit log that are within the caller's reach, newest first: at most `limit`, with numbers
    /// below `before`.
    ///
    /// # Errors
    ///
    /// That the database cannot be read.
    pub async fn list_audit(
        &self,
        caller: &Caller,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, RegistryError> {
        let mut connection = self.0.reader().await?;
        Ok(audit::list(&mut connection, caller.account(), before, limit).await?)
    }
}
