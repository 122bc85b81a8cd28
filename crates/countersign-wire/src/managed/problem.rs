use std::collections::BTreeMap;

use countersign::registry::RegistryError;
use countersign::rejection::{Rejection, RejectionKind};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::front::{Refused, denial, not_done};
use crate::{ResponseBody, TokenError, respond};

/// What is wrong with each member.
pub(super) type Errors = BTreeMap<&'static str, Vec<String>>;

/// Why something was not done.
pub(super) struct Problem {
    pub(super) what: What,
    /// Which check refused, for the challenge, and for whoever logs outside.
    pub(super) rejection: Option<Rejection>,
}

pub(super) enum What {
    /// What every wire can say.
    Denied(TokenError),
    /// The credentials are good, and not for this.
    NotPermitted(&'static str),
    /// Members are not what they must be.
    Invalid(Errors),
    /// The token's state does not allow it.
    InvalidAction(String),
    /// Another request had the same idempotency key.
    IdempotencyConflict,
}

impl From<What> for Problem {
    fn from(what: What) -> Self {
        Self {
            what,
            rejection: None,
        }
    }
}

impl From<TokenError> for Problem {
    fn from(denial: TokenError) -> Self {
        What::Denied(denial).into()
    }
}

impl From<Refused> for Problem {
    fn from(Refused { denial, rejection }: Refused) -> Self {
        Self {
            what: What::Denied(denial),
            rejection,
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let what = match rejection.kind() {
            RejectionKind::InsufficientScope | RejectionKind::Forbidden => {
                What::NotPermitted("the credentials lack the scope that this requires")
            }
            _ => What::Denied(denial(&rejection)),
        };
        Self {
            what,
            rejection: Some(rejection),
        }
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Conflict(conflict) => What::InvalidAction(conflict.to_string()),
            RegistryError::IdempotencyConflict => What::IdempotencyConflict,
            error => What::Denied(not_done(&error)),
        }
        .into()
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ManagedTokenError))]
pub(super) struct Written<'a> {
    status: &'static str,
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<std::collections::BTreeMap<String, Vec<String>>>))]
    errors: Option<&'a Errors>,
}

impl Problem {
    /// One sentence that says it.
    pub(super) fn message(&self) -> &str {
        match &self.what {
            What::Denied(denial) => message(denial),
            What::NotPermitted(why) => why,
            What::Invalid(_) => "some members are not valid",
            What::InvalidAction(why) => why,
            What::IdempotencyConflict => "another request had the same idempotency_key",
        }
    }

    /// Status and body. Challenges and the other headers are set afterwards.
    pub(super) fn write(&self) -> Response<ResponseBody> {
        let (status, code, errors) = match &self.what {
            What::Denied(denial) => (denial.status(), self.code(denial), None),
            What::NotPermitted(_) => (StatusCode::FORBIDDEN, "not_permitted", None),
            What::Invalid(errors) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "validation_errors",
                Some(errors),
            ),
            What::InvalidAction(_) => (StatusCode::CONFLICT, "invalid_action", None),
            What::IdempotencyConflict => (StatusCode::CONFLICT, "idempotency_conflict", None),
        };
        respond::json(
            status,
            &Written {
                status: "error",
                code,
                message: self.message(),
                errors,
            },
        )
    }

    fn code(&self, denial: &TokenError) -> &'static str {
        let missing = |rejection: &Rejection| rejection.kind() == RejectionKind::Missing;
        match denial {
            TokenError::NotFound => "not_found",
            TokenError::MethodNotAllowed => "method_not_allowed",
            TokenError::Chaining => "not_permitted",
            TokenError::Unauthenticated | TokenError::NoCredentials => {
                if self.rejection.as_ref().is_some_and(missing) {
                    "not_authenticated"
                } else {
                    "bad_authtoken"
                }
            }
            TokenError::TooManyRequests(_) => "too_many_requests",
            TokenError::Unavailable(_) => "unavailable",
            TokenError::Failed => "unexpected",
            TokenError::Ambiguous
            | TokenError::Invalid(_)
            | TokenError::PayloadTooLarge
            | TokenError::UnsupportedGrantType
            | TokenError::InvalidLifetime
            | TokenError::InvalidScope(_)
            | TokenError::InvalidTarget => "bad_request",
        }
    }
}

/// As everywhere, but for what is said here of other things.
fn message(denial: &TokenError) -> &str {
    match denial {
        TokenError::NotFound => "there is no such token",
        TokenError::MethodNotAllowed => "this method is not for this path",
        TokenError::Failed => "the server failed",
        denial => denial.message(),
    }
}
