//! Every error of every wire: status, all headers and the whole body.

use std::time::Duration;

use countersign::credentials::ClientAddress;
use countersign::time::Timestamp;
use countersign_wire::ErrorStatus;
use http::Request;

use crate::expected_responses::{expected_response, extra_headers};
use crate::fixture::{
    Body, Fixture, NOW, PASSWORD, Presented, TestResponse, USER, WireKind, send_to,
};

/// A case of `expected_responses.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Malformed,
    TwoCredentials,
    Missing,
    Unauthenticated,
    Chaining,
    NotFound,
    Method,
    TooLarge,
    Failures,
    Mints,
    Sessions,
    Unavailable,
    Failed,
}

/// Responses that differ from the expected ones, as text.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare(&mut self, wire: WireKind, case: Case, response: &TestResponse) {
        let (status, expected) = expected_response(wire, case);
        let mut headers = vec![
            "cache-control: no-store".to_owned(),
            "x-request-id: <id>".to_owned(),
        ];
        if !expected.is_empty() {
            headers.push("content-type: application/json".to_owned());
            if wire == WireKind::OAuth {
                headers.push("pragma: no-cache".to_owned());
            }
        }
        headers.extend(extra_headers(wire, case).iter().map(ToString::to_string));
        headers.sort();
        let wanted = format!("{status}\n{}\n{expected}", headers.join("\n"));
        let got = format!(
            "{}\n{}\n{}",
            response.status.as_u16(),
            response.header_lines().join("\n"),
            response.body
        );
        if wanted != got {
            let text = format!("{wire:?}, {case:?}\nwanted: {wanted}\ngot:    {got}\n");
            self.0.push(text);
        }
    }
}

impl Drop for Differences {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.is_empty(), "{}", self.0.join("\n"));
        }
    }
}

fn bearer(wire: WireKind) -> Request<Body> {
    wire.post(&[("authorization", "Bearer x")], wire.body())
}

#[tokio::test]
async fn malformed_and_too_large_bodies_are_400_and_413_in_the_format_of_each_wire() {
    let fixture = Fixture::new().await;
    let mut differences = Differences::default();
    let key = [("x-api-key", fixture.api_key())];
    for wire in WireKind::ALL {
        let malformed = wire.post(&key, "\u{1}=%");
        let response = fixture.send(wire, malformed).await;
        differences.compare(wire, Case::Malformed, &response);

        let large = wire.post(&key, " ".repeat(17 * 1024));
        let response = fixture.send(wire, large).await;
        differences.compare(wire, Case::TooLarge, &response);

        let nothing = match wire {
            // The body is optional.
            WireKind::Envelope => continue,
            WireKind::Scoped => wire.post(&key, "{}"),
            WireKind::KeySecret | WireKind::Session => wire.post(&[], "{}"),
            WireKind::OAuth => wire.post(&key, ""),
        };
        let response = fixture.send(wire, nothing).await;
        differences.compare(wire, Case::Missing, &response);
    }
}

#[tokio::test]
async fn two_credentials_are_400_on_every_wire_that_can_receive_two() {
    let fixture = Fixture::new().await;
    let mut differences = Differences::default();
    let pair = crate::fixture::basic(&fixture.id(), fixture.secret());
    let key = ("x-api-key", fixture.api_key());
    for wire in WireKind::HEADERS {
        for headers in [
            &[key, ("authorization", &pair)][..],
            &[key, key],
            &[("x-api-key", "a,b")],
            &[("authorization", &pair), ("authorization", &pair)],
        ] {
            let response = fixture.post(wire, headers, wire.body()).await;
            differences.compare(wire, Case::TwoCredentials, &response);
        }
    }
    let body = r#"{"api_key":"a","username":"b","password":"c"}"#;
    let response = fixture.post(WireKind::Session, &[], body).await;
    differences.compare(WireKind::Session, Case::TwoCredentials, &response);
}

#[tokio::test]
async fn invalid_credentials_are_401_and_a_bearer_is_403() {
    let fixture = Fixture::new().await;
    let mut differences = Differences::default();
    for wire in WireKind::ALL {
        for presented in [
            Presented::Key("cs_bad"),
            Presented::Pair("unknown", "bad"),
            Presented::User("unknown", "bad"),
        ] {
            if let Some(response) = fixture.send_credentials(wire, presented).await {
                differences.compare(wire, Case::Unauthenticated, &response);
            }
        }
        let response = fixture.send(wire, bearer(wire)).await;
        differences.compare(wire, Case::Chaining, &response);
    }
    for wire in WireKind::HEADERS {
        let response = fixture.post(wire, &[], wire.body()).await;
        differences.compare(wire, Case::Unauthenticated, &response);
    }
}

#[tokio::test]
async fn unknown_path_is_404_and_unsupported_method_is_405_with_allow() {
    let fixture = Fixture::new().await;
    let mut differences = Differences::default();
    for wire in WireKind::ALL {
        let elsewhere = fixture.not_found_service(wire);
        for request in [fixture.valid_request(wire), bearer(wire)] {
            let response = send_to(&elsewhere, request).await;
            differences.compare(wire, Case::NotFound, &response);
        }
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "post"] {
            // The method is checked first, even for a bearer.
            for mut request in [fixture.valid_request(wire), bearer(wire)] {
                *request.method_mut() = method.parse().unwrap();
                let response = fixture.send(wire, request).await;
                differences.compare(wire, Case::Method, &response);
            }
        }
    }
}

#[tokio::test]
async fn too_many_wrong_passwords_are_429_and_so_is_the_right_one() {
    let fixture = Fixture::new().await;
    let mut differences = Differences::default();
    for (wire, address) in [
        (WireKind::Envelope, "192.0.2.1"),
        (WireKind::Session, "192.0.2.2"),
    ] {
        let from = ClientAddress::Known(address.parse().unwrap());
        let guess = async |password: &str| {
            let mut request = wire.request_with(Presented::User(USER, password)).unwrap();
            request.extensions_mut().insert(from);
            fixture.send(wire, request).await
        };
        // The fixture allows two failures, and another one every 30 s.
        for _ in 0..2 {
            let response = guess("wrong").await;
            differences.compare(wire, Case::Unauthenticated, &response);
        }
        let hashed = fixture.hasher.passwords_checked();
        for password in ["wrong", PASSWORD] {
            let response = guess(password).await;
            differences.compare(wire, Case::Failures, &response);
        }
        assert_eq!(fixture.hasher.passwords_checked(), hashed);
        let mut key = fixture.valid_request(wire);
        key.extensions_mut().insert(from);
        assert_eq!(
            fixture.send(wire, key).await.status,
            200,
            "keys are not limited"
        );
    }
}

#[tokio::test]
async fn too_many_minted_tokens_are_429_until_time_passes() {
    let mut fixture = Fixture::new().await;
    fixture.mint_limit = Some(2);
    let mut differences = Differences::default();
    for wire in WireKind::ALL {
        let endpoint = fixture.endpoint(wire);
        let mint = async || send_to(&endpoint, fixture.valid_request(wire)).await;
        for _ in 0..2 {
            assert_eq!(mint().await.status, 200);
        }
        differences.compare(wire, Case::Mints, &mint().await);
        fixture.clock.advance(Duration::from_secs(30));
        assert_eq!(mint().await.status, 200);
        assert_eq!(mint().await.status, 429);
        // The expected bodies have the fixture's initial time.
        fixture.clock.set(NOW);
    }
}

#[tokio::test]
async fn session_101_is_429_until_another_session_expires() {
    let fixture = Fixture::new().await;
    let endpoint = fixture.endpoint(WireKind::Session);
    let log_in = async |number: u32| {
        let body = format!(
            r#"{{"api_key":"{}","session_id":"{number}"}}"#,
            fixture.api_key()
        );
        send_to(&endpoint, WireKind::Session.post(&[], body)).await
    };
    for number in 1..=100 {
        assert_eq!(log_in(number).await.status, 200);
    }
    let mut differences = Differences::default();
    differences.compare(WireKind::Session, Case::Sessions, &log_in(101).await);
    assert_eq!(log_in(7).await.status, 200, "an existing session");
    fixture.clock.advance(Duration::from_secs(7200));
    assert_eq!(log_in(101).await.status, 200);
}

#[tokio::test]
async fn valid_credentials_are_503_while_the_directory_is_stale() {
    let fixture = Fixture::new().await;
    fixture.go_stale();
    let mut differences = Differences::default();
    let id = fixture.id();
    for wire in WireKind::ALL {
        for presented in [
            Presented::Key(fixture.api_key()),
            Presented::Pair(&id, fixture.secret()),
            Presented::User(USER, PASSWORD),
        ] {
            if let Some(response) = fixture.send_credentials(wire, presented).await {
                differences.compare(wire, Case::Unavailable, &response);
            }
        }
    }
}

#[tokio::test]
async fn issuer_without_an_active_signing_key_is_503() {
    let tomorrow = Timestamp::from_unix_seconds(NOW.unix_seconds() + 86_400);
    let fixture = Fixture::with_key_active_from(tomorrow).await;
    let mut differences = Differences::default();
    for wire in WireKind::ALL {
        let response = fixture.send(wire, fixture.valid_request(wire)).await;
        differences.compare(wire, Case::Unavailable, &response);
    }
}

#[tokio::test]
async fn failure_to_mint_is_500() {
    let mut fixture = Fixture::new().await;
    fixture.random_fails = true;
    let mut differences = Differences::default();
    for wire in WireKind::ALL {
        let response = fixture.send(wire, fixture.valid_request(wire)).await;
        differences.compare(wire, Case::Failed, &response);
    }
}

// The vendor's API answers 200 with the error inside the envelope.
#[tokio::test]
async fn envelope_has_errors_with_status_200_if_configured() {
    let mut fixture = Fixture::new().await;
    fixture.random_fails = true;
    fixture.error_status = ErrorStatus::Envelope;
    fixture.mint_limit = Some(1);
    let wire = WireKind::Envelope;
    let endpoint = fixture.endpoint(wire);
    let key = ("x-api-key", fixture.api_key());
    let mut get = wire.post(&[key], "");
    *get.method_mut() = http::Method::GET;
    let requests = [
        (Case::TwoCredentials, 200, wire.post(&[key, key], "")),
        (Case::Malformed, 200, wire.post(&[key], "?")),
        (
            Case::TooLarge,
            200,
            wire.post(&[key], " ".repeat(17 * 1024)),
        ),
        (Case::Unauthenticated, 401, wire.post(&[], "")),
        (Case::Chaining, 403, bearer(wire)),
        (Case::Method, 405, get),
        (Case::Failed, 200, wire.post(&[key], "")),
        (Case::Mints, 429, wire.post(&[key], "")),
    ];
    for (case, status, request) in requests {
        let mut response = send_to(&endpoint, request).await;
        response.headers.remove("retry-after");
        assert_eq!(
            response.status_and_body(),
            (status, &*expected_response(wire, case).1),
            "{case:?}"
        );
    }
    fixture.go_stale();
    let response = send_to(&endpoint, wire.post(&[key], "")).await;
    let expected = expected_response(wire, Case::Unavailable).1;
    assert_eq!(response.status_and_body(), (200, &*expected));
    assert_eq!(response.headers["retry-after"], "1");
}
