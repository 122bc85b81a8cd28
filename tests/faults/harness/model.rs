//! The expected state of every key, by the requested and the acknowledged changes.

use super::operation::{Change, Rotation};

/// The status of a key. Deleted keys are not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    Suspended,
    Revoked,
    Deleted,
}

impl Status {
    pub(super) const fn printed(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Deleted => "deleted",
        }
    }
}

/// A secret of a key that may be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Empty,
    /// The secret is unknown, because the response was lost.
    Unknown,
    /// The index in [`Key::secrets`].
    Known(usize),
}

/// The state of a key between two operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) status: Status,
    pub(super) scopes: String,
    /// Tokens of lower generations are rejected.
    pub(super) generation: u64,
    pub(super) current: Slot,
    pub(super) previous: Slot,
    /// The number of audit records of the key.
    pub(super) records: usize,
}

impl State {
    pub(super) fn new(scopes: &str, current: Slot) -> Self {
        Self {
            status: Status::Active,
            scopes: scopes.to_owned(),
            generation: 1,
            current,
            previous: Slot::Empty,
            records: 1,
        }
    }

    /// Returns the state after an allowed change. A rotation sets the secret `new`.
    pub(super) fn after(&self, change: &Change, new: Slot) -> Self {
        let mut next = self.clone();
        next.records += 1;
        match change {
            Change::Suspend => next.invalidate_tokens(Status::Suspended),
            Change::Activate => next.status = Status::Active,
            Change::Revoke => next.invalidate_tokens(Status::Revoked),
            Change::Delete => next.status = Status::Deleted,
            Change::Widen(scopes) => next.scopes = (*scopes).to_owned(),
            Change::Narrow(scopes) => {
                next.invalidate_tokens(self.status);
                next.scopes = (*scopes).to_owned();
            }
            Change::Rotate(rotation) => {
                next.current = new;
                next.previous = match rotation {
                    Rotation::Grace => self.current,
                    Rotation::AtOnce => Slot::Empty,
                    Rotation::Compromised => {
                        next.invalidate_tokens(self.status);
                        Slot::Empty
                    }
                };
            }
        }
        next
    }

    fn invalidate_tokens(&mut self, status: Status) {
        self.status = status;
        self.generation += 1;
    }

    /// Whether the key must be accepted with the secret at this index.
    pub(super) fn accepts(&self, secret: usize) -> bool {
        let slot = Slot::Known(secret);
        self.status == Status::Active && (self.current == slot || self.previous == slot)
    }
}

/// A key and its possible states.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) id: String,
    /// All API keys that were ever issued for it.
    pub(super) secrets: Vec<String>,
    /// The possible states: more than one after an operation that was not acknowledged.
    pub(super) states: Vec<State>,
    /// Tokens that were minted from the key.
    pub(super) tokens: Vec<Token>,
    /// Whether the key was changed since the last check.
    pub(super) touched: bool,
}

impl Key {
    /// Returns the state if it is known.
    pub(super) fn state(&self) -> Option<&State> {
        match &*self.states {
            [state] => Some(state),
            _ => None,
        }
    }

    /// Applies an acknowledged change; `new` is the new API key of a rotation.
    pub(super) fn apply(&mut self, change: &Change, new: Option<String>) {
        let slot = match new {
            Some(key) => {
                self.secrets.push(key);
                Slot::Known(self.secrets.len() - 1)
            }
            None => Slot::Unknown,
        };
        for state in &mut self.states {
            *state = state.after(change, slot);
        }
    }

    /// Adds the states after a change that was not acknowledged.
    pub(super) fn may_have_changed(&mut self, change: &Change) {
        let next: Vec<State> = self
            .states
            .iter()
            .map(|state| state.after(change, Slot::Unknown))
            .collect();
        self.states.extend(next);
    }
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) text: String,
    /// The generation of the key in the claims.
    pub(super) generation: u64,
}

/// A requested key whose creation was not acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) scopes: String,
}

/// All keys of a database.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) keys: Vec<Key>,
    pub(super) drafts: Vec<Draft>,
    /// The ids of keys that are never changed.
    pub(super) spared: Vec<String>,
    /// The checkpoint of the audit after the last crash.
    pub(super) checkpoint: Option<String>,
}
