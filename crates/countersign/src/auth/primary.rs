use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::request::Parts;

use crate::auth::{BuildError, Engine, EngineBuilder, Judgement, Pending};
use crate::credentials::Credentials;
use crate::mechanism::PrimaryMechanism;
use crate::principal::{PrimaryPrincipal, PrincipalKind};
use crate::rejection::Rejection;
use crate::time::Clock;

/// Judges primary credentials alone: what stands before a mint. It has no way to take a bearer token.
///
/// Token endpoints ask it for headers and bodies alike; [`AuthLayer`](crate::auth::AuthLayer) is for
/// everything else.
#[derive(Clone, Debug)]
pub struct PrimaryAuthenticator(Arc<Engine>);

impl PrimaryAuthenticator {
    /// Starts building one.
    #[must_use]
    pub fn builder() -> PrimaryAuthenticatorBuilder {
        PrimaryAuthenticatorBuilder(EngineBuilder::default())
    }

    /// What a request's headers present, by presence alone; nothing is verified. From where is taken from the
    /// [`ClientAddress`](crate::credentials::ClientAddress) in its extensions.
    ///
    /// # Errors
    ///
    /// [`Rejection`] when they are malformed, or more than one.
    pub fn read(&self, head: &Parts) -> Result<Option<Credentials>, Rejection> {
        self.0.read(&head.headers, &head.extensions)
    }

    /// The rejection of a request that presents nothing.
    #[must_use]
    pub fn missing(&self) -> Rejection {
        self.0.missing()
    }

    /// Judges credentials.
    pub fn authenticate(&self, credentials: Credentials) -> Authenticating {
        Authenticating(match self.0.judge(credentials) {
            Judgement::Accepted(principal) => State::Ready(Some(
                principal.primary().ok_or_else(Rejection::layer_missing),
            )),
            Judgement::Rejected(rejection) => State::Ready(Some(Err(rejection))),
            Judgement::Undecided(pending) => State::Pending(pending),
        })
    }
}

/// Credentials being judged. See [`PrimaryAuthenticator::authenticate`].
#[must_use = "nothing is judged until it is awaited"]
pub struct Authenticating(State);

enum State {
    Ready(Option<Result<PrimaryPrincipal, Rejection>>),
    Pending(Pending),
}

impl Future for Authenticating {
    type Output = Result<PrimaryPrincipal, Rejection>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(result) => match result.take() {
                Some(result) => Poll::Ready(result),
                None => Poll::Pending,
            },
            State::Pending(pending) => {
                let judged = ready!(Pin::new(pending).poll(cx));
                Poll::Ready(
                    judged.and_then(|principal| {
                        principal.primary().ok_or_else(Rejection::layer_missing)
                    }),
                )
            }
        }
    }
}

impl std::fmt::Debug for Authenticating {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticating").finish_non_exhaustive()
    }
}

/// Builds a [`PrimaryAuthenticator`].
#[derive(Debug)]
pub struct PrimaryAuthenticatorBuilder(EngineBuilder);

impl PrimaryAuthenticatorBuilder {
    /// Adds a mechanism. Only those over long-lived credentials fit: a bearer token never mints.
    #[must_use]
    pub fn primary(mut self, mechanism: impl PrimaryMechanism) -> Self {
        self.0.add(mechanism, PrincipalKind::Primary);
        self
    }

    /// The realm named in challenges; by default `countersign`.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<Box<str>>) -> Self {
        self.0.realm(realm.into());
        self
    }

    /// The clock to judge by; by default the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.0.clock(clock);
        self
    }

    /// The authenticator.
    ///
    /// # Errors
    ///
    /// [`BuildError`] as for [`AuthBuilder::build`](crate::auth::AuthBuilder::build).
    pub fn build(self) -> Result<PrimaryAuthenticator, BuildError> {
        Ok(PrimaryAuthenticator(Arc::new(self.0.build()?)))
    }
}
