use std::fmt;
use std::sync::Arc;

use crate::credentials::{Carrier, Credentials};
use crate::mechanism::{Claim, Judged, Mechanism};
use crate::principal::{Principal, Proof};
use crate::rejection::{Challenge, Reason};
use crate::time::Timestamp;
use crate::token::{TrustedIssuer, verify};

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
    /// Judges a token that was not presented to get in, but to be looked at (RFC 7662).
    ///
    /// # Errors
    ///
    /// Why it would be refused.
    pub fn introspect(&self, token: &str, now: Timestamp) -> Result<Principal, Reason> {
        let identity = verify(token.as_bytes(), &self.issuers, now)?;
        Ok(Principal::new(identity, Proof::Derived, Arc::default()))
    }
}

impl Mechanism for Jwt {
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::tokens(Carrier::BEARER)]
    }

    fn challenge(&self) -> Challenge {
        Challenge::BEARER
    }

    fn try_verify(&self, credentials: &Credentials, now: Timestamp) -> Judged {
        Judged::Now(verify(credentials.expose(), &self.issuers, now).into())
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("issuers", &self.issuers)
            .finish()
    }
}
