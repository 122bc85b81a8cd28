//! Malformed, repeated and guessed credentials, against a service whose credentials are in a file.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use countersign::mechanism::FailureLimit;
use http::StatusCode;

use crate::fixture::{
    BCRYPT, Folder, NOW, PASSWORD, Service, WHOLE_KEY, basic, generate, key_entry, user_entry,
    visible, whole_key_entry,
};

/// A service with a key `ci`, the key of another system and the user `ada`, and the key `ci`.
fn service(folder: &Folder) -> (Service, String) {
    let key = generate("ci");
    let toml = key_entry("ci", &key, "")
        + &whole_key_entry("billing", "")
        + &user_entry("ada", BCRYPT, "");
    let service = Service::new(&folder.open(&toml));
    (service, key.issued.key.expose().to_owned())
}

// RFC 9110 §5.3, §11.6.2; RFC 6750 §2.
#[tokio::test]
async fn several_credentials_are_malformed_even_if_each_is_right() {
    let folder = Folder::new();
    let (service, key) = service(&folder);
    let (key, other) = (key.as_bytes(), WHOLE_KEY.as_bytes());
    let ada = basic("ada", PASSWORD);
    let (ada, joined) = (
        ada.as_bytes(),
        [ada.as_bytes(), b", ", ada.as_bytes()].concat(),
    );
    let cases: [&[(&str, &[u8])]; 7] = [
        &[("x-api-key", key), ("x-api-key", key)],
        &[("x-api-key", key), ("x-api-key", other)],
        &[("x-api-key", b"wrong"), ("x-api-key", key)],
        &[("x-api-key", key), ("authorization", ada)],
        &[("authorization", b"Basic !"), ("x-api-key", key)],
        &[("authorization", ada), ("authorization", ada)],
        &[("authorization", &joined)],
    ];
    for (number, headers) in cases.iter().enumerate() {
        let response = service.send(headers).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "case {number}");
    }
}

// RFC 9110 §11.6.1, §11.7; RFC 9700 §4.3.2. Every request has credentials in its query.
#[tokio::test]
async fn credentials_in_other_places_count_as_none() {
    let folder = Folder::new();
    let (service, key) = service(&folder);
    let (cookie, ada) = (format!("x-api-key={key}"), basic("ada", PASSWORD));
    let none = visible(service.send(&[]).await);
    assert_eq!(none.0, 401);
    assert!(
        none.1.contains("ApiKey realm") && none.1.contains("Basic realm"),
        "{none:?}"
    );
    for header in [
        ("cookie", cookie.as_bytes()),
        ("proxy-authorization", ada.as_bytes()),
        ("x-forwarded-authorization", ada.as_bytes()),
        ("authorization_", ada.as_bytes()),
        ("x_api_key", key.as_bytes()),
    ] {
        assert_eq!(visible(service.send(&[header]).await), none, "{}", header.0);
    }
}

// RFC 7617 §2, §2.1; RFC 9112 §5.1.
#[tokio::test]
async fn malformed_basic_is_rejected() {
    let folder = Folder::new();
    let (service, _) = service(&folder);
    let values: [&[u8]; 11] = [
        b"Basic YWRh",             // no colon
        b"Basic Om9wZW4gc2VzYW1l", // empty user
        b"Basic YWRhOg==",         // empty password
        b"Basic YWRhOgEC",         // control characters
        b"Basic YWRhOm9wZW4gc2VzYW1l=",
        b"Basic YWRhOm9wZW4gc2VzYW1",
        b"Basic YWRhOj8_Pz8_", // base64url
        b"Basic YWRhOjEyM6M=", // latin-1
        b"Basic YWRhOv/+",     // not UTF-8
        b"Basic ====",
        b"Basic !",
    ];
    for value in values {
        let response = service.send(&[("authorization", value)]).await;
        let case = String::from_utf8_lossy(value);
        assert_eq!(response.status().as_u16(), 401, "{case}");
    }
    let bytes: &[u8] = b"Basic \xff\xfe";
    let response = service.send(&[("authorization", bytes)]).await;
    assert_eq!(response.status().as_u16(), 400);
    assert_eq!(service.hasher.passwords_checked(), 0);
    assert_eq!(service.basic("ada", PASSWORD).await, 200);
}

// CVE-2018-20170, CVE-2025-69413, CVE-2026-23511, CVE-2026-47203.
#[tokio::test]
async fn unknown_wrong_and_expired_users_get_the_same_response() {
    let folder = Folder::new();
    let expired = format!("expires_at = {}", NOW.to_rfc3339());
    let toml = user_entry("ada", BCRYPT, "") + &user_entry("bob", BCRYPT, &expired);
    let service = Service::new(&folder.open(&toml));
    let mut responses = Vec::new();
    for (name, password) in [
        ("eve", PASSWORD),
        ("ada", "wrong"),
        ("bob", PASSWORD),
        ("ada ", PASSWORD),
        // The first letter is Cyrillic.
        ("\u{430}da", PASSWORD),
    ] {
        let value = basic(name, password);
        let response = service.send(&[("authorization", value.as_bytes())]).await;
        responses.push(visible(response));
    }
    assert_eq!(responses[0].0, 401);
    assert!(
        responses.iter().all(|other| *other == responses[0]),
        "{responses:?}"
    );
    assert_eq!(service.basic("ADA", PASSWORD).await, 200);
}

// CVE-2026-27840, CWE-204.
#[tokio::test]
async fn unknown_malformed_and_expired_keys_get_the_same_response() {
    let folder = Folder::new();
    let (key, expired) = (generate("ci"), generate("old"));
    let settings = format!("expires_at = {}", NOW.to_rfc3339());
    let toml = key_entry("ci", &key, "") + &key_entry("old", &expired, &settings);
    let service = Service::new(&folder.open(&toml));
    let (right, never_issued, crossed) = (key.issued.key.expose(), generate("new"), generate("ci"));
    let wrong_checksum = match right.strip_suffix('0') {
        Some(start) => format!("{start}1"),
        None => format!("{}0", &right[..right.len() - 1]),
    };
    assert_eq!(service.key(right).await, 200);
    let mut responses = Vec::new();
    for key in [
        never_issued.issued.key.expose(),
        crossed.issued.key.expose(),
        expired.issued.key.expose(),
        &wrong_checksum,
        &right[..right.len() - 1],
        &format!("{right}0"),
        &right.to_uppercase(),
        &right.replacen("cs_", "xy_", 1),
        "cs_",
        &key.digest,
        &key.id.to_string(),
        "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
        &"x".repeat(100_000),
    ] {
        responses.push(visible(
            service.send(&[("x-api-key", key.as_bytes())]).await,
        ));
    }
    for bytes in [&b"\xff\xfe"[..], b"\x80", b""] {
        responses.push(visible(service.send(&[("x-api-key", bytes)]).await));
    }
    assert_eq!(responses[0].0, 401);
    for (number, response) in responses.iter().enumerate() {
        assert_eq!(*response, responses[0], "case {number}");
    }
}

#[tokio::test]
async fn password_that_is_too_long_is_not_hashed() {
    let folder = Folder::new();
    let (service, _) = service(&folder);
    for length in [1025, 1024 * 1024] {
        assert_eq!(service.basic("ada", &"x".repeat(length)).await, 401);
    }
    assert_eq!(service.hasher.passwords_checked(), 0);
    assert_eq!(service.basic("ada", &"x".repeat(1024)).await, 401);
    assert_eq!(service.hasher.passwords_checked(), 1);
}

#[tokio::test]
async fn many_passwords_at_once_are_unavailable_and_not_wrong() {
    let folder = Folder::new();
    let (service, _) = service(&folder);
    let service = Arc::new(service);
    let attempts: Vec<_> = (0..500)
        .map(|number| {
            let service = Arc::clone(&service);
            tokio::spawn(async move {
                let value = basic("ada", &format!("guess {number}"));
                service.send(&[("authorization", value.as_bytes())]).await
            })
        })
        .collect();
    let mut busy = 0;
    for attempt in attempts {
        let response = attempt.await.unwrap();
        match response.status().as_u16() {
            503 => {
                assert!(response.headers().contains_key("retry-after"));
                busy += 1;
            }
            status => assert_eq!(status, 401),
        }
    }
    assert!(busy > 0);
    assert_eq!(service.basic("ada", PASSWORD).await, 200);
}

#[tokio::test]
async fn guesses_are_limited_for_their_address_and_not_for_others() {
    let folder = Folder::new();
    let key = generate("ci");
    let toml = key_entry("ci", &key, "")
        + &whole_key_entry("billing", "")
        + &user_entry("ada", BCRYPT, "");
    let file = folder.open(&toml);
    let limit = FailureLimit::new(NonZeroU32::new(3).unwrap(), Duration::from_secs(60));
    let service = Service::with_limit(&file, limit);
    let ada = basic("ada", PASSWORD);
    let from = async |address: &str, value: &str| {
        let headers: [(&str, &[u8]); 1] = [("authorization", value.as_bytes())];
        service.send_from(address, &headers).await.status().as_u16()
    };
    for number in 0..3 {
        let guess = basic("ada", &format!("guess {number}"));
        assert_eq!(from("192.0.2.1", &guess).await, 401);
    }
    assert_eq!(from("192.0.2.1", &ada).await, 429);
    assert_eq!(from("192.0.2.2", &ada).await, 200);
    let checked = service.hasher.passwords_checked();
    assert_eq!(from("192.0.2.1", &basic("eve", "x")).await, 429);
    assert_eq!(service.hasher.passwords_checked(), checked);
    // A key of our form cannot be guessed, and is accepted. One of another system may be guessed.
    assert_eq!(service.key(key.issued.key.expose()).await, 200);
    assert_eq!(service.key(WHOLE_KEY).await, 429);
    service.clock.advance(Duration::from_secs(60));
    assert_eq!(from("192.0.2.1", &ada).await, 200);
}
