//! Mechanisms authenticate one kind of credentials each: [`Jwt`], [`ApiKeys`], [`Basic`], with the feature `introspection`
//! `OpaqueTokens`, with the feature `client-certificates` `ClientCertificates`, and your own.
//!
//! Webhooks (feature `webhooks`) are not credentials: `webhook` verifies signatures of whole requests.

mod api_keys;
mod basic;
#[cfg(feature = "client-certificates")]
mod client_certificates;
mod failures;
mod jwt;
#[cfg(feature = "introspection")]
mod opaque_tokens;
mod outcome;
#[cfg(feature = "passwords")]
pub mod password;
mod selector;
#[cfg(any(feature = "introspection", feature = "passwords"))]
mod shared_checks;
mod stored;
#[cfg(feature = "webhooks")]
pub mod webhook;

use std::sync::Arc;

use crate::BoxFuture;
use crate::credentials::{Credentials, RequestHead};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::rejection::Challenge;
use crate::time::Timestamp;

pub use api_keys::ApiKeys;
pub use basic::Basic;
#[cfg(feature = "client-certificates")]
pub use client_certificates::{CertificateSubjects, ClientCertificates};
pub use failures::FailureLimit;
pub use jwt::Jwt;
#[cfg(feature = "introspection")]
pub use opaque_tokens::OpaqueTokens;
#[cfg(feature = "introspection")]
pub(crate) use opaque_tokens::{CallBudget, IntrospectionServer};
pub use outcome::Outcome;
pub use selector::CredentialSelector;

/// The longest password that is checked, in bytes. Longer ones are rejected before hashing.
const MAX_PASSWORD: usize = 1024;

/// Authenticates one kind of credentials.
///
/// The credentials that it [selects](Self::selectors) are authenticated by it alone: if it rejects
/// them, no other mechanism is asked.
///
/// ```
/// use countersign::credentials::{Carrier, Credentials, RequestHead};
/// use countersign::mechanism::{CredentialSelector, Mechanism, Outcome};
/// use countersign::principal::Identity;
/// use countersign::rejection::{Challenge, Reason};
/// use countersign::time::Timestamp;
/// use countersign::Scopes;
/// use http::HeaderName;
///
/// /// Trusts a header that a reverse proxy sets. The proxy must remove the header from requests of clients, and must
/// /// be the only way to reach the service: otherwise every client can name any user.
/// struct Proxy;
///
/// impl Mechanism for Proxy {
///     fn selectors(&self) -> Vec<CredentialSelector> {
///         let header = HeaderName::from_static("x-verified-user");
///         vec![CredentialSelector::all(Carrier::Header(header))]
///     }
///     fn challenge(&self) -> Challenge {
///         Challenge::named("Proxy")
///     }
///     fn try_authenticate(
///         &self,
///         credentials: &Credentials,
///         _head: &RequestHead<'_>,
///         _now: Timestamp,
///     ) -> Option<Outcome> {
///         Some(match std::str::from_utf8(credentials.expose()) {
///             Ok(name) if !name.is_empty() => {
///                 Outcome::Accepted(Identity::new("proxy", name, Scopes::none()))
///             }
///             _ => Outcome::Rejected(Reason::Custom("proxy_header_malformed")),
///         })
///     }
/// }
/// ```
pub trait Mechanism: Send + Sync + 'static {
    /// Returns which credentials it handles.
    fn selectors(&self) -> Vec<CredentialSelector>;

    /// Returns its challenge for a request without credentials.
    fn challenge(&self) -> Challenge;

    /// Authenticates the credentials at once, without I/O. Returns `None` if it has to wait; then
    /// [`authenticate`](Self::authenticate) is called.
    fn try_authenticate(
        &self,
        credentials: &Credentials,
        head: &RequestHead<'_>,
        now: Timestamp,
    ) -> Option<Outcome>;

    /// Authenticates the credentials for which [`try_authenticate`](Self::try_authenticate) returned
    /// `None`. Nothing limits how long it waits, and `now` is the time at which the request came. The
    /// default returns [`Outcome::Unavailable`].
    ///
    /// The future is `'static`: it copies what it needs of the request head.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use countersign::BoxFuture;
    /// use countersign::credentials::{Carrier, Credentials, RequestHead};
    /// use countersign::mechanism::{CredentialSelector, Mechanism, Outcome};
    /// use countersign::rejection::{Challenge, Reason};
    /// use countersign::time::Timestamp;
    ///
    /// /// Asks another service about session tokens.
    /// struct Sessions;
    ///
    /// impl Mechanism for Sessions {
    ///     fn selectors(&self) -> Vec<CredentialSelector> {
    ///         vec![CredentialSelector::all(Carrier::Header("x-session".parse().unwrap()))]
    ///     }
    ///     fn challenge(&self) -> Challenge {
    ///         Challenge::named("Session")
    ///     }
    ///     fn try_authenticate(&self, _: &Credentials, _: &RequestHead<'_>, _: Timestamp) -> Option<Outcome> {
    ///         None
    ///     }
    ///     fn authenticate(
    ///         self: Arc<Self>,
    ///         credentials: Credentials,
    ///         _: &RequestHead<'_>,
    ///         _: Timestamp,
    ///     ) -> BoxFuture<'static, Outcome> {
    ///         Box::pin(async move { self.ask(credentials.expose()).await })
    ///     }
    /// }
    /// # impl Sessions {
    /// #     async fn ask(&self, _: &[u8]) -> Outcome { Outcome::Rejected(Reason::Custom("session_unknown")) }
    /// # }
    /// ```
    fn authenticate(
        self: Arc<Self>,
        credentials: Credentials,
        head: &RequestHead<'_>,
        now: Timestamp,
    ) -> BoxFuture<'static, Outcome> {
        let _ = (credentials, head, now);
        let outcome = Outcome::Unavailable(Reason::MechanismUnavailable);
        Box::pin(std::future::ready(outcome))
    }

    /// Checks a principal of this mechanism again, without cryptography, after something that took
    /// time. The default checks that it has not expired.
    ///
    /// # Errors
    ///
    /// The reason why the credentials would be rejected now.
    fn revalidate(&self, principal: &Principal, now: Timestamp) -> Result<(), Reason> {
        match principal.expires_at() {
            Some(end) if now >= end => Err(Reason::CredentialExpired),
            _ => Ok(()),
        }
    }

    /// Returns whether it is a [`PrimaryMechanism`].
    #[doc(hidden)]
    fn is_primary(&self, _: sealed::Internal) -> bool {
        false
    }
}

/// A mechanism for long-lived credentials, for which tokens can be minted: [`ApiKeys`], [`Basic`],
/// `ClientCertificates`, and mechanisms of your own in [`dangerous::AssertPrimary`](crate::dangerous::AssertPrimary).
///
/// The trait is sealed, so that a mechanism for bearer tokens cannot implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not authenticate primary credentials, so no token can be minted for its principals",
    label = "not a primary mechanism",
    note = "a bearer token cannot mint another token: add `ApiKeys` or `Basic` with `primary`, and other mechanisms with `mechanism`",
    note = "wrap a mechanism of your own for long-lived credentials in `countersign::dangerous::AssertPrimary`"
)]
pub trait PrimaryMechanism: Mechanism + sealed::Sealed {}

pub(crate) mod sealed {
    /// Cannot be named outside of this crate.
    #[expect(unnameable_types, reason = "this seals the trait")]
    pub trait Sealed {}

    /// Cannot be named outside of this crate, so that `Mechanism::is_primary` cannot be overridden.
    #[expect(unnameable_types, reason = "this seals the method")]
    #[derive(Clone, Copy, Debug)]
    pub struct Internal;
}

impl PrimaryMechanism for ApiKeys {}
impl sealed::Sealed for ApiKeys {}
impl PrimaryMechanism for Basic {}
impl sealed::Sealed for Basic {}
