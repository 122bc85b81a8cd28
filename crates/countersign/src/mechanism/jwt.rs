use std::fmt;
use std::sync::Arc;

use crate::BoxFuture;
use crate::credentials::{Carrier, Credentials};
use crate::mechanism::{CredentialSelector, Judged, Mechanism, Outcome};
use crate::principal::{Principal, PrincipalKind};
use crate::reason::Reason;
use crate::rejection::Challenge;
use crate::time::Timestamp;
use crate::token::{NotAccepted, TrustedIssuer, verify};

/// Judges bearer tokens (RFC 6750) that are signed JWTs (RFC 7519), of one or several issuers.
///
/// Everything that can be known before the signature is checked before it: a token that is too long,
/// malformed, expired, of another issuer or for another audience costs no signature operation.
#[derive(Clone)]
pub struct Jwt {
    issuers: Arc<[TrustedIssuer]>,
}

impl Jwt {
    /// Takes tokens of these issuers. Each token is judged with the keys and by the rules of its own
    /// issuer (`iss`) alone.
    ///
    /// With none, every token is refused; with two of one URL, the first counts.
    #[must_use]
    pub fn new(issuers: impl IntoIterator<Item = TrustedIssuer>) -> Self {
        Self {
            issuers: issuers.into_iter().collect(),
        }
    }
}

impl Jwt {
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

    /// Judges a token that was not presented to get in, but to be looked at (RFC 7662).
    ///
    /// # Errors
    ///
    /// Why it would be refused.
    pub fn introspect(&self, token: &str, now: Timestamp) -> Result<Principal, Reason> {
        let identity = verify(token.as_bytes(), &self.issuers, now).map_err(NotAccepted::reason)?;
        Ok(Principal::new(
            identity,
            PrincipalKind::Derived,
            Arc::default(),
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

    fn try_verify(&self, credentials: &Credentials, now: Timestamp) -> Judged {
        match verify(credentials.expose(), &self.issuers, now) {
            Err(NotAccepted::Awaits(_)) => Judged::Later,
            judged => Judged::Now(judged.map_err(NotAccepted::reason).into()),
        }
    }

    /// Waits for the fetch that may bring the token's key, and judges by what is there then.
    fn verify(
        self: Arc<Self>,
        credentials: Credentials,
        now: Timestamp,
    ) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            let mut judged = verify(credentials.expose(), &self.issuers, now);
            if let Err(NotAccepted::Awaits(fetch)) = judged {
                let now = now.plus(fetch.ended.await);
                judged = verify(credentials.expose(), &self.issuers, now);
            }
            judged.map_err(NotAccepted::reason).into()
        })
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("issuers", &self.issuers)
            .finish()
    }
}
