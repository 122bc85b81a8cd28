//! The exact response of each wire in each [`Case`].

use crate::fixture::WireKind;
use crate::statuses::Case;

/// Returns the status and the whole body at 2026-03-15T12:00:00Z.
pub fn expected_response(wire: WireKind, case: Case) -> (u16, String) {
    match wire {
        WireKind::Envelope => envelope(case),
        WireKind::Scoped => scoped(case),
        WireKind::KeySecret => key_secret(case),
        WireKind::Session => session(case),
        WireKind::OAuth => oauth(case),
    }
}

/// Returns the headers that only some responses have.
pub fn extra_headers(wire: WireKind, case: Case) -> &'static [&'static str] {
    match case {
        Case::Method => &["allow: POST"],
        Case::Unavailable => &["retry-after: 1"],
        Case::Failures => &[
            "ratelimit: \"failed-authentications\";r=0;t=30",
            "retry-after: 30",
        ],
        Case::Mints => &[
            "ratelimit: \"mints\";r=0;t=30",
            "ratelimit-policy: \"mints\";q=2;w=60",
            "retry-after: 30",
        ],
        Case::Sessions => &["ratelimit: \"sessions\";r=0;t=7200", "retry-after: 7200"],
        Case::Unauthenticated => challenges(wire),
        _ => &[],
    }
}

fn challenges(wire: WireKind) -> &'static [&'static str] {
    match wire {
        WireKind::Envelope => &[
            "www-authenticate: ApiKey realm=\"countersign\"",
            "www-authenticate: Basic realm=\"countersign\", charset=\"UTF-8\"",
        ],
        WireKind::Scoped => &["www-authenticate: ApiKey realm=\"countersign\""],
        WireKind::KeySecret | WireKind::Session => {
            &["www-authenticate: Credentials realm=\"countersign\""]
        }
        WireKind::OAuth => &["www-authenticate: Basic realm=\"countersign\", charset=\"UTF-8\""],
    }
}

fn envelope(case: Case) -> (u16, String) {
    let invalid = ("INVALID_REQUEST", "The request is not valid.");
    let (status, (kind, message), errors) = match case {
        Case::Malformed => (
            400,
            invalid,
            r#"{"field":"body","code":"MALFORMED_JSON","message":"the body is not JSON"}"#,
        ),
        Case::TwoCredentials => (
            400,
            invalid,
            r#"{"field":"credentials","code":"MULTIPLE_CREDENTIALS","message":"the credentials are malformed, repeated, or of several kinds: send exactly one"}"#,
        ),
        Case::TooLarge => (
            413,
            invalid,
            r#"{"field":"body","code":"PAYLOAD_TOO_LARGE","message":"the body is too large"}"#,
        ),
        Case::Unauthenticated => (401, ("UNAUTHORIZED", "Invalid credentials"), ""),
        Case::Chaining => (
            403,
            (
                "TOKEN_CHAINING_NOT_ALLOWED",
                "The request has a bearer token in Authorization or in a cookie. Remove it, and send an API key or Basic credentials.",
            ),
            "",
        ),
        Case::NotFound => (404, ("NOT_FOUND", "There is nothing at this path."), ""),
        Case::Method => (405, ("METHOD_NOT_ALLOWED", "The method must be POST."), ""),
        Case::Failures => (
            429,
            (
                "RATE_LIMIT_EXCEEDED",
                "Too many authentications failed. Try again after the seconds in Retry-After.",
            ),
            "",
        ),
        Case::Mints => (
            429,
            (
                "RATE_LIMIT_EXCEEDED",
                "Too many requests. Try again after the seconds in Retry-After.",
            ),
            "",
        ),
        Case::Unavailable => (
            503,
            (
                "SERVICE_UNAVAILABLE",
                "The service is temporarily unavailable. Try again later.",
            ),
            "",
        ),
        Case::Failed => (
            500,
            (
                "INTERNAL_ERROR",
                "The server failed. Report the transactionId to its operator.",
            ),
            "",
        ),
        Case::Missing | Case::Sessions => panic!("this wire has no case {case:?}"),
    };
    let errors = match errors {
        "" => String::new(),
        errors => format!(r#","errors":[{errors}]"#),
    };
    let body = format!(
        r#"{{"status":"ERROR","type":"{kind}","message":"{message}","data":null{errors},"transactionId":"<id>","processedAt":"2026-03-15T06:00:00-06:00","billable":false}}"#
    );
    (status, body)
}

fn scoped(case: Case) -> (u16, String) {
    let (status, message, errors) = match case {
        Case::Malformed => (
            400,
            "Invalid payload or unsupported scope",
            r#"{"field":"body","message":"the body is not JSON"}"#,
        ),
        Case::Missing => (
            400,
            "Invalid payload or unsupported scope",
            r#"{"field":"scope","message":"scope is missing"}"#,
        ),
        Case::TwoCredentials => (
            400,
            "the credentials are malformed, repeated, or of several kinds: send exactly one",
            "",
        ),
        Case::TooLarge => (400, "the body is too large", ""),
        Case::Unauthenticated => (401, "Missing or invalid API key", ""),
        Case::Chaining => (
            403,
            "Bearer tokens cannot be used to mint another token",
            "",
        ),
        Case::NotFound => (404, "there is nothing at this path", ""),
        Case::Method => (405, "the method must be POST", ""),
        Case::Mints => (429, "Too Many Requests", ""),
        Case::Unavailable => (
            503,
            "the service is temporarily unavailable: try again after the seconds in Retry-After",
            "",
        ),
        Case::Failed => (
            500,
            "the server failed: report the x-request-id of this response to its operator",
            "",
        ),
        Case::Failures | Case::Sessions => panic!("this wire has no case {case:?}"),
    };
    let body = format!(
        r#"{{"timestamp":"2026-03-15T12:00:00.000Z","status":{status},"message":"{message}","errors":[{errors}]}}"#
    );
    (status, body)
}

fn key_secret(case: Case) -> (u16, String) {
    let (status, code, message) = match case {
        Case::Malformed => (400, "BAD_REQUEST", "the body is not JSON"),
        Case::Missing => (400, "BAD_REQUEST", "keyId and secret are missing"),
        Case::TooLarge => (413, "PAYLOAD_TOO_LARGE", "the body is too large"),
        Case::Unauthenticated => (401, "UNAUTHORIZED", "keyId or secret is not valid"),
        Case::Chaining => (
            403,
            "FORBIDDEN",
            "the request has a bearer token in Authorization or in a cookie: remove it, and send an API key or client credentials",
        ),
        Case::NotFound => (404, "NOT_FOUND", "there is nothing at this path"),
        Case::Method => (405, "METHOD_NOT_ALLOWED", "the method must be POST"),
        Case::Mints => (
            429,
            "TOO_MANY_REQUESTS",
            "too many requests with this credential: try again after the seconds in Retry-After",
        ),
        Case::Unavailable => (
            503,
            "UNAVAILABLE",
            "the service is temporarily unavailable: try again after the seconds in Retry-After",
        ),
        Case::Failed => (
            500,
            "INTERNAL",
            "the server failed: report the x-request-id of this response to its operator",
        ),
        Case::TwoCredentials | Case::Failures | Case::Sessions => {
            panic!("this wire has no case {case:?}")
        }
    };
    let body = format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#);
    (status, body)
}

fn session(case: Case) -> (u16, String) {
    let (status, code, message) = match case {
        Case::Malformed => (400, "invalid_request", "the body is not JSON"),
        Case::Missing => (
            400,
            "invalid_request",
            "the body has no credentials: send api_key, or username and password, or client_id and client_secret",
        ),
        Case::NotFound => (404, "not_found", "there is nothing at this path"),
        Case::Method => (405, "method_not_allowed", "the method must be POST"),
        Case::Failures => (
            429,
            "rate_limited",
            "too many authentications failed: try again after the seconds in Retry-After",
        ),
        Case::Mints => (
            429,
            "rate_limited",
            "too many requests with this credential: try again after the seconds in Retry-After",
        ),
        Case::Sessions => (
            429,
            "rate_limited",
            "the credential has too many sessions: end one, or try again after the seconds in Retry-After",
        ),
        case => return oauth(case),
    };
    (status, error(code, message))
}

// Error codes of RFC 6749 §5.2; `slow_down` is defined in RFC 8628 §3.5.
fn oauth(case: Case) -> (u16, String) {
    let (status, code, message) = match case {
        Case::Malformed => (400, "invalid_request", "the form is not valid"),
        Case::Missing => (400, "invalid_request", "grant_type is missing"),
        Case::TwoCredentials => (
            400,
            "invalid_request",
            "the credentials are malformed, repeated, or of several kinds: send exactly one",
        ),
        Case::TooLarge => (413, "invalid_request", "the body is too large"),
        Case::Unauthenticated => (401, "invalid_client", "authentication failed"),
        Case::Chaining => (
            403,
            "unauthorized_client",
            "the request has a bearer token in Authorization or in a cookie: remove it, and send an API key or client credentials",
        ),
        Case::NotFound => return (404, String::new()),
        Case::Method => return (405, String::new()),
        Case::Mints => (
            429,
            "slow_down",
            "too many requests with this credential: try again after the seconds in Retry-After",
        ),
        Case::Unavailable => (
            503,
            "temporarily_unavailable",
            "the service is temporarily unavailable: try again after the seconds in Retry-After",
        ),
        Case::Failed => (
            500,
            "server_error",
            "the server failed: report the x-request-id of this response to its operator",
        ),
        Case::Failures | Case::Sessions => panic!("this wire has no case {case:?}"),
    };
    (status, error(code, message))
}

pub fn error(error: &str, description: &str) -> String {
    format!(r#"{{"error":"{error}","error_description":"{description}"}}"#)
}
