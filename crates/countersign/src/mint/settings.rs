use std::time::Duration;

use super::{IssuerError, MintError, MintParameters};
use crate::principal::Principal;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// The lifetimes of tokens, and the scopes that they may have.
///
/// By default, tokens live for at most an hour, and may have any scope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuanceSettings {
    /// The lifetime of a token for which none is requested, at least a second.
    pub lifetime: Duration,
    /// The longest lifetime that can be requested.
    pub max_lifetime: Duration,
    /// The scopes that tokens may have; empty: any.
    pub catalogue: Scopes,
}

impl Default for IssuanceSettings {
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self::new(hour, hour)
    }
}

impl IssuanceSettings {
    /// Creates settings with a default and a longest lifetime, and any scope.
    #[must_use]
    pub fn new(lifetime: Duration, max_lifetime: Duration) -> Self {
        Self {
            lifetime,
            max_lifetime,
            catalogue: Scopes::none(),
        }
    }

    /// Sets the scopes that tokens may have; empty: any.
    #[must_use]
    pub fn catalogue(mut self, scopes: Scopes) -> Self {
        self.catalogue = scopes;
        self
    }

    /// Checks one requested scope: it must be contained in the scopes of the credential, and in the
    /// catalogue if there is one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use countersign::mint::{IssuanceSettings, ScopeError};
    ///
    /// let settings = IssuanceSettings::default().catalogue("calls:*".parse()?);
    /// let held = "calls:read wallet:*".parse()?;
    /// assert_eq!(settings.check_scope(&held, "calls:read"), Ok(()));
    /// assert_eq!(settings.check_scope(&held, "calls:write"), Err(ScopeError::NotHeld));
    /// assert_eq!(settings.check_scope(&held, "wallet:pay"), Err(ScopeError::NotInCatalogue));
    /// # Ok::<(), countersign::scope::InvalidScope>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`ScopeError::NotHeld`] if the credential does not have the scope;
    /// - [`ScopeError::NotInCatalogue`] if the issuer does not issue it.
    pub fn check_scope(&self, held: &Scopes, scope: &str) -> Result<(), ScopeError> {
        if !held.grants_text(scope) {
            Err(ScopeError::NotHeld)
        } else if !self.catalogue.is_empty() && !self.catalogue.grants_text(scope) {
            Err(ScopeError::NotInCatalogue)
        } else {
            Ok(())
        }
    }

    pub(super) fn check(&self) -> Result<(), IssuerError> {
        if self.lifetime < Duration::from_secs(1) || self.lifetime > self.max_lifetime {
            return Err(IssuerError::Lifetime);
        }
        Ok(())
    }

    /// Checks that these settings, of one endpoint, do not exceed those of the issuer.
    pub(super) fn check_within(&self, issuer: &Self) -> Result<(), IssuerError> {
        self.check()?;
        if self.max_lifetime > issuer.max_lifetime {
            return Err(IssuerError::Lifetime);
        }
        let wider = self.catalogue.is_empty() || !issuer.catalogue.contains(&self.catalogue);
        if !issuer.catalogue.is_empty() && wider {
            return Err(IssuerError::Catalogue);
        }
        Ok(())
    }

    /// Returns the expiry of a token in seconds since the Unix epoch, at most the principal's own.
    pub(super) fn expiry(
        &self,
        principal: &Principal,
        parameters: &MintParameters,
        now: Timestamp,
    ) -> Result<i64, MintError> {
        let lifetime = parameters.lifetime.unwrap_or(self.lifetime);
        if lifetime.as_secs() == 0 || lifetime > self.max_lifetime {
            return Err(MintError::Lifetime);
        }
        let seconds = i64::try_from(lifetime.as_secs()).map_err(|_| MintError::Lifetime)?;
        let issued_at = now.unix_seconds();
        let requested = issued_at.saturating_add(seconds);
        let end = principal.expires_at().map(Timestamp::unix_seconds);
        let expiry = end.map_or(requested, |end| requested.min(end));
        if expiry <= issued_at {
            return Err(MintError::Expired);
        }
        Ok(expiry)
    }

    /// Returns the scopes of a token: those requested, or all of the principal's (RFC 6749 §3.3).
    pub(super) fn scopes(
        &self,
        principal: &Principal,
        parameters: &MintParameters,
    ) -> Result<Scopes, MintError> {
        let held = principal.scopes();
        // A credential holds its own scopes: without the comparison of each with each, many scopes cost as much as few.
        if parameters.scopes.is_none() && self.catalogue.is_empty() {
            return Ok(held.clone());
        }
        let requested = parameters.scopes.as_ref().unwrap_or(held);
        let rejected = |scope: &str| self.check_scope(held, scope).is_err();
        if requested.iter().any(rejected) {
            return Err(MintError::Scope(requested.filtered(rejected)));
        }
        Ok(requested.clone())
    }
}

/// The reason why a requested scope is not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// The credential does not have the scope.
    #[error("the credential does not have the scope")]
    NotHeld,
    /// The scope is not in the issuer's catalogue.
    #[error("the scope is not in the issuer's catalogue")]
    NotInCatalogue,
}
