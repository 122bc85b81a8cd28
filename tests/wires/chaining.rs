//! security.md row 78; CVE-2012-5563, CVE-2026-9097: a bearer token never mints another.

use std::time::Duration;

use countersign_tests::Craft;
use serde_json::json;

use crate::fixture::{Fixture, GRANT, Presented, USER, Wired, basic};
use crate::statuses::Case;
use crate::words::body;

/// A token that is good, and one that has expired.
async fn tokens(fixture: &Fixture) -> (String, String) {
    let mint = async || {
        let answer = fixture.send(Wired::Envelope, fixture.good(Wired::Envelope));
        answer.await.token().to_owned()
    };
    let expired = mint().await;
    fixture.clock.advance(Duration::from_secs(3600));
    let good = mint().await;
    fixture.clock.set(crate::fixture::NOW);
    (good, expired)
}

/// `Authorization` as bearers write it, and as they must not.
async fn bearers(fixture: &Fixture) -> Vec<String> {
    let (good, expired) = tokens(fixture).await;
    let foreign = Craft::external().token();
    vec![
        format!("Bearer {good}"),
        format!("bearer {good}"),
        format!("BEARER {good}"),
        format!("DPoP {good}"),
        format!("dpop {good}"),
        format!("Bearer {expired}"),
        format!("Bearer {foreign}"),
        format!("Bearer {}", fixture.api_key()),
        format!("Basic eDp5, Bearer {good}"),
        "Bearer garbage".to_owned(),
        "Bearer".to_owned(),
        "Bearer\t".to_owned(),
        "BEARER=x".to_owned(),
    ]
}

#[tokio::test]
async fn bearer_in_a_header_is_refused_before_anything_is_parsed() {
    let fixture = Fixture::new().await;
    let bearers = bearers(&fixture).await;
    let before = fixture.look_ups();
    for wired in Wired::HEADERS {
        let (status, expected) = body(wired, Case::Chaining);
        for bearer in &bearers {
            for body in [wired.body(), "no good body", ""] {
                let headers = [("authorization", &**bearer)];
                let answer = fixture.post(wired, &headers, body).await;
                assert_eq!(answer.said(), (status, &*expected), "{wired:?} {bearer}");
            }
        }
    }
    assert_eq!(fixture.look_ups(), before, "nothing is looked up");
}

#[tokio::test]
async fn bearer_in_a_header_is_refused_beside_good_credentials() {
    let fixture = Fixture::new().await;
    let bearers = bearers(&fixture).await;
    let pair = basic(&fixture.id(), fixture.secret());
    let before = fixture.look_ups();
    for wired in Wired::HEADERS {
        let (status, expected) = body(wired, Case::Chaining);
        for bearer in &bearers {
            let bearer = ("authorization", &**bearer);
            let key = ("x-api-key", fixture.api_key());
            let pair = ("authorization", &*pair);
            for headers in [[bearer, key], [key, bearer], [bearer, pair], [pair, bearer]] {
                let answer = fixture.post(wired, &headers, wired.body()).await;
                assert_eq!(answer.said(), (status, &*expected), "{wired:?} {headers:?}");
            }
        }
    }
    let form = format!(
        "{GRANT}&client_id={}&client_secret={}",
        fixture.id(),
        fixture.secret()
    );
    let headers = [("authorization", &*bearers[0])];
    let answer = fixture.post(Wired::OAuth, &headers, form).await;
    assert_eq!(answer.said(), (403, &*body(Wired::OAuth, Case::Chaining).1));
    assert_eq!(fixture.look_ups(), before);
}

// wires.md: "On wires that read only the body, headers are not consulted".
#[tokio::test]
async fn bearer_beside_a_body_with_good_credentials_hurts_nobody() {
    let fixture = Fixture::new().await;
    for bearer in bearers(&fixture).await {
        for wired in Wired::BODIES {
            let mut request = fixture.good(wired);
            let headers = request.headers_mut();
            headers.insert("authorization", bearer.parse().unwrap());
            headers.append("x-api-key", "garbage".parse().unwrap());
            headers.append("x-api-key", "twice".parse().unwrap());
            let answer = fixture.send(wired, request).await;
            assert_eq!(answer.status, 200, "{wired:?} {bearer}");
        }
    }
}

#[tokio::test]
async fn bearer_beside_a_body_without_credentials_is_refused() {
    let fixture = Fixture::new().await;
    let bearers = bearers(&fixture).await;
    let before = fixture.look_ups();
    for wired in Wired::BODIES {
        let (status, expected) = body(wired, Case::Chaining);
        for bearer in &bearers {
            for body in ["", "{}", "null", "?", r#"{"keyId":"a","username":"b"}"#] {
                let headers = [("authorization", &**bearer)];
                let answer = fixture.post(wired, &headers, body).await;
                assert_eq!(answer.said(), (status, &*expected), "{wired:?} {bearer}");
            }
        }
        // Bad credentials are what is judged, whatever stands beside them.
        let mut bad = wired.ask(Presented::Pair("a", "b")).unwrap();
        let bearer = bearers[0].parse().unwrap();
        bad.headers_mut().insert("authorization", bearer);
        assert_eq!(fixture.send(wired, bad).await.status, 401);
    }
    assert_eq!(fixture.look_ups(), before);
}

// wires.md: "A JWT pasted as API key, secret or password gets the ordinary 401, without a look-up."
#[tokio::test]
async fn token_pasted_as_key_secret_or_password_is_an_ordinary_401_without_a_look_up() {
    let fixture = Fixture::new().await;
    let (good, expired) = tokens(&fixture).await;
    let id = fixture.id();
    let before = fixture.look_ups();
    for token in [good, expired, Craft::external().token()] {
        for wired in Wired::ALL {
            let (status, expected) = body(wired, Case::Unauthenticated);
            for presented in [
                Presented::Key(&token),
                Presented::Pair(&id, &token),
                Presented::Pair(&token, "x"),
                Presented::User(USER, &token),
                Presented::User(&token, "x"),
            ] {
                let Some(answer) = fixture.ask(wired, presented).await else {
                    continue;
                };
                assert_eq!(answer.said(), (status, &*expected), "{wired:?}");
            }
        }
        let pair = basic(&id, &token);
        let headers = [("authorization", &*pair)];
        let answer = fixture.post(Wired::OAuth, &headers, GRANT).await;
        assert_eq!(answer.status, 401);
    }
    assert_eq!(fixture.look_ups(), before);
    assert_eq!(fixture.hasher.passwords_checked(), 0);
}

// There is no refresh token, and no exchange of tokens.
#[tokio::test]
async fn token_anywhere_else_mints_nothing() {
    let fixture = Fixture::new().await;
    let (token, _) = tokens(&fixture).await;
    let assertion = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=";
    for form in [
        format!("{GRANT}&access_token={token}"),
        format!("{GRANT}&token={token}"),
        format!("{assertion}{token}"),
        format!("grant_type=refresh_token&refresh_token={token}"),
    ] {
        let answer = fixture.post(Wired::OAuth, &[], form).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401));
        assert_eq!(answer.token, None);
    }
    let members = json!({
        "token": token, "access_token": token, "refresh_token": token, "assertion": token,
    });
    for wired in [
        Wired::Envelope,
        Wired::Scoped,
        Wired::KeySecret,
        Wired::Session,
    ] {
        let answer = fixture.post(wired, &[], members.to_string()).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{wired:?}");
        assert_eq!(answer.token, None);
    }
}
