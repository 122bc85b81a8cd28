mod warnings;

use std::fmt;
use std::sync::Arc;

use http::HeaderName;

use crate::BoxFuture;
use crate::credentials::{Carrier, CookieName, Credentials, RequestHead};
use crate::mechanism::{CredentialSelector, Mechanism, Outcome};
use crate::principal::{Identity, Principal, PrincipalKind};
use crate::reason::Reason;
use crate::rejection::Challenge;
use crate::time::Timestamp;
use crate::token::{CachingVerifier, TokenRejection, TrustedIssuer, issued_at};
use warnings::Warnings;

/// Authenticates bearer tokens (RFC 6750) that are signed JWTs (RFC 7519), of one or several issuers.
///
/// Everything that can be known before the signature is checked before it: a token that is too long,
/// malformed, expired, of another issuer or for another audience costs no signature operation.
///
/// The signature of a token that is presented again is not verified again: what it proves is cached, see
/// [`cache_bytes`](Self::cache_bytes). Times, audience, revocation and the freshness of the directory are decided for every
/// request.
#[derive(Clone)]
pub struct Jwt {
    verifier: Arc<CachingVerifier>,
    carrier: Carrier,
    warnings: Arc<Warnings>,
}

impl Jwt {
    /// Accepts tokens of these issuers. Each token is verified with the keys and by the rules of its
    /// own issuer (`iss`) alone.
    ///
    /// Without issuers every token is rejected. If two issuers have the same URL, the first is used.
    #[must_use]
    pub fn new(issuers: impl IntoIterator<Item = TrustedIssuer>) -> Self {
        Self {
            verifier: Arc::new(CachingVerifier::new(issuers.into_iter().collect())),
            carrier: Carrier::BEARER,
            warnings: Arc::default(),
        }
    }

    /// Reads the tokens from a header of their own, whose whole value is the token, in place of `Authorization: Bearer`.
    /// Cloudflare Access writes them to `Cf-Access-Jwt-Assertion`.
    #[must_use]
    pub fn in_header(mut self, name: HeaderName) -> Self {
        self.carrier = Carrier::Header(name);
        self
    }

    /// Reads the tokens from the cookie of this name, in place of `Authorization: Bearer`. For both, add two mechanisms.
    ///
    /// The cookie counts only without an `Authorization` header and other credentials, and is removed before the inner service sees the request; all
    /// other cookies stay. A browser adds it whichever page causes the request. So a request whose method is not safe
    /// (RFC 9110 §9.2.1), or that opens a WebSocket, gets 403 unless `Sec-Fetch-Site` or `Origin` says that it comes from the
    /// origin of the request, or from one of the [`AllowedOrigins`](crate::credentials::AllowedOrigins). A token in a cookie
    /// never mints another.
    ///
    /// Responses to requests with cookies may be stored by shared caches (RFC 9111 §3.5 applies to `Authorization` only): the
    /// service sets `Cache-Control: private` or `no-store`.
    ///
    /// ```
    /// # use countersign::jose::{Algorithm, SigningKey};
    /// # use countersign::mint::{Issuer, Mint, MintRequest};
    /// # use countersign::random::SystemRandom;
    /// # use countersign::time::SystemClock;
    /// use countersign::auth::AuthLayer;
    /// use countersign::mechanism::Jwt;
    /// use http::{Request, Response, StatusCode};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio_test::block_on(async {
    /// # let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?;
    /// # let issuer = Issuer::builder("https://auth.example").signing_key(key).build()?;
    /// # let id = "01k0000000abcdefghjkmnpqrstvwxyz".parse()?;
    /// # let primary = countersign::PrimaryPrincipal::for_test(id, "calls:read".parse()?);
    /// # let mint = Mint::new(issuer.clone(), SystemClock, SystemRandom);
    /// # let token = mint.mint(&MintRequest::new(primary, Default::default()))?.token;
    /// // `token` was minted by `issuer`.
    /// let jwt = Jwt::new([issuer.trusted().build()?]);
    /// let layer = AuthLayer::builder()
    ///     .mechanism(jwt.clone())
    ///     .mechanism(jwt.in_cookie("__Host-token".parse()?))
    ///     .build()?;
    /// let service = layer.layer(service_fn(async |request: Request<()>| {
    ///     assert_eq!(request.headers()["cookie"], "theme=dark");
    ///     Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    /// }));
    /// let send = |method: &str, origin: &str| {
    ///     let request = Request::builder()
    ///         .method(method)
    ///         .header("host", "api.example")
    ///         .header("origin", origin)
    ///         .header("cookie", format!("theme=dark; __Host-token={}", token.expose()));
    ///     service.clone().oneshot(request.body(()).unwrap())
    /// };
    /// assert_eq!(send("POST", "https://api.example").await?.status(), StatusCode::OK);
    /// assert_eq!(send("POST", "https://other.example").await?.status(), StatusCode::FORBIDDEN);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn in_cookie(mut self, name: CookieName) -> Self {
        self.carrier = Carrier::Cookie(name);
        self
    }

    /// Sets how many bytes of memory the cache of verified tokens may occupy: 8 MiB by default. 0 turns it off.
    ///
    /// Clones of a `Jwt` share its cache, until their size is set. An entry occupies 1 KiB or more: the token, its claims, and
    /// their parsed form. What does not fit is not cached.
    ///
    /// - An entry says that a signature is valid, and nothing else. Expiry, `nbf`, `iat`, the audience, denials, generations,
    ///   records of managed tokens, and the freshness of the directory are decided at each request. A token is rejected as
    ///   soon as it would be rejected without the cache.
    /// - An entry is used only with the keys with which the token was verified. After a key is withdrawn or replaced, all
    ///   tokens of the issuer are verified again.
    /// - An entry is found by a hash with a random key, and is compared in full.
    /// - Only an accepted token is cached, when it is verified for the second time. Neither invalid tokens nor tokens that
    ///   are presented once displace others.
    ///
    /// ```
    /// # use countersign::PrimaryPrincipal;
    /// # use countersign::mint::{Mint, MintParameters, MintRequest};
    /// use countersign::Id;
    /// use countersign::directory::DenySet;
    /// use countersign::jose::{Algorithm, SigningKey};
    /// use countersign::mechanism::Jwt;
    /// use countersign::mint::Issuer;
    /// use countersign::random::SystemRandom;
    /// use countersign::rejection::Reason;
    /// use countersign::testing::signatures_verified;
    /// use countersign::time::{Clock, SystemClock};
    /// use std::sync::Arc;
    ///
    /// let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?;
    /// let issuer = Issuer::builder("https://auth.example").signing_key(key).build()?;
    /// let denied = Arc::new(DenySet::default());
    /// let jwt = Jwt::new([issuer.trusted().directory(denied.clone()).build()?]);
    /// let uncached = jwt.clone().cache_bytes(0);
    /// let subject = Id::from_bytes([1; 20]);
    /// # let principal = PrimaryPrincipal::for_test(subject, "calls:read".parse()?);
    /// # let request = MintRequest::new(principal, MintParameters::default());
    /// # let token = Mint::new(issuer, SystemClock, SystemRandom).mint(&request)?;
    /// # let (until, token) = (token.expires_at, token.token.expose().to_owned());
    ///
    /// let now = SystemClock.now();
    /// let before = signatures_verified();
    /// for _ in 0..100 {
    ///     assert!(jwt.introspect(&token, now).is_ok());
    /// }
    /// assert_eq!(signatures_verified() - before, 2);
    ///
    /// // The credential of the token is revoked.
    /// denied.deny_below(subject, 2, until);
    /// assert_eq!(jwt.introspect(&token, now).unwrap_err(), Reason::Superseded);
    /// assert_eq!(uncached.introspect(&token, now).unwrap_err(), Reason::Superseded);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.verifier = Arc::new(self.verifier.resized(bytes));
        self
    }

    /// Returns the issuers whose tokens are accepted.
    pub fn issuers(&self) -> impl Iterator<Item = &TrustedIssuer> {
        self.verifier.issuers().iter()
    }

    /// Returns whether the keys of every issuer are available and fresh, for a readiness probe that
    /// keeps a clone.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.issuers()
            .filter_map(|issuer| issuer.keys.source())
            .all(|keys| keys.is_ready())
    }

    /// Verifies a token that is a parameter of a request, not its credentials (RFC 7662). It is not known from which address
    /// the token is presented: a managed token that is accepted from some networks only is rejected.
    ///
    /// # Errors
    ///
    /// The reason why the token would be rejected.
    pub fn introspect(&self, token: &str, now: Timestamp) -> Result<Principal, Reason> {
        let identity = self.verifier.verify(token.as_bytes(), None, now);
        let identity = identity.map_err(Reason::from)?;
        Ok(Principal::unattached(
            identity,
            Carrier::BEARER,
            PrincipalKind::Derived,
        ))
    }

    /// Verifies a token that is to be revoked (RFC 7009), as at the time at which it was issued (`iat`). While the clock is
    /// wrong, a token may seem to be expired or not yet valid: it can be revoked then, too, because it would be accepted
    /// once the clock is right.
    ///
    /// # Errors
    ///
    /// The reason why the token was never accepted, or is rejected whatever the time.
    pub fn introspect_for_revocation(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Principal, Reason> {
        self.introspect(token, issued_at(token.as_bytes()).unwrap_or(now))
    }

    fn verify(
        &self,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<Identity, TokenRejection> {
        let (token, from) = (credentials.expose(), credentials.from());
        self.verifier.verify(token, from, now)
    }

    /// Converts the result of a verification, and warns if it shows that the configuration looks wrong.
    fn outcome(
        &self,
        result: Result<Identity, TokenRejection>,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Outcome {
        match result {
            Ok(identity) => {
                self.warnings.accept(now);
                Outcome::Accepted(identity)
            }
            Err(TokenRejection {
                reason,
                explanation: Some(explanation),
                ..
            }) => {
                match reason {
                    Reason::TokenExpired => {
                        let token = credentials.expose();
                        self.warnings.expired(token, &explanation, now);
                    }
                    _ => self.warnings.warn(reason, &explanation, now),
                }
                Outcome::RejectedWith(reason, explanation)
            }
            Err(rejection) => Outcome::from(Err(rejection.reason)),
        }
    }
}

impl Mechanism for Jwt {
    fn selectors(&self) -> Vec<CredentialSelector> {
        vec![CredentialSelector::tokens(self.carrier.clone())]
    }

    fn challenge(&self) -> Challenge {
        match self.carrier {
            Carrier::Header(_) => Challenge::named("Token"),
            Carrier::Cookie(_) => Challenge::named("Cookie"),
            _ => Challenge::BEARER,
        }
    }

    fn try_authenticate(
        &self,
        credentials: &Credentials,
        _: &RequestHead<'_>,
        now: Timestamp,
    ) -> Option<Outcome> {
        match self.verify(credentials, now) {
            Err(rejection) if rejection.key_fetch.is_some() => None,
            result => Some(self.outcome(result, credentials, now)),
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
            let mut now = now;
            let mut result = self.verify(&credentials, now);
            if let Err(TokenRejection {
                key_fetch: Some(fetch),
                ..
            }) = result
            {
                now = now.plus(fetch.await);
                result = self.verify(&credentials, now);
            }
            self.outcome(result, &credentials, now)
        })
    }

    fn revalidate(&self, principal: &Principal, now: Timestamp) -> Result<(), Reason> {
        self.verifier.revalidate(principal, now)
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("verifier", &self.verifier)
            .finish()
    }
}
