use countersign::Id;
use countersign::registry::Caller;
use countersign::time::Timestamp;
use serde_json::{Map, Value};

/// A record of the audit log.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct AuditRecord {
    /// Its position in the log, from 1 on without gaps.
    pub number: i64,
    /// When it was written.
    pub at: Timestamp,
    /// The caller: the id of a credential, or the user of the command line.
    pub actor: String,
    /// The request that the action was part of.
    pub request_id: Option<String>,
    /// The action, as `noun.verb`.
    pub action: String,
    /// The account that was affected; `None` if it was the whole server.
    pub account_id: Option<Id>,
    /// The record that was affected.
    pub entity: Option<Id>,
    /// More about the action.
    pub detail: Map<String, Value>,
}

/// Creates records that are to be appended to the log, which sets their number and time. No field may contain a secret: a
/// reader of the log may not use the credentials that it mentions.
impl AuditRecord {
    /// Creates a record of an action of `actor`, without anything else.
    pub(crate) fn new(actor: &str, action: impl Into<String>) -> Self {
        Self {
            number: 0,
            at: Timestamp::from_unix_millis(0),
            actor: actor.to_owned(),
            request_id: None,
            action: action.into(),
            account_id: None,
            entity: None,
            detail: Map::new(),
        }
    }

    /// Creates a record of an action of the store itself, which no caller requested.
    pub(crate) fn by_store(action: &str) -> Self {
        Self::new("store", action)
    }

    /// Creates a record of an action of a caller.
    pub(crate) fn by(caller: &Caller, action: impl Into<String>) -> Self {
        Self {
            request_id: caller.request_id().map(str::to_owned),
            ..Self::new(caller.actor(), action)
        }
    }

    /// Sets the account and the record that are affected.
    pub(crate) fn about(mut self, account: impl Into<Option<Id>>, entity: Id) -> Self {
        self.account_id = account.into();
        self.entity = Some(entity);
        self
    }

    /// Adds a detail.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}
