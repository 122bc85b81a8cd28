use std::fmt;
use std::sync::Arc;

#[cfg(feature = "remote")]
use tokio::time::Instant;

#[cfg(feature = "remote")]
use crate::BoxFuture;
use crate::credentials::{Carrier, Credentials};
#[cfg(feature = "remote")]
use crate::mechanism::Verdict;
use crate::mechanism::{Claim, Judged, Mechanism};
use crate::principal::{Principal, Proof};
use crate::rejection::{Challenge, Reason};
#[cfg(feature = "remote")]
use crate::remote::{RemoteIssuer, RemoteKeys};
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

#[cfg(feature = "remote")]
impl Jwt {
    /// Takes tokens of the issuer at `url`, whose keys are fetched from it. See [`remote`](crate::remote).
    pub fn issuer(url: impl Into<Arc<str>>) -> RemoteIssuer {
        RemoteIssuer::new(url.into())
    }

    /// The issuers whose tokens it takes.
    pub fn issuers(&self) -> impl Iterator<Item = &TrustedIssuer> {
        self.issuers.iter()
    }

    /// Whether the keys of every issuer are there and not too old: for a readiness probe, which keeps a clone.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.issuers()
            .filter_map(TrustedIssuer::remote_keys)
            .all(RemoteKeys::is_ready)
    }
}

impl Jwt {
    /// Judges a token that was not presented to get in, but to be looked at (RFC 7662).
    ///
    /// # Errors
    ///
    /// Why it would be refused.
    pub fn introspect(&self, token: &str, now: Timestamp) -> Result<Principal, Reason> {
        let identity = verify(token.as_bytes(), &self.issuers, now).map_err(NotAccepted::reason)?;
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
        match verify(credentials.expose(), &self.issuers, now) {
            #[cfg(feature = "remote")]
            Err(NotAccepted::Awaits(_)) => Judged::Later,
            judged => Judged::Now(judged.map_err(NotAccepted::reason).into()),
        }
    }

    /// Waits for the fetch that may bring the token's key, and judges by what is there then.
    #[cfg(feature = "remote")]
    fn verify(
        self: Arc<Self>,
        credentials: Credentials,
        now: Timestamp,
    ) -> BoxFuture<'static, Verdict> {
        Box::pin(async move {
            let begun = Instant::now();
            let mut judged = verify(credentials.expose(), &self.issuers, now);
            if let Err(NotAccepted::Awaits(flight)) = judged {
                flight.landed().await;
                let now = now.plus(begun.elapsed());
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
