use std::sync::Arc;

use crate::id::Id;

/// On whose behalf a [`Registry`](super::Registry) acts: for the audit, and for what is within reach.
///
/// What lies outside a caller's account does not exist for it.
#[derive(Clone, Debug)]
pub struct Caller {
    actor: Arc<str>,
    request_id: Option<Arc<str>>,
    account: Option<Id>,
}

impl Caller {
    /// Whoever runs the store: every account is within reach. `actor` is a name for the audit.
    #[must_use]
    pub fn operator(actor: impl Into<Arc<str>>) -> Self {
        Self {
            actor: actor.into(),
            request_id: None,
            account: None,
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
