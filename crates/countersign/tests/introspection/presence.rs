//! Which requests present an opaque token: the issuer is asked about no other.

use std::sync::Arc;

use countersign::auth::AuthLayer;
use countersign::directory::MemoryDirectory;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Basic};
use countersign::rejection::Reason;
use http::Request;

use crate::support::{Fixture, Outcome, accepted, asking, send_request};

/// A layer that accepts opaque tokens, API keys and Basic.
fn layer(fixture: &Fixture) -> AuthLayer {
    let peppers = || Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let directory = Arc::new(MemoryDirectory::default());
    AuthLayer::builder()
        .mechanism(asking(&fixture.issuer).build().unwrap())
        .primary(ApiKeys::new(directory.clone(), peppers()))
        .primary(Basic::new(directory, peppers()))
        .clock(fixture.clock.clone())
        .build()
        .unwrap()
}

async fn send(layer: &AuthLayer, uri: &str, headers: &[(&str, &[u8])]) -> Outcome {
    let mut request = Request::get(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send_request(layer, request.body(()).unwrap()).await
}

// RFC 9110 §5.3, §11.6.2; RFC 6750 §2.
#[tokio::test]
async fn valid_token_that_is_repeated_joined_or_beside_other_credentials_is_400_without_a_call() {
    let fixture = Fixture::new();
    let layer = layer(&fixture);
    let token = fixture.token();
    let valid = format!("Bearer {token}").into_bytes();
    let (valid, joined) = (&valid[..], [&valid[..], b", ", &valid].concat());
    let basic: &[u8] = b"Basic dGVzdDp0ZXN0";
    let quoted = format!("Bearer \"{token}\"").into_bytes();
    let two_words = format!("Bearer {token} {token}").into_bytes();
    let tab = format!("Bearer\t{token}").into_bytes();
    let cases: [&[(&str, &[u8])]; 10] = [
        &[("authorization", valid), ("authorization", valid)],
        &[("authorization", valid), ("authorization", b"Bearer wrong")],
        &[("authorization", b""), ("authorization", valid)],
        &[("authorization", valid), ("authorization", basic)],
        &[("authorization", &joined)],
        &[("authorization", valid), ("x-api-key", b"cs_wrong")],
        &[("authorization", b"Bearer")],
        &[("authorization", &quoted)],
        &[("authorization", &two_words)],
        &[("authorization", &tab)],
    ];
    for (number, headers) in cases.iter().enumerate() {
        let outcome = send(&layer, "/", headers).await;
        assert!(
            matches!(outcome, Err((400, _))),
            "case {number}: {outcome:?}"
        );
    }
    assert_eq!(fixture.issuer.introspections(), 0);
    let alone = [("authorization", valid)];
    assert_eq!(send(&layer, "/", &alone).await, accepted());
}

// RFC 6750 §2.3, RFC 9700 §4.3.2, RFC 9110 §11.7, RFC 9112 §5.1.
#[tokio::test]
async fn valid_token_in_another_place_counts_as_none_without_a_call() {
    let fixture = Fixture::new();
    let layer = layer(&fixture);
    let token = fixture.token();
    let query = format!("/?access_token={token}");
    let (valid, cookie) = (format!("Bearer {token}"), format!("access_token={token}"));
    for header in [
        ("accept", &b"*/*"[..]),
        ("cookie", cookie.as_bytes()),
        ("proxy-authorization", valid.as_bytes()),
        ("x-forwarded-authorization", valid.as_bytes()),
        ("authorization_", valid.as_bytes()),
    ] {
        let outcome = send(&layer, &query, &[header]).await;
        assert_eq!(outcome, Err((401, Reason::NoCredentials)), "{}", header.0);
    }
    for byte in 0x80..=0xffu8 {
        let value = [b"Bearer ", token.as_bytes(), &[byte]].concat();
        let outcome = send(&layer, "/", &[("authorization", &value)]).await;
        assert!(
            matches!(outcome, Err((400 | 401, _))),
            "{byte:#x}: {outcome:?}"
        );
    }
    assert_eq!(fixture.issuer.introspections(), 0);
}
