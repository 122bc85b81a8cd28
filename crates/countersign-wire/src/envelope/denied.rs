//! What the envelope says of a refusal.

use serde::Serialize;

use super::{EXPIRE_AFTER, OUT_OF_RANGE};
use crate::{Denial, Flaw, FlawCode};

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = EnvelopeError))]
pub(super) struct Error<'a> {
    field: &'a str,
    code: &'static str,
    message: &'a str,
}

/// A refusal's `type` and `message`.
pub(super) fn words(denial: &Denial) -> (&'static str, &'static str) {
    match denial {
        Denial::NotFound => ("NOT_FOUND", "There is nothing at this path."),
        Denial::MethodNotAllowed => ("METHOD_NOT_ALLOWED", "The method must be POST."),
        Denial::Chaining => (
            "TOKEN_CHAINING_NOT_ALLOWED",
            "A bearer token cannot be used to get another token.",
        ),
        Denial::Ambiguous
        | Denial::Invalid(_)
        | Denial::PayloadTooLarge
        | Denial::NoCredentials
        | Denial::UnsupportedGrantType
        | Denial::InvalidLifetime
        | Denial::InvalidScope(_)
        | Denial::InvalidTarget => ("INVALID_REQUEST", "The request is not valid."),
        Denial::Unauthenticated => ("UNAUTHORIZED", "Invalid credentials"),
        Denial::TooManyRequests(_) => (
            "RATE_LIMIT_EXCEEDED",
            "There were too many failures, or too many tokens.",
        ),
        Denial::Unavailable(_) => (
            "SERVICE_UNAVAILABLE",
            "Authentication is not possible at present.",
        ),
        Denial::Failed => ("INTERNAL_ERROR", "No token could be made."),
    }
}

/// `errors`, which are there with `INVALID_REQUEST` alone.
pub(super) fn errors<'a>(denial: &'a Denial) -> Vec<Error<'a>> {
    let (field, code, message) = match denial {
        Denial::Invalid(flaws) => {
            let error = |flaw: &'a Flaw| Error {
                field: &flaw.field,
                code: code_of(flaw.code),
                message: &flaw.message,
            };
            return flaws.iter().map(error).collect();
        }
        Denial::Ambiguous => ("credentials", "MULTIPLE_CREDENTIALS", denial.message()),
        Denial::PayloadTooLarge => ("body", "PAYLOAD_TOO_LARGE", denial.message()),
        Denial::InvalidLifetime => (EXPIRE_AFTER, "OUT_OF_RANGE", OUT_OF_RANGE),
        // No scopes are asked for here: these are the credential's own.
        Denial::InvalidScope(_) => (
            "credentials",
            "UNSUPPORTED_VALUE",
            "the credentials hold a scope that no token from here can have",
        ),
        _ => return Vec::new(),
    };
    vec![Error {
        field,
        code,
        message,
    }]
}

fn code_of(code: FlawCode) -> &'static str {
    match code {
        FlawCode::Malformed => "MALFORMED_JSON",
        FlawCode::InvalidType => "INVALID_TYPE",
        FlawCode::OutOfRange => "OUT_OF_RANGE",
        FlawCode::Missing => "MISSING",
        FlawCode::UnsupportedValue => "UNSUPPORTED_VALUE",
    }
}
