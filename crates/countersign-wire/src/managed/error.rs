use std::collections::BTreeMap;

use countersign::registry::RegistryError;
use countersign::rejection::{Reason, Rejection, RejectionKind};
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

/// The reason why a request failed. It is displayed as a sentence for the client.
#[derive(thiserror::Error, Debug)]
pub(crate) enum ManagedTokenError {
    /// An error that every wire has.
    #[error("{}", message(.0))]
    Request(RequestError),
    /// The credentials are valid, and do not permit this.
    #[error("{0}")]
    NotPermitted(&'static str, Option<Rejection>),
    /// Members of the request are not valid.
    #[error("the request has invalid fields: see errors")]
    Validation(ValidationErrors),
    /// The status of the token does not allow the action.
    #[error("{0}")]
    InvalidAction(String),
    /// Another request had the same idempotency key.
    #[error(
        "the idempotency_key was used for another request, or before the caller's rights changed: send a new key"
    )]
    IdempotencyConflict,
}

fn message(RequestError { error, .. }: &RequestError) -> String {
    match error {
        TokenError::NotFound => "the account has no such token".to_owned(),
        TokenError::MethodNotAllowed => "the method is not one of those in Allow".to_owned(),
        error => error.to_string(),
    }
}

pub(crate) const READ_SCOPE_MISSING: &str =
    "the credentials lack the scope api_token:read or api_token:write";
pub(crate) const WRITE_SCOPE_MISSING: &str = "the credentials lack the scope api_token:write";

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
        Self::from_rejection(rejection, "the credentials do not permit this")
    }
}

impl From<RegistryError> for ManagedTokenError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Conflict(conflict) => Self::InvalidAction(conflict.to_string()),
            RegistryError::NotHeld(lacking) => Self::NotPermitted(lacking.message(), None),
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
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<std::collections::BTreeMap<String, Vec<String>>>))]
    errors: Option<&'a ValidationErrors>,
}

impl ManagedTokenError {
    /// Creates the error of one member.
    pub(super) fn field(member: &'static str, message: &str) -> Self {
        Self::Validation([(member, vec![message.to_owned()])].into())
    }

    /// Converts a rejection. `not_permitted` is the message if the credentials are valid and do not suffice.
    pub(super) fn from_rejection(rejection: Rejection, not_permitted: &'static str) -> Self {
        match rejection.kind() {
            _ if rejection.reason() == Reason::CrossSite => Self::Request(rejection.into()),
            RejectionKind::InsufficientScope | RejectionKind::Forbidden => {
                Self::NotPermitted(not_permitted, Some(rejection))
            }
            _ => Self::Request(rejection.into()),
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
                message: self.to_string(),
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
        TokenError::CrossSite => "cross_site",
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
