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

/// A record that is to be appended to the audit log. No field may contain a secret: a reader of the log may not use
/// the credentials that it mentions.
#[derive(Clone, Debug)]
pub(crate) struct AuditEntry<'a> {
    pub(crate) actor: &'a str,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) action: String,
    pub(crate) account: Option<Id>,
    pub(crate) entity: Option<Id>,
    pub(crate) detail: Map<String, Value>,
}

impl<'a> AuditEntry<'a> {
    /// Creates an entry for an action of `actor`, without anything else.
    pub(crate) fn new(actor: &'a str, action: impl Into<String>) -> Self {
        Self {
            actor,
            request_id: None,
            action: action.into(),
            account: None,
            entity: None,
            detail: Map::new(),
        }
    }

    /// Creates an entry for an action of the store itself, which no caller requested.
    pub(crate) fn by_store(action: &'static str) -> AuditEntry<'static> {
        AuditEntry::new("store", action)
    }

    /// Creates an entry for an action of a caller.
    pub(crate) fn by(caller: &'a Caller, action: impl Into<String>) -> Self {
        Self {
            request_id: caller.request_id(),
            ..Self::new(caller.actor(), action)
        }
    }

    /// Sets the account and the record that are affected.
    pub(crate) fn about(mut self, account: impl Into<Option<Id>>, entity: Id) -> Self {
        self.account = account.into();
        self.entity = Some(entity);
        self
    }

    /// Adds a detail.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}
