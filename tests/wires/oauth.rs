//! `oauth`: RFC 6749 §4.4, §5.1, §5.2, RFC 8707; the last row of "Every wire, every status".

use serde_json::json;

use crate::fixture::{Fixture, GRANT, NOW, Presented, URL, Wired, basic, claims};
use crate::words::error;

// RFC 6749 §5.1: exactly these members and headers.
#[tokio::test]
async fn token_issued_to_each_way_of_client_authentication() {
    let fixture = Fixture::new().await;
    let (id, secret) = (fixture.id(), fixture.secret());
    let pair = basic(&id, secret);
    let basic = [("authorization", &*pair)];
    let answers = [
        fixture.post(Wired::OAuth, &basic, GRANT).await,
        fixture
            .ask(Wired::OAuth, Presented::Pair(&id, secret))
            .await
            .unwrap(),
        fixture.with_key(Wired::OAuth, GRANT).await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.head(),
            [
                "cache-control: no-store",
                "content-type: application/json",
                "pragma: no-cache",
                "x-request-id: <id>",
            ]
        );
        assert_eq!(
            answer.body,
            r#"{"access_token":"<token>","token_type":"Bearer","expires_in":900,"scope":"calls:read wallet:*"}"#
        );
        let mut claims = claims(answer.token());
        assert!(claims["jti"].take().is_string());
        let now = NOW.unix_seconds();
        assert_eq!(
            claims,
            json!({
                "iss": URL, "aud": URL, "sub": id, "client_id": id, "jti": null,
                "iat": now, "exp": now + 900, "scope": "calls:read wallet:*",
                "account": fixture.account(), "cgn": 1, "agn": 1,
            })
        );
    }
}

// RFC 6749 §2.3.1: both halves of Basic are form-encoded.
#[tokio::test]
async fn client_secret_basic_is_form_decoded() {
    let fixture = Fixture::new().await;
    let encode = |text: &str| {
        text.bytes()
            .map(|b| format!("%{b:02x}"))
            .collect::<String>()
    };
    let pair = basic(&encode(&fixture.id()), &encode(fixture.secret()));
    let broken = basic(&fixture.id(), &format!("{}%4", fixture.secret()));
    for (pair, status) in [(pair, 200), (broken, 401)] {
        let headers = [("authorization", &*pair)];
        let answer = fixture.post(Wired::OAuth, &headers, GRANT).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn narrower_scope_and_other_audience_are_issued_when_asked_for() {
    let fixture = Fixture::new().await;
    let form = format!("{GRANT}&scope=wallet:pay&resource=https%3A%2F%2Fapi.example");
    let answer = fixture.with_key(Wired::OAuth, form).await;
    assert_eq!(answer.json()["scope"], "wallet:pay");
    let claims = claims(answer.token());
    assert_eq!(
        (&claims["scope"], &claims["aud"]),
        (&json!("wallet:pay"), &json!("https://api.example"))
    );
}

// RFC 6749 §5.2, what the table of statuses has not: status, whole body.
#[tokio::test]
async fn every_refusal_of_the_standards_has_its_status_and_body() {
    let fixture = Fixture::new().await;
    let in_form = format!("{GRANT}&client_id={}&client_secret=x", fixture.id());
    let several = "the credentials are malformed, or there is more than one of them";
    let grant = "grant_type must be client_credentials";
    let scope = "a scope is malformed, or is not one that the client may have";
    let target = "resource is not an audience of this issuer";
    for (form, code, description) in [
        (&*in_form, "invalid_request", several),
        ("grant_type=", "invalid_request", "grant_type is missing"),
        (
            "grant_type=client_credentials&client_secret=x",
            "invalid_request",
            "client_id is missing",
        ),
        (
            "grant_type=refresh_token&refresh_token=x",
            "unsupported_grant_type",
            grant,
        ),
        (
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange",
            "unsupported_grant_type",
            grant,
        ),
        (
            "grant_type=client_credentials&scope=+",
            "invalid_scope",
            scope,
        ),
        (
            "grant_type=client_credentials&scope=a::b",
            "invalid_scope",
            scope,
        ),
        (
            "grant_type=client_credentials&resource=https://other.example",
            "invalid_target",
            target,
        ),
        (
            "grant_type=client_credentials&resource=https://auth.example&resource=https://api.example",
            "invalid_target",
            target,
        ),
    ] {
        let answer = fixture.with_key(Wired::OAuth, form.to_owned()).await;
        assert_eq!(answer.said(), (400, &*error(code, description)), "{form}");
        assert!(!answer.headers.contains_key("www-authenticate"));
    }
}
