use std::fmt;
use std::sync::Arc;

use crate::BoxFuture;
use crate::credentials::{Carrier, Credentials, RequestHead};
use crate::mechanism::{CredentialSelector, Mechanism, Outcome};
use crate::principal::{Principal, PrincipalKind};
use crate::reason::Reason;
use crate::rejection::Challenge;
use crate::time::Timestamp;
use crate::token::{TokenRejection, TrustedIssuer, revalidate, verify};

/// Authenticates bearer tokens (RFC 6750) that are signed JWTs (RFC 7519), of one or several issuers.
///
/// Everything that can be known before the signature is checked before it: a token that is too long,
/// malformed, expired, of another issuer or for another audience costs no signature operation.
#[derive(Clone)]
pub struct Jwt {
    issuers: Arc<[TrustedIssuer]>,
}

impl Jwt {
    /// Accepts tokens of these issuers. Each token is verified with the keys and by the rules of its
    /// own issuer (`iss`) alone.
    ///
    /// Without issuers every token is rejected. If two issuers have the same URL, the first is used.
    #[must_use]
    pub fn new(issuers: impl IntoIterator<Item = TrustedIssuer>) -> Self {
        Self {
            issuers: issuers.into_iter().collect(),
        }
    }

    /// Returns the issuers whose tokens are accepted.
    pub fn issuers(&self) -> impl Iterator<Item = &TrustedIssuer> {
        self.issuers.iter()
    }

    /// Returns whether the keys of every issuer are available and fresh, for a readiness probe that
    /// keeps a clone.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.issuers()
            .filter_map(|issuer| issuer.keys.source())
            .all(|keys| keys.is_ready())
    }

    /// Verifies a token that is a parameter of a request, not its credentials (RFC 7662).
    ///
    /// # Errors
    ///
    /// The reason why the token would be rejected.
    pub fn introspect(&self, token: &str, now: Timestamp) -> Result<Principal, Reason> {
        let identity = verify(token.as_bytes(), &self.issuers, now).map_err(Reason::from)?;
        Ok(Principal::unattached(
            identity,
            Carrier::BEARER,
            PrincipalKind::Derived,
        ))
    }
}

impl Mechanism for Jwt {
    fn selectors(&self) -> Vec<CredentialSelector> {
        vec![CredentialSelector::tokens(Carrier::BEARER)]
    }

    fn challenge(&self) -> Challenge {
        Challenge::BEARER
    }

    fn try_authenticate(
        &self,
        credentials: &Credentials,
        _: &RequestHead<'_>,
        now: Timestamp,
    ) -> Option<Outcome> {
        match verify(credentials.expose(), &self.issuers, now) {
            Err(rejection) if rejection.key_fetch.is_some() => None,
            result => Some(result.map_err(Reason::from).into()),
        }
    }

    /// Waits for the fetch that may bring the token's key, and verifies the token with the keys that
    /// are there then.
    fn authenticate(
        self: Arc<Self>,
        credentials: Credentials,
        _: &RequestHead<'_>,
        now: Timestamp,
    ) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            let mut result = verify(credentials.expose(), &self.issuers, now);
            if let Err(TokenRejection {
                key_fetch: Some(fetch),
                ..
            }) = result
            {
                let now = now.plus(fetch.await);
                result = verify(credentials.expose(), &self.issuers, now);
            }
            result.map_err(Reason::from).into()
        })
    }

    fn revalidate(&self, principal: &Principal, now: Timestamp) -> Result<(), Reason> {
        revalidate(principal, &self.issuers, now)
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("issuers", &self.issuers)
            .finish()
    }
}
