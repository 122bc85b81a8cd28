//! Which answers accept a token.

use std::convert::Infallible;
use std::time::Duration;

use countersign::Principal;
use countersign::auth::Authenticator;
use countersign::credentials::RequestHead;
use countersign::rejection::Reason;
use countersign::testing::IssuerResponse;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{FAILED, Fixture, INACTIVE, NOW, Outcome, accepted};

const SECONDS: i64 = NOW.unix_seconds();

fn rejected(reason: Reason) -> Outcome {
    Err((401, reason))
}

/// Sends a new token after `member` of its answer was set to `value`.
async fn with(fixture: &Fixture, member: &str, value: Value) -> Outcome {
    let token = fixture.token();
    fixture.issuer.set(&token, member, value);
    fixture.send(&token).await
}

async fn without(fixture: &Fixture, member: &str) -> Outcome {
    let token = fixture.token();
    fixture.issuer.remove(&token, member);
    fixture.send(&token).await
}

#[tokio::test]
async fn only_the_boolean_true_is_active() {
    let fixture = Fixture::new();
    assert_eq!(with(&fixture, "active", json!(true)).await, accepted());
    assert_eq!(with(&fixture, "active", json!(false)).await, INACTIVE);
    for active in [
        json!("true"),
        json!(1),
        json!(null),
        json!([true]),
        json!({}),
    ] {
        let outcome = with(&fixture, "active", active.clone()).await;
        assert_eq!(outcome, FAILED, "{active}");
    }
    assert_eq!(without(&fixture, "active").await, FAILED);
}

#[tokio::test]
async fn answer_that_is_not_one_json_object_is_503() {
    let fixture = Fixture::new();
    let token = fixture.token();
    let active = "\"active\":true";
    for body in [
        String::new(),
        "true".to_owned(),
        format!("[{{{active}}}]"),
        format!("{{{active}"),
        format!("{{{active}}} {{}}"),
        format!("{{{active},{active}}}"),
        format!("{{{active},\"act\\u0069ve\":true}}"),
        format!("{{{active},\"iss\":\"a\",\"iss\":\"b\"}}"),
        format!("\u{feff}{{{active}}}"),
        "<html></html>".to_owned(),
    ] {
        fixture
            .issuer
            .set_response(IssuerResponse::Body(body.clone()));
        assert_eq!(fixture.send(&token).await, FAILED, "{body}");
    }
}

#[tokio::test]
async fn issuer_must_be_the_configured_one() {
    let fixture = Fixture::new();
    let url = fixture.issuer.url().to_owned();
    for iss in [
        json!("https://other.test"),
        json!(format!("{url}/")),
        json!([url]),
        json!(null),
        json!(""),
    ] {
        let outcome = with(&fixture, "iss", iss.clone()).await;
        assert!(matches!(outcome, Err((401, _))), "{iss}: {outcome:?}");
    }
    assert_eq!(
        without(&fixture, "iss").await,
        rejected(Reason::IssuerUntrusted)
    );
}

#[tokio::test]
async fn audience_must_be_a_configured_one() {
    let fixture = Fixture::new();
    let both = json!(["https://other.test", "https://api.test"]);
    assert_eq!(with(&fixture, "aud", both).await, accepted());
    for aud in [
        json!("https://other.test"),
        json!("https://api.test/"),
        json!("*"),
        json!([]),
    ] {
        let outcome = with(&fixture, "aud", aud.clone()).await;
        assert_eq!(outcome, rejected(Reason::AudienceMismatch), "{aud}");
    }
    for aud in [json!(42), json!(["https://api.test", 1]), json!({})] {
        let outcome = with(&fixture, "aud", aud.clone()).await;
        assert!(matches!(outcome, Err((401, _))), "{aud}: {outcome:?}");
    }
    assert_eq!(
        without(&fixture, "aud").await,
        rejected(Reason::AudienceMismatch)
    );
}

#[tokio::test]
async fn times_are_checked_although_the_issuer_says_active() {
    let fixture = Fixture::new();
    // The leeway of external issuers is 30 s.
    let token = fixture.token();
    fixture.issuer.remove(&token, "iat");
    fixture.issuer.set(&token, "exp", SECONDS - 29);
    assert_eq!(fixture.send(&token).await, accepted());
    for exp in [SECONDS - 30, SECONDS - 1000, 0] {
        let outcome = with(&fixture, "exp", json!(exp)).await;
        assert_eq!(outcome, rejected(Reason::TokenExpired), "{exp}");
    }
    assert_eq!(
        without(&fixture, "exp").await,
        rejected(Reason::TokenExpired)
    );
    for exp in [json!("never"), json!(true), json!(null), json!(-1)] {
        let outcome = with(&fixture, "exp", exp.clone()).await;
        assert_eq!(outcome, rejected(Reason::ClaimsMalformed), "{exp}");
    }
    let outcome = with(&fixture, "exp", json!(SECONDS + 49 * 3600)).await;
    assert_eq!(outcome, rejected(Reason::LifetimeTooLong));
    for claim in ["nbf", "iat"] {
        let outcome = with(&fixture, claim, json!(SECONDS + 60)).await;
        assert_eq!(outcome, rejected(Reason::NotYetValid), "{claim}");
    }
}

#[tokio::test]
async fn subject_is_required_and_can_be_read_from_another_claim() {
    let fixture = Fixture::new();
    assert_eq!(
        without(&fixture, "sub").await,
        rejected(Reason::ClaimsMalformed)
    );
    for sub in [json!(""), json!(1), json!("a\r\nb")] {
        let outcome = with(&fixture, "sub", sub.clone()).await;
        assert_eq!(outcome, rejected(Reason::ClaimsMalformed), "{sub}");
    }
    let fixture = Fixture::with(|builder| builder.subject_claim("client_id").build().unwrap());
    assert_eq!(without(&fixture, "sub").await, Ok("test-client".to_owned()));
}

// RFC 7800: the binding cannot be checked.
#[tokio::test]
async fn token_that_is_bound_to_a_key_is_rejected() {
    let fixture = Fixture::new();
    for binding in [json!({"jkt": "x"}), json!({}), json!(null)] {
        let outcome = with(&fixture, "cnf", binding).await;
        assert_eq!(outcome, rejected(Reason::TokenBound));
    }
}

// RFC 9700 §4.14: a refresh token is active too.
#[tokio::test]
async fn refresh_token_is_not_an_access_token() {
    let fixture = Fixture::new();
    for (member, value) in [
        ("token_type", json!("refresh_token")),
        ("token_type", json!("DPoP")),
        ("token_type", json!("N_A")),
        ("token_type", json!(["Bearer"])),
        ("token_use", json!("refresh_token")),
        ("token_use", json!("id")),
    ] {
        let outcome = with(&fixture, member, value.clone()).await;
        assert_eq!(outcome, rejected(Reason::TypeRejected), "{member}: {value}");
    }
    for (member, value) in [
        ("token_type", json!("bearer")),
        ("token_type", json!("access_token")),
        ("token_type", json!(null)),
        ("token_use", json!("access_token")),
    ] {
        assert_eq!(with(&fixture, member, value).await, accepted(), "{member}");
    }
    assert_eq!(without(&fixture, "token_type").await, accepted());
}

async fn principal(authenticator: &Authenticator, token: &str) -> Principal {
    let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    let request = request.body(()).unwrap();
    let head = RequestHead::new(&request);
    let credentials = authenticator.find_credentials(&head).unwrap().unwrap();
    authenticator
        .authenticate(credentials, &head)
        .await
        .unwrap()
}

#[tokio::test]
async fn principal_has_the_scopes_and_claims_of_the_answer_and_is_revalidated_by_its_expiry() {
    let fixture = Fixture::new();
    let token = fixture.token();
    fixture.issuer.set(&token, "scope", "calls:read calls:*");
    fixture.issuer.set(&token, "jti", "one");
    fixture.issuer.set(&token, "department", "sales");
    let authenticator = fixture.layer.authenticator();
    let principal = principal(authenticator, &token).await;
    assert_eq!(principal.issuer(), Some(fixture.issuer.url()));
    assert_eq!(principal.token_id(), Some("one"));
    assert_eq!(principal.scheme().as_str(), "bearer");
    assert_eq!(principal.account(), None);
    assert_eq!(principal.claim::<String>("department").unwrap(), "sales");
    assert_eq!(
        principal.expires_at().unwrap().unix_seconds(),
        SECONDS + 300
    );
    // Scopes of external issuers are opaque: `*` is no pattern.
    assert_eq!(principal.scopes().as_str(), "calls:read calls:*");
    assert!(!principal.scopes().grants(&"calls:write".parse().unwrap()));

    assert!(authenticator.revalidate(&principal).is_ok());
    fixture.clock.advance(Duration::from_secs(329));
    assert!(authenticator.revalidate(&principal).is_ok());
    fixture.clock.advance(Duration::from_secs(1));
    let rejection = authenticator.revalidate(&principal).unwrap_err();
    assert_eq!(rejection.reason(), Reason::TokenExpired);
    assert_eq!(
        fixture.issuer.introspections(),
        1,
        "revalidation asks nothing"
    );
}

#[tokio::test]
async fn rejection_says_what_was_found_and_what_is_configured_and_not_the_token() {
    let fixture = Fixture::new();
    let token = fixture.token();
    fixture.issuer.set(&token, "aud", "https://other.test");
    let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    let request = request.body(()).unwrap();
    let head = RequestHead::new(&request);
    let authenticator = fixture.layer.authenticator();
    let credentials = authenticator.find_credentials(&head).unwrap().unwrap();
    let rejection = authenticator
        .authenticate(credentials, &head)
        .await
        .unwrap_err();
    let text = rejection.to_string();
    assert!(
        text.contains("https://other.test") && text.contains("https://api.test"),
        "{text}"
    );
    assert!(!text.contains(&token), "{text}");
}

#[tokio::test]
async fn response_does_not_tell_why_a_token_is_rejected() {
    let fixture = Fixture::new();
    let revoked = fixture.token();
    fixture.issuer.revoke(&revoked);
    let mut tokens = vec!["never-issued".to_owned(), revoked];
    for (member, value) in [
        ("exp", json!(SECONDS - 60)),
        ("aud", json!("https://other.test")),
        ("iss", json!("https://other.test")),
        ("token_use", json!("refresh_token")),
        ("cnf", json!({})),
    ] {
        let token = fixture.token();
        fixture.issuer.set(&token, member, value);
        tokens.push(token);
    }
    let mut responses = Vec::new();
    for token in &tokens {
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        let service = fixture.layer.layer(service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(String::new()))
        }));
        let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        responses.push((head.status, head.headers, body));
    }
    assert_eq!(responses[0].0, StatusCode::UNAUTHORIZED);
    let challenge = "Bearer realm=\"countersign\", error=\"invalid_token\"";
    assert_eq!(responses[0].1["www-authenticate"], challenge);
    for (token, response) in tokens.iter().zip(&responses) {
        assert_eq!(*response, responses[0], "{token}");
    }
}
