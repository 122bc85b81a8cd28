//! A principal, a mechanism and a layer.

use std::convert::Infallible;

use countersign::credentials::{Carrier, Credentials, RequestHead};
use countersign::mechanism::{CredentialSelector, Mechanism, Outcome};
use countersign::principal::Identity;
use countersign::rejection::{Challenge, Reason};
use countersign::testing::TestPrincipal;
use countersign::time::Timestamp;
use countersign::{AuthLayer, Principal, Scopes};
use http::{HeaderMap, Request, Response};
use serde_json::json;
use tower::{Layer, Service, ServiceExt as _, service_fn};

pub(crate) fn ada() -> TestPrincipal {
    TestPrincipal::new("ada")
        .issuer("https://a.example")
        .scopes(Scopes::opaque(
            "https://www.googleapis.com/auth/drive app!t123.Display resource-server/write calls:*",
        ))
        .claim(
            "realm_access",
            json!({ "roles": ["admin", "call reader"], "count": 3 }),
        )
        .claim("https://acme.example/roles", "editor")
        .claim("flag", true)
        .claim("tenant.id", json!({ "a/b": "x" }))
}

/// Accepts `Authorization: Bearer good`.
#[derive(Clone)]
struct Bearer;

impl Mechanism for Bearer {
    fn selectors(&self) -> Vec<CredentialSelector> {
        vec![CredentialSelector::all(Carrier::BEARER)]
    }

    fn challenge(&self) -> Challenge {
        Challenge::BEARER
    }

    fn try_authenticate(
        &self,
        credentials: &Credentials,
        _: &RequestHead<'_>,
        _: Timestamp,
    ) -> Option<Outcome> {
        Some(match credentials.expose() {
            b"good" => Outcome::Accepted(Identity::new("test", "ada", Scopes::none())),
            _ => Outcome::RejectedWith(Reason::Custom("bad"), "found bad".into()),
        })
    }
}

pub(crate) fn layer() -> AuthLayer {
    AuthLayer::builder().mechanism(Bearer).build().unwrap()
}

pub(crate) type Body = Option<(Option<Principal>, HeaderMap)>;

/// Sends a request with these headers. The handler answers with the principal and the headers that it sees.
pub(crate) async fn send(
    layer: impl Layer<
        tower::util::BoxCloneService<Request<()>, Response<Body>, Infallible>,
        Service: Service<Request<()>, Response = Response<Body>, Error = Infallible>,
    >,
    headers: &[(&'static str, &str)],
) -> Response<Body> {
    let handler = service_fn(async |request: Request<()>| {
        let principal = request.extensions().get::<Principal>().cloned();
        Ok::<_, Infallible>(Response::new(Some((principal, request.headers().clone()))))
    });
    let service = layer.layer(tower::util::BoxCloneService::new(handler));
    let mut request = Request::get("/calls.v1.Calls/List");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    service.oneshot(request.body(()).unwrap()).await.unwrap()
}
