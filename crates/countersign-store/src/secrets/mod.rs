//! Encryption of the secrets in the database, and the key that encrypts them.

mod backup_code;
mod master_key;
mod seal;

pub(crate) use backup_code::{BackupCode, BackupKey};
pub use master_key::MasterKey;
pub(crate) use master_key::{DatabaseAge, MasterKeySource, parse};
pub(crate) use seal::{SealContext, Sealer, framed};
