use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use super::claims::Claims;
use super::{AccessToken, IssuanceSettings, Issuer, IssuerError, MintError, MintRequest};
use crate::directory::SESSION_GENERATION;
use crate::id::Id;
use crate::jose::{SigningKey, encode_into, encoded_len};
use crate::random::{BatchedRandom, Random};
use crate::secret::Secret;
use crate::time::{Clock, Timestamp};

/// Mints access tokens for primary principals. Minting writes no record.
///
/// A mint is a `Service<MintRequest, Response = AccessToken>` that is always ready.
#[derive(Clone)]
pub struct Mint {
    issuer: Issuer,
    settings: IssuanceSettings,
    clock: Arc<dyn Clock>,
    random: Arc<BatchedRandom>,
}

impl Mint {
    /// Creates a mint for an issuer, with the issuer's settings.
    #[must_use]
    pub fn new(issuer: Issuer, clock: impl Clock, random: impl Random) -> Self {
        Self {
            settings: issuer.settings().clone(),
            issuer,
            clock: Arc::new(clock),
            random: Arc::new(BatchedRandom::new(random)),
        }
    }

    /// Replaces the settings by narrower ones, for one of several endpoints.
    ///
    /// # Errors
    ///
    /// - [`IssuerError::Lifetime`] if the default lifetime is under a second or over the longest one, or
    ///   the longest one is over the issuer's;
    /// - [`IssuerError::Catalogue`] if the catalogue has scopes that are not in the issuer's.
    pub fn with_settings(mut self, settings: IssuanceSettings) -> Result<Self, IssuerError> {
        settings.check_within(self.issuer.settings())?;
        self.settings = settings;
        Ok(self)
    }

    /// Returns the issuer of the tokens.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Returns the settings of the tokens.
    #[must_use]
    pub fn settings(&self) -> &IssuanceSettings {
        &self.settings
    }

    /// Returns the clock that the mint reads.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Returns the source of random ids.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        self.random.source()
    }

    /// Mints a token.
    ///
    /// # Errors
    ///
    /// - [`MintError::Lifetime`], [`MintError::Scope`] or [`MintError::Audience`] if more is requested than
    ///   the credential or the issuer allows: no part of the request is dropped silently;
    /// - [`MintError::Principal`] if the principal has no account;
    /// - [`MintError::Expired`] if the credential expires within a second;
    /// - [`MintError::NoKey`] if none of the issuer's keys signs yet;
    /// - [`MintError::Failed`] if signing failed or no random bytes are available.
    pub fn mint(&self, request: &MintRequest) -> Result<AccessToken, MintError> {
        self.mint_at(request, self.clock.now(), None)
    }

    /// Mints a token at `now`, for a session if there is one.
    pub(super) fn mint_at(
        &self,
        request: &MintRequest,
        now: Timestamp,
        session: Option<&Id>,
    ) -> Result<AccessToken, MintError> {
        let MintRequest {
            principal,
            parameters,
        } = request;
        let issuer = &*self.issuer.0;
        let account = principal.account().ok_or(MintError::Principal)?;
        // Every wire reports a wrong lifetime before a wrong scope.
        let iat = now.unix_seconds();
        let exp = self.settings.expiry(principal, parameters, now)?;
        let scopes = self.settings.scopes(principal, parameters)?;
        let aud = issuer.audience(parameters)?;
        let id = self.new_id(now, account)?;

        let claims = Claims {
            iss: &issuer.url,
            sub: principal.subject(),
            client_id: principal.subject(),
            aud,
            iat,
            exp,
            jti: id,
            scope: scopes.as_str(),
            account,
            environment: principal.environment(),
            cgn: Some(principal.generation()),
            agn: principal.account_generation(),
            sid: session,
            sgn: session.map(|_| SESSION_GENERATION),
        };
        let key = self.signing_key(now)?;
        Ok(AccessToken {
            token: sign(&key, key.access_token_header(), &claims)?,
            id,
            expires_at: Timestamp::from_unix_seconds(exp),
            expires_in: u64::try_from(exp.saturating_sub(iat)).unwrap_or(0),
            scopes,
        })
    }

    pub(super) fn new_id(&self, now: Timestamp, account: &Id) -> Result<Id, MintError> {
        Id::new(now, account, &*self.random).map_err(|_| MintError::Failed)
    }

    pub(super) fn signing_key(&self, now: Timestamp) -> Result<SigningKey, MintError> {
        self.issuer.0.keys.signing_at(now).ok_or(MintError::NoKey)
    }
}

/// Returns a signed token of `header`, which ends in a dot, and claims.
pub(super) fn sign(
    key: &SigningKey,
    header: &str,
    claims: &Claims<'_>,
) -> Result<Secret, MintError> {
    let payload = claims.to_json();
    // Sufficient capacity: reallocation would leave copies of the token in memory.
    let length = header.len() + encoded_len(payload.len()) + key.signature_len();
    let mut token = String::with_capacity(length);
    token.push_str(header);
    encode_into(payload.as_bytes(), &mut token);
    key.sign(&mut token).map_err(|_| MintError::Failed)?;
    Ok(Secret::from(token))
}

impl Service<MintRequest> for Mint {
    type Response = AccessToken;
    type Error = MintError;
    type Future = Ready<Result<AccessToken, MintError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), MintError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: MintRequest) -> Self::Future {
        ready(self.mint(&request))
    }
}

impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mint")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}
