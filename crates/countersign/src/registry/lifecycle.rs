//! The rules by which a credential lives and dies, for every registry alike.
//!
//! ```text
//!              suspend             revoke             delete
//!    Active ------------> Suspended ------> Revoked ---------> (gone)
//!       ^ <------------------'    '            ^
//!       |      activate                        |
//!       '--------------------------------------'  revoke
//! ```
//!
//! What takes something away bumps the generation, and with it kills every token minted before: suspending,
//! revoking, narrowing scopes, a new password, and rotating a key that is compromised. Repeating what led to
//! the present state succeeds and changes nothing.

use std::fmt;
use std::time::Duration;

use crate::directory::{Credential, CredentialKind, PasswordHash, Status, StoredSecret};
use crate::key::Peppers;
use crate::registry::Record;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// A change of one credential.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// It is refused until it is activated again.
    Suspend,
    /// It may be used again. Tokens from before stay dead.
    Activate,
    /// It is refused for good.
    Revoke {
        /// Why, for the record.
        reason: Option<String>,
    },
    /// It is forgotten, which only what is revoked can be. Its tokens stay dead.
    Delete,
    /// It may do this from now on. Tokens from before die if they could do something that it no longer may.
    Scopes(Scopes),
    /// A user's new password.
    Password(PasswordHash),
}

impl Change {
    /// Its name in the audit.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Activate => "activate",
            Self::Revoke { .. } => "revoke",
            Self::Delete => "delete",
            Self::Scopes(_) => "scopes",
            Self::Password(_) => "password",
        }
    }
}

/// What becomes of a key's old secret when it gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rotation {
    /// It works for this long beside the new one; zero ends it now. Tokens live on.
    Grace(Duration),
    /// Somebody else has it: it, and every token minted from the key, is dead now.
    Compromised,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a registry must treat all of them")]
pub enum ChangeEffect {
    /// Nothing: it was so already.
    Nothing,
    /// The record has changed.
    Changed,
    /// The record has changed, and tokens from before are dead.
    Superseded,
    /// The record is to be forgotten.
    Deleted,
}

/// A credential as a registry keeps it: the record, and the proof.
#[derive(Clone, Debug)]
pub struct StoredCredential {
    /// The record.
    pub record: Record,
    /// What proves that somebody holds it.
    pub proof: StoredSecret,
}

impl StoredCredential {
    /// Makes a change. On an error nothing has changed.
    ///
    /// # Errors
    ///
    /// [`Conflict`] when its present state does not allow it.
    pub fn change(&mut self, change: &Change, now: Timestamp) -> Result<ChangeEffect, Conflict> {
        let status = self.record.status;
        let effect = match change {
            Change::Suspend => match status {
                Status::Active => self.end_tokens(Status::Suspended)?,
                Status::Suspended => ChangeEffect::Nothing,
                Status::Revoked => return Err(Conflict::Revoked),
            },
            Change::Activate => match status {
                Status::Active => ChangeEffect::Nothing,
                Status::Suspended => {
                    self.record.status = Status::Active;
                    ChangeEffect::Changed
                }
                Status::Revoked => return Err(Conflict::Revoked),
            },
            Change::Revoke { reason } => match status {
                Status::Active | Status::Suspended => {
                    let effect = self.end_tokens(Status::Revoked)?;
                    self.record.reason.clone_from(reason);
                    effect
                }
                Status::Revoked => ChangeEffect::Nothing,
            },
            Change::Delete => match status {
                Status::Active | Status::Suspended => return Err(Conflict::NotRevoked),
                Status::Revoked => ChangeEffect::Deleted,
            },
            Change::Scopes(scopes) => self.change_scopes(scopes)?,
            Change::Password(hash) => self.change_password(hash)?,
        };
        if effect != ChangeEffect::Nothing {
            self.record.updated_at = now;
        }
        Ok(effect)
    }

    /// Gives a key another secret. On an error nothing has changed.
    ///
    /// # Errors
    ///
    /// [`Conflict`] when it is revoked, no key, or two of its secrets work already.
    pub fn rotate(
        &mut self,
        secret: &str,
        rotation: Rotation,
        peppers: &Peppers,
        now: Timestamp,
    ) -> Result<ChangeEffect, Conflict> {
        let StoredSecret::Key(proof) = &self.proof else {
            return Err(Conflict::NotAKey);
        };
        if self.record.status == Status::Revoked {
            return Err(Conflict::Revoked);
        }
        let id = self.record.id;
        let (proof, effect) = match rotation {
            Rotation::Grace(grace) if !grace.is_zero() => {
                if let Some(until) = proof.grace_until().filter(|until| now < *until) {
                    return Err(Conflict::RotationUnderWay(until));
                }
                let until = now.plus(grace);
                let next = peppers.succeed(proof, &id, secret, until);
                (next.ok_or(Conflict::PepperMissing)?, ChangeEffect::Changed)
            }
            Rotation::Grace(_) => (peppers.proof(&id, secret), ChangeEffect::Changed),
            Rotation::Compromised => {
                let effect = self.end_tokens(self.record.status)?;
                (peppers.proof(&id, secret), effect)
            }
        };
        self.record.grace_until = proof.grace_until();
        self.record.updated_at = now;
        self.proof = StoredSecret::Key(proof);
        Ok(effect)
    }

    /// What judges need of it. The account's part is whoever keeps accounts' to say.
    #[must_use]
    pub fn credential(&self, account_generation: u32) -> Credential {
        let record = &self.record;
        Credential {
            id: record.id,
            account: record.account_id,
            account_generation,
            environment: record.environment_id,
            environment_kind: record.environment_kind,
            generation: record.generation,
            status: record.status,
            scopes: record.scopes.clone(),
            allow_from: record.allow_from.clone(),
            issuers: record.issuers.clone(),
            expires_at: record.expires_at,
            proof: self.proof.clone(),
        }
    }

    /// Bumps the generation: tokens of lower ones are refused. A managed token has none: it is judged by its
    /// record, and works again when it is activated.
    fn end_tokens(&mut self, status: Status) -> Result<ChangeEffect, Conflict> {
        if self.record.kind == CredentialKind::Token {
            self.record.status = status;
            return Ok(ChangeEffect::Changed);
        }
        let next = self.record.generation.checked_add(1);
        self.record.generation = next.ok_or(Conflict::NoMoreGenerations)?;
        self.record.status = status;
        Ok(ChangeEffect::Superseded)
    }

    fn change_scopes(&mut self, scopes: &Scopes) -> Result<ChangeEffect, Conflict> {
        if self.record.status == Status::Revoked {
            return Err(Conflict::Revoked);
        }
        if self.record.scopes == *scopes {
            return Ok(ChangeEffect::Nothing);
        }
        let effect = if scopes.contains(&self.record.scopes) {
            ChangeEffect::Changed
        } else {
            self.end_tokens(self.record.status)?
        };
        self.record.scopes = scopes.clone();
        Ok(effect)
    }

    fn change_password(&mut self, hash: &PasswordHash) -> Result<ChangeEffect, Conflict> {
        if self.record.kind != CredentialKind::User {
            return Err(Conflict::NotAUser);
        }
        if self.record.status == Status::Revoked {
            return Err(Conflict::Revoked);
        }
        let effect = self.end_tokens(self.record.status)?;
        self.proof = StoredSecret::Password(hash.expose().into());
        Ok(effect)
    }
}

/// Why the present state does not allow a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// It is revoked, which is for good.
    Revoked,
    /// Only what is revoked can be deleted.
    NotRevoked,
    /// Two secrets work until this moment: a third has to wait, or to end them.
    RotationUnderWay(Timestamp),
    /// Only keys have secrets to rotate.
    NotAKey,
    /// Only users have passwords.
    NotAUser,
    /// The default account is where the server's own operators are.
    DefaultAccount,
    /// The generation cannot be bumped once more.
    NoMoreGenerations,
    /// The pepper of its present secret is not known here, so that both could not be kept.
    PepperMissing,
}

impl Conflict {
    /// Its stable name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::NotRevoked => "not_revoked",
            Self::RotationUnderWay(_) => "rotation_under_way",
            Self::NotAKey => "not_a_key",
            Self::NotAUser => "not_a_user",
            Self::DefaultAccount => "default_account",
            Self::NoMoreGenerations => "no_more_generations",
            Self::PepperMissing => "pepper_missing",
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revoked => "it is revoked, which is for good: make another",
            Self::NotRevoked => "only what is revoked can be deleted: revoke it first",
            Self::RotationUnderWay(_) => {
                "its previous secret still works beside the present one: wait until its grace ends, or \
                 rotate with no grace or as compromised, which ends both"
            }
            Self::NotAKey => "only keys have secrets to rotate",
            Self::NotAUser => "only users have passwords",
            Self::DefaultAccount => "the default account cannot be revoked",
            Self::NoMoreGenerations => "it was changed too often: make another",
            Self::PepperMissing => {
                "the pepper of its present secret is not known here: rotate it with no grace"
            }
        })
    }
}

impl std::error::Error for Conflict {}
