//! Which credentials a request presents, before they are authenticated.

use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;

use crate::fixture::{Fixture, basic, bearer, get, text};
use crate::stack;

#[track_caller]
fn status_of(response: &crate::client::Received, expected: u16, case: &str) {
    assert_eq!(response.status.as_u16(), expected, "{case}");
}

// RFC 9110 §11.1.
#[tokio::test]
async fn scheme_is_accepted_in_any_case() {
    let fixture = Fixture::new().await;
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        for scheme in ["bearer", "BEARER", "bEaReR"] {
            let value = format!("{scheme} {}", fixture.token);
            let response = running
                .send(get("/", &[("authorization", value.as_bytes())]))
                .await;
            status_of(&response, 200, scheme);
        }
    }
}

// RFC 6750 §3.1.
#[tokio::test]
async fn bearer_is_malformed_when_the_scheme_is_not_followed_by_one_token() {
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
            let response = running.send(get("/", &[("authorization", value)])).await;
            status_of(&response, 400, &String::from_utf8_lossy(value));
        }
    }
}

// RFC 9110 §5.3, §11.6.2, RFC 6750 §2.
#[tokio::test]
async fn request_is_malformed_when_it_presents_several_credentials() {
    let fixture = Fixture::new().await;
    let valid = bearer(&fixture.token);
    let invalid = b"Bearer a.b.c".to_vec();
    let user_and_password = basic("test", "123£");
    let key = text(&fixture.key.issued.key);
    let joined = [&valid[..], b", ", &user_and_password].concat();
    let joined_keys = [key, b",", key].concat();
    let cases: [&[(&str, &[u8])]; 10] = [
        &[("authorization", &valid), ("authorization", &valid)],
        &[("authorization", &valid), ("authorization", &invalid)],
        &[("authorization", &invalid), ("authorization", &valid)],
        &[
            ("authorization", &valid),
            ("authorization", &user_and_password),
        ],
        &[("authorization", b""), ("authorization", &valid)],
        &[("authorization", &joined)],
        &[("authorization", &valid), ("x-api-key", key)],
        &[("authorization", &invalid), ("x-api-key", key)],
        &[("x-api-key", key), ("x-api-key", key)],
        &[("x-api-key", &joined_keys)],
    ];
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let before = fixture.directory.look_ups();
        for (i, headers) in cases.iter().enumerate() {
            let response = running.send(get("/", headers)).await;
            status_of(&response, 400, &format!("case {i} on {}", stack.name));
        }
        assert_eq!(fixture.directory.look_ups(), before, "nothing is looked up");
    }
}

// RFC 6750 §2.3, RFC 9700 §4.3.2, RFC 9110 §11.7.
#[tokio::test]
async fn credentials_in_other_places_are_ignored() {
    let fixture = Fixture::new().await;
    let token = &fixture.token;
    let valid = bearer(token);
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
        let headers: [(&str, &[u8]); 4] = [
            ("cookie", cookie.as_bytes()),
            ("proxy-authorization", &valid),
            ("x-forwarded-authorization", &valid),
            ("authorization_", &valid),
        ];
        for header in headers {
            let response = running.send(get("/", &[header])).await;
            status_of(&response, 401, header.0);
            assert_eq!(response.challenges().len(), 3, "{}", header.0);
        }
    }
}

// RFC 9112 §5.1.
#[tokio::test]
async fn non_ascii_bytes_in_credentials_are_rejected_without_a_panic() {
    let fixture = Fixture::new().await;
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        for byte in 0x80..=0xffu8 {
            for prefix in ["Bearer ", "Basic ", ""] {
                let value = [prefix.as_bytes(), &[byte, b'x']].concat();
                let response = running.send(get("/", &[("authorization", &value)])).await;
                assert!(
                    matches!(
                        response.status,
                        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED
                    ),
                    "{prefix}{byte:#x} on {}",
                    stack.name
                );
            }
            let response = running.send(get("/", &[("x-api-key", &[byte])])).await;
            status_of(&response, 401, stack.name);
        }
    }
}
