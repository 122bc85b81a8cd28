//! security.md 1d, rows 61 to 66: Basic.

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

// Row 61; RFC 7617 §2, §2.1.
#[tokio::test]
async fn basic_rejected_when_it_is_not_base64_of_a_pair_in_utf8() {
    let fixture = Fixture::new().await;
    let values: [&[u8]; 12] = [
        b"Basic dGVzdA==",         // no colon
        b"Basic OnNlY3JldA==",     // empty user
        b"Basic dGVzdDo=",         // empty password
        b"Basic dGVzdDoBAg==",     // control characters
        b"Basic dGVzdDoxMjPCow",   // padding missing
        b"Basic dGVzdDoxMjPCow=",  // padding short
        b"Basic dGVzdDoxMjPCox==", // stray bits
        b"Basic dGVzdDo_Pz8_",     // base64url
        b"Basic dGVzdDoxMjOj",     // latin-1 pound sign
        b"Basic dGVzdDr//g==",     // not UTF-8
        b"Basic ====",
        b"Basic !",
    ];
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        for value in values {
            let answer = running.send(get("/", &[("authorization", value)])).await;
            let case = String::from_utf8_lossy(value);
            assert_eq!(answer.status.as_u16(), 401, "{case}");
            assert_eq!(answer.challenges(), [CHALLENGE], "{case}");
        }
    }
}

// Row 62; RFC 7617 §2.1: "dGVzdDoxMjPCow==" is test and 123£; the first colon separates.
#[tokio::test]
async fn basic_accepted_for_utf8_and_for_colons_in_the_password() {
    let fixture = Fixture::new().await;
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let example = running
            .send(get("/", &[("authorization", b"Basic dGVzdDoxMjPCow==")]))
            .await;
        assert_eq!(example.status, StatusCode::OK);
        let colons = basic("colon", "p:w:");
        let answer = running.send(get("/", &[("authorization", &colons)])).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
}

// Row 63; the whole password counts, not its first 72 bytes.
#[tokio::test]
async fn password_rejected_when_it_differs_after_72_bytes() {
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
    let answer = running.send(get("/", &[("authorization", &wrong)])).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

// Rows 65 and 66.
#[tokio::test]
async fn unknown_user_wrong_password_and_revoked_user_get_one_answer() {
    let fixture = Fixture::new().await;
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let mut answers = Vec::new();
        for (name, password) in [
            ("nobody", "x"),
            ("test", "x"),
            ("gone", "right"),
            ("Тest", "123£"),
        ] {
            let value = basic(name, password);
            answers.push(
                running
                    .send(get("/", &[("authorization", &value)]))
                    .await
                    .timeless(),
            );
        }
        assert_eq!(answers[0].status.as_u16(), 401);
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }
}

// wires.md, "chaining": a token is no password, and costs neither a look-up nor a hash.
#[tokio::test]
async fn token_as_a_password_is_refused_without_a_look_up() {
    let fixture = Fixture::new().await;
    let running = stack::ALL[0].start(&fixture).await;
    let before = fixture.watched.look_ups();
    for name in ["test", "nobody", &fixture.key.record.id.to_string()] {
        let value = basic(name, &fixture.token);
        let answer = running.send(get("/", &[("authorization", &value)])).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(fixture.watched.look_ups(), before);
}

// Row 66; CVE-2026-47203: one canonical form.
#[tokio::test]
async fn user_name_is_the_same_in_any_ascii_case_and_with_no_space() {
    let fixture = Fixture::new().await;
    let running = stack::ALL[0].start(&fixture).await;
    let same = basic("TEST", "123£");
    let answer = running.send(get("/", &[("authorization", &same)])).await;
    assert_eq!(answer.status, StatusCode::OK);
    let plain = running
        .send(get("/", &[("authorization", &basic("test", "123£"))]))
        .await;
    assert_eq!(answer.body, plain.body, "one subject");
    let spaced = running
        .send(get("/", &[("authorization", &basic("test ", "123£"))]))
        .await;
    assert_eq!(spaced.status, StatusCode::UNAUTHORIZED);
}

fn guarded(
    parallel: usize,
) -> impl Fn(Vec<u8>) -> futures_util::future::BoxFuture<'static, Response<String>> {
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let hasher = PasswordHasher::new(parallel, &SystemRandom).unwrap();
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

// Row 64: a thousand tries at once. One hash at a time, sixteen waiting, the rest told to come back.
#[tokio::test]
async fn passwords_beyond_the_queue_are_answered_with_503() {
    let send = guarded(1);
    let answers = join_all((0..1000).map(|i| send(basic(&format!("user{i}"), "x")))).await;
    let count = |status| answers.iter().filter(|a| a.status() == status).count();
    // While the crowd arrives a hash may end and make room for one more.
    let (judged, busy) = (
        count(StatusCode::UNAUTHORIZED),
        count(StatusCode::SERVICE_UNAVAILABLE),
    );
    assert_eq!(judged + busy, 1000);
    assert!((17..500).contains(&judged), "{judged} were hashed");
    let busy = answers
        .iter()
        .find(|a| a.status() == StatusCode::SERVICE_UNAVAILABLE)
        .unwrap();
    assert_eq!(busy.headers()["retry-after"], "1");
    // Room again, once those have been hashed.
    assert_eq!(
        send(basic("late", "x")).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

// Row 64: what is too long is refused before hashing, so that no number of them fills the queue.
#[tokio::test]
async fn passwords_over_1_kib_are_refused_before_hashing() {
    let send = guarded(1);
    let long = "x".repeat(1025);
    let huge = "x".repeat(1 << 20);
    for password in [&long, &huge] {
        let answers = join_all((0..100).map(|_| send(basic("user", password)))).await;
        assert!(
            answers
                .iter()
                .all(|a| a.status() == StatusCode::UNAUTHORIZED)
        );
    }
}
