//! What the wires have in common when they answer: the writing of JSON, each denial's status, and a sentence for it.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::{ResponseBody, TokenError};

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = status;
    match serde_json::to_vec(body) {
        Ok(body) => *response.body_mut() = body.into(),
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

impl TokenError {
    /// The status that says the same, on every wire whose document has no other one for it.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Chaining => StatusCode::FORBIDDEN,
            // A body that lacks its credentials is not the body that is wanted; nothing was judged.
            Self::Ambiguous
            | Self::Invalid(_)
            | Self::NoCredentials
            | Self::UnsupportedGrantType
            | Self::InvalidLifetime
            | Self::InvalidScope(_)
            | Self::InvalidTarget => StatusCode::BAD_REQUEST,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// One sentence that says the same. Nothing of the request is in it.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::NotFound => "there is nothing at this path",
            Self::MethodNotAllowed => "the method must be POST",
            Self::Chaining => "a bearer token cannot be used to get another token",
            Self::Ambiguous => "the credentials are malformed, or there is more than one of them",
            Self::Invalid(flaws) => flaws
                .first()
                .map_or("the request is not valid", |flaw| &*flaw.message),
            Self::PayloadTooLarge => "the body is too large",
            Self::UnsupportedGrantType => "grant_type must be client_credentials",
            Self::NoCredentials => "the body has no credentials",
            Self::Unauthenticated => "authentication failed",
            Self::InvalidLifetime => "the lifetime is out of range",
            Self::InvalidScope(_) => "a scope is malformed, or is not one that the client may have",
            Self::InvalidTarget => "resource is not an audience of this issuer",
            Self::TooManyRequests(_) => "there were too many failures, or too many tokens",
            Self::Unavailable(_) => "authentication is not possible at present",
            Self::Failed => "no token could be made",
        }
    }
}
