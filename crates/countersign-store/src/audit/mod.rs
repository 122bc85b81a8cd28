//! The audit log: who did what, in the order in which it was done.
//!
//! # Rules
//!
//! 1. A record is written in the transaction of what it tells of: there is never one without the other.
//! 2. Each record carries a MAC over itself and the MAC of the record before it, and the head carries
//!    one over the last: nothing can be changed, removed, moved or put in without the chain's key.
//! 3. The key lies in the database, sealed under the master key. A thief of both can write history
//!    anew; a [`Checkpoint`] that is kept elsewhere tells.
//! 4. Nothing is appended to a chain whose end is not the one that was written: the new end would
//!    check_freshness for the change. Until the database is restored, what is on record cannot be done.
//!
//! # Caveat
//!
//! A whole older database, head included, is a genuine chain. Only a [`Checkpoint`] finds it out.

mod append;
mod chain;
mod checkpoint;
mod head;
mod list;
#[cfg(test)]
mod tests;
mod verify;

use countersign::Id;
use serde_json::{Map, Value};

pub(crate) use append::append;
pub(crate) use chain::AuditKey;
pub use checkpoint::{Checkpoint, InvalidCheckpoint};
pub(crate) use head::{begin, open, reseal};
pub use list::AuditRecord;
pub(crate) use list::list;
pub use verify::Verified;
pub(crate) use verify::verify;

/// What is put on record of one thing that was done.
///
/// No field may hold a secret: whoever may read the log may not use what it tells of.
///
/// ```
/// use countersign_store::AuditEntry;
///
/// let entry = AuditEntry::new("cli:root", "key.create").with("name", "ci").with("generation", 1);
/// assert_eq!(entry.detail["name"], "ci");
/// ```
#[derive(Clone, Debug)]
pub struct AuditEntry<'a> {
    /// Who did it: a credential's id, or the command line's user.
    pub actor: &'a str,
    /// Which request it was part of.
    pub request_id: Option<&'a str>,
    /// What was done, as `noun.verb`.
    pub action: &'static str,
    /// Whose account it concerned; nothing where it was the whole server's.
    pub account: Option<Id>,
    /// What it was done to.
    pub entity: Option<Id>,
    /// What else there is to say.
    pub detail: Map<String, Value>,
}

impl<'a> AuditEntry<'a> {
    /// That `actor` did `action`, and nothing else.
    #[must_use]
    pub fn new(actor: &'a str, action: &'static str) -> Self {
        Self {
            actor,
            request_id: None,
            action,
            account: None,
            entity: None,
            detail: Map::new(),
        }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}
