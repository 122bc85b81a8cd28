//! Requests that a browser sends for a page of another site, with the password that it has stored.

use crate::fixture::{Fixture, WireKind, basic};

#[tokio::test]
async fn request_of_another_site_is_rejected_before_the_credentials_are_looked_up() {
    let fixture = Fixture::new().await;
    let pair = basic(&fixture.id(), fixture.secret());
    let before = fixture.look_ups();
    for wire in WireKind::ALL {
        for site in [
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let headers = [("authorization", &*pair), ("host", "auth.example"), site];
            let response = fixture.post(wire, &headers, wire.body()).await;
            assert_eq!(response.status, 403, "{wire:?} {site:?}");
            let body = response.body.to_lowercase();
            let named = if wire == WireKind::Scoped {
                "another site"
            } else {
                "cross_site"
            };
            assert!(body.contains(named), "{wire:?} {body}");
        }
    }
    assert_eq!(fixture.look_ups(), before);
}

#[tokio::test]
async fn request_of_the_own_origin_and_of_a_program_is_accepted() {
    let fixture = Fixture::new().await;
    let pair = basic(&fixture.id(), fixture.secret());
    let headers = [("authorization", &*pair), ("host", "auth.example")];
    for site in [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
        ("origin", "https://auth.example"),
    ] {
        let headers = [headers[0], headers[1], site];
        let response = fixture.post(WireKind::Envelope, &headers, "").await;
        assert_eq!(response.status, 200, "{site:?}");
    }
    assert_eq!(
        fixture.post(WireKind::Envelope, &headers, "").await.status,
        200
    );
}
