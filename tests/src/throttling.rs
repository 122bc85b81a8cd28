//! A custom mechanism that throttles every request.

use std::time::Duration;

use countersign::credentials::{Carrier, Credentials, RequestHead};
use countersign::mechanism::{CredentialSelector, Mechanism, Outcome};
use countersign::rejection::Challenge;
use countersign::time::Timestamp;
use http::HeaderName;

/// Throttles every request with the header `x-badge`; the client may retry after 2001 ms.
#[derive(Clone, Debug)]
pub struct ThrottlingMechanism;

impl Mechanism for ThrottlingMechanism {
    fn selectors(&self) -> Vec<CredentialSelector> {
        vec![CredentialSelector::all(Carrier::Header(
            HeaderName::from_static("x-badge"),
        ))]
    }

    fn challenge(&self) -> Challenge {
        Challenge::named("Badge")
    }

    fn try_authenticate(
        &self,
        _: &Credentials,
        _: &RequestHead<'_>,
        _: Timestamp,
    ) -> Option<Outcome> {
        Some(Outcome::Throttled {
            retry_after: Duration::from_millis(2001),
        })
    }
}
