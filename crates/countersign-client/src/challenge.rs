//! Which responses reject the token of a request: by their status, and by the `error` parameter of a `Bearer` challenge
//! (RFC 6750 §3) in `WWW-Authenticate` (RFC 9110 §11.6.1).

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Response, StatusCode};

/// Returns whether the request may succeed with another token: the response is 401, or a gRPC response without messages
/// with the status `UNAUTHENTICATED`, and no `Bearer` challenge names an error other than `invalid_token`.
pub(crate) fn asks_for_another_token<B>(response: &Response<B>) -> bool {
    let headers = response.headers();
    let is_unauthenticated = response.status() == StatusCode::UNAUTHORIZED
        || headers
            .get("grpc-status")
            .is_some_and(|status| status == "16");
    is_unauthenticated && accepts_another_token(headers)
}

fn accepts_another_token(headers: &HeaderMap) -> bool {
    headers.get_all(WWW_AUTHENTICATE).iter().all(|value| {
        value.to_str().is_ok_and(|text| {
            bearer_errors(text)
                .iter()
                .all(|error| error == "invalid_token")
        })
    })
}

/// Returns the `error` parameters of the `Bearer` challenges in one header value.
fn bearer_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let mut is_bearer = false;
    for item in split_outside_quotes(text) {
        let (head, rest) = item.split_once([' ', '\t']).unwrap_or((item, ""));
        // An item without `=` in its first word begins a challenge: a scheme, and perhaps its first parameter.
        let parameter = if head.contains('=') {
            item
        } else {
            is_bearer = head.eq_ignore_ascii_case("bearer");
            rest.trim()
        };
        let Some((name, value)) = parameter.split_once('=') else {
            continue;
        };
        if is_bearer && name.trim().eq_ignore_ascii_case("error") {
            errors.push(value.trim().trim_matches('"').to_owned());
        }
    }
    errors
}

/// Splits at commas that are not inside a quoted string (RFC 9110 §5.6.4).
fn split_outside_quotes(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '\\' if quoted && !was_escaped => escaped = true,
            '"' if !was_escaped => quoted = !quoted,
            _ => {}
        }
        c == ',' && !quoted
    })
    .map(str::trim)
    .filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_retry(challenges: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for challenge in challenges {
            headers.append(WWW_AUTHENTICATE, challenge.parse().unwrap());
        }
        accepts_another_token(&headers)
    }

    #[test]
    fn responses_401_and_those_of_grpc_with_unauthenticated_reject_the_token() {
        let response = |status: u16, grpc: Option<&str>| {
            let mut response = Response::builder().status(status);
            if let Some(grpc) = grpc {
                response = response.header("grpc-status", grpc);
            }
            response.body(()).unwrap()
        };
        assert!(asks_for_another_token(&response(401, None)));
        assert!(asks_for_another_token(&response(200, Some("16"))));
        for other in [(200, None), (403, None), (200, Some("7")), (200, Some("0"))] {
            assert!(
                !asks_for_another_token(&response(other.0, other.1)),
                "{other:?}"
            );
        }
    }

    #[test]
    fn only_another_error_than_invalid_token_forbids_a_second_try() {
        assert!(may_retry(&[]));
        assert!(may_retry(&["Bearer realm=\"api\""]));
        assert!(may_retry(&[
            "Bearer realm=\"a, error=\\\"x\\\"\", error=\"invalid_token\""
        ]));
        assert!(may_retry(&[
            "Basic realm=\"error\", Bearer error=invalid_token"
        ]));
        assert!(may_retry(&["Digest error=\"stale\""]));
        assert!(!may_retry(&["Bearer error=\"insufficient_scope\""]));
        assert!(!may_retry(&[
            "Basic realm=\"a\", bearer realm=\"b\",error=\"invalid_request\""
        ]));
        assert!(!may_retry(&[
            "Basic realm=\"a\"",
            "Bearer error=\"invalid_request\""
        ]));
    }
}
