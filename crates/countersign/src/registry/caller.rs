use std::sync::Arc;

use crate::directory::{Credential, CredentialKind, Directory, SESSION_GENERATION, Status};
use crate::id::Id;
use crate::principal::Principal;
use crate::registry::Record;
use crate::time::Timestamp;

/// The caller of a [`Registry`](super::Registry): its name in the audit log, and the objects that it
/// can access.
///
/// To a caller of one account, the objects of other accounts do not exist.
#[derive(Clone, Debug)]
pub struct Caller {
    actor: Arc<str>,
    request_id: Option<Arc<str>>,
    account: Option<Id>,
    issuer: Option<Arc<str>>,
    credential: Option<(Id, u32)>,
    token: Option<CallerToken>,
}

impl Caller {
    /// Creates a caller that can access every account. `actor` is its name in the audit log.
    #[must_use]
    pub fn operator(actor: impl Into<Arc<str>>) -> Self {
        Self {
            actor: actor.into(),
            request_id: None,
            account: None,
            issuer: None,
            credential: None,
            token: None,
        }
    }

    /// Creates a caller that can access one account.
    #[must_use]
    pub fn of_account(actor: impl Into<Arc<str>>, account: Id) -> Self {
        Self {
            account: Some(account),
            ..Self::operator(actor)
        }
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

    /// Sets the principal that the caller was authenticated as. A change is made only while the
    /// principal's credential and token are valid: if they were revoked while the change waited, it
    /// fails with [`RegistryError::CallerRevoked`](super::RegistryError::CallerRevoked).
    #[must_use]
    pub fn authenticated_as(mut self, principal: &Principal) -> Self {
        let id = principal.credential_id().copied();
        self.credential = id.map(|id| (id, principal.generation()));
        self.token = CallerToken::of(principal);
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

    /// Returns the credential that the caller was authenticated with, and its generation then.
    #[must_use]
    pub const fn credential(&self) -> Option<&(Id, u32)> {
        self.credential.as_ref()
    }

    /// Returns the token that the caller was authenticated with, if it was a token.
    #[must_use]
    pub const fn token(&self) -> Option<&CallerToken> {
        self.token.as_ref()
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

    /// Returns whether the caller's credential is still valid. `found` is the credential with the id
    /// of [`credential`](Self::credential) as it is now.
    #[must_use]
    pub fn is_still_valid(&self, found: Option<&Credential>, now: Timestamp) -> bool {
        self.credential.is_none_or(|(id, generation)| {
            // The network was checked when the credential was presented.
            found.is_some_and(|found| {
                (found.id, found.generation) == (id, generation)
                    && found.status == Status::Active
                    && found.expires_at.is_none_or(|end| now < end)
            })
        })
    }
}

/// The token that a [`Caller`] was authenticated with: everything that it can be denied by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallerToken {
    /// The issuer, `iss`.
    pub issuer: Arc<str>,
    /// The token's id, `jti`.
    pub id: Id,
    /// The session's id, `sid`.
    pub session: Option<Id>,
    /// When the token expires, `exp`.
    pub expires_at: Timestamp,
}

impl CallerToken {
    fn of(principal: &Principal) -> Option<Self> {
        let id: String = principal.claim("jti")?;
        Some(Self {
            issuer: principal.issuer()?.into(),
            id: id.parse().ok()?,
            session: principal.session().copied(),
            expires_at: principal.expires_at()?,
        })
    }

    /// Returns whether the token has not expired, and neither it nor its session is denied.
    #[must_use]
    pub fn is_still_valid(&self, directory: &dyn Directory, now: Timestamp) -> bool {
        let lowest = |session| directory.lowest_generation(session);
        now < self.expires_at
            && !directory.is_denied(&self.issuer, &self.id)
            && self.session.as_ref().and_then(lowest) <= Some(SESSION_GENERATION)
    }
}
