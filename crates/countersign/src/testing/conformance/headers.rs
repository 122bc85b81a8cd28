//! Whether there is a token, and in which header.

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderName, Request};

use super::Expected::{Accepted, InvalidRequest, InvalidToken, Unauthenticated};
use super::Group::Presence;
use super::Level::{Must, Should};
use super::case::{Case, MakeError, case, good};

type Made = Result<Request<()>, MakeError>;

pub(super) const CASES: &[Case] = &[
    case(
        Presence,
        "a good token is accepted",
        "RFC 6750 §2.1",
        (Must, Accepted),
        |issuer| authorization(&[&format!("Bearer {}", good(issuer)?)]),
    ),
    case(
        Presence,
        "the scheme is accepted in lower case",
        "RFC 9110 §11.1",
        (Must, Accepted),
        |issuer| authorization(&[&format!("bearer {}", good(issuer)?)]),
    ),
    case(
        Presence,
        "the scheme is accepted in upper case",
        "RFC 9110 §11.1",
        (Must, Accepted),
        |issuer| authorization(&[&format!("BEARER {}", good(issuer)?)]),
    ),
    case(
        Presence,
        "nothing presented is challenged without an error code",
        "RFC 6750 §3, §3.1",
        (Must, Unauthenticated),
        |_| Ok(Request::get("/").body(())?),
    ),
    case(
        Presence,
        "an empty header is challenged without an error code",
        "RFC 9110 §11.6.2",
        (Must, Unauthenticated),
        |_| authorization(&[""]),
    ),
    case(
        Presence,
        "another scheme is challenged without an error code",
        "RFC 9110 §11.6.1",
        (Must, Unauthenticated),
        |_| authorization(&["Digest a=b"]),
    ),
    case(
        Presence,
        "a token without a scheme is not looked at",
        "RFC 6750 §2.1",
        (Must, Unauthenticated),
        |issuer| authorization(&[&good(issuer)?]),
    ),
    case(
        Presence,
        "a token in the query is not looked at",
        "RFC 9700 §4.3.2",
        (Should, Unauthenticated),
        |issuer| {
            let target = format!("/?access_token={}", good(issuer)?);
            Ok(Request::get(target).body(())?)
        },
    ),
    case(
        Presence,
        "a token in a cookie is not looked at",
        "RFC 6750 §5.3",
        (Should, Unauthenticated),
        |issuer| with(&COOKIE, &[&format!("access_token={}", good(issuer)?)]),
    ),
    case(
        Presence,
        "a token for a proxy is not looked at",
        "RFC 9110 §11.7.2",
        (Must, Unauthenticated),
        |issuer| {
            with(
                &PROXY_AUTHORIZATION,
                &[&format!("Bearer {}", good(issuer)?)],
            )
        },
    ),
    case(
        Presence,
        "the scheme alone is a malformed request",
        "RFC 6750 §3.1",
        (Must, InvalidRequest),
        |_| authorization(&["Bearer"]),
    ),
    case(
        Presence,
        "two words are a malformed request",
        "RFC 6750 §2.1",
        (Should, InvalidRequest),
        |issuer| authorization(&[&format!("Bearer {} a", good(issuer)?)]),
    ),
    case(
        Presence,
        "a quoted token is a malformed request",
        "RFC 6750 §2.1",
        (Should, InvalidRequest),
        |issuer| authorization(&[&format!("Bearer \"{}\"", good(issuer)?)]),
    ),
    case(
        Presence,
        "two headers with the same token are a malformed request",
        "RFC 9110 §5.3",
        (Should, InvalidRequest),
        |issuer| {
            let value = format!("Bearer {}", good(issuer)?);
            authorization(&[&value, &value])
        },
    ),
    case(
        Presence,
        "a good token before a bad one is a malformed request",
        "RFC 9110 §5.3",
        (Should, InvalidRequest),
        |issuer| authorization(&[&format!("Bearer {}", good(issuer)?), "Bearer a.b.c"]),
    ),
    case(
        Presence,
        "a bad token before a good one is a malformed request",
        "RFC 9110 §5.3",
        (Should, InvalidRequest),
        |issuer| authorization(&["Bearer a.b.c", &format!("Bearer {}", good(issuer)?)]),
    ),
    case(
        Presence,
        "Basic before a good token is a malformed request",
        "RFC 9110 §11.6.2",
        (Should, InvalidRequest),
        |issuer| authorization(&["Basic YTpi", &format!("Bearer {}", good(issuer)?)]),
    ),
    case(
        Presence,
        "credentials joined by a comma are a malformed request",
        "RFC 9110 §11.6.2",
        (Should, InvalidRequest),
        |issuer| authorization(&[&format!("Bearer {}, Basic YTpi", good(issuer)?)]),
    ),
    case(
        Presence,
        "a token that is no JWT is invalid",
        "RFC 6750 §3.1",
        (Must, InvalidToken),
        |_| authorization(&["Bearer abc"]),
    ),
    case(
        Presence,
        "an opaque token of dots alone is invalid",
        "RFC 7515 §5.2",
        (Must, InvalidToken),
        |_| authorization(&["Bearer .."]),
    ),
];

fn authorization(values: &[&str]) -> Made {
    with(&AUTHORIZATION, values)
}

fn with(name: &HeaderName, values: &[&str]) -> Made {
    let request = values.iter().fold(Request::get("/"), |request, value| {
        request.header(name, *value)
    });
    Ok(request.body(())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestIssuer;
    use crate::time::SystemClock;

    #[test]
    fn every_value_of_every_header_is_kept() {
        let issuer = TestIssuer::start(SystemClock).unwrap();
        let two = CASES
            .iter()
            .find(|case| case.name.starts_with("two headers"));
        let request = two.unwrap().request(&issuer).unwrap();
        assert_eq!(request.headers().get_all(AUTHORIZATION).iter().count(), 2);
    }
}
