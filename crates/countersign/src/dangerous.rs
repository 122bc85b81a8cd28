//! Exceptions to the guarantees of this crate, under names that a reviewer can search for.

use std::sync::Arc;

use crate::BoxFuture;
use crate::credentials::{Credentials, RequestHead};
use crate::mechanism::{CredentialSelector, Mechanism, Outcome, PrimaryMechanism, sealed};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::rejection::Challenge;
use crate::time::Timestamp;

/// Asserts that a mechanism of your own authenticates *long-lived* credentials, so that tokens can be
/// minted for its principals.
///
/// If it accepts anything that was itself minted, a token can renew itself forever. An authenticator
/// rejects it around [`Jwt`](crate::mechanism::Jwt), and around a mechanism for `Authorization:
/// Bearer` unless that selects API keys by their prefix.
///
/// ```
/// use countersign::auth::{Authenticator, BuildError};
/// use countersign::dangerous::AssertPrimary;
/// use countersign::mechanism::Jwt;
///
/// let chained = Authenticator::builder().primary(AssertPrimary(Jwt::new([])));
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

    fn try_authenticate(
        &self,
        credentials: &Credentials,
        head: &RequestHead<'_>,
        now: Timestamp,
    ) -> Option<Outcome> {
        self.0.try_authenticate(credentials, head, now)
    }

    fn authenticate(
        self: Arc<Self>,
        credentials: Credentials,
        head: &RequestHead<'_>,
        now: Timestamp,
    ) -> BoxFuture<'static, Outcome> {
        Arc::new(self.0.clone()).authenticate(credentials, head, now)
    }

    fn revalidate(&self, principal: &Principal, now: Timestamp) -> Result<(), Reason> {
        self.0.revalidate(principal, now)
    }

    fn is_primary(&self, _: sealed::Internal) -> bool {
        true
    }
}

impl<M: Mechanism + Clone> PrimaryMechanism for AssertPrimary<M> {}
impl<M> sealed::Sealed for AssertPrimary<M> {}
