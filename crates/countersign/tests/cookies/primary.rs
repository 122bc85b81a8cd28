//! A cookie never carries a primary credential, and one mechanism reads it.

use std::convert::Infallible;

use countersign::Principal;
use countersign::auth::{AuthLayer, BuildError};
use countersign::credentials::{Carrier, Credentials, RequestHead};
use countersign::dangerous::AssertPrimary;
use countersign::mechanism::{CredentialSelector, Mechanism, Outcome};
use countersign::rejection::{Challenge, Reason, Rejection};
use countersign::require::{primary, require};
use countersign::time::Timestamp;
use http::{Method, Request, Response, StatusCode};
use tokio_test::block_on;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};

use crate::support::{Fixture, cookie_name, request, respond};

/// Accepts whatever is in the carrier.
#[derive(Clone)]
struct Anything(Carrier);

impl Mechanism for Anything {
    fn selectors(&self) -> Vec<CredentialSelector> {
        vec![CredentialSelector::all(self.0.clone())]
    }

    fn challenge(&self) -> Challenge {
        Challenge::named("Anything")
    }

    fn try_authenticate(
        &self,
        _: &Credentials,
        _: &RequestHead<'_>,
        _: Timestamp,
    ) -> Option<Outcome> {
        Some(Outcome::Rejected(Reason::Custom("never")))
    }
}

#[test]
fn cookie_is_never_a_primary_credential() {
    let fixture = Fixture::new();
    let jwt = AssertPrimary(fixture.jwt().in_cookie(cookie_name()));
    let built = AuthLayer::builder().primary(jwt).build().map(drop);
    assert_eq!(built, Err(BuildError::BearerAsPrimary));
    let own = AssertPrimary(Anything(Carrier::Cookie(cookie_name())));
    let built = AuthLayer::builder().primary(own).build().map(drop);
    assert_eq!(built, Err(BuildError::BearerAsPrimary));

    let service = ServiceBuilder::new()
        .layer(fixture.layer())
        .layer(require(primary()).unwrap())
        .service(service_fn(respond));
    let request = request(Method::GET, &[("cookie", &fixture.cookie("ada"))]);
    let response = block_on(service.oneshot(request)).unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let rejection = response.extensions().get::<Rejection>().unwrap();
    assert_eq!(rejection.reason(), Reason::PrimaryRequired);

    let service = fixture
        .layer()
        .layer(service_fn(async |request: Request<()>| {
            let principal = request.extensions().get::<Principal>().unwrap();
            assert!(principal.primary().is_none());
            Ok::<_, Infallible>(Response::new(()))
        }));
    let request = self::request(Method::GET, &[("cookie", &fixture.cookie("ada"))]);
    let response = block_on(service.oneshot(request)).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[test]
fn two_mechanisms_cannot_read_one_cookie() {
    let fixture = Fixture::new();
    let again = fixture.jwt().in_cookie(cookie_name());
    let built = fixture.builder().mechanism(again).build().map(drop);
    let carrier = Carrier::Cookie(cookie_name());
    assert_eq!(built, Err(BuildError::Conflict(carrier)));
}
