//! Tokens in cookies and opaque tokens never mint another token, on any wire.

use countersign::auth::Authenticator;
use countersign::mechanism::{ApiKeys, Basic, Jwt, OpaqueTokens};
use countersign::testing::TestOpaqueIssuer;

use crate::expected_responses::expected_response;
use crate::fixture::{Fixture, Presented, USER, WireKind, basic};
use crate::statuses::Case;

const COOKIE: &str = "__Host-token";
/// What a browser sends for a page of the server itself.
const OWN_SITE: (&str, &str) = ("sec-fetch-site", "same-origin");

/// The fixture, with an authenticator that also accepts tokens in a cookie and opaque tokens, as a whole service may have it.
async fn fixture() -> (Fixture, TestOpaqueIssuer) {
    let mut fixture = Fixture::new().await;
    let opaque = TestOpaqueIssuer::start(fixture.clock.clone()).unwrap();
    let tokens = OpaqueTokens::issuer(opaque.url())
        .introspection_url(opaque.introspection_url())
        .client_secret(
            TestOpaqueIssuer::CLIENT_ID,
            &TestOpaqueIssuer::client_secret(),
        )
        .audience(TestOpaqueIssuer::AUDIENCE)
        .build()
        .unwrap();
    let trusted = fixture.issuer.trusted().directory(fixture.directory());
    let jwt = Jwt::new([trusted.build().unwrap()]);
    let keys = ApiKeys::new(fixture.directory(), fixture.peppers.clone());
    let pairs = Basic::new(fixture.directory(), fixture.peppers.clone());
    fixture.authenticator = Authenticator::builder()
        .primary(keys)
        .primary(pairs.passwords(fixture.hasher.clone()))
        .mechanism(jwt.clone())
        .mechanism(jwt.in_cookie(COOKIE.parse().unwrap()))
        .mechanism(tokens)
        .clock(fixture.clock.clone())
        .build()
        .unwrap();
    (fixture, opaque)
}

/// Returns a valid token of the fixture's issuer.
async fn token(fixture: &Fixture) -> String {
    let request = fixture.valid_request(WireKind::Envelope);
    let response = fixture.send(WireKind::Envelope, request).await;
    response.token().to_owned()
}

#[tokio::test]
async fn token_in_a_cookie_is_403_on_every_wire_before_it_is_verified() {
    let (fixture, _opaque) = fixture().await;
    let token = token(&fixture).await;
    let before = fixture.look_ups();
    for cookie in [
        format!("{COOKIE}={token}"),
        format!("theme=dark; {COOKIE}={token}"),
        format!("{COOKIE}=garbage"),
        format!("{COOKIE}="),
    ] {
        for wire in WireKind::ALL {
            let (status, expected) = expected_response(wire, Case::Chaining);
            for site in [
                OWN_SITE,
                ("origin", "https://auth.example"),
                ("accept", "*/*"),
            ] {
                let headers = [("cookie", &*cookie), ("host", "auth.example"), site];
                let response = fixture.post(wire, &headers, wire.body()).await;
                assert_eq!(
                    response.status_and_body(),
                    (status, &*expected),
                    "{wire:?} {cookie} {site:?}"
                );
            }
        }
    }
    assert_eq!(fixture.look_ups(), before, "the directory was read");
}

#[tokio::test]
async fn cookie_beside_primary_credentials_is_ignored_on_every_wire() {
    let (fixture, _opaque) = fixture().await;
    let token = token(&fixture).await;
    for cookie in [token.as_str(), "garbage"] {
        let cookie = format!("{COOKIE}={cookie}");
        for wire in WireKind::ALL {
            for site in [OWN_SITE, ("accept", "*/*")] {
                let mut request = fixture.valid_request(wire);
                let headers = request.headers_mut();
                headers.insert("cookie", cookie.parse().unwrap());
                headers.insert(site.0, site.1.parse().unwrap());
                let response = fixture.send(wire, request).await;
                assert_eq!(response.status, 200, "{wire:?} {cookie} {site:?}");
            }
        }
        // Credentials in the body of the OAuth wire.
        let pair = Presented::Pair(&fixture.id(), fixture.secret());
        let mut request = WireKind::OAuth.request_with(pair).unwrap();
        let headers = request.headers_mut();
        headers.insert("cookie", cookie.parse().unwrap());
        let response = fixture.send(WireKind::OAuth, request).await;
        assert_eq!(response.status, 200, "{cookie}");
    }
}

#[tokio::test]
async fn rejected_credentials_do_not_give_way_to_the_cookie() {
    let (fixture, _opaque) = fixture().await;
    let cookie = format!("{COOKIE}={}", token(&fixture).await);
    let wrong = basic(&fixture.id(), "wrong");
    for wire in WireKind::HEADERS {
        let key = [("x-api-key", "garbage"), ("cookie", &*cookie), OWN_SITE];
        let response = fixture.post(wire, &key, wire.body()).await;
        assert_eq!(response.status, 401, "{wire:?}");
    }
    let pair = [("authorization", &*wrong), ("cookie", &*cookie), OWN_SITE];
    let response = fixture.post(WireKind::Envelope, &pair, "").await;
    assert_eq!(response.status, 401);
}

#[tokio::test]
async fn unrelated_cookie_alone_is_no_credential_on_any_wire() {
    let (fixture, _opaque) = fixture().await;
    let token = token(&fixture).await;
    for cookie in ["theme=dark".to_owned(), format!("token={token}")] {
        for wire in WireKind::HEADERS {
            let headers = [("cookie", &*cookie), OWN_SITE];
            let response = fixture.post(wire, &headers, wire.body()).await;
            let (status, expected) = expected_response(wire, Case::Unauthenticated);
            assert_eq!(response.status_and_body(), (status, &*expected), "{wire:?}");
        }
        for wire in WireKind::BODIES {
            let headers = [("cookie", &*cookie), OWN_SITE];
            let response = fixture.post(wire, &headers, "{}").await;
            assert!([400, 401].contains(&response.status.as_u16()), "{wire:?}");
        }
    }
}

#[tokio::test]
async fn opaque_token_is_403_on_every_wire_and_its_issuer_is_not_asked() {
    let (fixture, opaque) = fixture().await;
    for token in [opaque.issue().unwrap(), "garbage".to_owned()] {
        let bearer = format!("Bearer {token}");
        for wire in WireKind::ALL {
            let headers = [("authorization", &*bearer)];
            let response = fixture.post(wire, &headers, wire.body()).await;
            let (status, expected) = expected_response(wire, Case::Chaining);
            assert_eq!(response.status_and_body(), (status, &*expected), "{wire:?}");
        }
    }
    assert_eq!(opaque.introspections(), 0);
}

#[tokio::test]
async fn opaque_token_as_key_secret_or_password_is_401_and_its_issuer_is_not_asked() {
    let (fixture, opaque) = fixture().await;
    let (token, id) = (opaque.issue().unwrap(), fixture.id());
    for wire in WireKind::ALL {
        for presented in [
            Presented::Key(&token),
            Presented::Pair(&id, &token),
            Presented::User(USER, &token),
        ] {
            if let Some(response) = fixture.send_credentials(wire, presented).await {
                assert_eq!(response.status, 401, "{wire:?} {presented:?}");
            }
        }
    }
    assert_eq!(opaque.introspections(), 0);
}
