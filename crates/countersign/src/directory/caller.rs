use std::sync::Arc;

use crate::directory::{Credential, Status};
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
    credential: Option<(Id, u32)>,
}

impl Caller {
    /// Whoever runs the store: every account is within reach. `actor` is a name for the audit.
    #[must_use]
    pub fn operator(actor: impl Into<Arc<str>>) -> Self {
        Self {
            actor: actor.into(),
            request_id: None,
            account: None,
            credential: None,
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

    /// The same, proven by this credential. What it asks for is done only while the credential stands: what was
    /// asked before it was revoked, and comes to its turn afterwards, is answered with
    /// [`RegistryError::CallerLapsed`](super::RegistryError::CallerLapsed).
    #[must_use]
    pub fn proven_by(mut self, principal: &Principal) -> Self {
        let id = principal.credential_id().copied();
        self.credential = id.map(|id| (id, principal.generation()));
        self
    }

    /// The credential that proved it, and its generation then.
    #[must_use]
    pub const fn credential(&self) -> Option<&(Id, u32)> {
        self.credential.as_ref()
    }

    /// Whether the credential that proved it, which is `found` now, stands.
    #[must_use]
    pub fn stands(&self, found: Option<&Credential>, now: Timestamp) -> bool {
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
