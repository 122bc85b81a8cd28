use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, HeaderMap};

use crate::BoxFuture;
use crate::auth::BuildError;
use crate::auth::observe::{self, Span};
use crate::credentials::{Carrier, Carriers, ClientAddress, Credentials, Presented};
use crate::mechanism::{CredentialSelector, Judged, Mechanism, Outcome, SelectorKind};
use crate::principal::{Principal, PrincipalKind};
use crate::rejection::{Challenges, Reason, Rejection};
use crate::time::{Clock, SystemClock};
use crate::url::HttpUrl;

/// The mechanisms of one layer, and the decision that it makes: everything but the plumbing.
pub(crate) struct Engine {
    entries: Box<[Entry]>,
    carriers: Carriers,
    challenges: Arc<Challenges>,
    clock: Arc<dyn Clock>,
}

struct Entry {
    mechanism: Arc<dyn Mechanism>,
    claims: Vec<CredentialSelector>,
    proof: PrincipalKind,
}

/// What came of judging a request.
pub(crate) enum Judgement {
    Accepted(Principal),
    Rejected(Rejection),
    /// It takes waiting.
    Undecided(Pending),
}

impl Engine {
    /// What a request's headers present, by presence alone.
    pub(crate) fn read(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Option<Credentials>, Rejection> {
        match self.carriers.read(headers) {
            Presented::Nothing => Ok(None),
            Presented::One(credentials) => {
                let from = extensions.get::<ClientAddress>().copied();
                Ok(Some(credentials.presented_from(from)))
            }
            Presented::Refused(reason) => Err(self.refuse(reason)),
        }
    }

    pub(crate) fn missing(&self) -> Rejection {
        self.refuse(Reason::NoCredentials)
    }

    pub(crate) fn judge(&self, credentials: Credentials) -> Judgement {
        let span = Span::begin();
        let claimant = self.claimant(&credentials);
        let carrier = credentials.carrier().clone();
        let Some(entry) = claimant else {
            let challenges = Arc::clone(&self.challenges);
            let unclaimed = Rejection::of_credentials(Reason::Unclaimed, carrier, challenges);
            observe::refused(&unclaimed);
            return Judgement::Rejected(unclaimed);
        };
        let now = self.clock.now();
        let outcome = Resolution {
            proof: entry.proof,
            carrier,
            challenges: Arc::clone(&self.challenges),
        };
        match span.within(|| entry.mechanism.try_verify(&credentials, now)) {
            Judged::Now(verdict) => {
                let judged = outcome.of(verdict);
                span.end(&judged);
                match judged {
                    Ok(principal) => Judgement::Accepted(principal),
                    Err(rejection) => Judgement::Rejected(rejection),
                }
            }
            Judged::Later => Judgement::Undecided(Pending {
                verdict: Arc::clone(&entry.mechanism).verify(credentials, now),
                outcome,
                span,
            }),
        }
    }

    /// The one mechanism whose credentials these are. Keys are told by their prefix; whoever claims the
    /// rest of a carrier gets what no prefix fits.
    fn claimant(&self, credentials: &Credentials) -> Option<&Entry> {
        let find = |takes: fn(&CredentialSelector, &Credentials) -> bool| {
            self.entries
                .iter()
                .find(|entry| entry.claims.iter().any(|claim| takes(claim, credentials)))
        };
        find(CredentialSelector::takes_key).or_else(|| find(CredentialSelector::takes_rest))
    }

    fn refuse(&self, reason: Reason) -> Rejection {
        let rejection = Rejection::of_request(reason, Arc::clone(&self.challenges));
        observe::refused(&rejection);
        rejection
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("carriers", &self.carriers)
            .finish_non_exhaustive()
    }
}

/// What a verdict needs to become a principal or a rejection.
#[derive(Clone)]
struct Resolution {
    proof: PrincipalKind,
    carrier: Carrier,
    challenges: Arc<Challenges>,
}

impl Resolution {
    fn of(self, verdict: Outcome) -> Result<Principal, Rejection> {
        match verdict {
            Outcome::Accepted(identity) => {
                Ok(Principal::new(identity, self.proof, self.challenges))
            }
            Outcome::Rejected(reason) => Err(Rejection::of_credentials(
                reason,
                self.carrier,
                self.challenges,
            )),
            Outcome::Unavailable(reason) => Err(Rejection::never_judged(reason, self.challenges)),
            Outcome::Throttled { retry_after } => {
                Err(Rejection::throttled(retry_after, self.challenges))
            }
        }
    }
}

/// A judgement under way. Dropping it gives up.
pub(crate) struct Pending {
    verdict: BoxFuture<'static, Outcome>,
    outcome: Resolution,
    span: Span,
}

impl Future for Pending {
    type Output = Result<Principal, Rejection>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            verdict,
            outcome,
            span,
        } = &mut *self;
        let verdict = std::task::ready!(span.within(|| verdict.as_mut().poll(cx)));
        let judged = outcome.clone().of(verdict);
        span.end(&judged);
        Poll::Ready(judged)
    }
}

/// Collects mechanisms and sees to it that they can stand side by side.
pub(crate) struct EngineBuilder {
    entries: Vec<Entry>,
    realm: Box<str>,
    resource_metadata: Option<Box<str>>,
    clock: Arc<dyn Clock>,
}

impl Default for EngineBuilder {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            realm: "countersign".into(),
            resource_metadata: None,
            clock: Arc::new(SystemClock),
        }
    }
}

impl EngineBuilder {
    pub(crate) fn add(&mut self, mechanism: impl Mechanism, proof: PrincipalKind) {
        self.entries.push(Entry {
            claims: mechanism.selectors(),
            mechanism: Arc::new(mechanism),
            proof,
        });
    }

    pub(crate) fn realm(&mut self, realm: Box<str>) {
        self.realm = realm;
    }

    pub(crate) fn resource_metadata(&mut self, url: Box<str>) {
        self.resource_metadata = Some(url);
    }

    pub(crate) fn clock(&mut self, clock: impl Clock) {
        self.clock = Arc::new(clock);
    }

    pub(crate) fn build(self) -> Result<Engine, BuildError> {
        if self.entries.is_empty() {
            return Err(BuildError::NoMechanism);
        }
        let quotable = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
        if !self.realm.bytes().all(quotable) {
            return Err(BuildError::Realm);
        }
        let metadata = self.resource_metadata.as_deref();
        if !metadata.is_none_or(|url| HttpUrl::parse(url).is_ok()) {
            return Err(BuildError::ResourceMetadata);
        }
        let mut challenges = Challenges::new(&self.realm, metadata);
        let mut carriers = Carriers::default();
        let mut claims: Vec<&CredentialSelector> = Vec::new();
        for entry in &self.entries {
            for claim in &entry.claims {
                if let Some(other) = claims.iter().find(|other| other.conflicts_with(claim)) {
                    return Err(BuildError::Conflict(other.carrier.clone()));
                }
                if entry.proof == PrincipalKind::Primary && is_token(claim) {
                    return Err(BuildError::BearerAsPrimary);
                }
                carriers.declare(&claim.carrier);
            }
            claims.extend(&entry.claims);
            let read = entry.claims.iter().map(|claim| claim.carrier.clone());
            challenges.add(&entry.mechanism.challenge(), read.collect());
        }
        Ok(Engine {
            entries: self.entries.into(),
            carriers,
            challenges: Arc::new(challenges),
            clock: self.clock,
        })
    }
}

/// Whether a claim may take a bearer token. Only the prefix of a key rules that out.
fn is_token(claim: &CredentialSelector) -> bool {
    match claim.part {
        SelectorKind::Tokens => true,
        SelectorKind::All => claim.carrier == Carrier::BEARER,
        SelectorKind::Keys(_) => false,
    }
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("realm", &self.realm)
            .field("mechanisms", &self.entries.len())
            .finish_non_exhaustive()
    }
}
