//! Utilities for tests (feature `testing`).
//!
//! * [`FixedClock`]: a clock that moves only when a test moves it.
//! * `Principal::for_test` and `PrimaryPrincipal::for_test`: principals without credentials. [`TestPrincipal`] builds a
//!   principal of any subject, issuer, claims and scopes.
//! * [`AlwaysLayer`]: a layer that accepts every request as the same principal.
//! * [`TestIssuer`]: a token issuer over HTTP on a free port of the loopback interface. It rotates and withdraws keys,
//!   delays and fails on request, counts requests, and mints valid tokens and tokens with one [`Flaw`].
//! * [`TestOpaqueIssuer`]: an issuer of opaque tokens with an introspection endpoint over HTTP (RFC 7662), which answers what
//!   a test sets, delays and fails on request, and counts requests.
//! * [`TestProvider`]: an imitation of an identity provider, such as Keycloak, over HTTP.
//! * `ClientCertificate::for_test` and `WebhookVerifier::sign_for_test`: certificates without a TLS connection, and signed
//!   webhooks.
//! * [`signatures_verified`]: the number of signatures that the current thread has verified.
//!
//! The crate `countersign-conformance` checks a whole service with requests of a `TestIssuer`.

mod always;
mod flaw;
mod issuer;
mod opaque_issuer;
mod principal;
mod provider;
mod server;
mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::time::{Clock, Timestamp};

pub use always::{AlwaysLayer, AlwaysService};
pub use flaw::Flaw;
pub use issuer::TestIssuer;
pub use opaque_issuer::TestOpaqueIssuer;
pub use principal::TestPrincipal;
pub use provider::{Provider, TestProvider};
pub use server::IssuerResponse;
pub use token::TestToken;

/// A clock that moves only when a test moves it. Clones share the same time.
///
/// ```
/// use std::time::Duration;
/// use countersign::testing::FixedClock;
/// use countersign::time::{Clock, Timestamp};
///
/// let clock = FixedClock::at(Timestamp::from_unix_seconds(100));
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now(), Timestamp::from_unix_seconds(105));
/// ```
#[derive(Clone, Debug)]
pub struct FixedClock(Arc<AtomicI64>);

impl FixedClock {
    /// Creates a clock that shows this time.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(time.unix_millis())))
    }

    /// Moves the clock forward by a duration.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }

    /// Sets the clock to a time.
    pub fn set(&self, time: Timestamp) {
        self.0.store(time.unix_millis(), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Returns the number of signatures that the current thread has verified since it started.
#[must_use]
pub fn signatures_verified() -> u64 {
    crate::jose::operations::verified()
}
