//! The operations of administration, which the command line and `/admin/v1` have in common.
//!
//! [`Operations`] performs them for one caller, and returns the responses that both interfaces present. Its methods return boxed
//! futures, so that their bodies are compiled once in this crate, and not again in the server. The store checks
//! what the caller may give.

/// Implements `From` for a response whose members are these fields of a record.
macro_rules! response_from {
    ($record:ident => $response:ident { $($member:ident),+ }) => {
        impl From<$record> for $response {
            fn from(record: $record) -> Self {
                Self { $($member: record.$member.into(),)+ }
            }
        }
    };
}

mod accounts;
mod audit;
mod created;
mod credentials;
mod environments;
mod error;
mod import;
mod issuers;
mod keys;
mod nodes;
mod page;
mod sessions;
mod signing_keys;
mod tokens;
mod users;

use std::sync::Arc;

use countersign::Id;
use countersign::registry::{Authority, Caller};
use countersign::time::{Clock as _, SystemClock};
use countersign_store::Store;

pub use accounts::{AccountListResponse, AccountResponse};
pub use audit::{AuditListResponse, AuditRecordResponse, VerifyAuditResponse};
pub use credentials::{
    CredentialResponse, KeyListResponse, ManagedTokenListResponse, UserListResponse,
};
pub use environments::{EnvironmentListResponse, EnvironmentResponse};
pub use error::OpsError;
pub use import::{Import, ImportRequest, ImportedCredential};
pub use issuers::issuer_names;
pub use keys::{CreatedKeyResponse, rotation};
pub use nodes::{NodeListResponse, NodeResponse, ReceiptResponse};
pub use sessions::{
    AllSessionsResponse, OwnedSessionResponse, SessionListResponse, SessionResponse,
};
pub use signing_keys::{ExportedKeyResponse, SigningKeyListResponse, SigningKeyResponse};
pub use tokens::{RevokedTokenResponse, TokenVerifier, decode_part};

use crate::config::Config;

/// Performs operations for one caller.
#[derive(Clone)]
pub struct Operations {
    store: Store,
    config: Arc<Config>,
    caller: Caller,
}

impl Operations {
    /// Creates the operations of a caller.
    pub fn new(store: Store, config: Arc<Config>, caller: Caller) -> Self {
        Self {
            store,
            config,
            caller,
        }
    }

    /// Returns the account that the caller is confined to; `None` for the default account.
    pub const fn account(&self) -> Option<&Id> {
        self.caller.account()
    }

    /// Returns the store that the operations work on.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the caller, as the audit log names it.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Returns what the caller may give, as far as this process knows. The store checks it again in its transaction: this
    /// only spares the work for a request that will be rejected.
    fn authority(&self) -> Result<Authority<'_>, OpsError> {
        let directory = self.store.directory();
        Ok(self.caller.authority_in(&*directory, SystemClock.now())?)
    }

    /// Rejects callers outside the default account.
    fn require_default_account(&self) -> Result<(), OpsError> {
        match self.account() {
            None => Ok(()),
            Some(_) => Err(OpsError::DefaultAccountRequired),
        }
    }
}
