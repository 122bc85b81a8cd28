//! Wire `oauth`: the client credentials grant (RFC 6749 §4.4, §5.1, §5.2) with resource indicators (RFC 8707).

use serde_json::json;

use crate::expected_responses::error;
use crate::fixture::{Fixture, GRANT, NOW, Presented, URL, WireKind, basic, claims};

// RFC 6749 §5.1 defines the members and the headers.
#[tokio::test]
async fn token_is_issued_for_each_client_authentication_method() {
    let fixture = Fixture::new().await;
    let (id, secret) = (fixture.id(), fixture.secret());
    let pair = basic(&id, secret);
    let basic = [("authorization", &*pair)];
    let responses = [
        fixture.post(WireKind::OAuth, &basic, GRANT).await,
        fixture
            .send_credentials(WireKind::OAuth, Presented::Pair(&id, secret))
            .await
            .unwrap(),
        fixture.post_with_key(WireKind::OAuth, GRANT).await,
    ];
    for response in responses {
        assert_eq!(response.status, 200);
        assert_eq!(
            response.header_lines(),
            [
                "cache-control: no-store",
                "content-type: application/json",
                "pragma: no-cache",
                "x-request-id: <id>",
            ]
        );
        assert_eq!(
            response.body,
            r#"{"access_token":"<token>","token_type":"Bearer","expires_in":900,"scope":"calls:read wallet:*"}"#
        );
        let mut claims = claims(response.token());
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

// RFC 6749 §2.3.1: client id and secret are form-encoded in Basic.
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
        let response = fixture.post(WireKind::OAuth, &headers, GRANT).await;
        assert_eq!(response.status, status);
    }
}

#[tokio::test]
async fn token_has_the_requested_narrower_scope_and_other_audience() {
    let fixture = Fixture::new().await;
    let form = format!("{GRANT}&scope=wallet:pay&resource=https%3A%2F%2Fapi.example");
    let response = fixture.post_with_key(WireKind::OAuth, form).await;
    assert_eq!(response.json()["scope"], "wallet:pay");
    let claims = claims(response.token());
    assert_eq!(
        (&claims["scope"], &claims["aud"]),
        (&json!("wallet:pay"), &json!("https://api.example"))
    );
}

// The errors of RFC 6749 §5.2 and RFC 8707 §2 that `expected_responses.rs` does not have.
#[tokio::test]
async fn every_error_of_the_standards_has_its_status_and_body() {
    let fixture = Fixture::new().await;
    let in_form = format!("{GRANT}&client_id={}&client_secret=x", fixture.id());
    let several = "the credentials are malformed, repeated, or of several kinds: send exactly one";
    let grant = "grant_type must be client_credentials";
    let scope =
        "a scope is malformed, not held by the credential, or not in the issuer's catalogue";
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
        let response = fixture
            .post_with_key(WireKind::OAuth, form.to_owned())
            .await;
        assert_eq!(
            response.status_and_body(),
            (400, &*error(code, description)),
            "{form}"
        );
        assert!(!response.headers.contains_key("www-authenticate"));
    }
}

// RFC 6749 §2.3: one request, one client.
#[tokio::test]
async fn client_id_of_another_client_than_the_header_is_invalid_request() {
    let fixture = Fixture::new().await;
    let (id, secret) = (fixture.id(), fixture.secret());
    let pair = basic(&id, secret);
    let key = fixture.api_key().to_owned();
    let upper = id.to_uppercase();
    let other = fixture.user.id.to_string();
    for header in [("authorization", &*pair), ("x-api-key", &*key)] {
        for (client_id, status) in [
            (&*id, 200),
            (&*upper, 400),
            ("", 200),
            (&*other, 400),
            ("x", 400),
        ] {
            let form = format!("{GRANT}&client_id={client_id}");
            let response = fixture.post(WireKind::OAuth, &[header], form).await;
            assert_eq!(
                response.status, status,
                "{header:?} {client_id}: {}",
                response.body
            );
            if status == 400 {
                assert!(
                    response.body.contains(r#""error":"invalid_request""#),
                    "{}",
                    response.body
                );
            }
        }
    }
    // Credentials that are not valid stay 401, whatever the body names.
    let wrong = basic(&id, "wrong");
    let form = format!("{GRANT}&client_id={other}");
    let headers = [("authorization", &*wrong)];
    assert_eq!(
        fixture.post(WireKind::OAuth, &headers, form).await.status,
        401
    );
}
