//! A bearer token never mints another token (CVE-2012-5563, CVE-2026-9097).

use std::time::Duration;

use countersign_tests::TokenBuilder;
use serde_json::json;

use crate::expected_responses::expected_response;
use crate::fixture::{Fixture, GRANT, Presented, USER, WireKind, basic};
use crate::statuses::Case;

/// Mints a valid token and an expired one.
async fn tokens(fixture: &Fixture) -> (String, String) {
    let mint = async || {
        let response = fixture.send(
            WireKind::Envelope,
            fixture.valid_request(WireKind::Envelope),
        );
        response.await.token().to_owned()
    };
    let expired = mint().await;
    fixture.clock.advance(Duration::from_secs(3600));
    let valid = mint().await;
    fixture.clock.set(crate::fixture::NOW);
    (valid, expired)
}

/// Values of `Authorization` that carry a bearer token, well-formed or not.
async fn bearers(fixture: &Fixture) -> Vec<String> {
    let (valid, expired) = tokens(fixture).await;
    let external = TokenBuilder::external().token();
    vec![
        format!("Bearer {valid}"),
        format!("bearer {valid}"),
        format!("BEARER {valid}"),
        format!("DPoP {valid}"),
        format!("dpop {valid}"),
        format!("Bearer {expired}"),
        format!("Bearer {external}"),
        format!("Bearer {}", fixture.api_key()),
        format!("Basic eDp5, Bearer {valid}"),
        "Bearer garbage".to_owned(),
        "Bearer".to_owned(),
        "Bearer\t".to_owned(),
        "BEARER=x".to_owned(),
    ]
}

#[tokio::test]
async fn bearer_in_a_header_is_rejected_before_the_token_and_the_body_are_parsed() {
    let fixture = Fixture::new().await;
    let bearers = bearers(&fixture).await;
    let before = fixture.look_ups();
    for wire in WireKind::HEADERS {
        let (status, expected) = expected_response(wire, Case::Chaining);
        for bearer in &bearers {
            for body in [wire.body(), "malformed body", ""] {
                let headers = [("authorization", &**bearer)];
                let response = fixture.post(wire, &headers, body).await;
                assert_eq!(
                    response.status_and_body(),
                    (status, &*expected),
                    "{wire:?} {bearer}"
                );
            }
        }
    }
    assert_eq!(fixture.look_ups(), before, "the directory was read");
}

#[tokio::test]
async fn bearer_in_a_header_is_rejected_beside_valid_credentials() {
    let fixture = Fixture::new().await;
    let bearers = bearers(&fixture).await;
    let pair = basic(&fixture.id(), fixture.secret());
    let before = fixture.look_ups();
    for wire in WireKind::HEADERS {
        let (status, expected) = expected_response(wire, Case::Chaining);
        for bearer in &bearers {
            let bearer = ("authorization", &**bearer);
            let key = ("x-api-key", fixture.api_key());
            let pair = ("authorization", &*pair);
            for headers in [[bearer, key], [key, bearer], [bearer, pair], [pair, bearer]] {
                let response = fixture.post(wire, &headers, wire.body()).await;
                assert_eq!(
                    response.status_and_body(),
                    (status, &*expected),
                    "{wire:?} {headers:?}"
                );
            }
        }
    }
    let form = format!(
        "{GRANT}&client_id={}&client_secret={}",
        fixture.id(),
        fixture.secret()
    );
    let headers = [("authorization", &*bearers[0])];
    let response = fixture.post(WireKind::OAuth, &headers, form).await;
    assert_eq!(
        response.status_and_body(),
        (403, &*expected_response(WireKind::OAuth, Case::Chaining).1)
    );
    assert_eq!(fixture.look_ups(), before);
}

// Wires that read credentials from the body ignore headers if the body has credentials.
#[tokio::test]
async fn bearer_beside_a_body_with_valid_credentials_is_ignored() {
    let fixture = Fixture::new().await;
    for bearer in bearers(&fixture).await {
        for wire in WireKind::BODIES {
            let mut request = fixture.valid_request(wire);
            let headers = request.headers_mut();
            headers.insert("authorization", bearer.parse().unwrap());
            headers.append("x-api-key", "garbage".parse().unwrap());
            headers.append("x-api-key", "twice".parse().unwrap());
            let response = fixture.send(wire, request).await;
            assert_eq!(response.status, 200, "{wire:?} {bearer}");
        }
    }
}

#[tokio::test]
async fn bearer_beside_a_body_without_credentials_is_rejected() {
    let fixture = Fixture::new().await;
    let bearers = bearers(&fixture).await;
    let before = fixture.look_ups();
    for wire in WireKind::BODIES {
        let (status, expected) = expected_response(wire, Case::Chaining);
        for bearer in &bearers {
            for body in ["", "{}", "null", "?", r#"{"keyId":"a","username":"b"}"#] {
                let headers = [("authorization", &**bearer)];
                let response = fixture.post(wire, &headers, body).await;
                assert_eq!(
                    response.status_and_body(),
                    (status, &*expected),
                    "{wire:?} {bearer}"
                );
            }
        }
        // Credentials in the body are authenticated even with a bearer in the headers.
        let mut bad = wire.request_with(Presented::Pair("a", "b")).unwrap();
        let bearer = bearers[0].parse().unwrap();
        bad.headers_mut().insert("authorization", bearer);
        assert_eq!(fixture.send(wire, bad).await.status, 401);
    }
    assert_eq!(fixture.look_ups(), before);
}

#[tokio::test]
async fn token_presented_as_key_secret_or_password_is_401_without_a_look_up() {
    let fixture = Fixture::new().await;
    let (valid, expired) = tokens(&fixture).await;
    let id = fixture.id();
    let before = fixture.look_ups();
    for token in [valid, expired, TokenBuilder::external().token()] {
        for wire in WireKind::ALL {
            let (status, expected) = expected_response(wire, Case::Unauthenticated);
            for presented in [
                Presented::Key(&token),
                Presented::Pair(&id, &token),
                Presented::Pair(&token, "x"),
                Presented::User(USER, &token),
                Presented::User(&token, "x"),
            ] {
                let Some(response) = fixture.send_credentials(wire, presented).await else {
                    continue;
                };
                assert_eq!(response.status_and_body(), (status, &*expected), "{wire:?}");
            }
        }
        let pair = basic(&id, &token);
        let headers = [("authorization", &*pair)];
        let response = fixture.post(WireKind::OAuth, &headers, GRANT).await;
        assert_eq!(response.status, 401);
    }
    assert_eq!(fixture.look_ups(), before);
    assert_eq!(fixture.hasher.passwords_checked(), 0);
}

// There are no refresh tokens, and token exchange (RFC 8693) is not supported.
#[tokio::test]
async fn token_in_any_other_parameter_mints_nothing() {
    let fixture = Fixture::new().await;
    let (token, _) = tokens(&fixture).await;
    let assertion = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=";
    for form in [
        format!("{GRANT}&access_token={token}"),
        format!("{GRANT}&token={token}"),
        format!("{assertion}{token}"),
        format!("grant_type=refresh_token&refresh_token={token}"),
    ] {
        let response = fixture.post(WireKind::OAuth, &[], form).await;
        assert!(matches!(response.status.as_u16(), 400 | 401));
        assert_eq!(response.token, None);
    }
    let members = json!({
        "token": token, "access_token": token, "refresh_token": token, "assertion": token,
    });
    for wire in [
        WireKind::Envelope,
        WireKind::Scoped,
        WireKind::KeySecret,
        WireKind::Session,
    ] {
        let response = fixture.post(wire, &[], members.to_string()).await;
        assert!(matches!(response.status.as_u16(), 400 | 401), "{wire:?}");
        assert_eq!(response.token, None);
    }
}
