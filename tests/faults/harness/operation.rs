//! The operations on keys: when they are allowed, as commands and as HTTP requests.

use countersign_tests::xorshift::XorShift;

use super::model::{Slot, State, Status};

const NARROW: &str = "calls:read";
const WIDE: &str = "calls:read wallet:*";
/// The scopes of new keys.
pub(super) const SCOPES: [&str; 2] = [NARROW, WIDE];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rotation {
    Grace,
    AtOnce,
    Compromised,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Suspend,
    Activate,
    Revoke,
    Delete,
    Widen(&'static str),
    Narrow(&'static str),
    Rotate(Rotation),
}

/// An operation on a key.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) change: Change,
    /// The subcommand of `countersign key`.
    command: &'static str,
    /// The arguments after the id.
    arguments: &'static [&'static str],
    /// Method, path after `/admin/v1/keys/{id}`, and body.
    http: (&'static str, &'static str, &'static str),
    /// Whether the operation is allowed in a state.
    allowed: fn(&State) -> bool,
}

impl Operation {
    pub(super) fn command_line<'a>(&self, id: &'a str) -> Vec<&'a str> {
        [&["key", self.command, id], self.arguments].concat()
    }

    pub(super) fn request(&self, id: &str) -> (&'static str, String, &'static str) {
        let (method, path, body) = self.http;
        (method, format!("/admin/v1/keys/{id}{path}"), body)
    }
}

const fn is_not_revoked(state: &State) -> bool {
    matches!(state.status, Status::Active | Status::Suspended)
}

static OPERATIONS: [Operation; 9] = [
    Operation {
        change: Change::Suspend,
        command: "suspend",
        arguments: &[],
        http: ("POST", "/suspend", ""),
        allowed: |state| state.status == Status::Active,
    },
    Operation {
        change: Change::Activate,
        command: "activate",
        arguments: &[],
        http: ("POST", "/activate", ""),
        allowed: |state| state.status == Status::Suspended,
    },
    Operation {
        change: Change::Revoke,
        command: "revoke",
        arguments: &[],
        http: ("POST", "/revoke", ""),
        allowed: is_not_revoked,
    },
    Operation {
        change: Change::Delete,
        command: "delete",
        arguments: &[],
        http: ("DELETE", "", ""),
        allowed: |state| state.status == Status::Revoked,
    },
    Operation {
        change: Change::Widen(WIDE),
        command: "scopes",
        arguments: &[WIDE],
        http: ("PUT", "/scopes", r#"{"scopes":["calls:read","wallet:*"]}"#),
        allowed: |state| is_not_revoked(state) && state.scopes == NARROW,
    },
    Operation {
        change: Change::Narrow(NARROW),
        command: "scopes",
        arguments: &[NARROW],
        http: ("PUT", "/scopes", r#"{"scopes":["calls:read"]}"#),
        allowed: |state| is_not_revoked(state) && state.scopes == WIDE,
    },
    Operation {
        change: Change::Rotate(Rotation::Grace),
        command: "rotate",
        arguments: &["--grace", "24h"],
        http: ("POST", "/rotate", r#"{"grace_seconds":86400}"#),
        // At most two secrets are valid.
        allowed: |state| is_not_revoked(state) && state.previous == Slot::Empty,
    },
    Operation {
        change: Change::Rotate(Rotation::AtOnce),
        command: "rotate",
        arguments: &["--grace", "0s"],
        http: ("POST", "/rotate", r#"{"grace_seconds":0}"#),
        allowed: is_not_revoked,
    },
    Operation {
        change: Change::Rotate(Rotation::Compromised),
        command: "rotate",
        arguments: &["--compromised"],
        http: ("POST", "/rotate", r#"{"compromised":true}"#),
        allowed: is_not_revoked,
    },
];

/// Returns a random operation that is allowed in this state.
pub(super) fn choose(state: &State, chance: &mut XorShift) -> Option<&'static Operation> {
    let allowed: Vec<_> = OPERATIONS
        .iter()
        .filter(|operation| (operation.allowed)(state))
        .collect();
    (!allowed.is_empty()).then(|| *chance.choose(&allowed))
}
