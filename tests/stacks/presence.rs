//! security.md 1d, rows 47 to 59: what is presented, before it is judged.

use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;

use crate::fixture::{Fixture, basic, bearer, get, text};
use crate::stack;

#[track_caller]
fn status_of(answer: &crate::client::Answer, expected: u16, case: &str) {
    assert_eq!(answer.status.as_u16(), expected, "{case}");
}

// Row 48; RFC 9110 §11.1.
#[tokio::test]
async fn scheme_accepted_in_any_case() {
    let fixture = Fixture::new().await;
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        for scheme in ["bearer", "BEARER", "bEaReR"] {
            let value = format!("{scheme} {}", fixture.token);
            let answer = running
                .send(get("/", &[("authorization", value.as_bytes())]))
                .await;
            status_of(&answer, 200, scheme);
        }
    }
}

// Row 49; RFC 6750 §3.1.
#[tokio::test]
async fn bearer_rejected_as_malformed_when_not_one_token_follows_the_scheme() {
    let fixture = Fixture::new().await;
    let token = &fixture.token;
    let values = [
        b"Bearer".to_vec(),
        b"Bearer ".to_vec(),
        format!("Bearer\t{token}").into_bytes(),
        format!("Bearer={token}").into_bytes(),
        format!("Bearer \"{token}\"").into_bytes(),
        [b"Bearer\xa0", token.as_bytes()].concat(),
        format!("Bearer {token} {token}").into_bytes(),
    ];
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        for value in &values {
            let answer = running.send(get("/", &[("authorization", value)])).await;
            status_of(&answer, 400, &String::from_utf8_lossy(value));
        }
    }
}

// Rows 50, 51 and 52; RFC 9110 §5.3, §11.6.2, RFC 6750 §2.
#[tokio::test]
async fn request_rejected_when_it_presents_more_than_one_credential() {
    let fixture = Fixture::new().await;
    let good = bearer(&fixture.token);
    let bad = b"Bearer a.b.c".to_vec();
    let pair = basic("test", "123£");
    let key = text(&fixture.key.issued.key);
    let joined = [&good[..], b", ", &pair].concat();
    let joined_keys = [key, b",", key].concat();
    let cases: [&[(&str, &[u8])]; 10] = [
        &[("authorization", &good), ("authorization", &good)],
        &[("authorization", &good), ("authorization", &bad)],
        &[("authorization", &bad), ("authorization", &good)],
        &[("authorization", &good), ("authorization", &pair)],
        &[("authorization", b""), ("authorization", &good)],
        &[("authorization", &joined)],
        &[("authorization", &good), ("x-api-key", key)],
        &[("authorization", &bad), ("x-api-key", key)],
        &[("x-api-key", key), ("x-api-key", key)],
        &[("x-api-key", &joined_keys)],
    ];
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let before = fixture.watched.look_ups();
        for (i, headers) in cases.iter().enumerate() {
            let answer = running.send(get("/", headers)).await;
            status_of(&answer, 400, &format!("case {i} on {}", stack.name));
        }
        assert_eq!(fixture.watched.look_ups(), before, "nothing is looked up");
    }
}

// Rows 53 and 54; RFC 6750 §2.3, RFC 9700 §4.3.2, RFC 9110 §11.7.
#[tokio::test]
async fn credentials_in_other_places_count_as_nothing() {
    let fixture = Fixture::new().await;
    let token = &fixture.token;
    let good = bearer(token);
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let query = get(&format!("/?access_token={token}"), &[]);
        status_of(&running.send(query).await, 401, "query");
        let form = Request::post("/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::<Bytes>::from(format!("access_token={token}")))
            .unwrap();
        status_of(&running.send(form).await, 401, "form");
        let cookie = format!("access_token={token}");
        let elsewhere: [(&str, &[u8]); 4] = [
            ("cookie", cookie.as_bytes()),
            ("proxy-authorization", &good),
            ("x-forwarded-authorization", &good),
            ("authorization_", &good),
        ];
        for header in elsewhere {
            let answer = running.send(get("/", &[header])).await;
            status_of(&answer, 401, header.0);
            assert_eq!(answer.challenges().len(), 3, "{}", header.0);
        }
    }
}

// Row 55; RFC 9112 §5.1.
#[tokio::test]
async fn bytes_beyond_ascii_in_credentials_are_refused_without_a_panic() {
    let fixture = Fixture::new().await;
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        for byte in 0x80..=0xffu8 {
            for prefix in ["Bearer ", "Basic ", ""] {
                let value = [prefix.as_bytes(), &[byte, b'x']].concat();
                let answer = running.send(get("/", &[("authorization", &value)])).await;
                assert!(
                    matches!(
                        answer.status,
                        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED
                    ),
                    "{prefix}{byte:#x} on {}",
                    stack.name
                );
            }
            let answer = running.send(get("/", &[("x-api-key", &[byte])])).await;
            status_of(&answer, 401, stack.name);
        }
    }
}
