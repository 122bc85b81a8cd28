//! Whether a token is present, and in which header.

use countersign::jose::KeyError;
use countersign::testing::TestIssuer;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderName, Request};

use crate::BoxError;
use crate::Expected::{Accepted, InvalidRequest, InvalidToken, Unauthenticated};
use crate::Group::Presence;
use crate::Level::{Must, Should};
use crate::case::{Case, case};

type RequestResult = Result<Request<()>, BoxError>;

pub(crate) const CASES: &[Case] = &[
    case(
        Presence,
        "a valid token is accepted",
        "RFC 6750 §2.1",
        (Must, Accepted),
        |issuer| authorization(&[&format!("Bearer {}", token(issuer)?)]),
    ),
    case(
        Presence,
        "the scheme is accepted in lower case",
        "RFC 9110 §11.1",
        (Must, Accepted),
        |issuer| authorization(&[&format!("bearer {}", token(issuer)?)]),
    ),
    case(
        Presence,
        "the scheme is accepted in upper case",
        "RFC 9110 §11.1",
        (Must, Accepted),
        |issuer| authorization(&[&format!("BEARER {}", token(issuer)?)]),
    ),
    case(
        Presence,
        "a request without credentials is challenged without an error code",
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
        "a token without a scheme is ignored",
        "RFC 6750 §2.1",
        (Must, Unauthenticated),
        |issuer| authorization(&[&token(issuer)?]),
    ),
    case(
        Presence,
        "a token in the query is ignored",
        "RFC 9700 §4.3.2",
        (Should, Unauthenticated),
        |issuer| {
            let target = format!("/?access_token={}", token(issuer)?);
            Ok(Request::get(target).body(())?)
        },
    ),
    case(
        Presence,
        "a token in a cookie is ignored",
        "RFC 6750 §5.3",
        (Should, Unauthenticated),
        |issuer| with(&COOKIE, &[&format!("access_token={}", token(issuer)?)]),
    ),
    case(
        Presence,
        "a token for a proxy is ignored",
        "RFC 9110 §11.7.2",
        (Must, Unauthenticated),
        |issuer| {
            with(
                &PROXY_AUTHORIZATION,
                &[&format!("Bearer {}", token(issuer)?)],
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
        |issuer| authorization(&[&format!("Bearer {} a", token(issuer)?)]),
    ),
    case(
        Presence,
        "a quoted token is a malformed request",
        "RFC 6750 §2.1",
        (Should, InvalidRequest),
        |issuer| authorization(&[&format!("Bearer \"{}\"", token(issuer)?)]),
    ),
    case(
        Presence,
        "two headers with the same token are a malformed request",
        "RFC 9110 §5.3",
        (Should, InvalidRequest),
        |issuer| {
            let value = format!("Bearer {}", token(issuer)?);
            authorization(&[&value, &value])
        },
    ),
    case(
        Presence,
        "a valid token before an invalid one is a malformed request",
        "RFC 9110 §5.3",
        (Should, InvalidRequest),
        |issuer| authorization(&[&format!("Bearer {}", token(issuer)?), "Bearer a.b.c"]),
    ),
    case(
        Presence,
        "an invalid token before a valid one is a malformed request",
        "RFC 9110 §5.3",
        (Should, InvalidRequest),
        |issuer| authorization(&["Bearer a.b.c", &format!("Bearer {}", token(issuer)?)]),
    ),
    case(
        Presence,
        "Basic before a valid token is a malformed request",
        "RFC 9110 §11.6.2",
        (Should, InvalidRequest),
        |issuer| authorization(&["Basic YTpi", &format!("Bearer {}", token(issuer)?)]),
    ),
    case(
        Presence,
        "credentials joined by a comma are a malformed request",
        "RFC 9110 §11.6.2",
        (Should, InvalidRequest),
        |issuer| authorization(&[&format!("Bearer {}, Basic YTpi", token(issuer)?)]),
    ),
    case(
        Presence,
        "a token that is not a JWT is invalid",
        "RFC 6750 §3.1",
        (Must, InvalidToken),
        |_| authorization(&["Bearer abc"]),
    ),
    case(
        Presence,
        "a token that consists of dots is invalid",
        "RFC 7515 §5.2",
        (Must, InvalidToken),
        |_| authorization(&["Bearer .."]),
    ),
];

/// Returns a valid token.
fn token(issuer: &TestIssuer) -> Result<String, KeyError> {
    issuer.token().sign()
}

/// Returns a request with an `Authorization` header for each value.
fn authorization(values: &[&str]) -> RequestResult {
    with(&AUTHORIZATION, values)
}

/// Returns a request with a header of this name for each value.
fn with(name: &HeaderName, values: &[&str]) -> RequestResult {
    let request = values.iter().fold(Request::get("/"), |request, value| {
        request.header(name, *value)
    });
    Ok(request.body(())?)
}

#[cfg(test)]
mod tests {
    use countersign::time::SystemClock;

    use super::*;

    #[test]
    fn request_has_a_header_for_every_value() {
        let issuer = TestIssuer::start(SystemClock).unwrap();
        let two = CASES
            .iter()
            .find(|case| case.name.starts_with("two headers"));
        let request = two.unwrap().request(&issuer).unwrap();
        assert_eq!(request.headers().get_all(AUTHORIZATION).iter().count(), 2);
    }
}
