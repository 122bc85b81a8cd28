//! The operations of administration, which the command line and `/admin/v1` have in common.
//!
//! [`Operations`] performs them for one caller, checks what the caller may grant, and returns the
//! responses that both interfaces present.

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
mod credentials;
mod environments;
mod error;
mod issuers;
mod keys;
mod sessions;
mod signing_keys;
mod tokens;
mod users;

use std::sync::Arc;

use countersign::registry::{Caller, Record};
use countersign::{Id, Scopes, directory::Issuers};
use countersign_store::Store;

pub(crate) use accounts::{AccountListResponse, AccountResponse};
pub(crate) use audit::{AuditListResponse, VerifyAuditResponse};
pub(crate) use credentials::{CredentialResponse, KeyListResponse, UserListResponse};
pub(crate) use environments::{EnvironmentListResponse, EnvironmentResponse};
pub(crate) use error::OpsError;
pub(crate) use issuers::issuer_names;
pub(crate) use keys::{CreatedKeyResponse, rotation};
pub(crate) use sessions::SessionListResponse;
pub(crate) use signing_keys::{SigningKeyListResponse, SigningKeyResponse};
pub(crate) use tokens::{TokenVerifier, decode_part};

use crate::config::Config;

/// Performs operations for one caller.
#[derive(Clone)]
pub(crate) struct Operations {
    store: Store,
    config: Arc<Config>,
    caller: Caller,
    /// What the caller holds, and may grant; `None` if it may grant everything.
    holdings: Option<Holdings>,
}

/// The scopes that a caller holds, and the issuers that it may use.
#[derive(Clone)]
struct Holdings {
    scopes: Scopes,
    issuers: Issuers,
}

impl Operations {
    /// Creates the operations of a caller who may grant everything.
    pub(crate) fn unrestricted(store: Store, config: Arc<Config>, caller: Caller) -> Self {
        Self {
            store,
            config,
            caller,
            holdings: None,
        }
    }

    /// Restricts the caller to granting what it holds itself.
    pub(crate) fn restricted_to(mut self, scopes: Scopes, issuers: Issuers) -> Self {
        self.holdings = Some(Holdings { scopes, issuers });
        self
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

    /// Rejects scopes that the caller does not hold.
    fn check_scopes(&self, scopes: &Scopes) -> Result<(), OpsError> {
        match &self.holdings {
            Some(holdings) if !holdings.scopes.contains(scopes) => Err(OpsError::ScopeNotHeld),
            _ => Ok(()),
        }
    }

    /// Rejects issuers that the caller may not use.
    fn check_issuers(&self, issuers: &Issuers) -> Result<(), OpsError> {
        let all = |issuers: &Issuers| issuers.iter().next().is_none();
        let held = match &self.holdings {
            None => true,
            Some(holdings) if all(&holdings.issuers) => true,
            Some(holdings) => {
                !all(issuers) && issuers.iter().all(|name| holdings.issuers.allow(name))
            }
        };
        held.then_some(()).ok_or(OpsError::IssuerNotHeld)
    }

    /// Rejects a credential that may do more than the caller: the caller is about to get or set its
    /// secret.
    fn check_takeover(&self, record: &Record) -> Result<(), OpsError> {
        self.check_scopes(&record.scopes)?;
        self.check_issuers(&record.issuers)
    }

    /// Rejects callers outside the default account.
    fn require_default_account(&self) -> Result<(), OpsError> {
        match self.account() {
            None => Ok(()),
            Some(_) => Err(OpsError::DefaultAccountRequired),
        }
    }
}
