//! wires.md, "Every wire, every status": whole bodies, and every header.

use std::time::Duration;

use countersign::credentials::ClientAddress;
use countersign::time::Timestamp;
use countersign_wire::ErrorStatus;
use http::Request;

use crate::fixture::{Answer, Body, Fixture, NOW, PASSWORD, Presented, USER, Wired, sent};
use crate::words::{body, extra_headers};

/// Which answer of the table.
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

/// What differs from the table, as text.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare(&mut self, wired: Wired, case: Case, answer: &Answer) {
        let (status, expected) = body(wired, case);
        let mut headers = vec![
            "cache-control: no-store".to_owned(),
            "x-request-id: <id>".to_owned(),
        ];
        if !expected.is_empty() {
            headers.push("content-type: application/json".to_owned());
            if wired == Wired::OAuth {
                headers.push("pragma: no-cache".to_owned());
            }
        }
        headers.extend(extra_headers(wired, case).iter().map(ToString::to_string));
        headers.sort();
        let wanted = format!("{status}\n{}\n{expected}", headers.join("\n"));
        let got = format!(
            "{}\n{}\n{}",
            answer.status.as_u16(),
            answer.head().join("\n"),
            answer.body
        );
        if wanted != got {
            let text = format!("{wired:?}, {case:?}\nwanted: {wanted}\ngot:    {got}\n");
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

fn bearer(wired: Wired) -> Request<Body> {
    wired.post(&[("authorization", "Bearer x")], wired.body())
}

#[tokio::test]
async fn bodies_that_are_not_wanted_are_400_and_413_in_each_wires_words() {
    let fixture = Fixture::new().await;
    let mut differences = Differences::default();
    let key = [("x-api-key", fixture.api_key())];
    for wired in Wired::ALL {
        let malformed = wired.post(&key, "\u{1}=%");
        let answer = fixture.send(wired, malformed).await;
        differences.compare(wired, Case::Malformed, &answer);

        let large = wired.post(&key, " ".repeat(17 * 1024));
        let answer = fixture.send(wired, large).await;
        differences.compare(wired, Case::TooLarge, &answer);

        let nothing = match wired {
            // Its body may be absent.
            Wired::Envelope => continue,
            Wired::Scoped => wired.post(&key, "{}"),
            Wired::KeySecret | Wired::Session => wired.post(&[], "{}"),
            Wired::OAuth => wired.post(&key, ""),
        };
        let answer = fixture.send(wired, nothing).await;
        differences.compare(wired, Case::Missing, &answer);
    }
}

#[tokio::test]
async fn two_credentials_are_400_wherever_there_can_be_two() {
    let fixture = Fixture::new().await;
    let mut differences = Differences::default();
    let pair = crate::fixture::basic(&fixture.id(), fixture.secret());
    let key = ("x-api-key", fixture.api_key());
    for wired in Wired::HEADERS {
        for headers in [
            &[key, ("authorization", &pair)][..],
            &[key, key],
            &[("x-api-key", "a,b")],
            &[("authorization", &pair), ("authorization", &pair)],
        ] {
            let answer = fixture.post(wired, headers, wired.body()).await;
            differences.compare(wired, Case::TwoCredentials, &answer);
        }
    }
    let body = r#"{"api_key":"a","username":"b","password":"c"}"#;
    let answer = fixture.post(Wired::Session, &[], body).await;
    differences.compare(Wired::Session, Case::TwoCredentials, &answer);
}

#[tokio::test]
async fn credentials_that_are_not_good_are_401_and_a_bearer_is_403() {
    let fixture = Fixture::new().await;
    let mut differences = Differences::default();
    for wired in Wired::ALL {
        for presented in [
            Presented::Key("cs_bad"),
            Presented::Pair("unknown", "bad"),
            Presented::User("nobody", "bad"),
        ] {
            if let Some(answer) = fixture.ask(wired, presented).await {
                differences.compare(wired, Case::Unauthenticated, &answer);
            }
        }
        let answer = fixture.send(wired, bearer(wired)).await;
        differences.compare(wired, Case::Chaining, &answer);
    }
    for wired in Wired::HEADERS {
        let answer = fixture.post(wired, &[], wired.body()).await;
        differences.compare(wired, Case::Unauthenticated, &answer);
    }
}

#[tokio::test]
async fn another_path_is_404_and_another_method_405_with_allow() {
    let fixture = Fixture::new().await;
    let mut differences = Differences::default();
    for wired in Wired::ALL {
        let elsewhere = fixture.nothing_here(wired);
        for request in [fixture.good(wired), bearer(wired)] {
            let answer = sent(&elsewhere, request).await;
            differences.compare(wired, Case::NotFound, &answer);
        }
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "post"] {
            // Before all else: also for a bearer.
            for mut request in [fixture.good(wired), bearer(wired)] {
                *request.method_mut() = method.parse().unwrap();
                let answer = fixture.send(wired, request).await;
                differences.compare(wired, Case::Method, &answer);
            }
        }
    }
}

#[tokio::test]
async fn passwords_guessed_too_often_are_429_and_even_the_right_one() {
    let fixture = Fixture::new().await;
    let mut differences = Differences::default();
    for (wired, address) in [
        (Wired::Envelope, "192.0.2.1"),
        (Wired::Session, "192.0.2.2"),
    ] {
        let from = ClientAddress(address.parse().unwrap());
        let guess = async |password: &str| {
            let mut request = wired.ask(Presented::User(USER, password)).unwrap();
            request.extensions_mut().insert(from);
            fixture.send(wired, request).await
        };
        // The fixture allows two failures, and one more each 30 s.
        for _ in 0..2 {
            let answer = guess("wrong").await;
            differences.compare(wired, Case::Unauthenticated, &answer);
        }
        let hashed = fixture.hasher.passwords_checked();
        for password in ["wrong", PASSWORD] {
            let answer = guess(password).await;
            differences.compare(wired, Case::Failures, &answer);
        }
        assert_eq!(fixture.hasher.passwords_checked(), hashed);
        let mut key = fixture.good(wired);
        key.extensions_mut().insert(from);
        assert_eq!(fixture.send(wired, key).await.status, 200, "a key is cheap");
    }
}

#[tokio::test]
async fn tokens_minted_too_often_are_429_and_one_more_as_time_passes() {
    let mut fixture = Fixture::new().await;
    fixture.mint_limit = Some(2);
    let mut differences = Differences::default();
    for wired in Wired::ALL {
        let endpoint = fixture.endpoint(wired);
        let mint = async || sent(&endpoint, fixture.good(wired)).await;
        for _ in 0..2 {
            assert_eq!(mint().await.status, 200);
        }
        differences.compare(wired, Case::Mints, &mint().await);
        fixture.clock.advance(Duration::from_secs(30));
        assert_eq!(mint().await.status, 200);
        assert_eq!(mint().await.status, 429);
        // The table's times are those of the beginning.
        fixture.clock.set(NOW);
    }
}

#[tokio::test]
async fn one_session_more_than_a_hundred_is_429_until_the_first_ends() {
    let fixture = Fixture::new().await;
    let endpoint = fixture.endpoint(Wired::Session);
    let log_in = async |number: u32| {
        let body = format!(
            r#"{{"api_key":"{}","session_id":"{number}"}}"#,
            fixture.api_key()
        );
        sent(&endpoint, Wired::Session.post(&[], body)).await
    };
    for number in 1..=100 {
        assert_eq!(log_in(number).await.status, 200);
    }
    let mut differences = Differences::default();
    differences.compare(Wired::Session, Case::Sessions, &log_in(101).await);
    assert_eq!(log_in(7).await.status, 200, "one that is there already");
    fixture.clock.advance(Duration::from_secs(7200));
    assert_eq!(log_in(101).await.status, 200);
}

#[tokio::test]
async fn credentials_that_were_never_judged_are_503() {
    let fixture = Fixture::new().await;
    fixture.go_stale();
    let mut differences = Differences::default();
    let id = fixture.id();
    for wired in Wired::ALL {
        for presented in [
            Presented::Key(fixture.api_key()),
            Presented::Pair(&id, fixture.secret()),
            Presented::User(USER, PASSWORD),
        ] {
            if let Some(answer) = fixture.ask(wired, presented).await {
                differences.compare(wired, Case::Unavailable, &answer);
            }
        }
    }
}

#[tokio::test]
async fn issuer_without_a_key_that_signs_yet_is_500() {
    let tomorrow = Timestamp::from_unix_seconds(NOW.unix_seconds() + 86_400);
    let fixture = Fixture::signing_from(tomorrow).await;
    let mut differences = Differences::default();
    for wired in Wired::ALL {
        let answer = fixture.send(wired, fixture.good(wired)).await;
        differences.compare(wired, Case::Failed, &answer);
    }
}

// Seed 000 answers 200 where the envelope tells of the error: wires.md names the three types.
#[tokio::test]
async fn envelope_tells_three_errors_inside_where_it_is_configured_so() {
    let tomorrow = Timestamp::from_unix_seconds(NOW.unix_seconds() + 86_400);
    let mut fixture = Fixture::signing_from(tomorrow).await;
    fixture.error_status = ErrorStatus::Envelope;
    fixture.mint_limit = Some(1);
    let wired = Wired::Envelope;
    let endpoint = fixture.endpoint(wired);
    let key = ("x-api-key", fixture.api_key());
    let mut get = wired.post(&[key], "");
    *get.method_mut() = http::Method::GET;
    let requests = [
        (Case::TwoCredentials, 200, wired.post(&[key, key], "")),
        (Case::Malformed, 200, wired.post(&[key], "?")),
        (
            Case::TooLarge,
            200,
            wired.post(&[key], " ".repeat(17 * 1024)),
        ),
        (Case::Unauthenticated, 401, wired.post(&[], "")),
        (Case::Chaining, 403, bearer(wired)),
        (Case::Method, 405, get),
        (Case::Failed, 200, wired.post(&[key], "")),
        (Case::Mints, 429, wired.post(&[key], "")),
    ];
    for (case, status, request) in requests {
        let mut answer = sent(&endpoint, request).await;
        answer.headers.remove("retry-after");
        assert_eq!(answer.said(), (status, &*body(wired, case).1), "{case:?}");
    }
    fixture.go_stale();
    let answer = sent(&endpoint, wired.post(&[key], "")).await;
    let expected = body(wired, Case::Unavailable).1;
    assert_eq!(answer.said(), (200, &*expected));
    assert_eq!(answer.headers["retry-after"], "1");
}
