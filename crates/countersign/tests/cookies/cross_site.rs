//! Requests with the cookie that pages of other sites cause.

use countersign::credentials::AllowedOrigins;
use countersign::rejection::{Reason, Rejection};
use countersign::testing::signatures_verified;
use http::{Method, StatusCode};
use tokio_test::block_on;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{Fixture, get, request, respond, send};

#[test]
fn request_that_may_change_something_needs_an_origin_of_its_own() {
    let fixture = Fixture::new();
    let layer = fixture.layer();
    let cookie = fixture.cookie("ada");
    let cookie = ("cookie", &*cookie);
    let before = signatures_verified();
    for (name, value) in [
        ("accept", "*/*"),
        ("origin", "https://other.test"),
        ("origin", "https://api.test.other.test"),
        ("origin", "null"),
        ("origin", ""),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", ""),
        ("referer", "https://api.test/"),
    ] {
        for method in [
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::CONNECT,
        ] {
            let request = request(method, &[cookie, (name, value)]);
            let rejected = send(&layer, request);
            assert_eq!(rejected, Err((403, Reason::CrossSite)), "{name}: {value}");
        }
    }
    assert_eq!(
        signatures_verified(),
        before,
        "rejected before the token is verified"
    );
    for (name, value) in [
        ("origin", "https://api.test"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
    ] {
        for method in [Method::POST, Method::DELETE] {
            assert!(send(&layer, request(method, &[cookie, (name, value)])).is_ok());
        }
    }
    let mut allowed = request(Method::POST, &[cookie, ("origin", "https://app.test")]);
    let origins = AllowedOrigins::new(["https://app.test".to_owned()]);
    allowed.extensions_mut().insert(origins);
    assert!(send(&layer, allowed).is_ok());
    // Safe methods, and credentials that no browser adds by itself, need no origin.
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        let headers = [cookie, ("origin", "https://other.test")];
        assert!(send(&layer, request(method, &headers)).is_ok());
    }
    let bearer = format!("Bearer {}", fixture.token("bob"));
    let headers = [cookie, ("authorization", &*bearer)];
    assert!(send(&layer, request(Method::POST, &headers)).is_ok());
}

#[test]
fn websocket_needs_an_origin_of_its_own() {
    let fixture = Fixture::new();
    let layer = fixture.layer();
    let cookie = fixture.cookie("ada");
    let upgrade = [
        ("cookie", &*cookie),
        ("connection", "upgrade"),
        ("upgrade", "WebSocket"),
    ];
    let rejected = Err((403, Reason::CrossSite));
    assert_eq!(get(&layer, &upgrade), rejected);
    let other = [&upgrade[..], &[("origin", "https://other.test")]].concat();
    assert_eq!(get(&layer, &other), rejected);
    let own = [&upgrade[..], &[("origin", "https://api.test")]].concat();
    assert!(get(&layer, &own).is_ok());
}

#[test]
fn rejection_of_a_cross_site_request_has_no_challenge_and_says_nothing_of_the_token() {
    let fixture = Fixture::new();
    let cookie = fixture.cookie("ada");
    let request = request(Method::POST, &[("cookie", &cookie)]);
    let service = fixture.layer().layer(service_fn(respond));
    let response = block_on(service.oneshot(request)).unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(!response.headers().contains_key("www-authenticate"));
    assert_eq!(response.headers()["cache-control"], "no-store");
    let rejection = response.extensions().get::<Rejection>().unwrap();
    assert_eq!(rejection.explanation(), None);
}
