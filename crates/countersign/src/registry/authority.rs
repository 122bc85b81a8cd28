use std::error::Error;
use std::fmt;

use crate::directory::{Credential, CredentialKind, EnvironmentKind};
use crate::id::Id;
use crate::registry::{Caller, Record};
use crate::scope::Scopes;
use crate::time::Timestamp;

/// What a [`Caller`] may give: access that it holds itself. [`Caller::authority`] creates one from the
/// caller's credential, read in the transaction that makes the change.
///
/// Everything that gives or keeps access requires that the caller holds at least what the credential
/// holds, before and after: to create it, activate it, give it other scopes, a new secret or a password.
/// Suspending, revoking and deleting a credential requires nothing. The caller holds
///
/// * the scopes of both its credential and its token,
/// * the issuers and networks of its credential,
/// * the time until its credential expires, except for managed tokens, which end with their creator's
///   revocation and not with its expiry,
/// * if its credential belongs to a sandbox, that sandbox; otherwise every environment.
///
/// The operator may give everything.
#[derive(Clone, Debug)]
pub struct Authority<'a> {
    caller: &'a Caller,
    /// `None`: the operator.
    held: Option<Held<'a>>,
}

#[derive(Clone, Debug)]
struct Held<'a> {
    /// The scopes of the token, if the caller was authenticated by one.
    scopes: &'a Scopes,
    credential: Credential,
}

impl<'a> Authority<'a> {
    pub(super) const fn operator(caller: &'a Caller) -> Self {
        Self { caller, held: None }
    }

    pub(super) const fn holder(
        caller: &'a Caller,
        scopes: &'a Scopes,
        credential: Credential,
    ) -> Self {
        let held = Some(Held { scopes, credential });
        Self { caller, held }
    }

    /// Returns the caller.
    #[must_use]
    pub const fn caller(&self) -> &'a Caller {
        self.caller
    }

    /// Checks that the caller holds at least what the credential of this record holds.
    ///
    /// # Errors
    ///
    /// [`NotHeld`] names what the caller lacks.
    pub fn check(&self, record: &Record) -> Result<(), NotHeld> {
        self.check_scopes(&record.scopes)?;
        self.check_environment(record.environment_id)?;
        let Some(Held { credential, .. }) = &self.held else {
            return Ok(());
        };
        let outlives = |end: Timestamp| record.expires_at.is_none_or(|expires_at| expires_at > end);
        if !credential.issuers.contains(&record.issuers) {
            Err(NotHeld::Issuers)
        } else if !credential.allow_from.contains(&record.allow_from) {
            Err(NotHeld::Networks)
        } else if record.kind != CredentialKind::Token
            && credential.expires_at.is_some_and(outlives)
        {
            Err(NotHeld::Expiry)
        } else {
            Ok(())
        }
    }

    /// Checks that the caller holds these scopes.
    ///
    /// # Errors
    ///
    /// [`NotHeld::Scopes`] if it does not.
    pub fn check_scopes(&self, scopes: &Scopes) -> Result<(), NotHeld> {
        let held = self.held.as_ref().is_none_or(|held| {
            held.scopes.contains(scopes) && held.credential.scopes.contains(scopes)
        });
        held.then_some(()).ok_or(NotHeld::Scopes)
    }

    /// Checks that the caller may give access to an environment; `None`: to the whole account.
    pub(super) fn check_environment(&self, environment: Option<Id>) -> Result<(), NotHeld> {
        match self.sandbox() {
            Some(sandbox) if sandbox.environment != environment => Err(NotHeld::Environment),
            _ => Ok(()),
        }
    }

    /// Returns the environment of a new credential for which none was named, if the caller is confined to
    /// one.
    #[must_use]
    pub fn default_environment(&self) -> Option<Id> {
        self.sandbox()?.environment
    }

    /// Gives a new credential that names no issuers or networks of its own those of the caller.
    pub(super) fn inherit(&self, record: &mut Record) {
        let Some(Held { credential, .. }) = &self.held else {
            return;
        };
        if record.issuers.is_all() {
            record.issuers = credential.issuers.clone();
        }
        if record.allow_from.is_anywhere() {
            record.allow_from = credential.allow_from.clone();
        }
    }

    /// Returns the caller's credential if it belongs to a sandbox.
    fn sandbox(&self) -> Option<&Credential> {
        let credential = &self.held.as_ref()?.credential;
        (credential.environment_kind != EnvironmentKind::Production).then_some(credential)
    }
}

/// What a caller lacks of the access that it would give. The message says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotHeld {
    /// A scope.
    Scopes,
    /// An issuer.
    Issuers,
    /// A network.
    Networks,
    /// The time after the expiry of the caller's credential.
    Expiry,
    /// Another environment than the caller's sandbox.
    Environment,
}

impl NotHeld {
    /// Returns the stable name of what is lacking.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Scopes => "scope_not_held",
            Self::Issuers => "issuer_not_held",
            Self::Networks => "network_not_held",
            Self::Expiry => "expiry_not_held",
            Self::Environment => "environment_not_held",
        }
    }

    /// Returns what the caller may give, and what to do.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Scopes => {
                "the credentials do not hold every scope of this one, and may give or change only scopes that they hold"
            }
            Self::Issuers => {
                "the credentials may not use every issuer of this one: name only issuers that they may use"
            }
            Self::Networks => {
                "the credentials are not accepted from every network of this one: name only networks that they are \
                 accepted from"
            }
            Self::Expiry => {
                "the credentials expire before this one would: name an expiry that is not later than theirs"
            }
            Self::Environment => {
                "the credentials belong to a sandbox, and may give access only to that sandbox"
            }
        }
    }
}

impl fmt::Display for NotHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl Error for NotHeld {}
