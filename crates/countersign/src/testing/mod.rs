//! For tests (feature `testing`).
//!
//! * [`FixedClock`]: a clock that stands still.
//! * `Principal::for_test` and `PrimaryPrincipal::for_test`: principals without credentials.
//! * [`AlwaysLayer`]: a layer that is always someone, for tests of what stands behind it.
//! * [`TestIssuer`]: an issuer over real HTTP on a free port, that rotates, withdraws, delays and fails when told
//!   to, counts what is fetched from it, and mints tokens, good ones and ones with a [`Flaw`] by name.
//! * [`conformance`]: the table of outcomes as a suite, for any service.
//! * [`signatures_verified`]: a count of expensive work.

mod always;
pub mod conformance;
mod flaw;
mod issuer;
mod server;
mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::credentials::Scheme;
use crate::id::Id;
use crate::principal::{Identity, PrimaryPrincipal, Principal, PrincipalKind, Subject};
use crate::scope::Scopes;
use crate::time::{Clock, Timestamp};

pub use always::{AlwaysLayer, AlwaysService};
pub use flaw::Flaw;
pub use issuer::TestIssuer;
pub use server::Answer;
pub use token::TestToken;

/// A clock that moves only when told to. Clones show the same time.
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
    /// A clock that shows `moment`.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(moment.unix_millis())))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }

    /// Sets the clock.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.unix_millis(), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

/// How many signatures this thread has verified since it started.
#[must_use]
pub fn signatures_verified() -> u64 {
    crate::jose::operations::verified()
}

impl Principal {
    /// A bearer's principal for a test, with an account of its own.
    #[must_use]
    pub fn for_test(subject: Id, scopes: Scopes) -> Self {
        made(subject, scopes, Scheme::Bearer, PrincipalKind::Derived)
    }
}

impl PrimaryPrincipal {
    /// A key's principal for a test, with an account of its own.
    #[must_use]
    pub fn for_test(subject: Id, scopes: Scopes) -> Self {
        Self::wrap(made(
            subject,
            scopes,
            Scheme::ApiKey,
            PrincipalKind::Primary,
        ))
    }
}

fn made(subject: Id, scopes: Scopes, scheme: Scheme, proof: PrincipalKind) -> Principal {
    let identity = Identity {
        credential: Some(subject),
        generation: 1,
        account: Some(subject),
        account_generation: 1,
        ..Identity::bare(scheme, Subject::Id(subject.text()), scopes)
    };
    Principal::new(identity, proof, Arc::default())
}
