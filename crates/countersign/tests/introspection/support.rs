//! An issuer of opaque tokens, and a layer that asks it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use countersign::Principal;
use countersign::auth::{AuthLayer, AuthService};
use countersign::credentials::ClientAddress;
use countersign::mechanism::OpaqueTokens;
use countersign::rejection::{EmptyBody, Reason, Rejection};
use countersign::remote::OpaqueIssuer;
use countersign::testing::{FixedClock, TestOpaqueIssuer};
use countersign::time::Timestamp;
use http::{Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The subject of an accepted token, or the status and the reason of a rejected one.
pub(crate) type Outcome = Result<String, (u16, Reason)>;

pub(crate) const INACTIVE: Outcome = Err((401, Reason::TokenInactive));
pub(crate) const FAILED: Outcome = Err((503, Reason::IntrospectionFailed));
pub(crate) const BUSY: Outcome = Err((503, Reason::IntrospectionBusy));

pub(crate) fn accepted() -> Outcome {
    Ok("alice".to_owned())
}

/// Returns the builder of a mechanism that asks this issuer.
pub(crate) fn asking(issuer: &TestOpaqueIssuer) -> OpaqueIssuer {
    OpaqueTokens::issuer(issuer.url())
        .introspection_url(issuer.introspection_url())
        .client_secret(
            TestOpaqueIssuer::CLIENT_ID,
            &TestOpaqueIssuer::client_secret(),
        )
        .audience(TestOpaqueIssuer::AUDIENCE)
}

pub(crate) struct Fixture {
    pub(crate) issuer: TestOpaqueIssuer,
    pub(crate) clock: FixedClock,
    pub(crate) layer: AuthLayer,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder.build().unwrap())
    }

    pub(crate) fn with(build: impl FnOnce(OpaqueIssuer) -> OpaqueTokens) -> Self {
        let clock = FixedClock::at(NOW);
        let issuer = TestOpaqueIssuer::start(clock.clone()).unwrap();
        let tokens = build(asking(&issuer));
        let layer = AuthLayer::builder().mechanism(tokens).clock(clock.clone());
        Self {
            layer: layer.build().unwrap(),
            clock,
            issuer,
        }
    }

    pub(crate) fn token(&self) -> String {
        self.issuer.issue().unwrap()
    }

    pub(crate) fn send(&self, token: &str) -> impl Future<Output = Outcome> + Send + use<> {
        send(&self.layer, token, None)
    }

    pub(crate) fn send_from(
        &self,
        token: &str,
        address: &str,
    ) -> impl Future<Output = Outcome> + Send + use<> {
        send(&self.layer, token, Some(address.parse().unwrap()))
    }
}

pub(crate) fn send(
    layer: &AuthLayer,
    token: &str,
    address: Option<IpAddr>,
) -> impl Future<Output = Outcome> + Send + use<> {
    let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    let mut request = request.body(()).unwrap();
    if let Some(address) = address {
        let address = ClientAddress::Known(address);
        request.extensions_mut().insert(address);
    }
    send_request(layer, request)
}

pub(crate) fn send_request(
    layer: &AuthLayer,
    request: Request<()>,
) -> impl Future<Output = Outcome> + Send + use<> {
    let service: AuthService<_, EmptyBody> =
        layer.layer(service_fn(|request: Request<()>| async move {
            let principal = request.extensions().get::<Principal>().unwrap();
            assert!(principal.primary().is_none(), "never primary");
            Ok::<_, Infallible>(Response::new(principal.subject().to_owned()))
        }));
    let response = service.oneshot(request);
    async move {
        let response = response.await.unwrap();
        let status = response.status();
        let retry = response.headers().contains_key("retry-after");
        let may_retry = [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        assert_eq!(retry, may_retry.contains(&status));
        match response.extensions().get::<Rejection>() {
            Some(rejection) => Err((status.as_u16(), rejection.reason())),
            None => Ok(response.into_body()),
        }
    }
}
