//! What must be so of every key, by what was asked for and what was acknowledged.

use super::operation::{Change, Rotation};

/// One of `active`, `suspended` and `revoked`, as the program prints them; or none, when it is deleted.
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

/// A secret of a key that may work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Empty,
    /// Nobody was told what it is: the answer was lost.
    Unknown,
    /// By its place in [`Key::shown`].
    Shown(usize),
}

/// What a key is between two operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) status: Status,
    pub(super) scopes: String,
    /// Tokens of lower ones are dead.
    pub(super) generation: u64,
    pub(super) current: Slot,
    pub(super) previous: Slot,
    /// How often the audit names it.
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

    /// What it is after a change that is allowed. A rotation gives it the secret `new`.
    pub(super) fn after(&self, change: &Change, new: Slot) -> Self {
        let mut next = self.clone();
        next.records += 1;
        match change {
            Change::Suspend => next.end_tokens(Status::Suspended),
            Change::Activate => next.status = Status::Active,
            Change::Revoke => next.end_tokens(Status::Revoked),
            Change::Delete => next.status = Status::Deleted,
            Change::Widen(scopes) => next.scopes = (*scopes).to_owned(),
            Change::Narrow(scopes) => {
                next.end_tokens(self.status);
                next.scopes = (*scopes).to_owned();
            }
            Change::Rotate(rotation) => {
                next.current = new;
                next.previous = match rotation {
                    Rotation::Grace => self.current,
                    Rotation::AtOnce => Slot::Empty,
                    Rotation::Compromised => {
                        next.end_tokens(self.status);
                        Slot::Empty
                    }
                };
            }
        }
        next
    }

    fn end_tokens(&mut self, status: Status) {
        self.status = status;
        self.generation += 1;
    }

    /// Whether it must be let in by this one of the keys that were shown.
    pub(super) fn admits(&self, shown: usize) -> bool {
        let slot = Slot::Shown(shown);
        self.status == Status::Active && (self.current == slot || self.previous == slot)
    }
}

/// A key, and all that it may be.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) id: String,
    /// The presented strings that were ever shown for it.
    pub(super) shown: Vec<String>,
    /// What it may be: one, until an operation on it was not acknowledged.
    pub(super) states: Vec<State>,
    /// Tokens that were minted from it.
    pub(super) tokens: Vec<Token>,
    /// Whether something was done to it since the last check.
    pub(super) touched: bool,
}

impl Key {
    /// What it is, if that is known.
    pub(super) fn state(&self) -> Option<&State> {
        match &*self.states {
            [state] => Some(state),
            _ => None,
        }
    }

    /// A change was acknowledged, with a new key if it was a rotation.
    pub(super) fn changed(&mut self, change: &Change, new: Option<String>) {
        let slot = match new {
            Some(key) => {
                self.shown.push(key);
                Slot::Shown(self.shown.len() - 1)
            }
            None => Slot::Unknown,
        };
        for state in &mut self.states {
            *state = state.after(change, slot);
        }
    }

    /// A change was asked for, and no answer came.
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
    /// The key's generation, which it carries.
    pub(super) generation: u64,
}

/// A key that was asked for, and no answer came.
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
    /// The ids of keys that nothing is done to.
    pub(super) spared: Vec<String>,
    /// What the audit's end was called after the last crash.
    pub(super) checkpoint: Option<String>,
}
