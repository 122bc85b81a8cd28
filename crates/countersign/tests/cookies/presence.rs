//! When the cookie counts, and what the inner service sees of the cookies.

use countersign::auth::AuthLayer;
use countersign::dangerous;
use countersign::rejection::Reason;
use http::Method;

use crate::support::{COOKIE, Fixture, get, request, seen, send};

#[test]
fn token_in_the_cookie_is_accepted_and_only_this_cookie_is_removed() {
    let fixture = Fixture::new();
    let layer = fixture.layer();
    let cookie = fixture.cookie("ada");
    let accepted = get(&layer, &[("cookie", &cookie)]);
    assert_eq!(accepted, seen("ada", &["theme=dark; lang=de"]));

    let alone = format!("{COOKIE}={}", fixture.token("ada"));
    let lines = [
        ("cookie", "theme=dark"),
        ("cookie", &alone),
        ("cookie", "lang=de"),
    ];
    assert_eq!(get(&layer, &lines), seen("ada", &["theme=dark", "lang=de"]));
    assert_eq!(get(&layer, &[("cookie", &alone)]), seen("ada", &[]));
}

#[test]
fn cookie_beside_other_credentials_does_not_count_and_is_removed() {
    let fixture = Fixture::new();
    let layer = fixture.layer();
    let cookie = fixture.cookie("ada");
    let cookie = ("cookie", &*cookie);
    let bearer = format!("Bearer {}", fixture.token("bob"));
    let bearer = ("authorization", &*bearer);
    let key = ("x-api-key", fixture.key.expose());
    let rest = ["theme=dark; lang=de"];
    assert_eq!(get(&layer, &[cookie, bearer]), seen("bob", &rest));
    let (of_key, cookies) = get(&layer, &[cookie, key]).unwrap();
    assert_eq!((of_key.len(), cookies), (32, vec![rest[0].to_owned()]));

    // Two cookies of the name are a contradiction only where the cookie counts.
    let twice = format!("{COOKIE}=a; {COOKIE}=b; x=y");
    assert_eq!(
        get(&layer, &[("cookie", &twice), bearer]),
        seen("bob", &["x=y"])
    );

    // Rejected credentials never give way to the cookie.
    for (headers, expected) in [
        (
            &[("authorization", "Bearer a.b.c")][..],
            (401, Reason::TokenMalformed),
        ),
        (
            &[("authorization", "Bearer")],
            (400, Reason::IncompleteCredentials),
        ),
        (
            &[("authorization", "Bearer a, Bearer b")],
            (400, Reason::JoinedCredentials),
        ),
        (&[bearer, bearer], (400, Reason::RepeatedHeader)),
        (&[bearer, key], (400, Reason::SeveralCredentials)),
        (
            &[("authorization", "Digest a=b")],
            (401, Reason::SchemeUnknown),
        ),
        (&[("x-api-key", "cs_garbage")], (401, Reason::KeyMalformed)),
        (&[("x-api-key", "")], (401, Reason::Unselected)),
    ] {
        let headers = [headers, &[cookie]].concat();
        assert_eq!(get(&layer, &headers), Err(expected), "{headers:?}");
    }
}

#[test]
fn unrelated_cookie_alone_presents_nothing() {
    let fixture = Fixture::new();
    let layer = fixture.layer();
    let token = fixture.token("ada");
    for cookie in [
        "theme=dark".to_owned(),
        format!("token={token}"),
        format!("__host-token={token}"),
        format!("{COOKIE}2={token}; x{COOKIE}={token}"),
        format!("theme={COOKIE}={token}"),
        format!("{COOKIE}:{token}"),
        COOKIE.to_owned(),
    ] {
        let cookie = [("cookie", &*cookie)];
        let nothing = Err((401, Reason::NoCredentials));
        assert_eq!(get(&layer, &cookie), nothing, "{cookie:?}");
        // Such a request needs no origin either.
        assert_eq!(send(&layer, request(Method::POST, &cookie)), nothing);
        let anonymous = get(&layer.clone().optional(), &cookie);
        assert_eq!(anonymous, seen("", &[cookie[0].1]));
    }
    let without = AuthLayer::builder()
        .mechanism(fixture.jwt())
        .build()
        .unwrap();
    let cookie = fixture.cookie("ada");
    assert_eq!(
        get(&without, &[("cookie", &cookie)]),
        Err((401, Reason::NoCredentials)),
        "no mechanism reads the cookie"
    );
}

#[test]
fn repeated_cookie_and_two_cookies_with_tokens_are_rejected() {
    let fixture = Fixture::new();
    let one = format!("{COOKIE}={}", fixture.token("ada"));
    let layer = fixture.layer();
    let twice = format!("{one}; theme=dark; {one}");
    for headers in [
        &[("cookie", &*twice)][..],
        &[("cookie", &one), ("cookie", &one)],
        &[("cookie", &one), ("cookie", "__Host-token=")],
    ] {
        let repeated = Err((400, Reason::RepeatedCookie));
        assert_eq!(get(&layer, headers), repeated, "{headers:?}");
        assert_eq!(get(&layer.clone().optional(), headers), repeated);
    }
    let other = fixture.jwt().in_cookie("other".parse().unwrap());
    let layer = fixture.builder().mechanism(other).build().unwrap();
    let both = format!("{one}; other={}", fixture.token("bob"));
    assert_eq!(
        get(&layer, &[("cookie", &both)]),
        Err((400, Reason::SeveralCredentials))
    );
}

#[test]
fn credentials_stay_if_the_service_says_so() {
    let fixture = Fixture::new();
    let layer = dangerous::keep_credentials(fixture.layer());
    let cookie = fixture.cookie("ada");
    assert_eq!(
        get(&layer, &[("cookie", &cookie)]),
        seen("ada", &[&*cookie])
    );
}

// Chaining: CVE-2012-5563.
