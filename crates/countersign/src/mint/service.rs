use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Serialize;
use tower_service::Service;

use super::issuer::Inner;
use super::{
    AccessToken, IssuanceSettings, Issuer, IssuerError, MintError, MintParameters, MintRequest,
};
use crate::directory::SESSION_GENERATION;
use crate::id::Id;
use crate::jose::SigningKey;
use crate::principal::PrimaryPrincipal;
use crate::random::Random;
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::time::{Clock, Timestamp};

/// Mints access tokens for primary principals. Nothing is written anywhere: a token is its own record.
///
/// It is a `Service<MintRequest, Response = AccessToken>`, always ready.
#[derive(Clone)]
pub struct Mint {
    issuer: Issuer,
    terms: IssuanceSettings,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// The claims in the order in which they are written (RFC 9068 §2.2, and ours).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    client_id: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: Id,
    scope: &'a str,
    account: &'a Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a Id>,
    cgn: u32,
    agn: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sgn: Option<u32>,
}

impl Mint {
    /// A mint for one issuer.
    #[must_use]
    pub fn new(issuer: Issuer, clock: impl Clock, random: impl Random) -> Self {
        Self {
            terms: issuer.terms().clone(),
            issuer,
            clock: Arc::new(clock),
            random: Arc::new(random),
        }
    }

    /// The same mint on narrower terms, for one of several endpoints.
    ///
    /// # Errors
    ///
    /// [`IssuerError::Lifetime`] when they make no sense, or exceed what the issuer's verifiers accept;
    /// [`IssuerError::Catalogue`] when they allow a scope that the issuer's do not.
    pub fn with_terms(mut self, terms: IssuanceSettings) -> Result<Self, IssuerError> {
        terms.check()?;
        let issuers = self.issuer.terms();
        if terms.max_lifetime > issuers.max_lifetime {
            return Err(IssuerError::Lifetime);
        }
        let wider = terms.catalogue.is_empty() || !issuers.catalogue.contains(&terms.catalogue);
        if !issuers.catalogue.is_empty() && wider {
            return Err(IssuerError::Catalogue);
        }
        self.terms = terms;
        Ok(self)
    }

    /// Whom it mints for.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// On which terms.
    #[must_use]
    pub fn terms(&self) -> &IssuanceSettings {
        &self.terms
    }

    /// The clock that it mints by.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Where its ids come from.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// Mints a token.
    ///
    /// # Errors
    ///
    /// [`MintError`] when more is asked for than the credential or the issuer gives: nothing is dropped
    /// silently.
    pub fn mint(&self, request: &MintRequest) -> Result<AccessToken, MintError> {
        self.mint_at(request, self.clock.now(), None)
    }

    /// Mints at this moment, for a session if there is one.
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
        // In the order in which every wire judges: lifetime, then scope.
        let iat = now.unix_seconds();
        let exp = self.terms.expiry(principal, parameters, now)?;
        let scopes = self.terms.scopes(principal, parameters)?;
        let aud = issuer.audience(parameters)?;
        let id = Id::new(now, account, &*self.random).map_err(|_| MintError::Failed)?;

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
            cgn: principal.generation(),
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
}

impl Mint {
    pub(super) fn new_id(&self, now: Timestamp, account: &Id) -> Result<Id, MintError> {
        Id::new(now, account, &*self.random).map_err(|_| MintError::Failed)
    }

    pub(super) fn signing_key(&self, now: Timestamp) -> Result<SigningKey, MintError> {
        self.issuer.0.keys.signing_at(now).ok_or(MintError::NoKey)
    }

    /// Whom a token for this request is for.
    pub(super) fn audience(&self, request: &MintRequest) -> Result<&str, MintError> {
        self.issuer.0.audience(&request.parameters)
    }

    /// What a token for this request may do.
    pub(super) fn scopes(&self, request: &MintRequest) -> Result<Scopes, MintError> {
        self.terms.scopes(&request.principal, &request.parameters)
    }
}

/// `header`, which ends in a dot, and claims, signed.
pub(super) fn sign(
    key: &SigningKey,
    header: &str,
    claims: &impl Serialize,
) -> Result<Secret, MintError> {
    let payload = serde_json::to_vec(claims).map_err(|_| MintError::Failed)?;
    let mut token = String::with_capacity(header.len() + payload.len() * 2);
    token.push_str(header);
    crate::jose::encode_into(&payload, &mut token);
    let mut signature = String::new();
    key.sign(token.as_bytes(), &mut signature)
        .map_err(|_| MintError::Failed)?;
    token.push('.');
    token.push_str(&signature);
    Ok(Secret::from(token))
}

impl IssuanceSettings {
    fn expiry(
        &self,
        principal: &PrimaryPrincipal,
        parameters: &MintParameters,
        now: Timestamp,
    ) -> Result<i64, MintError> {
        let lifetime = parameters.lifetime.unwrap_or(self.lifetime);
        if lifetime.as_secs() == 0 || lifetime > self.max_lifetime {
            return Err(MintError::Lifetime);
        }
        let seconds = i64::try_from(lifetime.as_secs()).map_err(|_| MintError::Lifetime)?;
        let iat = now.unix_seconds();
        let wanted = iat.saturating_add(seconds);
        let exp = match principal.expires_at() {
            Some(end) => wanted.min(end.unix_seconds()),
            None => wanted,
        };
        if exp <= iat {
            return Err(MintError::Expired);
        }
        Ok(exp)
    }

    fn scopes(
        &self,
        principal: &PrimaryPrincipal,
        parameters: &MintParameters,
    ) -> Result<Scopes, MintError> {
        let held = principal.scopes();
        // Who asks for none asks for all that it holds (RFC 6749 §3.3).
        let asked = parameters.scopes.as_ref().unwrap_or(held);
        let in_catalogue = self.catalogue.is_empty() || self.catalogue.contains(asked);
        if held.contains(asked) && in_catalogue {
            return Ok(asked.clone());
        }
        Err(MintError::Scope(asked.filtered(|scope| {
            let in_catalogue = self.catalogue.is_empty() || self.catalogue.grants_text(scope);
            !(held.grants_text(scope) && in_catalogue)
        })))
    }
}

impl Inner {
    fn audience(&self, parameters: &MintParameters) -> Result<&str, MintError> {
        let mut audiences = self.audiences.iter().map(|audience| &**audience);
        match &parameters.resource {
            Some(resource) => audiences.find(|known| known == resource),
            None => audiences.next(),
        }
        .ok_or(MintError::Audience)
    }
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
