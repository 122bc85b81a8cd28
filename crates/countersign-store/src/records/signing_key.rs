//! Signing keys, and their schedule.
//!
//! The state of a key follows from its dates alone, so that all processes agree on it at every moment:
//!
//! | state | from | until |
//! |---|---|---|
//! | pending: it is published, and does not sign yet | its creation | `activates_at` |
//! | active: it signs | `activates_at` | `activates_at` of the next key |
//! | retiring: tokens that it signed are accepted | the activation of the next key | the longest lifetime of a token later |
//! | removed: its private part is deleted | then | |
//! | revoked: tokens that it signed are rejected | `signing-key revoke` | |

use std::time::Duration;

use countersign::Id;
use countersign::jose::{Algorithm, SigningKey};
use countersign::time::Timestamp;

use crate::error::{StoreError, corrupt};
use crate::secrets::{SealContext, Sealer};

/// A signing key, without its private part.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SigningKeyRecord {
    /// The key id, `kid` (RFC 7517 §4.5).
    pub kid: String,
    /// The signature algorithm.
    pub algorithm: Algorithm,
    /// The state at the time of the call.
    pub state: KeyState,
    /// When the key was created and published.
    pub created_at: Timestamp,
    /// When the key begins to sign.
    pub activates_at: Timestamp,
    /// When the key was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// The state of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyState {
    /// The key is published, and does not sign yet.
    Pending,
    /// The key signs.
    Active,
    /// The key does not sign any more. Tokens that it signed are accepted until they expire.
    Retiring,
    /// All tokens that the key signed have expired.
    Removed,
    /// All tokens that the key signed are rejected.
    Revoked,
}

impl KeyState {
    /// Returns its name: `pending`, `active`, `retiring`, `removed` or `revoked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Removed => "removed",
            Self::Revoked => "revoked",
        }
    }
}

pub(crate) struct StoredSigningKey {
    pub(crate) id: Id,
    /// The private part, encrypted; `None` after it was deleted.
    pub(crate) sealed: Option<Vec<u8>>,
    /// The uptime of the database when it was created.
    pub(crate) created_uptime: i64,
    /// The uptime from which on all tokens that it signed have expired; `None` before another key signed.
    pub(crate) until_uptime: Option<i64>,
    pub(crate) record: SigningKeyRecord,
}

impl StoredSigningKey {
    /// Decrypts the private part.
    pub(crate) fn open(&self, sealer: &Sealer) -> Result<SigningKey, StoreError> {
        let sealed = self.sealed.as_deref().unwrap_or_default();
        let secret = sealer.open(&signing_key_context(&self.id), sealed)?;
        let opened = SigningKey::from_secret_bytes(self.record.algorithm, &secret);
        opened.or_else(|_| corrupt("a signing key"))
    }

    /// Revokes it, and deletes its private part, which only an attacker could still use.
    pub(crate) fn revoke(&mut self, now: Timestamp) {
        self.record.state = KeyState::Revoked;
        self.record.revoked_at = Some(now);
        self.sealed = None;
    }

    /// Returns whether tokens that it signs or has signed may be accepted: until its private part is deleted. Its state may
    /// follow from a clock that is ahead.
    pub(crate) const fn is_published(&self) -> bool {
        self.sealed.is_some()
    }

    /// Returns whether its private part can be deleted when the database has this uptime.
    pub(crate) fn is_over(&self, uptime: i64) -> bool {
        let is_over = self.until_uptime.is_some_and(|until| until < uptime);
        is_over && self.record.state == KeyState::Removed && self.sealed.is_some()
    }

    /// Returns whether it was created by a clock that was ahead of the present one.
    pub(crate) fn is_ahead_of(&self, now: Timestamp) -> bool {
        self.record.revoked_at.is_none() && self.record.created_at > now
    }

    /// Sets the clock back by which its dates were set.
    pub(crate) fn set_back(&mut self, millis: i64) {
        for date in [&mut self.record.created_at, &mut self.record.activates_at] {
            *date = Timestamp::from_unix_millis(date.unix_millis().saturating_sub(millis));
        }
    }
}

/// Returns the context in which the private part of a signing key is encrypted.
pub(crate) fn signing_key_context(id: &Id) -> SealContext {
    SealContext::new("signing_keys", &[id.as_bytes()], "the signing key")
}

/// Sets the states at `now` of the keys of one issuer, newest first. A token lives for `longest` at most.
pub(crate) fn assign_states(keys: &mut [StoredSigningKey], now: Timestamp, longest: Duration) {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let mut superseded: Option<Timestamp> = None;
    let mut superseded_uptime = None;
    for key in keys {
        let record = &mut key.record;
        key.until_uptime = superseded_uptime.map(|at: i64| at.saturating_add(millis(longest)));
        record.state = match superseded {
            _ if record.revoked_at.is_some() => KeyState::Revoked,
            _ if record.activates_at > now => KeyState::Pending,
            None => KeyState::Active,
            Some(at) if now <= at.plus(longest) => KeyState::Retiring,
            Some(_) => KeyState::Removed,
        };
        if matches!(record.state, KeyState::Active | KeyState::Retiring) {
            superseded = Some(record.activates_at);
            let lead = record.activates_at.unix_millis() - record.created_at.unix_millis();
            superseded_uptime = Some(key.created_uptime.saturating_add(lead));
        }
    }
}
