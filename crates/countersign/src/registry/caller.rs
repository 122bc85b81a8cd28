use std::sync::Arc;

use crate::directory::{Credential, CredentialKind, Directory, Status};
use crate::id::Id;
use crate::principal::Principal;
use crate::registry::{Authority, CallerToken, Record, RegistryError};
use crate::time::Timestamp;

/// The caller of a [`Registry`](super::Registry): its name in the audit log, the objects that it can
/// access, and what it may give.
///
/// To a caller of one account, the objects of other accounts do not exist. A caller that was
/// authenticated can give no access that it does not hold: see [`Authority`].
#[derive(Clone, Debug)]
pub struct Caller {
    actor: Arc<str>,
    request_id: Option<Arc<str>>,
    account: Option<Id>,
    issuer: Option<Arc<str>>,
    /// `None`: the operator.
    authenticated: Option<Authenticated>,
}

/// What the credentials of a caller have proven.
#[derive(Clone, Debug)]
struct Authenticated {
    principal: Principal,
    credential: Id,
    token: Option<CallerToken>,
}

impl Caller {
    /// Creates the operator, who can access every account and give any access. `actor` is its name in
    /// the audit log.
    ///
    /// It is for the program itself and for people who have the permissions of its files. A change that a
    /// request asks for is made as [`authenticated`](Self::authenticated), so that the request gets no
    /// further than its credentials.
    #[must_use]
    pub fn operator(actor: impl Into<Arc<str>>) -> Self {
        Self {
            actor: actor.into(),
            request_id: None,
            account: None,
            issuer: None,
            authenticated: None,
        }
    }

    /// Creates the caller that a request was authenticated as. It can access the account of its
    /// credential, and its id is its name in the audit log. Returns `None` if the principal has no stored
    /// credential, such as one of an external issuer.
    ///
    /// A change is made only while the credential and the token are valid: if they were revoked while the
    /// change waited, it fails with [`RegistryError::CallerRevoked`].
    #[must_use]
    pub fn authenticated(principal: &Principal) -> Option<Self> {
        let credential = *principal.credential_id()?;
        Some(Self {
            account: Some(*principal.account()?),
            authenticated: Some(Authenticated {
                principal: principal.clone(),
                credential,
                token: CallerToken::of(principal),
            }),
            ..Self::operator(principal.subject())
        })
    }

    /// Limits the caller to the objects of one account.
    #[must_use]
    pub const fn within_account(mut self, account: Id) -> Self {
        self.account = Some(account);
        self
    }

    /// Lets the caller access the objects of every account, for an administrator of the whole server. It
    /// still gives only access that it holds.
    #[must_use]
    pub const fn in_every_account(mut self) -> Self {
        self.account = None;
        self
    }

    /// Sets the id of the request that the caller sent, for the audit log.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Limits the caller to the managed tokens of one of several issuers, by the issuer's name. The
    /// managed tokens that it creates belong to this issuer.
    #[must_use]
    pub fn at_issuer(mut self, name: impl Into<Arc<str>>) -> Self {
        self.issuer = Some(name.into());
        self
    }

    /// Returns the caller's name in the audit log.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Returns the id of the caller's request, if there is one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns the only account that the caller can access; `None`: all of them.
    #[must_use]
    pub const fn account(&self) -> Option<&Id> {
        self.account.as_ref()
    }

    /// Returns the name of the only issuer that the caller can access; `None`: all of them.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Returns the credential that the caller was authenticated with; `None` for the operator.
    #[must_use]
    pub fn credential(&self) -> Option<&Id> {
        self.authenticated.as_ref().map(|by| &by.credential)
    }

    /// Returns whether the caller is a user.
    pub(super) fn is_user(&self) -> bool {
        let by = self.authenticated.as_ref();
        by.is_some_and(|by| by.principal.credential_kind() == Some(CredentialKind::User))
    }

    /// Returns the token that the caller was authenticated with, if it was a token.
    #[must_use]
    pub fn token(&self) -> Option<&CallerToken> {
        self.authenticated.as_ref()?.token.as_ref()
    }

    /// Returns whether the caller can access the objects of `account`.
    #[must_use]
    pub fn can_access(&self, account: &Id) -> bool {
        self.account.is_none_or(|own| own == *account)
    }

    /// Returns whether `record` is a managed token that the caller can access.
    #[must_use]
    pub fn can_access_token(&self, record: &Record) -> bool {
        let issuer = self.issuer();
        record.kind == CredentialKind::Token
            && self.can_access(&record.account_id)
            && issuer.is_none_or(|issuer| record.issuers.allow(issuer))
    }

    /// Returns what the caller may give at present. `found` is its [`credential`](Self::credential) as it
    /// is now, revoked if its account is, and `token_is_denied` whether its [`token`](Self::token) or the
    /// token's session is denied. A registry reads both in the transaction that makes the change.
    ///
    /// # Errors
    ///
    /// [`RegistryError::CallerRevoked`] if the credential or the token is no longer valid.
    pub fn authority(
        &self,
        found: Option<Credential>,
        token_is_denied: bool,
        now: Timestamp,
    ) -> Result<Authority<'_>, RegistryError> {
        let Some(Authenticated {
            principal,
            credential,
            token,
        }) = &self.authenticated
        else {
            return Ok(Authority::operator(self));
        };
        let generation = principal.generation();
        let token_is_valid = !token_is_denied
            && token
                .as_ref()
                .is_none_or(|token| now < token.accepted_until);
        found
            .filter(|_| token_is_valid)
            // The network was checked when the credential was presented.
            .filter(|found| (found.id, found.generation) == (*credential, generation))
            .filter(|found| found.status == Status::Active)
            .filter(|found| found.expires_at.is_none_or(|end| now < end))
            .map(|found| Authority::holder(self, principal.scopes(), found))
            .ok_or(RegistryError::CallerRevoked)
    }

    /// Returns what the caller may give at present, as a directory knows it.
    ///
    /// # Errors
    ///
    /// [`RegistryError::CallerRevoked`] if the credential or the token is no longer valid.
    pub fn authority_in(
        &self,
        directory: &dyn Directory,
        now: Timestamp,
    ) -> Result<Authority<'_>, RegistryError> {
        let found = self.credential().and_then(|id| directory.credential(id));
        let denied = self.token().is_some_and(|token| token.is_denied(directory));
        self.authority(found, denied, now)
    }
}
