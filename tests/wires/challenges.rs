//! RFC 9110 §15.5.2: every 401 has a challenge, with the configured realm. It names the schemes that the endpoint
//! accepts, or `Credentials` if the credentials travel in the body.

use std::convert::Infallible;
use std::sync::Arc;

use countersign::auth::Authenticator;
use countersign::mechanism::{ApiKeys, Basic, Jwt};
use countersign::mint::Mint;
use countersign::random::SystemRandom;
use countersign::rejection::{Reason, Rejection};
use countersign_wire::{
    Introspection, ManagedTokenResource, ResponseBody, Revocation, SessionResource,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tower::{Service, ServiceExt as _};

use crate::fixture::{Body, FORM, Fixture, Presented, WireKind, basic};

const API_KEY: &str = r#"ApiKey realm="vault""#;
const BASIC: &str = r#"Basic realm="vault", charset="UTF-8""#;
const BEARER: &str = r#"Bearer realm="vault""#;
const INVALID_TOKEN: &str = r#"Bearer realm="vault", error="invalid_token""#;
const CREDENTIALS: &str = r#"Credentials realm="vault""#;

/// An API key that does not exist.
const UNKNOWN_KEY: &str = "cs_nonsense";

/// A fixture whose authenticator has a realm of its own, and also accepts tokens.
async fn fixture() -> Fixture {
    let mut fixture = Fixture::new().await;
    let trusted = fixture.issuer.trusted().directory(fixture.directory());
    let keys = ApiKeys::new(fixture.directory(), fixture.peppers.clone());
    let basic = Basic::new(fixture.directory(), fixture.peppers.clone());
    fixture.authenticator = Authenticator::builder()
        .mechanism(Jwt::new([trusted.build().unwrap()]))
        .primary(keys)
        .primary(basic.passwords(fixture.hasher.clone()))
        .realm("vault")
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    fixture
}

fn challenges<B>(response: &Response<B>) -> Vec<&str> {
    let values = response.headers().get_all("www-authenticate").iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

fn accepted_by(wire: WireKind) -> &'static [&'static str] {
    match wire {
        WireKind::Envelope => &[API_KEY, BASIC],
        WireKind::Scoped => &[API_KEY],
        WireKind::KeySecret | WireKind::Session => &[CREDENTIALS],
        WireKind::OAuth => &[BASIC],
    }
}

#[tokio::test]
async fn invalid_credentials_of_every_kind_get_the_challenges_of_the_wire() {
    let fixture = fixture().await;
    let id = fixture.id();
    for wire in WireKind::ALL {
        for presented in [
            Presented::Key(UNKNOWN_KEY),
            Presented::Pair(&id, "wrong"),
            Presented::User("unknown", "wrong"),
        ] {
            let Some(request) = wire.request_with(presented) else {
                continue;
            };
            let response = fixture.endpoint(wire).oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{wire:?}");
            assert_eq!(challenges(&response), accepted_by(wire), "{wire:?}");
        }
    }
}

#[tokio::test]
async fn missing_credentials_in_headers_get_the_challenges_of_the_wire() {
    let fixture = fixture().await;
    for wire in WireKind::HEADERS {
        let request = wire.post(&[], wire.body());
        let response = fixture.endpoint(wire).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{wire:?}");
        assert_eq!(challenges(&response), accepted_by(wire), "{wire:?}");
    }
}

#[tokio::test]
async fn scheme_that_is_not_read_has_a_reason_of_its_own_and_the_response_of_no_credentials() {
    let fixture = fixture().await;
    for wire in WireKind::HEADERS {
        for (headers, reason) in [
            (&[][..], Reason::NoCredentials),
            (&[("authorization", "Digest a=b")], Reason::SchemeUnknown),
        ] {
            let request = wire.post(headers, wire.body());
            let response = fixture.endpoint(wire).oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{wire:?}");
            assert_eq!(challenges(&response), accepted_by(wire), "{wire:?}");
            let rejection = response.extensions().get::<Rejection>().unwrap();
            assert_eq!(rejection.reason(), reason, "{wire:?}");
        }
    }
}

#[tokio::test]
async fn client_secret_basic_that_cannot_be_decoded_gets_a_challenge() {
    let fixture = fixture().await;
    for header in ["Basic !".to_owned(), basic(&fixture.id(), "%4")] {
        let request = WireKind::OAuth.post(&[("authorization", &header)], WireKind::OAuth.body());
        let endpoint = fixture.endpoint(WireKind::OAuth);
        let response = endpoint.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{header}");
        assert_eq!(challenges(&response), [BASIC], "{header}");
    }
}

#[tokio::test]
async fn other_responses_have_no_challenge() {
    let fixture = fixture().await;
    for wire in WireKind::ALL {
        let bearer = wire.post(&[("authorization", "Bearer x")], wire.body());
        let chained = fixture.endpoint(wire).oneshot(bearer).await.unwrap();
        assert_eq!(chained.status(), StatusCode::FORBIDDEN, "{wire:?}");
        let request = fixture.valid_request(wire);
        let issued = fixture.endpoint(wire).oneshot(request).await.unwrap();
        assert_eq!(issued.status(), StatusCode::OK, "{wire:?}");
        for response in [chained, issued] {
            assert!(challenges(&response).is_empty(), "{wire:?}");
        }
    }
}

/// Sends a form with a token and these credentials.
async fn send<S>(
    service: &S,
    method: Method,
    path: &str,
    credentials: Option<(&str, &str)>,
) -> Response<ResponseBody>
where
    S: Service<Request<Body>, Response = Response<ResponseBody>, Error = Infallible> + Clone,
{
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("content-type", FORM);
    if let Some((name, value)) = credentials {
        request = request.header(name, value);
    }
    let body = Full::from("token=x").boxed_unsync();
    let response = service.clone().oneshot(request.body(body).unwrap());
    response.await.unwrap()
}

#[tokio::test]
async fn introspection_and_revocation_challenge_as_the_token_endpoint_does() {
    let fixture = fixture().await;
    let trusted = fixture.issuer.trusted().directory(fixture.directory());
    let jwt = Jwt::new([trusted.build().unwrap()]);
    let introspection = Introspection::new(fixture.authenticator.clone(), jwt.clone());
    let revocation = Revocation::new(fixture.authenticator.clone(), jwt, fixture.registry.clone());
    let wrong = basic(&fixture.id(), "wrong");
    for credentials in [
        None,
        Some(("x-api-key", UNKNOWN_KEY)),
        Some(("authorization", &*wrong)),
        Some(("authorization", "Basic !")),
    ] {
        for response in [
            send(&introspection, Method::POST, "/", credentials).await,
            send(&revocation, Method::POST, "/", credentials).await,
        ] {
            assert_eq!(
                response.status(),
                StatusCode::UNAUTHORIZED,
                "{credentials:?}"
            );
            assert_eq!(challenges(&response), [BASIC], "{credentials:?}");
        }
    }
}

#[tokio::test]
async fn sessions_challenge_for_api_keys_and_basic() {
    let fixture = fixture().await;
    let sessions = SessionResource::new(fixture.authenticator.clone(), fixture.registry.clone());
    let wrong = basic(&fixture.id(), "wrong");
    for credentials in [
        None,
        Some(("x-api-key", UNKNOWN_KEY)),
        Some(("authorization", &*wrong)),
    ] {
        for (method, path) in [
            (Method::GET, "/"),
            (Method::DELETE, "/?session_id=a"),
            (Method::DELETE, "/x"),
        ] {
            let response = send(&sessions, method, path, credentials).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(challenges(&response), [API_KEY, BASIC], "{path}");
        }
    }
}

#[tokio::test]
async fn managed_tokens_challenge_for_the_presented_scheme_or_for_all() {
    let fixture = fixture().await;
    let mint = Mint::new(fixture.issuer.clone(), fixture.clock.clone(), SystemRandom);
    let tokens: Arc<_> = fixture.registry.clone();
    let tokens = ManagedTokenResource::new(fixture.authenticator.clone(), mint, tokens);
    let wrong = basic(&fixture.id(), "wrong");
    for (method, path) in [
        (Method::POST, "/"),
        (Method::GET, "/"),
        (Method::POST, "/x/suspend"),
    ] {
        let creates = (&method, path) == (&Method::POST, "/");
        let mut cases: Vec<(_, &[&str])> = vec![
            (None, &[BEARER, API_KEY, BASIC]),
            (Some(("x-api-key", UNKNOWN_KEY)), &[API_KEY]),
            (Some(("authorization", &*wrong)), &[BASIC]),
        ];
        if !creates {
            cases.push((Some(("authorization", "Bearer x.y.z")), &[INVALID_TOKEN]));
        }
        for (credentials, expected) in cases {
            let response = send(&tokens, method.clone(), path, credentials).await;
            assert_eq!(
                response.status(),
                StatusCode::UNAUTHORIZED,
                "{method} {path}"
            );
            assert_eq!(challenges(&response), expected, "{method} {path}");
        }
    }
}
