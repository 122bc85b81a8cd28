use std::sync::Arc;

use crate::directory::{Directory, SESSION_GENERATION};
use crate::id::Id;
use crate::principal::Principal;
use crate::time::Timestamp;

/// The token that a [`Caller`](super::Caller) was authenticated with: everything that it can be denied
/// by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallerToken {
    /// The issuer, `iss`.
    pub issuer: Arc<str>,
    /// The token's id, `jti`.
    pub id: Id,
    /// The session's id, `sid`.
    pub session: Option<Id>,
    /// Until when the token is accepted: `exp` and the leeway of the issuer.
    pub accepted_until: Timestamp,
}

impl CallerToken {
    pub(super) fn of(principal: &Principal) -> Option<Self> {
        Some(Self {
            issuer: principal.issuer()?.into(),
            id: principal.token_id()?.parse().ok()?,
            session: principal.session().copied(),
            accepted_until: principal.accepted_until()?,
        })
    }

    /// Returns whether the token or its session is denied.
    pub(super) fn is_denied(&self, directory: &dyn Directory) -> bool {
        let lowest = |session| directory.lowest_generation(session);
        directory.is_denied(&self.issuer, &self.id)
            || self.session.as_ref().and_then(lowest) > Some(SESSION_GENERATION)
    }
}
