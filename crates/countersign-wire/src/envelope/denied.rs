//! What the envelope says of a refusal.

use serde::Serialize;

use super::{EXPIRE_AFTER, OUT_OF_RANGE};
use crate::{FieldError, FieldErrorCode, TokenError};

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = EnvelopeError))]
pub(super) struct Error<'a> {
    field: &'a str,
    code: &'static str,
    message: &'a str,
}

/// A refusal's `type` and `message`.
pub(super) fn words(denial: &TokenError) -> (&'static str, &'static str) {
    match denial {
        TokenError::NotFound => ("NOT_FOUND", "There is nothing at this path."),
        TokenError::MethodNotAllowed => ("METHOD_NOT_ALLOWED", "The method must be POST."),
        TokenError::Chaining => (
            "TOKEN_CHAINING_NOT_ALLOWED",
            "A bearer token cannot be used to get another token.",
        ),
        TokenError::Ambiguous
        | TokenError::Invalid(_)
        | TokenError::PayloadTooLarge
        | TokenError::NoCredentials
        | TokenError::UnsupportedGrantType
        | TokenError::InvalidLifetime
        | TokenError::InvalidScope(_)
        | TokenError::InvalidTarget => ("INVALID_REQUEST", "The request is not valid."),
        TokenError::Unauthenticated => ("UNAUTHORIZED", "Invalid credentials"),
        TokenError::TooManyRequests(_) => (
            "RATE_LIMIT_EXCEEDED",
            "There were too many failures, or too many tokens.",
        ),
        TokenError::Unavailable(_) => (
            "SERVICE_UNAVAILABLE",
            "Authentication is not possible at present.",
        ),
        TokenError::Failed => ("INTERNAL_ERROR", "No token could be made."),
    }
}

/// `errors`, which are there with `INVALID_REQUEST` alone.
pub(super) fn errors<'a>(denial: &'a TokenError) -> Vec<Error<'a>> {
    let (field, code, message) = match denial {
        TokenError::Invalid(flaws) => {
            let error = |flaw: &'a FieldError| Error {
                field: &flaw.field,
                code: code_of(flaw.code),
                message: &flaw.message,
            };
            return flaws.iter().map(error).collect();
        }
        TokenError::Ambiguous => ("credentials", "MULTIPLE_CREDENTIALS", denial.message()),
        TokenError::PayloadTooLarge => ("body", "PAYLOAD_TOO_LARGE", denial.message()),
        TokenError::InvalidLifetime => (EXPIRE_AFTER, "OUT_OF_RANGE", OUT_OF_RANGE),
        // No scopes are asked for here: these are the credential's own.
        TokenError::InvalidScope(_) => (
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

fn code_of(code: FieldErrorCode) -> &'static str {
    match code {
        FieldErrorCode::Malformed => "MALFORMED_JSON",
        FieldErrorCode::InvalidType => "INVALID_TYPE",
        FieldErrorCode::OutOfRange => "OUT_OF_RANGE",
        FieldErrorCode::Missing => "MISSING",
        FieldErrorCode::UnsupportedValue => "UNSUPPORTED_VALUE",
    }
}
