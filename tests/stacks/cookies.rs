//! Tokens in a cookie: the same status on each stack.

use http::Method;

use crate::fixture::{COOKIE, Fixture, bearer, get, text};
use crate::stack;

const OWN_SITE: (&str, &[u8]) = ("sec-fetch-site", b"same-origin");

/// A case: method, path, headers and expected status.
type Row<'a> = (Method, &'a str, &'a [(&'a str, &'a [u8])], u16);

#[tokio::test]
async fn token_in_a_cookie_is_authenticated_in_the_same_way_on_every_stack() {
    let mut fixture = Fixture::new().await;
    fixture.accepts_cookies = true;
    let named = |value: &str| format!("theme=dark; {COOKIE}={value}").into_bytes();
    let (cookie, revoked) = (named(&fixture.token), named(&fixture.token_of_revoked));
    let garbage = named("garbage");
    let twice = [&cookie[..], b"; ", &cookie].concat();
    let own = ("cookie", &cookie[..]);
    let invalid = bearer("a.b.c");
    let key = text(&fixture.key.issued.key);
    let rows: [Row<'_>; 15] = [
        (Method::GET, "/", &[own], 200),
        (Method::GET, "/scoped", &[own], 403),
        (Method::GET, "/primary", &[own], 403),
        (Method::GET, "/extracted-primary", &[own], 403),
        (Method::GET, "/", &[("cookie", b"theme=dark")], 401),
        (Method::GET, "/", &[("cookie", &garbage)], 401),
        (Method::GET, "/", &[("cookie", &revoked)], 401),
        (Method::GET, "/", &[("cookie", &twice)], 400),
        // Only what is in headers counts, and it does not give way to the cookie.
        (Method::GET, "/primary", &[own, ("x-api-key", key)], 200),
        (Method::GET, "/", &[own, ("authorization", &invalid)], 401),
        (Method::GET, "/", &[own, ("x-api-key", b"cs_bad")], 401),
        (Method::POST, "/", &[own, OWN_SITE], 200),
        (Method::POST, "/", &[own], 403),
        (
            Method::POST,
            "/",
            &[own, ("sec-fetch-site", b"cross-site")],
            403,
        ),
        (Method::POST, "/", &[own, ("origin", b"null")], 403),
    ];
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        for (method, path, headers, status) in &rows {
            let mut request = get(path, headers);
            *request.method_mut() = method.clone();
            let response = running.send(request).await;
            let case = format!("{}: {method} {path} {headers:?}", stack.name);
            assert_eq!(response.status.as_u16(), *status, "{case}");
        }
    }
}
