use std::collections::BTreeMap;

use countersign::registry::RegistryError;
use countersign::rejection::{Rejection, RejectionKind};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::authenticate::RequestError;
use crate::error::TokenError;
use crate::response::{self, ResponseBody};

/// The errors of each member of a request.
pub(crate) type ValidationErrors = BTreeMap<&'static str, Vec<String>>;

/// Adds an error of one member.
pub(super) fn add_error(
    errors: &mut ValidationErrors,
    member: &'static str,
    message: impl Into<String>,
) {
    errors.entry(member).or_default().push(message.into());
}

/// The reason why a request failed.
pub(crate) enum ManagedTokenError {
    /// An error that every wire has.
    Request(RequestError),
    /// The credentials are valid, and do not permit this.
    NotPermitted(&'static str, Option<Rejection>),
    /// Members of the request are not valid.
    Validation(ValidationErrors),
    /// The status of the token does not allow the action.
    InvalidAction(String),
    /// Another request had the same idempotency key.
    IdempotencyConflict,
}

pub(crate) const SCOPE_MISSING: &str = "the credentials lack the scope that this requires";

impl From<TokenError> for ManagedTokenError {
    fn from(error: TokenError) -> Self {
        Self::Request(error.into())
    }
}

impl From<RequestError> for ManagedTokenError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<Rejection> for ManagedTokenError {
    fn from(rejection: Rejection) -> Self {
        match rejection.kind() {
            RejectionKind::InsufficientScope | RejectionKind::Forbidden => {
                Self::NotPermitted(SCOPE_MISSING, Some(rejection))
            }
            _ => Self::Request(rejection.into()),
        }
    }
}

impl From<RegistryError> for ManagedTokenError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Conflict(conflict) => Self::InvalidAction(conflict.to_string()),
            RegistryError::IdempotencyConflict => Self::IdempotencyConflict,
            error => TokenError::from(&error).into(),
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ManagedTokenError))]
pub(crate) struct ErrorResponse<'a> {
    status: &'static str,
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<std::collections::BTreeMap<String, Vec<String>>>))]
    errors: Option<&'a ValidationErrors>,
}

impl ManagedTokenError {
    /// Returns a sentence for the client.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Request(RequestError { error, .. }) => match error {
                TokenError::NotFound => "there is no such token",
                TokenError::MethodNotAllowed => "this method is not for this path",
                TokenError::Internal => "the server failed",
                error => error.message(),
            },
            Self::NotPermitted(message, _) => message,
            Self::Validation(_) => "some members are not valid",
            Self::InvalidAction(message) => message,
            Self::IdempotencyConflict => "another request had the same idempotency_key",
        }
    }

    /// Writes the status and the body.
    pub(super) fn to_response(&self) -> Response<ResponseBody> {
        let (status, code, errors) = match self {
            Self::Request(error) => (error.error.status(), error_code(error), None),
            Self::NotPermitted(..) => (StatusCode::FORBIDDEN, "not_permitted", None),
            Self::Validation(errors) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "validation_errors",
                Some(errors),
            ),
            Self::InvalidAction(_) => (StatusCode::CONFLICT, "invalid_action", None),
            Self::IdempotencyConflict => (StatusCode::CONFLICT, "idempotency_conflict", None),
        };
        response::json(
            status,
            &ErrorResponse {
                status: "error",
                code,
                message: self.message(),
                errors,
            },
        )
    }
}

fn error_code(RequestError { error, rejection }: &RequestError) -> &'static str {
    let is_missing = |rejection: &Rejection| rejection.kind() == RejectionKind::Missing;
    match error {
        TokenError::NotFound => "not_found",
        TokenError::MethodNotAllowed => "method_not_allowed",
        TokenError::Chaining => "not_permitted",
        TokenError::Unauthenticated | TokenError::NoCredentials => match rejection {
            Some(rejection) if is_missing(rejection) => "not_authenticated",
            _ => "bad_authtoken",
        },
        TokenError::TooManyRequests(_) => "too_many_requests",
        TokenError::Unavailable(_) => "unavailable",
        TokenError::Internal => "unexpected",
        _ => "bad_request",
    }
}
