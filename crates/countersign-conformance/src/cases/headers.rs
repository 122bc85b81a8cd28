//! Whether a token is present, and in which header.

use countersign::jose::KeyError;
use countersign::testing::TestIssuer;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderName, Request};

use super::request::RequestResult;
use crate::case::cases;

cases! {
    Presence;
    Must Accepted "a valid token is accepted", "RFC 6750 §2.1":
        |issuer| authorization(&[&format!("Bearer {}", token(issuer)?)]);
    Must Accepted "the scheme is accepted in lower case", "RFC 9110 §11.1":
        |issuer| authorization(&[&format!("bearer {}", token(issuer)?)]);
    Must Accepted "the scheme is accepted in upper case", "RFC 9110 §11.1":
        |issuer| authorization(&[&format!("BEARER {}", token(issuer)?)]);
    Must Unauthenticated "a request without credentials is challenged without an error code",
        "RFC 6750 §3, §3.1":
        |_| Ok(Request::get("/").body(())?);
    Must Unauthenticated "an empty header is challenged without an error code", "RFC 9110 §11.6.2":
        |_| authorization(&[""]);
    Must Unauthenticated "another scheme is challenged without an error code", "RFC 9110 §11.6.1":
        |_| authorization(&["Digest a=b"]);
    Must Unauthenticated "a token without a scheme is ignored", "RFC 6750 §2.1":
        |issuer| authorization(&[&token(issuer)?]);
    Should Unauthenticated "a token in the query is ignored", "RFC 9700 §4.3.2":
        |issuer| {
            let target = format!("/?access_token={}", token(issuer)?);
            Ok(Request::get(target).body(())?)
        };
    Should Unauthenticated "a token in a cookie is ignored", "RFC 6750 §5.3":
        |issuer| with(&COOKIE, &[&format!("access_token={}", token(issuer)?)]);
    Must Unauthenticated "a token for a proxy is ignored", "RFC 9110 §11.7.2":
        |issuer| with(&PROXY_AUTHORIZATION, &[&format!("Bearer {}", token(issuer)?)]);
    Must InvalidRequest "the scheme alone is a malformed request", "RFC 6750 §3.1":
        |_| authorization(&["Bearer"]);
    Should InvalidRequest "two words are a malformed request", "RFC 6750 §2.1":
        |issuer| authorization(&[&format!("Bearer {} a", token(issuer)?)]);
    Should InvalidRequest "a quoted token is a malformed request", "RFC 6750 §2.1":
        |issuer| authorization(&[&format!("Bearer \"{}\"", token(issuer)?)]);
    Should InvalidRequest "two headers with the same token are a malformed request", "RFC 9110 §5.3":
        |issuer| {
            let value = format!("Bearer {}", token(issuer)?);
            authorization(&[&value, &value])
        };
    Should InvalidRequest "a valid token before an invalid one is a malformed request", "RFC 9110 §5.3":
        |issuer| authorization(&[&format!("Bearer {}", token(issuer)?), "Bearer a.b.c"]);
    Should InvalidRequest "an invalid token before a valid one is a malformed request", "RFC 9110 §5.3":
        |issuer| authorization(&["Bearer a.b.c", &format!("Bearer {}", token(issuer)?)]);
    Should InvalidRequest "Basic before a valid token is a malformed request", "RFC 9110 §11.6.2":
        |issuer| authorization(&["Basic YTpi", &format!("Bearer {}", token(issuer)?)]);
    Should InvalidRequest "credentials joined by a comma are a malformed request", "RFC 9110 §11.6.2":
        |issuer| authorization(&[&format!("Bearer {}, Basic YTpi", token(issuer)?)]);
    Must InvalidToken "a token that is not a JWT is invalid", "RFC 6750 §3.1":
        |_| authorization(&["Bearer abc"]);
    Must InvalidToken "a token that consists of dots is invalid", "RFC 7515 §5.2":
        |_| authorization(&["Bearer .."]);
}

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
