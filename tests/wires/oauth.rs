//! `oauth`: RFC 6749 §4.4, §5.1, §5.2, RFC 8707; the last row of "Every wire, every status".

use http::Request;
use http_body_util::Full;
use serde_json::json;

use crate::fixture::{Fixture, GRANT, NOW, URL, basic, claims};

// RFC 6749 §5.1: exactly these members and headers.
#[tokio::test]
async fn token_issued_to_each_way_of_client_authentication() {
    let fixture = Fixture::new().await;
    let (id, secret) = (fixture.id(), fixture.secret());
    let pair = basic(&id, secret);
    let post = format!("{GRANT}&client_id={id}&client_secret={secret}");
    let answers = [
        fixture.post(&[("authorization", &pair)], GRANT).await,
        fixture.post(&[], post).await,
        fixture
            .post(&[("x-api-key", fixture.api_key())], GRANT)
            .await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.head(),
            [
                "cache-control: no-store",
                "content-type: application/json",
                "pragma: no-cache"
            ]
        );
        let mut body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let token = body["access_token"].take();
        assert_eq!(
            body,
            json!({
                "access_token": null,
                "token_type": "Bearer",
                "expires_in": 900,
                "scope": "calls:read wallet:*",
            })
        );
        let mut claims = claims(token.as_str().unwrap());
        assert!(claims["jti"].take().is_string());
        let now = NOW.unix_seconds();
        assert_eq!(
            claims,
            json!({
                "iss": URL, "aud": URL, "sub": id, "client_id": id, "jti": null,
                "iat": now, "exp": now + 900, "scope": "calls:read wallet:*",
                "account": fixture.key.record.account_id.to_string(), "cgn": 1, "agn": 1,
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
    let answer = fixture.post(&[("authorization", &pair)], GRANT).await;
    assert_eq!(answer.status, 200);
    let broken = basic(&fixture.id(), &format!("{}%4", fixture.secret()));
    assert_eq!(
        fixture
            .post(&[("authorization", &broken)], GRANT)
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn narrower_scope_and_other_audience_are_issued_when_asked_for() {
    let fixture = Fixture::new().await;
    let form = format!("{GRANT}&scope=wallet:pay&resource=https%3A%2F%2Fapi.example");
    let answer = fixture
        .post(&[("x-api-key", fixture.api_key())], form)
        .await;
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["scope"], "wallet:pay");
    let claims = claims(body["access_token"].as_str().unwrap());
    assert_eq!(
        (&claims["scope"], &claims["aud"]),
        (&json!("wallet:pay"), &json!("https://api.example"))
    );
}

fn error(error: &str, description: &str) -> String {
    format!(r#"{{"error":"{error}","error_description":"{description}"}}"#)
}

// RFC 6749 §5.2 and wires.md, "Every wire, every status": status, whole body.
#[tokio::test]
async fn every_refusal_has_its_status_and_body() {
    let fixture = Fixture::new().await;
    let key = [("x-api-key", fixture.api_key())];
    let bad = basic(&fixture.id(), "x");
    let good = basic(&fixture.id(), fixture.secret());
    let in_form = format!("{GRANT}&client_id={}&client_secret=x", fixture.id());
    let invalid_client = error("invalid_client", "client authentication failed");
    let ambiguous = error(
        "invalid_request",
        "client credentials are malformed, or there is more than one of them",
    );
    let grant = error(
        "unsupported_grant_type",
        "grant_type must be client_credentials",
    );
    let scope = error(
        "invalid_scope",
        "a scope is malformed, or is not one that the client may have",
    );
    let target = error(
        "invalid_target",
        "resource is not an audience of this issuer",
    );
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, u16, &'a str);
    let rows: [Row<'_>; 18] = [
        (&[], GRANT, 401, &invalid_client),
        (&[], &in_form, 401, &invalid_client),
        (&[("authorization", &bad)], GRANT, 401, &invalid_client),
        (&[("x-api-key", "cs_bad")], GRANT, 401, &invalid_client),
        (
            &[("x-api-key", fixture.revoked.issued.key.expose())],
            GRANT,
            401,
            &invalid_client,
        ),
        (
            &[("authorization", &good), ("x-api-key", fixture.api_key())],
            GRANT,
            400,
            &ambiguous,
        ),
        (
            &[("x-api-key", "a"), ("x-api-key", "a")],
            GRANT,
            400,
            &ambiguous,
        ),
        (
            &[("authorization", &good), ("authorization", &good)],
            GRANT,
            400,
            &ambiguous,
        ),
        (&key, &in_form, 400, &ambiguous),
        (
            &key,
            "",
            400,
            &error("invalid_request", "grant_type is missing"),
        ),
        (
            &key,
            "grant_type=",
            400,
            &error("invalid_request", "grant_type is missing"),
        ),
        (
            &key,
            "grant_type=refresh_token&refresh_token=x",
            400,
            &grant,
        ),
        (
            &key,
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange",
            400,
            &grant,
        ),
        (
            &key,
            "grant_type=client_credentials&scope=calls:write",
            400,
            &scope,
        ),
        (
            &key,
            "grant_type=client_credentials&scope=a::b",
            400,
            &scope,
        ),
        (&key, "grant_type=client_credentials&scope=+", 400, &scope),
        (
            &key,
            "grant_type=client_credentials&resource=https://other.example",
            400,
            &target,
        ),
        (
            &key,
            "grant_type=client_credentials&resource=https://auth.example&resource=https://api.example",
            400,
            &target,
        ),
    ];
    for (headers, form, status, body) in rows {
        let answer = fixture.post(headers, form.to_owned()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (status, body),
            "{form}"
        );
        assert_eq!(answer.headers["cache-control"], "no-store");
        let challenge = answer
            .headers
            .get("www-authenticate")
            .map(|value| value.to_str().unwrap());
        let basic = r#"Basic realm="countersign", charset="UTF-8""#;
        assert_eq!(challenge, (status == 401).then_some(basic), "{form}");
    }
}

#[tokio::test]
async fn other_methods_get_405_with_allow_and_no_body() {
    let fixture = Fixture::new().await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "post"] {
        let request = Request::builder()
            .method(method)
            .uri("/oauth/token")
            .header("authorization", "Bearer x")
            .body(Full::default())
            .unwrap();
        let answer = fixture.send(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (405, ""),
            "{method}"
        );
        assert_eq!(answer.headers["allow"], "POST");
    }
}

#[tokio::test]
async fn never_judged_is_503_with_retry_after() {
    let fixture = Fixture::new().await;
    fixture.go_stale();
    let answer = fixture
        .post(&[("x-api-key", fixture.api_key())], GRANT)
        .await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.headers["retry-after"], "1");
    let body = error(
        "temporarily_unavailable",
        "client authentication is not possible at present",
    );
    assert_eq!(answer.body, body);
}

// wires.md, "same answer for every failed authentication": byte for byte, the same look-ups.
#[tokio::test]
async fn unknown_wrong_and_revoked_clients_get_one_answer_for_the_same_work() {
    let fixture = Fixture::new().await;
    let unknown = "013xrzp12g3nqk8n7f8f9jbg8d18q7tm";
    let secret = "A".repeat(43);
    let pairs = [
        (unknown.to_owned(), secret.clone()),
        (fixture.id(), secret),
        (
            fixture.revoked.record.id.to_string(),
            fixture.revoked.issued.secret.expose().to_owned(),
        ),
    ];
    let mut answers = Vec::new();
    for (id, secret) in pairs {
        let before = fixture.look_ups();
        let form = format!("{GRANT}&client_id={id}&client_secret={secret}");
        answers.push(fixture.post(&[], form).await);
        assert_eq!(fixture.look_ups(), before + 1);
    }
    assert_eq!(answers[0].status, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}
