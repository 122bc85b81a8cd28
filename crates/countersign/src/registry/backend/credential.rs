use crate::directory::{
    Credential, CredentialKind, EnvironmentKind, Issuers, PasswordHash, Status, StoredSecret,
};
use crate::id::Id;
use crate::key::Peppers;
use crate::registry::{
    Authority, Change, Conflict, NewKey, NewToken, NewUser, NotHeld, Record, RegistryError,
    Rotation,
};
use crate::scope::Scopes;
use crate::time::Timestamp;

/// The effect of a change on a stored credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a registry must handle all of them"
)]
pub enum ChangeEffect {
    /// The credential already was in the requested state.
    Unchanged,
    /// The record has changed.
    Changed,
    /// The record has changed, and its generation was raised: earlier tokens are invalid.
    TokensInvalidated,
    /// The record must be deleted.
    Deleted,
}

/// Where a new credential belongs.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Placement {
    /// The account.
    pub account: Id,
    /// The environment; `None`: the whole account.
    pub environment: Option<Id>,
    /// The environment's kind; production without an environment.
    pub environment_kind: EnvironmentKind,
}

impl Placement {
    /// Creates a placement in the whole account.
    #[must_use]
    pub const fn account(account: Id) -> Self {
        Self {
            account,
            environment: None,
            environment_kind: EnvironmentKind::Production,
        }
    }

    /// Sets the environment and its kind.
    #[must_use]
    pub const fn environment(mut self, environment: Id, kind: EnvironmentKind) -> Self {
        self.environment = Some(environment);
        self.environment_kind = kind;
        self
    }
}

/// A credential as a registry stores it: the record and its secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredCredential {
    /// The record.
    pub record: Record,
    /// The digest of the key's secret, or the hash of the password.
    pub secret: StoredSecret,
}

impl StoredCredential {
    /// Creates a stored credential from its parts, for example from a database row.
    #[must_use]
    pub const fn new(record: Record, secret: StoredSecret) -> Self {
        Self { record, secret }
    }

    /// Creates an API key. `secret` has the digests of its secret, or of the whole key if it is imported. Without
    /// networks or issuers of its own, it gets those of the caller.
    ///
    /// # Errors
    ///
    /// [`NotHeld`] if the caller does not hold what the key would hold.
    pub fn new_key(
        authority: &Authority<'_>,
        id: Id,
        placement: Placement,
        new: NewKey,
        secret: StoredSecret,
        now: Timestamp,
    ) -> Result<Self, NotHeld> {
        let mut record = Record::new(id, CredentialKind::Key, placement, new.scopes, now);
        record.name = new.name;
        record.allow_from = new.allow_from;
        record.issuers = new.issuers;
        record.expires_at = new.expires_at;
        Self::create(authority, record, secret)
    }

    /// Creates a user. It gets the networks of the caller, and without issuers of its own, its issuers.
    ///
    /// # Errors
    ///
    /// [`NotHeld`] if the caller does not hold what the user would hold.
    pub fn new_user(
        authority: &Authority<'_>,
        id: Id,
        placement: Placement,
        new: NewUser,
        now: Timestamp,
    ) -> Result<Self, NotHeld> {
        let mut record = Record::new(id, CredentialKind::User, placement, new.scopes, now);
        record.name = new.name.to_string();
        record.issuers = new.issuers;
        let secret = StoredSecret::Password(new.password_hash.expose().into());
        Self::create(authority, record, secret)
    }

    /// Creates the record of a managed token, for the issuer that the caller uses. It gets the networks of
    /// the caller.
    ///
    /// # Errors
    ///
    /// [`NotHeld`] if the caller does not hold what the token would hold.
    pub fn new_token(
        authority: &Authority<'_>,
        id: Id,
        placement: Placement,
        new: NewToken,
        now: Timestamp,
    ) -> Result<Self, NotHeld> {
        let mut record = Record::new(id, CredentialKind::Token, placement, new.scopes, now);
        record.issuers = Issuers::named(authority.caller().issuer()).unwrap_or_default();
        record.expires_at = Some(new.expires_at);
        Self::create(authority, record, StoredSecret::Signature)
    }

    fn create(
        authority: &Authority<'_>,
        mut record: Record,
        secret: StoredSecret,
    ) -> Result<Self, NotHeld> {
        authority.inherit(&mut record);
        authority.check(&record)?;
        record.created_by = authority.caller().credential().copied();
        record.created_by_user = authority.caller().is_user();
        Ok(Self::new(record, secret))
    }

    /// Applies a change. On an error, the credential is unchanged.
    ///
    /// # Errors
    ///
    /// - [`RegistryError::NotHeld`] if the change gives access that the caller does not hold;
    /// - [`RegistryError::Conflict`] if the credential's present state does not allow the change.
    pub fn change(
        &mut self,
        authority: &Authority<'_>,
        change: &Change,
        now: Timestamp,
    ) -> Result<ChangeEffect, RegistryError> {
        if change.gives_access() {
            authority.check(&self.record)?;
        }
        if let Change::Scopes(scopes) = change {
            authority.check_scopes(scopes)?;
        }
        Ok(self.apply(change, now)?)
    }

    fn apply(&mut self, change: &Change, now: Timestamp) -> Result<ChangeEffect, Conflict> {
        let effect = match (change, self.record.status) {
            (Change::Suspend, Status::Suspended)
            | (Change::Activate, Status::Active)
            | (Change::Revoke { .. }, Status::Revoked) => return Ok(ChangeEffect::Unchanged),
            (Change::Revoke { reason }, _) => {
                let effect = self.invalidate_tokens(Status::Revoked)?;
                self.record.reason.clone_from(reason);
                effect
            }
            (Change::Delete, Status::Revoked) => ChangeEffect::Deleted,
            (Change::Delete, _) => return Err(Conflict::NotRevoked),
            (Change::Password(_), _) if self.record.kind != CredentialKind::User => {
                return Err(Conflict::NotAUser);
            }
            (_, Status::Revoked) => return Err(Conflict::Revoked),
            (Change::Suspend, _) => self.invalidate_tokens(Status::Suspended)?,
            (Change::Activate, _) => {
                self.record.status = Status::Active;
                ChangeEffect::Changed
            }
            (Change::Scopes(scopes), _) if self.record.scopes == *scopes => {
                return Ok(ChangeEffect::Unchanged);
            }
            (Change::Scopes(scopes), status) => self.change_scopes(scopes, status)?,
            (Change::Password(hash), status) => self.change_password(hash, status)?,
        };
        self.record.updated_at = now;
        Ok(effect)
    }

    /// Replaces a key's secret. On an error, the credential is unchanged.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NotHeld`] if the caller does not hold what the key holds, and [`RegistryError::Conflict`] of
    ///
    /// - [`Conflict::NotAKey`] if the credential is not an API key;
    /// - [`Conflict::Revoked`] if it is revoked;
    /// - [`Conflict::RotationUnderWay`] if two of its secrets are already valid;
    /// - [`Conflict::PepperMissing`] if the pepper of its present secret is not known;
    /// - [`Conflict::NoGraceForImported`] if it is imported, and the rotation has a grace period;
    /// - [`Conflict::NoMoreGenerations`] if its generation cannot be raised.
    pub fn rotate(
        &mut self,
        authority: &Authority<'_>,
        secret: &str,
        rotation: Rotation,
        peppers: &Peppers,
        now: Timestamp,
    ) -> Result<ChangeEffect, RegistryError> {
        authority.check(&self.record)?;
        let present = match &self.secret {
            StoredSecret::Key(present) => Ok(present),
            StoredSecret::ImportedKey(_) => Err(Conflict::NoGraceForImported),
            StoredSecret::Password(_) | StoredSecret::Signature => {
                return Err(Conflict::NotAKey.into());
            }
        };
        if self.record.status == Status::Revoked {
            return Err(Conflict::Revoked.into());
        }
        let id = self.record.id;
        let (digests, effect) = match rotation {
            Rotation::Grace(grace) if !grace.is_zero() => {
                let present = present?;
                if let Some(until) = present.grace_until().filter(|until| now < *until) {
                    return Err(Conflict::RotationUnderWay(until).into());
                }
                let next = peppers.rotate(present, &id, secret, now.plus(grace));
                (next.ok_or(Conflict::PepperMissing)?, ChangeEffect::Changed)
            }
            Rotation::Grace(_) => (peppers.digests(&id, secret), ChangeEffect::Changed),
            Rotation::Compromised | Rotation::CompromisedKeepingTokens => {
                let effect = self.invalidate_tokens(self.record.status)?;
                (peppers.digests(&id, secret), effect)
            }
        };
        self.record.grace_until = digests.grace_until();
        self.record.updated_at = now;
        self.secret = StoredSecret::Key(digests);
        Ok(effect)
    }

    /// Returns the credential for a directory.
    #[must_use]
    pub fn credential(&self, account_generation: u32) -> Credential {
        let record = &self.record;
        Credential {
            id: record.id,
            name: Some(record.name.as_str())
                .filter(|name| !name.is_empty())
                .map(Into::into),
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
            secret: self.secret.clone(),
        }
    }

    /// Sets the status and raises the generation. A managed token has no generation: it is checked
    /// against its record, and is valid again when it is activated.
    fn invalidate_tokens(&mut self, status: Status) -> Result<ChangeEffect, Conflict> {
        let effect = if self.record.kind == CredentialKind::Token {
            ChangeEffect::Changed
        } else {
            let next = self.record.generation.checked_add(1);
            self.record.generation = next.ok_or(Conflict::NoMoreGenerations)?;
            ChangeEffect::TokensInvalidated
        };
        self.record.status = status;
        Ok(effect)
    }

    fn change_scopes(&mut self, scopes: &Scopes, status: Status) -> Result<ChangeEffect, Conflict> {
        let effect = if scopes.contains(&self.record.scopes) {
            ChangeEffect::Changed
        } else {
            self.invalidate_tokens(status)?
        };
        self.record.scopes = scopes.clone();
        Ok(effect)
    }

    fn change_password(
        &mut self,
        hash: &PasswordHash,
        status: Status,
    ) -> Result<ChangeEffect, Conflict> {
        let effect = self.invalidate_tokens(status)?;
        self.secret = StoredSecret::Password(hash.expose().into());
        Ok(effect)
    }
}
