//! Basic authentication (RFC 7617).

use std::sync::Arc;

use countersign::auth::AuthLayer;
use countersign::directory::MemoryDirectory;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::Basic;
use countersign::mechanism::password::PasswordHasher;
use countersign::random::SystemRandom;
use futures_util::future::join_all;
use http::{Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::fixture::{Fixture, basic, get};
use crate::stack;

const CHALLENGE: &str = r#"Basic realm="countersign", charset="UTF-8""#;

// RFC 7617 §2, §2.1.
#[tokio::test]
async fn basic_is_rejected_when_it_is_not_base64_of_a_utf8_user_and_password() {
    let fixture = Fixture::new().await;
    let values: [&[u8]; 12] = [
        b"Basic dGVzdA==",         // no colon
        b"Basic OnNlY3JldA==",     // empty user
        b"Basic dGVzdDo=",         // empty password
        b"Basic dGVzdDoBAg==",     // control characters
        b"Basic dGVzdDoxMjPCow",   // padding missing
        b"Basic dGVzdDoxMjPCow=",  // padding short
        b"Basic dGVzdDoxMjPCox==", // nonzero spare bits
        b"Basic dGVzdDo_Pz8_",     // base64url
        b"Basic dGVzdDoxMjOj",     // latin-1 pound sign
        b"Basic dGVzdDr//g==",     // not UTF-8
        b"Basic ====",
        b"Basic !",
    ];
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        for value in values {
            let response = running.send(get("/", &[("authorization", value)])).await;
            let case = String::from_utf8_lossy(value);
            assert_eq!(response.status.as_u16(), 401, "{case}");
            assert_eq!(response.challenges(), [CHALLENGE], "{case}");
        }
    }
}

// RFC 7617 §2.1: "dGVzdDoxMjPCow==" is the user test with the password 123£. The first colon is the separator.
#[tokio::test]
async fn basic_is_accepted_with_utf8_and_with_colons_in_the_password() {
    let fixture = Fixture::new().await;
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let example = running
            .send(get("/", &[("authorization", b"Basic dGVzdDoxMjPCow==")]))
            .await;
        assert_eq!(example.status, StatusCode::OK);
        let colons = basic("colon", "p:w:");
        let response = running.send(get("/", &[("authorization", &colons)])).await;
        assert_eq!(response.status, StatusCode::OK);
    }
}

// bcrypt would use the first 72 bytes only.
#[tokio::test]
async fn password_is_rejected_when_it_differs_after_72_bytes() {
    let fixture = Fixture::new().await;
    let running = stack::ALL[0].start(&fixture).await;
    let right = basic("long", &format!("{}a", "x".repeat(72)));
    let wrong = basic("long", &format!("{}b", "x".repeat(72)));
    assert_eq!(
        running
            .send(get("/", &[("authorization", &right)]))
            .await
            .status,
        StatusCode::OK
    );
    let response = running.send(get("/", &[("authorization", &wrong)])).await;
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
}

// User enumeration: CVE-2018-20170, CVE-2025-69413, CVE-2026-23511.
#[tokio::test]
async fn unknown_user_wrong_password_and_revoked_user_get_the_same_response() {
    let fixture = Fixture::new().await;
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let mut responses = Vec::new();
        for (name, password) in [
            ("unknown", "x"),
            ("test", "x"),
            ("revoked", "right"),
            ("Тest", "123£"),
        ] {
            let value = basic(name, password);
            responses.push(
                running
                    .send(get("/", &[("authorization", &value)]))
                    .await
                    .without_date(),
            );
        }
        assert_eq!(responses[0].status.as_u16(), 401);
        assert!(responses.iter().all(|response| *response == responses[0]));
    }
}

// A token is never accepted as a password, so that it cannot mint another token.
#[tokio::test]
async fn token_as_a_password_is_rejected_without_a_look_up() {
    let fixture = Fixture::new().await;
    let running = stack::ALL[0].start(&fixture).await;
    let before = fixture.directory.look_ups();
    for name in ["test", "unknown", &fixture.key.record.id.to_string()] {
        let value = basic(name, &fixture.token);
        let response = running.send(get("/", &[("authorization", &value)])).await;
        assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(fixture.directory.look_ups(), before);
}

// CVE-2026-47203: every spelling of a name is the same user.
#[tokio::test]
async fn user_name_is_case_insensitive_in_ascii_and_a_trailing_space_is_rejected() {
    let fixture = Fixture::new().await;
    let running = stack::ALL[0].start(&fixture).await;
    let same = basic("TEST", "123£");
    let response = running.send(get("/", &[("authorization", &same)])).await;
    assert_eq!(response.status, StatusCode::OK);
    let plain = running
        .send(get("/", &[("authorization", &basic("test", "123£"))]))
        .await;
    assert_eq!(response.body, plain.body, "one subject");
    let spaced = running
        .send(get("/", &[("authorization", &basic("test ", "123£"))]))
        .await;
    assert_eq!(spaced.status, StatusCode::UNAUTHORIZED);
}

fn basic_service(
    parallel: usize,
) -> impl Fn(Vec<u8>) -> futures_util::future::BoxFuture<'static, Response<String>> {
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let hasher = PasswordHasher::new(parallel, SystemRandom).unwrap();
    let basic = Basic::new(Arc::new(MemoryDirectory::default()), peppers).passwords(hasher);
    let layer = AuthLayer::builder().primary(basic).build().unwrap();
    move |value| {
        let inner = service_fn(|_: Request<()>| async {
            Ok::<_, std::convert::Infallible>(Response::new(String::new()))
        });
        let request = Request::builder()
            .header("authorization", value)
            .body(())
            .unwrap();
        let service = layer.layer(inner);
        Box::pin(async move { service.oneshot(request).await.unwrap() })
    }
}

// A thousand concurrent requests: one hash at a time, sixteen in the queue, and 503 for the others.
#[tokio::test]
async fn passwords_beyond_the_queue_get_503() {
    let send = basic_service(1);
    let responses = join_all((0..1000).map(|i| send(basic(&format!("user{i}"), "x")))).await;
    let count = |status| responses.iter().filter(|a| a.status() == status).count();
    // While requests arrive, a hash may finish and free a place in the queue.
    let (hashed, busy) = (
        count(StatusCode::UNAUTHORIZED),
        count(StatusCode::SERVICE_UNAVAILABLE),
    );
    assert_eq!(hashed + busy, 1000);
    assert!((17..500).contains(&hashed), "{hashed} were hashed");
    let busy = responses
        .iter()
        .find(|a| a.status() == StatusCode::SERVICE_UNAVAILABLE)
        .unwrap();
    assert_eq!(busy.headers()["retry-after"], "1");
    // The queue has places again after those passwords were hashed.
    assert_eq!(
        send(basic("late", "x")).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

// Passwords that are too long are rejected before they reach the queue.
#[tokio::test]
async fn passwords_over_1_kib_are_rejected_before_hashing() {
    let send = basic_service(1);
    let long = "x".repeat(1025);
    let huge = "x".repeat(1 << 20);
    for password in [&long, &huge] {
        let responses = join_all((0..100).map(|_| send(basic("user", password)))).await;
        assert!(
            responses
                .iter()
                .all(|a| a.status() == StatusCode::UNAUTHORIZED)
        );
    }
}
