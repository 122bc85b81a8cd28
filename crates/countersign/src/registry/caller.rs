use std::sync::Arc;

use crate::directory::{Credential, Directory, SESSION_GENERATION, Status};
use crate::id::Id;
use crate::principal::Principal;
use crate::time::Timestamp;

/// On whose behalf a [`Registry`](super::Registry) acts: for the audit, and for what is within reach.
///
/// What lies outside a caller's account does not exist for it.
#[derive(Clone, Debug)]
pub struct Caller {
    actor: Arc<str>,
    request_id: Option<Arc<str>>,
    account: Option<Id>,
    issuer: Option<Arc<str>>,
    credential: Option<(Id, u32)>,
    token: Option<CallerToken>,
}

/// The token that proved a [`Caller`]: it may be denied, or expire, while what it asks for waits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "all that a token can be denied by"
)]
pub struct CallerToken {
    /// Its issuer, `iss`.
    pub issuer: Arc<str>,
    /// Its id, `jti`.
    pub id: Id,
    /// Its session, `sid`.
    pub session: Option<Id>,
    /// Its end, `exp`.
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

    /// Whether it is accepted still, as far as it can be denied by itself.
    #[must_use]
    pub fn is_still_valid(&self, directory: &dyn Directory, now: Timestamp) -> bool {
        let ended = |session: &Id| {
            let lowest = directory.lowest_generation(session);
            lowest.is_some_and(|lowest| lowest > SESSION_GENERATION)
        };
        now < self.expires_at
            && !directory.is_denied(&self.issuer, &self.id)
            && !self.session.as_ref().is_some_and(ended)
    }
}

impl Caller {
    /// Whoever runs the store: every account is within reach. `actor` is a name for the audit.
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

    /// Somebody who reaches one account alone.
    #[must_use]
    pub fn of_account(actor: impl Into<Arc<str>>, account: Id) -> Self {
        Self {
            account: Some(account),
            ..Self::operator(actor)
        }
    }

    /// The same, asking with the request of this id.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// The same, at one of several issuers, by its name. Managed tokens of other issuers do not exist for it, and
    /// those that it makes are this issuer's.
    #[must_use]
    pub fn at_issuer(mut self, name: impl Into<Arc<str>>) -> Self {
        self.issuer = Some(name.into());
        self
    }

    /// The name of the one issuer within reach; `None`: all of them.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The same, proven by this credential, or by a token of it. What it asks for is done only while these stand:
    /// what was asked before they were revoked, and comes to its turn afterwards, is answered with
    /// [`RegistryError::CallerRevoked`](super::RegistryError::CallerRevoked).
    #[must_use]
    pub fn proven_by(mut self, principal: &Principal) -> Self {
        let id = principal.credential_id().copied();
        self.credential = id.map(|id| (id, principal.generation()));
        self.token = CallerToken::of(principal);
        self
    }

    /// The token that proved it, where one did.
    #[must_use]
    pub const fn token(&self) -> Option<&CallerToken> {
        self.token.as_ref()
    }

    /// The credential that proved it, and its generation then.
    #[must_use]
    pub const fn credential(&self) -> Option<&(Id, u32)> {
        self.credential.as_ref()
    }

    /// Whether the credential that proved it, which is `found` now, stands.
    #[must_use]
    pub fn is_still_valid(&self, found: Option<&Credential>, now: Timestamp) -> bool {
        let Some((id, generation)) = &self.credential else {
            return true;
        };
        found.is_some_and(|found| {
            // From where it was presented was looked at when it was.
            let lasts = found.expires_at.is_none_or(|end| now < end);
            let same = found.id == *id && found.generation == *generation;
            same && lasts && found.status == Status::Active
        })
    }

    /// Its name in the audit.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// The request's id, where there is one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The one account within reach; `None`: all of them.
    #[must_use]
    pub const fn account(&self) -> Option<&Id> {
        self.account.as_ref()
    }

    /// Whether what belongs to `account` is within reach.
    #[must_use]
    pub fn reaches(&self, account: &Id) -> bool {
        self.account.is_none_or(|own| own == *account)
    }
}
