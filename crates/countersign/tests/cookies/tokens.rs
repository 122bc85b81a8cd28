//! What is accepted in the cookie, and the challenges.

use std::time::Duration;

use countersign::rejection::Reason;
use countersign::testing::Flaw;
use http::{HeaderValue, Method, StatusCode};
use tokio_test::block_on;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{COOKIE, Fixture, get, request, respond, send};

#[test]
fn token_in_a_cookie_is_verified_like_a_bearer_token() {
    let fixture = Fixture::new();
    let layer = fixture.layer();
    let cookie = |token: &str| get(&layer, &[("cookie", &format!("{COOKIE}={token}"))]);
    for flaw in Flaw::ALL {
        let token = fixture.issuer.flawed(*flaw).unwrap();
        assert_eq!(cookie(&token), Err((401, flaw.reason())), "{flaw:?}");
    }
    let token = fixture.token("ada");
    let quoted = format!("\"{token}\"");
    let encoded = token.replace('.', "%2E");
    let bearer = format!("Bearer {token}");
    for value in [
        "",
        "a.b.c",
        &quoted,
        &encoded,
        &bearer,
        &token[1..],
        fixture.key.expose(),
    ] {
        let status = cookie(value).map_err(|(status, _)| status);
        assert_eq!(status, Err(401), "{value}");
    }
    assert!(cookie(&token).is_ok());
    fixture.clock.advance(Duration::from_secs(330));
    assert_eq!(cookie(&token), Err((401, Reason::TokenExpired)));
}

#[test]
fn challenges_name_the_cookie_and_prompt_no_browser() {
    let fixture = Fixture::new();
    let challenges = |cookie: &str| {
        let request = request(Method::GET, &[("cookie", cookie)]);
        let service = fixture.layer().layer(service_fn(respond));
        let response = block_on(service.oneshot(request)).unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let values = response.headers().get_all("www-authenticate").iter();
        let values = values.map(|value| value.to_str().unwrap().to_owned());
        values.collect::<Vec<_>>()
    };
    let cookie = "Cookie realm=\"countersign\"";
    assert_eq!(challenges("__Host-token=garbage"), [cookie]);
    assert_eq!(
        challenges("theme=dark"),
        [
            "Bearer realm=\"countersign\"",
            "ApiKey realm=\"countersign\"",
            cookie
        ]
    );
}

#[test]
fn bytes_that_are_not_ascii_cause_no_panic() {
    let fixture = Fixture::new();
    let layer = fixture.layer();
    for byte in 0x80..=0xff_u8 {
        for (cookie, status) in [
            ([COOKIE.as_bytes(), b"=", &[byte]].concat(), 401),
            ([&[byte], COOKIE.as_bytes(), b"=x"].concat(), 401),
            (
                [b"a=", &[byte][..], b"; ", COOKIE.as_bytes(), b"=x"].concat(),
                401,
            ),
        ] {
            let mut request = request(Method::GET, &[]);
            let value = HeaderValue::from_bytes(&cookie).unwrap();
            request.headers_mut().insert("cookie", value);
            let rejected = send(&layer, request).map_err(|(status, _)| status);
            assert_eq!(rejected, Err(status), "{byte:#x}");
        }
    }
}
