//! Tests of the layer as a tower service: readiness, permits, and cancellation in each state.

use std::task::Poll;

use http::{Request, Response, StatusCode};
use tokio_test::task::{self, Spawn};
use tokio_test::{assert_pending, assert_ready};
use tower::limit::ConcurrencyLimit;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tower_test::mock;

use super::{layer, poll_once, request};
use crate::auth::{AuthLayer, AuthService};
use crate::credentials::Carrier;
use crate::principal::{Identity, Principal};
use crate::rejection::{EmptyBody, Reason, Rejection};
use crate::scope::Scopes;

type Inner = mock::Mock<Request<()>, Response<String>>;
type Guarded = AuthService<ConcurrencyLimit<Inner>, EmptyBody>;

/// Returns a service that accepts one request at a time, polled ready.
fn limited(layer: &AuthLayer) -> (Spawn<Guarded>, mock::Handle<Request<()>, Response<String>>) {
    let (inner, mut handle) = mock::pair();
    handle.allow(100);
    let mut service = task::spawn(layer.layer(ConcurrencyLimit::new(inner, 1)));
    assert_ready!(poll_ready(&mut service)).unwrap();
    (service, handle)
}

#[test]
fn accepted_request_is_served_by_the_service_that_was_polled_ready() {
    let (layer, _open) = layer();
    let (mut service, mut handle) = limited(&layer);
    // A clone that was never polled ready panics in `ConcurrencyLimit::call`.
    let mut response = task::spawn(service.call(request("good")));
    assert_pending!(response.poll());
    let (seen, send) = assert_ready!(task::spawn(handle.next_request()).poll()).unwrap();
    assert!(
        seen.headers().get("x-test").is_none(),
        "the credentials are removed"
    );
    assert_eq!(
        seen.extensions().get::<Principal>().unwrap().subject(),
        "someone"
    );
    assert!(seen.extensions().get::<Scopes>().is_some());
    send.send_response(Response::default());
    assert_eq!(
        assert_ready!(response.poll()).unwrap().status(),
        StatusCode::OK
    );
}

/// Sends a request that is rejected at once, and checks that another one can be accepted while its response is held.
#[track_caller]
fn assert_rejected_without_a_permit<S>(mut service: Spawn<S>, request: Request<()>)
where
    S: Service<Request<()>> + Clone + Unpin,
    S::Error: std::fmt::Debug,
{
    let mut other = task::spawn((*service).clone());
    assert_pending!(
        poll_ready(&mut other),
        "there is one permit, and it is taken"
    );
    let rejected = service.call(request);
    // The response is still held, and so is the service.
    assert!(other.is_woken());
    assert_ready!(poll_ready(&mut other)).unwrap();
    drop((rejected, service));
}

#[test]
fn rejected_request_releases_its_permit_at_once() {
    for word in ["bad", "down"] {
        let (layer, _open) = layer();
        let (service, _handle) = limited(&layer);
        assert_rejected_without_a_permit(service, request(word));
    }
}

#[test]
fn request_without_credentials_releases_its_permit_at_once() {
    let (layer, _open) = layer();
    let (service, _handle) = limited(&layer);
    assert_rejected_without_a_permit(service, Request::new(()));
}

#[test]
fn request_that_does_not_meet_a_requirement_releases_its_permit_at_once() {
    let (inner, mut handle) = mock::pair::<Request<()>, Response<String>>();
    handle.allow(100);
    let require = crate::require(crate::require::deny()).unwrap();
    let mut service = task::spawn(require.layer(ConcurrencyLimit::new(inner, 1)));
    assert_ready!(poll_ready(&mut service)).unwrap();
    assert_rejected_without_a_permit(service, Request::new(()));
}

#[test]
fn waiting_request_keeps_the_ready_service_and_calls_it_when_accepted() {
    let (layer, open) = layer();
    let (mut service, mut handle) = limited(&layer);
    let mut response = task::spawn(service.call(request("late-good")));
    assert_pending!(response.poll());
    // The waiting request has the permit.
    assert_pending!(poll_ready(&mut service));
    open.send(()).unwrap();
    assert!(response.is_woken());
    assert_pending!(response.poll());
    let (seen, send) = assert_ready!(task::spawn(handle.next_request()).poll()).unwrap();
    assert!(seen.extensions().get::<Principal>().is_some());
    send.send_response(Response::default());
    assert_eq!(
        assert_ready!(response.poll()).unwrap().status(),
        StatusCode::OK
    );
    drop(response);
    assert!(service.is_woken());
    assert_ready!(poll_ready(&mut service)).unwrap();
}

#[test]
fn waiting_request_that_is_rejected_releases_its_permit_with_the_response() {
    let (layer, open) = layer();
    let (mut service, _handle) = limited(&layer);
    let mut response = task::spawn(service.call(request("late-bad")));
    assert_pending!(response.poll());
    open.send(()).unwrap();
    let answer = assert_ready!(response.poll()).unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_ready!(poll_ready(&mut service)).unwrap();
}

#[test]
fn cancelled_request_releases_its_permit_in_each_state() {
    for word in ["good", "bad", "late-good"] {
        let (layer, _open) = layer();
        let (mut service, _handle) = limited(&layer);
        let mut response = task::spawn(service.call(request(word)));
        let _ = response.poll();
        drop(response);
        assert_ready!(poll_ready(&mut service)).unwrap();
    }
}

#[test]
fn layer_is_not_ready_until_the_inner_service_is() {
    let (layer, _open) = layer();
    let (inner, mut handle) = mock::pair::<Request<()>, Response<String>>();
    handle.allow(0);
    let mut service = task::spawn(layer.layer(inner));
    assert_pending!(poll_ready(&mut service));
    handle.allow(1);
    assert!(service.is_woken());
    assert_ready!(poll_ready(&mut service)).unwrap();
}

#[test]
fn error_of_the_inner_service_is_returned() {
    let (layer, _open) = layer();
    let inner = service_fn(|_: Request<()>| async { Err::<Response<String>, _>("broken") });
    let answer = poll_once(layer.layer(inner).oneshot(request("good")));
    assert_eq!(answer.unwrap_err(), "broken");
}

#[test]
fn principal_that_is_already_in_the_extensions_is_replaced() {
    for word in ["good", "late-good"] {
        let (layer, open) = layer();
        drop(open);
        let inner = service_fn(|request: Request<()>| async move {
            let subject = request
                .extensions()
                .get::<Principal>()
                .unwrap()
                .subject()
                .to_owned();
            let scopes = request.extensions().get::<Scopes>().unwrap().to_string();
            Ok::<_, std::convert::Infallible>(Response::new(subject + &scopes))
        });
        let mut forged = request(word);
        let scopes: Scopes = "*".parse().unwrap();
        let identity = Identity::new("forged", "root", scopes.clone());
        let principal = Principal::unattached(
            identity,
            Carrier::BEARER,
            crate::principal::PrincipalKind::Primary,
        );
        forged.extensions_mut().insert(principal);
        forged.extensions_mut().insert(scopes);
        let answer = poll_once(layer.layer(inner).oneshot(forged)).unwrap();
        assert_eq!(answer.body(), "someone", "{word}");
    }
}

#[test]
fn rejection_is_in_the_extensions_of_the_response() {
    let (layer, _open) = layer();
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    });
    let answer = poll_once(layer.layer(inner).oneshot(request("bad"))).unwrap();
    let rejection = answer.extensions().get::<Rejection>().unwrap();
    assert_eq!(rejection.reason(), Reason::Custom("bad"));
}

fn poll_ready<S>(service: &mut Spawn<S>) -> Poll<Result<(), S::Error>>
where
    S: Service<Request<()>> + Unpin,
{
    service.enter(|cx, mut service| service.poll_ready(cx))
}
