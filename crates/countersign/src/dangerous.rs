//! Exceptions to the guarantees of this crate, under names that a reviewer can search for.

use std::sync::Arc;

use crate::BoxFuture;
use crate::auth::AuthLayer;
use crate::credentials::{Credentials, RequestHead};
use crate::mechanism::{CredentialSelector, Mechanism, Outcome, PrimaryMechanism, sealed};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::rejection::Challenge;
#[cfg(feature = "remote")]
use crate::remote::RemoteIssuer;
use crate::time::Timestamp;
use crate::token::TrustedIssuerBuilder;

/// Asserts that a mechanism of your own authenticates *long-lived* credentials, so that tokens can be
/// minted for its principals.
///
/// If it accepts anything that was itself minted, a token can renew itself forever. An authenticator
/// rejects it around [`Jwt`](crate::mechanism::Jwt), around a mechanism for `Authorization:
/// Bearer` unless that selects API keys by their prefix, and around a mechanism that reads a cookie.
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

/// Leaves the credentials in the headers of the request, for a service that forwards them.
///
/// Every handler, log and upstream behind the layer sees them then, and a service that it calls can use them in place of
/// the caller.
///
/// ```
/// # use countersign::mechanism::Jwt;
/// use countersign::{AuthLayer, dangerous};
///
/// let layer = AuthLayer::builder().mechanism(Jwt::new([])).build()?;
/// let layer = dangerous::keep_credentials(layer);
/// # let _ = layer;
/// # Ok::<(), countersign::auth::BuildError>(())
/// ```
#[must_use]
pub const fn keep_credentials<R>(layer: AuthLayer<R>) -> AuthLayer<R> {
    layer.keep_credentials()
}

/// Accepts tokens of any tenant of an issuer whose URL contains `{tenantid}`, in place of a list of
/// [`tenants`](crate::token::TrustedIssuerBuilder::tenants). It says so in the log.
///
/// Everyone can create a tenant, and be any user of it. Decide by the issuer and the subject together, or by `tid`, what a
/// caller may do.
pub fn any_tenant<K>(issuer: TrustedIssuerBuilder<K>) -> TrustedIssuerBuilder<K> {
    #[cfg(feature = "tracing")]
    tracing::warn!(issuer = issuer.url(), "tokens of any tenant are accepted");
    issuer.any_tenant()
}

/// Fetches keys and metadata over `http`, for an issuer inside of a trusted network. It says so in the log.
///
/// Everyone who can change what this network transports can replace the keys, and create valid tokens for any subject.
#[cfg(feature = "remote")]
pub fn allow_http(issuer: RemoteIssuer) -> RemoteIssuer {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        issuer = issuer.url(),
        "keys are fetched over http, where they can be replaced"
    );
    issuer.allow_http()
}

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
