//! What weakens a promise of this crate, under a name that a reviewer can search for.

use std::sync::Arc;

use crate::BoxFuture;
use crate::credentials::Credentials;
use crate::mechanism::{CredentialSelector, Judged, Mechanism, Outcome, PrimaryMechanism, sealed};
use crate::rejection::Challenge;
use crate::time::Timestamp;

/// Vouches that a mechanism of your own judges *long-lived* credentials, so that tokens may be minted
/// for what it accepts.
///
/// If it accepts anything that was itself minted, a token can renew itself for ever. Building a layer
/// or a mint refuses it over [`Jwt`](crate::mechanism::Jwt), and over `Authorization: Bearer` unless
/// it claims keys by their prefix.
///
/// ```
/// use countersign::auth::{BuildError, PrimaryAuthenticator};
/// use countersign::dangerous::AssertPrimary;
/// use countersign::mechanism::Jwt;
///
/// let chained = PrimaryAuthenticator::builder().primary(AssertPrimary(Jwt::new([])));
/// assert_eq!(chained.build().unwrap_err(), BuildError::BearerAsPrimary);
/// ```
#[derive(Clone, Debug)]
pub struct AssertPrimary<M>(pub M);

impl<M: Mechanism + Clone> Mechanism for AssertPrimary<M> {
    fn selectors(&self) -> Vec<CredentialSelector> {
        self.0.selectors()
    }

    fn challenge(&self) -> Challenge {
        self.0.challenge()
    }

    fn try_verify(&self, credentials: &Credentials, now: Timestamp) -> Judged {
        self.0.try_verify(credentials, now)
    }

    fn verify(
        self: Arc<Self>,
        credentials: Credentials,
        now: Timestamp,
    ) -> BoxFuture<'static, Outcome> {
        Arc::new(self.0.clone()).verify(credentials, now)
    }
}

impl<M: Mechanism + Clone> PrimaryMechanism for AssertPrimary<M> {}
impl<M> sealed::Sealed for AssertPrimary<M> {}
