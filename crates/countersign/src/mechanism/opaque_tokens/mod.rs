mod answers;
mod budget;
mod response;

use std::convert::Infallible;
use std::fmt;
use std::num::NonZeroU32;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::answers::{Answer, Answers, Digest};
use crate::BoxFuture;
use crate::credentials::{Carrier, ClientAddress, Credentials, RequestHead};
use crate::limit::RateLimit;
use crate::mechanism::failures::Client;
use crate::mechanism::shared_checks::SharedChecks;
use crate::mechanism::{CredentialSelector, FailureLimit, Mechanism, Outcome};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::rejection::Challenge;
use crate::time::Timestamp;
use crate::token::{TrustedIssuer, revalidate};

pub(crate) use self::budget::CallBudget;

/// What failures are counted for, in place of an id.
const OPAQUE: &str = "opaque";

/// Authenticates bearer tokens (RFC 6750) that are opaque: the issuer is asked what a token is (RFC 7662). It needs the
/// feature `introspection`.
///
/// A token is accepted if the issuer answers `"active":true` (exactly), and the answer has the `iss`, an `aud`, an `exp` and a
/// `sub` that a signed token of this issuer would need. The options for claims are those of
/// [`TrustedIssuerBuilder`](crate::token::TrustedIssuerBuilder). An answer with `cnf` is rejected, since the binding is not
/// checked, and so is a refresh token. The principal is never primary.
///
/// # Which tokens are introspected
///
/// A token of three parts, as signed tokens have, is never introspected, well-formed or not: [`Jwt`](super::Jwt), which can be
/// added beside this mechanism, authenticates it. Neither is an API key that another mechanism selects by its prefix, nor a
/// token that is longer than permitted or has characters that RFC 6750 §2.1 forbids. Opaque tokens do not name their issuer,
/// so there can be one such mechanism only.
///
/// # How often the issuer is asked
///
/// Equal tokens at the same time cost one call. An answer is cached for a minute, and not beyond `exp`: for so long a revoked
/// token may be accepted. Rejected tokens are remembered for ten seconds in a cache of their own, so that garbage removes no
/// accepted token. Both caches are bounded: 10,000 rejected tokens, and about 64 MiB of accepted ones.
///
/// At most 50 calls are made in a second, of which one IPv4 address or IPv6 /48 gets half. Without a
/// [`ClientAddress`](crate::credentials::ClientAddress), clients are not told apart. With a
/// [`failure_limit`](Self::failure_limit), an address whose tokens were rejected too often is asked to wait (429).
///
/// The response is 503, not 401, if the issuer cannot be asked: it does not answer in time (5 s), it redirects, its status is
/// not 200, its answer is malformed, or the budget is spent.
///
/// ```
/// # #[cfg(all(feature = "http-client", feature = "testing"))]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio_test::block_on(async {
/// use countersign::auth::AuthLayer;
/// use countersign::mechanism::OpaqueTokens;
/// use countersign::testing::TestOpaqueIssuer;
/// use countersign::time::SystemClock;
/// use http::{Request, Response, StatusCode};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// let issuer = TestOpaqueIssuer::start(SystemClock)?;
/// let tokens = OpaqueTokens::issuer(issuer.url())
///     .introspection_url(issuer.introspection_url())
///     .client_secret(TestOpaqueIssuer::CLIENT_ID, &TestOpaqueIssuer::client_secret())
///     .audience(TestOpaqueIssuer::AUDIENCE)
///     .build()?;
/// let layer = AuthLayer::builder().mechanism(tokens).build()?;
/// let service = layer.layer(service_fn(async |_: Request<()>| {
///     Ok::<_, std::convert::Infallible>(Response::new(String::new()))
/// }));
/// let send = |token: &str| {
///     let request = Request::get("/").header("authorization", format!("Bearer {token}"));
///     service.clone().oneshot(request.body(()).unwrap())
/// };
/// let token = issuer.issue()?;
/// assert_eq!(send(&token).await?.status(), StatusCode::OK);
/// assert_eq!(send("garbage").await?.status(), StatusCode::UNAUTHORIZED);
/// assert_eq!(issuer.introspections(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })
/// # }
/// # #[cfg(not(all(feature = "http-client", feature = "testing")))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct OpaqueTokens {
    issuer: TrustedIssuer,
    server: Arc<dyn IntrospectionServer>,
    budget: CallBudget,
    answers: Arc<Answers>,
    calls: Arc<SharedChecks<Digest, Answer>>,
    failures: Option<FailureLimit>,
    /// One warning a minute for each reason.
    warnings: RateLimit<&'static str>,
}

/// Answers what a token is. [`remote`](crate::remote) implements it over HTTP.
pub(crate) trait IntrospectionServer: fmt::Debug + Send + Sync + 'static {
    /// Asks about a token. Returns the body of the response, or `None` if there is none.
    fn introspect<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Option<Vec<u8>>>;
}

impl OpaqueTokens {
    /// Creates a mechanism that caches answers for at most `lifetime`.
    pub(crate) fn new(
        issuer: TrustedIssuer,
        server: impl IntrospectionServer,
        budget: CallBudget,
        lifetime: Duration,
    ) -> Self {
        Self {
            issuer,
            server: Arc::new(server),
            budget,
            answers: Arc::new(Answers::new(lifetime)),
            calls: Arc::default(),
            failures: None,
            warnings: RateLimit::new(NonZeroU32::MIN, Duration::from_secs(60)),
        }
    }

    /// Counts tokens that the issuer was asked about and that were rejected as failures of `limit`. Tokens in the cache are
    /// still accepted when the limit is reached. Tokens expire, so leave room for clients that notice it by a 401.
    #[must_use]
    pub fn failure_limit(mut self, limit: FailureLimit) -> Self {
        self.failures = Some(limit);
        self
    }

    /// Returns the token, if it has the form of one (RFC 6750 §2.1).
    fn token<'c>(&self, credentials: &'c Credentials) -> Result<&'c str, Reason> {
        let token = credentials.expose();
        if token.len() > self.issuer.max_token_len() {
            return Err(Reason::TokenTooLong);
        }
        let may_be_in_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
        let token = Some(token).filter(|token| token.iter().all(may_be_in_token));
        let token = token.and_then(|token| std::str::from_utf8(token).ok());
        token.ok_or(Reason::TokenMalformed)
    }

    /// Asks the issuer about a token, unless it was asked meanwhile.
    async fn ask(
        &self,
        token: &str,
        digest: Digest,
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Answer {
        if let Some(answer) = self.answers.get(&digest, now) {
            return answer;
        }
        if !self.budget.take(from, now) {
            return Answer::Unavailable(Reason::IntrospectionBusy);
        }
        let begun = Instant::now();
        let answer = match self.server.introspect(token).await {
            Some(response) => response::read(response, &self.issuer, now.plus(begun.elapsed())),
            None => Answer::Unavailable(Reason::IntrospectionFailed),
        };
        self.answers.insert(digest, &answer, now);
        if let Answer::Rejected(reason, explanation) = &answer {
            if let Some(limit) = &self.failures {
                limit.count(&Client { from, id: OPAQUE }, Err(*reason), now);
            }
            // A token that has just expired is no sign of a wrong configuration.
            if let Some(explanation) = explanation
                && *reason != Reason::TokenExpired
            {
                self.warn(*reason, explanation, now);
            }
        }
        answer
    }

    /// Warns of a token that the issuer calls active, and that is rejected all the same: the configuration may be wrong.
    fn warn(&self, reason: Reason, explanation: &str, now: Timestamp) {
        let is_due = self.warnings.take(reason.label(), now).is_ok();
        #[cfg(feature = "tracing")]
        if is_due {
            tracing::warn!(
                reason = reason.label(),
                explanation,
                "an active opaque token is rejected: compare the configuration; shown once a minute"
            );
        }
        #[cfg(not(feature = "tracing"))]
        let _ = (explanation, is_due);
    }
}

/// Converts an answer. It may have been given a while ago, so the expiry is checked again.
fn outcome(answer: Answer, now: Timestamp) -> Outcome {
    match answer {
        Answer::Accepted(identity)
            if identity
                .fields()
                .accepted_until
                .is_none_or(|end| now >= end) =>
        {
            Outcome::Rejected(Reason::TokenExpired)
        }
        Answer::Accepted(identity) => Outcome::Accepted(identity),
        Answer::Rejected(reason, None) => Outcome::Rejected(reason),
        Answer::Rejected(reason, Some(explanation)) => Outcome::RejectedWith(reason, explanation),
        Answer::Unavailable(reason) => Outcome::Unavailable(reason),
    }
}

impl Mechanism for OpaqueTokens {
    fn selectors(&self) -> Vec<CredentialSelector> {
        vec![CredentialSelector::opaque_tokens(Carrier::BEARER)]
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
        let token = match self.token(credentials) {
            Ok(token) => token,
            Err(reason) => return Some(Outcome::Rejected(reason)),
        };
        if let Some(answer) = self.answers.get(&Answers::digest(token), now) {
            return Some(outcome(answer, now));
        }
        let from = credentials.from();
        let throttled = self.failures.as_ref()?;
        let throttled = throttled.check(&Client { from, id: OPAQUE }, now).err()?;
        Some(throttled.into())
    }

    /// Asks the issuer. Equal tokens share one call, and its failure too: a server that does not answer makes no request wait
    /// longer than the time limit.
    fn authenticate(
        self: Arc<Self>,
        credentials: Credentials,
        _: &RequestHead<'_>,
        now: Timestamp,
    ) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            let token = match self.token(&credentials) {
                Ok(token) => token,
                Err(reason) => return Outcome::Rejected(reason),
            };
            let digest = Answers::digest(token);
            let begun = Instant::now();
            let asked = self.ask(token, digest, credentials.from(), now);
            let asked = async { Ok::<_, Infallible>(asked.await) };
            let Ok(answer) = self.calls.join(digest, asked).await;
            outcome(answer, now.plus(begun.elapsed()))
        })
    }

    fn revalidate(&self, principal: &Principal, now: Timestamp) -> Result<(), Reason> {
        revalidate(principal, slice::from_ref(&self.issuer), now)
    }
}

impl fmt::Debug for OpaqueTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueTokens")
            .field("issuer", &self.issuer)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
