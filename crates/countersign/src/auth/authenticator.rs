use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};

use crate::BoxFuture;
use crate::auth::AuthenticatorBuilder;
use crate::auth::metrics;
use crate::auth::telemetry::Span;
use crate::credentials::{
    Carrier, Carriers, ClientAddress, Credentials, RequestHead, may_be_cross_site, names_other_site,
};
use crate::mechanism::{CredentialSelector, Mechanism, Outcome};
use crate::principal::{Principal, Verifier};
use crate::rejection::{Challenges, Reason, Rejection};
use crate::time::{Clock, Timestamp};

/// Authenticates requests: the mechanisms of a service, and the order in which they are checked.
///
/// [`AuthLayer`](crate::auth::AuthLayer) calls it for every request. Services that read credentials
/// from a body, such as token endpoints, call it themselves: [`find_credentials`] looks for
/// credentials in the headers, [`authenticate`] checks them, and [`revalidate`] checks a principal
/// again after something that took time. Cloning it copies a reference count.
///
/// ```
/// # use std::sync::Arc;
/// # use countersign::directory::MemoryDirectory;
/// # use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
/// # use countersign::key::{Pepper, Peppers};
/// # use countersign::mechanism::ApiKeys;
/// # use countersign::random::SystemRandom;
/// # use countersign::time::SystemClock;
/// # use http::Request;
/// use countersign::auth::Authenticator;
/// use countersign::credentials::{Credentials, RequestHead};
/// use countersign::registry::Change;
/// use countersign::rejection::Reason;
///
/// # tokio_test::block_on(async {
/// # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// # let directory = Arc::new(MemoryDirectory::default());
/// # let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
/// # let operator = Caller::operator("docs");
/// # let created = registry.create_key(&operator, NewKey::new("ci", "calls:read".parse()?)).await?;
/// # let request = Request::new(());
/// let authenticator = Authenticator::builder().primary(ApiKeys::new(directory, peppers)).build()?;
///
/// let credentials = Credentials::key(created.issued.key);
/// let principal = authenticator.authenticate(credentials, &RequestHead::new(&request)).await?;
/// assert!(principal.primary().is_some());
/// assert!(authenticator.revalidate(&principal).is_ok());
///
/// registry.change(&operator, created.record.id, Change::Revoke { reason: None }).await?;
/// let rejection = authenticator.revalidate(&principal).unwrap_err();
/// assert_eq!(rejection.reason(), Reason::CredentialRevoked);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// [`find_credentials`]: Self::find_credentials
/// [`authenticate`]: Self::authenticate
/// [`revalidate`]: Self::revalidate
#[derive(Clone)]
pub struct Authenticator(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) entries: Box<[Entry]>,
    pub(super) carriers: Carriers,
    pub(super) challenges: Arc<Challenges>,
    pub(super) clock: Arc<dyn Clock>,
}

/// A mechanism, and what it selects. Callers whose credentials are selected share the verifier.
pub(super) struct Entry {
    pub(super) mechanism: Arc<dyn Mechanism>,
    pub(super) selectors: Vec<(CredentialSelector, Arc<Verifier>)>,
}

impl Authenticator {
    /// Starts building an authenticator.
    #[must_use]
    pub fn builder() -> AuthenticatorBuilder {
        AuthenticatorBuilder::new(std::convert::identity)
    }

    /// Returns the credentials in the headers of a request or, if there are none, the
    /// [`ClientCertificate`](crate::credentials::ClientCertificate) of its connection. Only their presence is checked;
    /// nothing is verified. The address that they come from is the [`ClientAddress`] in the extensions.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] of kind `Malformed` if credentials are repeated, joined or incomplete, or if
    /// there are credentials of two kinds. A rejection of kind `Forbidden` if the credentials are in a cookie, and a page of
    /// another site may have caused the request: its method is not safe (RFC 9110 §9.2.1) or it opens a WebSocket, and
    /// neither `Sec-Fetch-Site` nor `Origin` says that it comes from the origin of the request or from one of the
    /// [`AllowedOrigins`](crate::credentials::AllowedOrigins). For the certificate of the client, only if they name another
    /// origin, since programs send neither.
    pub fn find_credentials(
        &self,
        head: &RequestHead<'_>,
    ) -> Result<Option<Credentials>, Rejection> {
        let mut found = None;
        let read = self.read_credentials(head, &mut found);
        read.map_err(|reason| self.reject(reason))?;
        Ok(found)
    }

    /// Finds the credentials as [`find_credentials`](Self::find_credentials), and counts no rejection. They are written to
    /// `found`, which was `None`.
    pub(super) fn read_credentials(
        &self,
        head: &RequestHead<'_>,
        found: &mut Option<Credentials>,
    ) -> Result<(), Reason> {
        self.0.carriers.find(head, found)?;
        match found {
            Some(credentials) => self.complete(credentials, head),
            None => Ok(()),
        }
    }

    /// Adds the address to the credentials that were found, unless a page of another site may have caused the request.
    fn complete(
        &self,
        credentials: &mut Credentials,
        head: &RequestHead<'_>,
    ) -> Result<(), Reason> {
        // A browser adds cookies and certificates, whichever page causes the request.
        let is_cross_site = match credentials.carrier() {
            Carrier::Cookie(_) => may_be_cross_site(head),
            Carrier::ClientCertificate => names_other_site(head),
            _ => false,
        };
        if is_cross_site {
            return Err(Reason::CrossSite);
        }
        credentials.from = head.extensions.get::<ClientAddress>().copied();
        Ok(())
    }

    /// Finds the credentials as [`read_credentials`](Self::read_credentials), and removes them from the request, together with
    /// the cookies that may carry credentials.
    pub(super) fn remove_credentials<B>(
        &self,
        request: &mut Request<B>,
        found: &mut Option<Credentials>,
    ) -> Result<(), Reason> {
        self.0.carriers.take(request, found)?;
        if let Some(credentials) = found {
            self.complete(credentials, &RequestHead::new(request))?;
            self.0.carriers.strip_cookies(request.headers_mut());
        }
        Ok(())
    }

    /// Returns the rejection of a request in whose headers there are no credentials. Its reason tells an `Authorization`
    /// header that no mechanism reads from a missing one. The response is the same.
    #[must_use]
    pub fn missing_credentials(&self, head: &RequestHead<'_>) -> Rejection {
        self.reject(match head.headers.contains_key(AUTHORIZATION) {
            true => Reason::SchemeUnknown,
            false => Reason::NoCredentials,
        })
    }

    /// Returns the rejection of a request without a principal where one is required, inside of an optional layer. It is
    /// counted by what requires the principal.
    pub(super) fn credentials_required(&self) -> Rejection {
        Rejection::of_request(Reason::NoCredentials, Arc::clone(&self.0.challenges))
    }

    /// Returns the rejection of a request whose body holds no credentials. Its challenge is
    /// `Credentials realm="…"`, for which browsers do not prompt.
    #[must_use]
    pub fn missing_credentials_in_body(&self) -> Rejection {
        self.reject(Reason::NoCredentials).of_body()
    }

    /// Returns the clock by which credentials are checked.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// Returns the `WWW-Authenticate` values of a 401, for services that accept credentials from these carriers only: one
    /// for each mechanism with such a carrier, or `Credentials realm="…"` if all of these carriers are in a body.
    pub fn challenges(&self, accepts: impl Fn(&Carrier) -> bool) -> Vec<HeaderValue> {
        self.0.challenges.of_carriers(accepts).cloned().collect()
    }

    /// Authenticates credentials. The one mechanism that selects them decides; no other mechanism is
    /// asked. `head` is the request that presented them.
    pub fn authenticate(&self, credentials: Credentials, head: &RequestHead<'_>) -> Authentication {
        match self.try_authenticate(&credentials, head) {
            Ok(result) => Authentication(State::Ready(Some(result))),
            Err(undecided) => undecided.wait(credentials, head),
        }
    }

    /// Authenticates credentials as [`authenticate`](Self::authenticate), unless that has to wait.
    pub(super) fn try_authenticate(
        &self,
        credentials: &Credentials,
        head: &RequestHead<'_>,
    ) -> Result<Result<Principal, Rejection>, Undecided<'_>> {
        let span = Span::start();
        let Some((mechanism, verifier)) = self.find_mechanism(credentials) else {
            let carrier = credentials.carrier().clone();
            let result = Err(self.reject_credentials(Reason::Unselected, carrier));
            span.finish(&result);
            return Ok(result);
        };
        let now = self.0.clock.now();
        match span.in_scope(|| mechanism.try_authenticate(credentials, head, now)) {
            Some(outcome) => {
                let result = resolve(outcome, Arc::clone(verifier));
                span.finish(&result);
                Ok(result)
            }
            None => Err(Undecided {
                mechanism,
                verifier,
                now,
                span,
            }),
        }
    }

    /// Checks a principal of this authenticator again: freshness of the data, expiry, status,
    /// generation and denials. Call it after anything that took time, such as reading a body. It
    /// costs no cryptography, and is not counted as another authentication.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] if the credentials would now be rejected, or cannot be checked with current
    /// data. Its kind is `Misconfigured` if another authenticator made the principal.
    pub fn revalidate(&self, principal: &Principal) -> Result<(), Rejection> {
        let verifier = principal.verifier();
        let entry = self.0.entries.get(verifier.mechanism);
        let own = Arc::ptr_eq(&verifier.challenges, &self.0.challenges);
        let (Some(entry), true) = (entry, own) else {
            return Err(Rejection::layer_missing());
        };
        entry
            .mechanism
            .revalidate(principal, self.0.clock.now())
            .map_err(|reason| self.reject_credentials(reason, principal.carrier().clone()))
    }

    /// Returns the mechanism that selects the credentials. Selectors by prefix come first, then those of opaque tokens, then
    /// those of a whole carrier.
    fn find_mechanism(
        &self,
        credentials: &Credentials,
    ) -> Option<(&Arc<dyn Mechanism>, &Arc<Verifier>)> {
        let find = |selects: fn(&CredentialSelector, &Credentials) -> bool| {
            self.0.entries.iter().find_map(|entry| {
                let mut selectors = entry.selectors.iter();
                let (_, verifier) =
                    selectors.find(|(selector, _)| selects(selector, credentials))?;
                Some((&entry.mechanism, verifier))
            })
        };
        find(CredentialSelector::selects_prefix)
            .or_else(|| find(CredentialSelector::selects_opaque))
            .or_else(|| find(CredentialSelector::selects_rest))
    }

    /// Returns the rejection of a request before any mechanism was asked, and counts it.
    pub(super) fn reject(&self, reason: Reason) -> Rejection {
        let rejection = Rejection::of_request(reason, Arc::clone(&self.0.challenges));
        metrics::count_rejected(&rejection);
        rejection
    }

    fn reject_credentials(&self, reason: Reason, carrier: Carrier) -> Rejection {
        Rejection::of_credentials(reason, carrier, Arc::clone(&self.0.challenges))
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("carriers", &self.0.carriers)
            .finish_non_exhaustive()
    }
}

/// Credentials about which a mechanism cannot decide without waiting.
pub(super) struct Undecided<'a> {
    mechanism: &'a Arc<dyn Mechanism>,
    verifier: &'a Arc<Verifier>,
    now: Timestamp,
    span: Span,
}

impl Undecided<'_> {
    /// Starts the authentication of the credentials.
    pub(super) fn wait(self, credentials: Credentials, head: &RequestHead<'_>) -> Authentication {
        let start = || Arc::clone(self.mechanism).authenticate(credentials, head, self.now);
        Authentication(State::Waiting {
            outcome: self.span.in_scope(start),
            verifier: Some(Arc::clone(self.verifier)),
            span: self.span,
        })
    }
}

/// Makes a principal or a rejection of an outcome.
fn resolve(outcome: Outcome, verifier: Arc<Verifier>) -> Result<Principal, Rejection> {
    let challenges = || Arc::clone(&verifier.challenges);
    let reject = |reason| Rejection::of_credentials(reason, verifier.carrier.clone(), challenges());
    Err(match outcome {
        Outcome::Accepted(identity) => return Ok(Principal::new(identity, verifier)),
        Outcome::Rejected(reason) => reject(reason),
        Outcome::RejectedWith(reason, explanation) => reject(reason).explained(explanation, false),
        Outcome::Unavailable(reason) => Rejection::unavailable(reason, challenges()),
        Outcome::Throttled { retry_after } => Rejection::throttled(retry_after, challenges()),
    })
}

/// The future of [`Authenticator::authenticate`]. Dropping it cancels the authentication.
#[must_use = "futures do nothing unless polled"]
pub struct Authentication(State);

enum State {
    Ready(Option<Result<Principal, Rejection>>),
    Waiting {
        outcome: BoxFuture<'static, Outcome>,
        verifier: Option<Arc<Verifier>>,
        span: Span,
    },
}

impl Future for Authentication {
    type Output = Result<Principal, Rejection>;

    #[expect(
        clippy::expect_used,
        reason = "polling a future again after completion is a bug of the caller"
    )]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(result) => Poll::Ready(result.take().expect("polled after completion")),
            State::Waiting {
                outcome,
                verifier,
                span,
            } => {
                let outcome = ready!(span.in_scope(|| outcome.as_mut().poll(cx)));
                let verifier = verifier.take().expect("polled after completion");
                let result = resolve(outcome, verifier);
                span.finish(&result);
                Poll::Ready(result)
            }
        }
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication").finish_non_exhaustive()
    }
}
