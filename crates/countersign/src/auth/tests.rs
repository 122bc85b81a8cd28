//! Tests of the layer as a tower service: readiness, permits, and cancellation in each state.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use http::{Request, Response, StatusCode};
use tokio::sync::oneshot;
use tokio_test::task::{self, Spawn};
use tokio_test::{assert_pending, assert_ready};
use tower::limit::ConcurrencyLimit;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tower_test::mock;

use crate::BoxFuture;
use crate::auth::{AuthLayer, AuthService, BuildError};
use crate::credentials::{Carrier, Credentials, RequestHead};
use crate::dangerous::AssertPrimary;
use crate::key::KeyPrefix;
use crate::mechanism::{CredentialSelector, Jwt, Mechanism, Outcome};
use crate::principal::{Identity, Principal};
use crate::rejection::{Challenge, EmptyBody, Reason, Rejection};
use crate::scope::Scopes;
use crate::time::Timestamp;

/// Authenticates `x-test: good | bad | late-good | late-bad | down`. The late ones wait for `gate`.
#[derive(Clone, Default)]
struct Scripted {
    gate: Arc<Mutex<Option<oneshot::Receiver<()>>>>,
}

fn outcome(word: &[u8]) -> Outcome {
    match word {
        b"good" => Outcome::Accepted(Identity::new("test", "someone", Scopes::none())),
        b"down" => Outcome::Unavailable(Reason::MechanismUnavailable),
        _ => Outcome::Rejected(Reason::Custom("bad")),
    }
}

impl Mechanism for Scripted {
    fn selectors(&self) -> Vec<CredentialSelector> {
        vec![CredentialSelector::all(Carrier::Header(
            "x-test".parse().unwrap(),
        ))]
    }

    fn challenge(&self) -> Challenge {
        Challenge::named("Test")
    }

    fn try_authenticate(
        &self,
        credentials: &Credentials,
        _: &RequestHead<'_>,
        _: Timestamp,
    ) -> Option<Outcome> {
        match credentials.expose() {
            late if late.starts_with(b"late-") => None,
            word => Some(outcome(word)),
        }
    }

    fn authenticate(
        self: Arc<Self>,
        credentials: Credentials,
        _: &RequestHead<'_>,
        _: Timestamp,
    ) -> BoxFuture<'static, Outcome> {
        let gate = self
            .gate
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        Box::pin(async move {
            if let Some(gate) = gate {
                let _ = gate.await;
            }
            outcome(credentials.expose().strip_prefix(b"late-").unwrap())
        })
    }
}

fn layer() -> (AuthLayer, oneshot::Sender<()>) {
    let (open, gate) = oneshot::channel();
    let scripted = Scripted {
        gate: Arc::new(Mutex::new(Some(gate))),
    };
    (
        AuthLayer::builder().mechanism(scripted).build().unwrap(),
        open,
    )
}

fn request(word: &str) -> Request<()> {
    Request::builder().header("x-test", word).body(()).unwrap()
}

type Inner = mock::Mock<Request<()>, Response<String>>;
type Guarded = AuthService<ConcurrencyLimit<Inner>, EmptyBody>;

/// A guarded service that lets one request in at a time, polled ready.
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

/// Sends what is refused at once, and says whether another request can be let in meanwhile.
#[track_caller]
fn refused_without_a_permit<S>(mut service: Spawn<S>, request: Request<()>)
where
    S: Service<Request<()>> + Clone + Unpin,
    S::Error: std::fmt::Debug,
{
    let mut other = task::spawn((*service).clone());
    assert_pending!(
        poll_ready(&mut other),
        "there is one permit, and it is taken"
    );
    let refused = service.call(request);
    // The response is still held, and so is the service.
    assert!(other.is_woken());
    assert_ready!(poll_ready(&mut other)).unwrap();
    drop((refused, service));
}

#[test]
fn refused_request_frees_its_permit_at_once() {
    for word in ["bad", "down"] {
        let (layer, _open) = layer();
        let (service, _handle) = limited(&layer);
        refused_without_a_permit(service, request(word));
    }
}

#[test]
fn request_without_credentials_frees_its_permit_at_once() {
    let (layer, _open) = layer();
    let (service, _handle) = limited(&layer);
    refused_without_a_permit(service, Request::new(()));
}

#[test]
fn request_that_does_not_meet_a_requirement_frees_its_permit_at_once() {
    let (inner, mut handle) = mock::pair::<Request<()>, Response<String>>();
    handle.allow(100);
    let require = crate::require(crate::require::deny()).unwrap();
    let mut service = task::spawn(require.layer(ConcurrencyLimit::new(inner, 1)));
    assert_ready!(poll_ready(&mut service)).unwrap();
    refused_without_a_permit(service, Request::new(()));
}

#[test]
fn undecided_request_keeps_the_ready_service_and_calls_it_when_accepted() {
    let (layer, open) = layer();
    let (mut service, mut handle) = limited(&layer);
    let mut response = task::spawn(service.call(request("late-good")));
    assert_pending!(response.poll());
    // The permit is the undecided request's.
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
fn undecided_request_that_is_refused_frees_its_permit_with_the_answer() {
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
fn cancelled_request_frees_its_permit_in_each_state() {
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
fn inner_service_that_is_not_ready_is_waited_for() {
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
fn error_of_the_inner_service_is_passed_on() {
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

#[test]
fn layer_rejected_without_a_mechanism() {
    assert_eq!(
        AuthLayer::builder().build().unwrap_err(),
        BuildError::NoMechanism
    );
}

#[test]
fn layer_rejected_when_two_mechanisms_select_the_same_carrier() {
    let build = AuthLayer::builder()
        .mechanism(Scripted::default())
        .mechanism(Scripted::default())
        .build();
    assert!(matches!(
        build.unwrap_err(),
        BuildError::Conflict(Carrier::Header(_))
    ));
}

#[test]
fn layer_rejected_when_its_realm_cannot_be_quoted() {
    for realm in ["a\"b", "a\\b", "a\r\nb", "ä"] {
        let build = AuthLayer::builder()
            .mechanism(Scripted::default())
            .realm(realm)
            .build();
        assert_eq!(build.unwrap_err(), BuildError::Realm);
    }
}

/// Selects the credentials that a test chooses.
#[derive(Clone)]
struct Selecting(Vec<CredentialSelector>);

impl Mechanism for Selecting {
    fn selectors(&self) -> Vec<CredentialSelector> {
        self.0.clone()
    }

    fn challenge(&self) -> Challenge {
        Challenge::BEARER
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
fn bearer_mechanism_asserted_primary_is_rejected_unless_it_selects_keys_by_prefix() {
    let asserted = |selector| {
        let mechanism = AssertPrimary(Selecting(vec![selector]));
        AuthLayer::builder().primary(mechanism).build().map(drop)
    };
    assert_eq!(
        asserted(CredentialSelector::all(Carrier::BEARER)),
        Err(BuildError::BearerAsPrimary)
    );
    assert_eq!(
        asserted(CredentialSelector::keys(
            Carrier::BEARER,
            KeyPrefix::default()
        )),
        Ok(())
    );
    assert_eq!(asserted(CredentialSelector::all(Carrier::BASIC)), Ok(()));
}

#[test]
fn keys_of_two_prefixes_and_tokens_share_the_bearer_scheme() {
    let keys = |prefix: &str| {
        Selecting(vec![CredentialSelector::keys(
            Carrier::BEARER,
            prefix.parse().unwrap(),
        )])
    };
    let tokens = Selecting(Jwt::new([]).selectors());
    let build = |mechanisms: [Selecting; 3]| {
        mechanisms
            .into_iter()
            .fold(AuthLayer::builder(), |builder, m| builder.mechanism(m))
            .build()
            .map(drop)
    };
    assert_eq!(build([keys("a"), keys("b"), tokens.clone()]), Ok(()));
    let conflict = Err(BuildError::Conflict(Carrier::BEARER));
    assert_eq!(build([keys("a"), keys("a"), tokens.clone()]), conflict);
    assert_eq!(build([keys("a"), tokens.clone(), tokens]), conflict);
}

#[test]
fn challenge_of_two_mechanisms_is_sent_once() {
    let keys = |prefix: &str| {
        let prefix = prefix.parse().unwrap();
        Selecting(vec![CredentialSelector::keys(Carrier::BEARER, prefix)])
    };
    let layer = AuthLayer::builder()
        .mechanism(keys("a"))
        .mechanism(keys("b"));
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    });
    let service = layer.build().unwrap().layer(inner);
    let answer = poll_once(service.oneshot(Request::new(()))).unwrap();
    let challenges: Vec<_> = answer
        .headers()
        .get_all("www-authenticate")
        .iter()
        .collect();
    assert_eq!(challenges, [r#"Bearer realm="countersign""#]);
}

#[test]
fn mechanism_that_returns_unavailable_with_any_reason_is_a_503() {
    #[derive(Clone)]
    struct Confused;
    impl Mechanism for Confused {
        fn selectors(&self) -> Vec<CredentialSelector> {
            vec![CredentialSelector::all(Carrier::BASIC)]
        }
        fn challenge(&self) -> Challenge {
            Challenge::BASIC
        }
        fn try_authenticate(
            &self,
            _: &Credentials,
            _: &RequestHead<'_>,
            _: Timestamp,
        ) -> Option<Outcome> {
            Some(Outcome::Unavailable(Reason::SecretWrong))
        }
    }
    let layer = AuthLayer::builder().mechanism(Confused).build().unwrap();
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    });
    let request = Request::builder()
        .header("authorization", "Basic eA==")
        .body(())
        .unwrap();
    let answer = poll_once(layer.layer(inner).oneshot(request)).unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "1");
}

fn poll_ready<S>(service: &mut Spawn<S>) -> Poll<Result<(), S::Error>>
where
    S: Service<Request<()>> + Unpin,
{
    service.enter(|cx, mut service| service.poll_ready(cx))
}

/// The output of a future that waits for nothing.
#[track_caller]
fn poll_once<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match task::spawn(future.as_mut()).poll() {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits"),
    }
}
