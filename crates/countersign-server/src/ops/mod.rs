//! The operations of administration, which the command line and `/admin/v1` have in common.
//!
//! [`Operations`] performs them for one caller, and returns the responses that both interfaces present. The store checks
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

pub(crate) use accounts::{AccountListResponse, AccountResponse};
pub(crate) use audit::{AuditListResponse, VerifyAuditResponse};
pub(crate) use credentials::{
    CredentialResponse, KeyListResponse, ManagedTokenListResponse, UserListResponse,
};
pub(crate) use environments::{EnvironmentListResponse, EnvironmentResponse};
pub(crate) use error::OpsError;
#[cfg(test)]
pub(crate) use import::ImportedCredential;
pub(crate) use import::{Import, ImportRequest};
pub(crate) use issuers::issuer_names;
pub(crate) use keys::{CreatedKeyResponse, rotation};
pub(crate) use nodes::{NodeListResponse, NodeResponse, ReceiptResponse};
pub(crate) use sessions::{AllSessionsResponse, SessionListResponse};
pub(crate) use signing_keys::{SigningKeyListResponse, SigningKeyResponse};
pub(crate) use tokens::{TokenVerifier, decode_part};

use crate::config::Config;

/// Performs operations for one caller.
#[derive(Clone)]
pub(crate) struct Operations {
    store: Store,
    config: Arc<Config>,
    caller: Caller,
}

impl Operations {
    /// Creates the operations of a caller.
    pub(crate) fn new(store: Store, config: Arc<Config>, caller: Caller) -> Self {
        Self {
            store,
            config,
            caller,
        }
    }

    /// Returns the account that the caller is confined to; `None` for the default account.
    pub(crate) const fn account(&self) -> Option<&Id> {
        self.caller.account()
    }

    /// Returns the store that the operations work on.
    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the configuration.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the caller, as the audit log names it.
    pub(crate) const fn caller(&self) -> &Caller {
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
