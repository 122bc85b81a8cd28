//! Introspection and revocation.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{HttpMethod, RefOr};

use super::endpoint::{answered, securities, too_many};
use super::oauth::client;
use super::values::filled;
use super::{Answers, Describe, Description, Schemas, form, object, text};
use crate::oauth::{Active, Denied, TokenRequests};
use crate::{FieldError, FieldErrorCode, Introspection, Revocation, TokenError};

impl Describe for Introspection {
    fn describe(&self) -> Description {
        let mut schemas = Schemas::default();
        let active = schemas.add::<Active<'_>>();
        let denied = schemas.add::<Denied<'_>>();
        let answers = refusals(&self.requests, &denied);
        let response = answered(&self.requests.own_request_id(), StatusCode::OK);
        let answers = answers.like(
            &response,
            "what the token says, if the client may know",
            &active,
        );
        let operation = operation(&self.requests, answers)
            .operation_id(Some("oauth_introspection"))
            .summary(Some("Whether a token is accepted at present (RFC 7662)"));
        Description::default()
            .with("", HttpMethod::Post, operation)
            .schemas(schemas)
    }
}

impl Describe for Revocation {
    fn describe(&self) -> Description {
        let mut schemas = Schemas::default();
        let denied = schemas.add::<Denied<'_>>();
        let answers = refusals(&self.requests, &denied);
        let mut response = answered(&self.requests.own_request_id(), StatusCode::OK);
        response.headers_mut().remove(CONTENT_TYPE);
        let answers = answers.like(&response, "the token is refused from now on", &denied);
        let operation = operation(&self.requests, answers)
            .operation_id(Some("oauth_revocation"))
            .summary(Some("Takes a token back (RFC 7009)"));
        Description::default()
            .with("", HttpMethod::Post, operation)
            .schemas(schemas)
    }
}

fn operation(requests: &TokenRequests, answers: Answers) -> OperationBuilder {
    let members = [
        ("token", filled(text("The token."))),
        ("token_type_hint", text("It is ignored.")),
    ];
    OperationBuilder::new()
        .securities(Some(securities(requests.source())))
        .request_body(Some(form(object(members.into_iter().chain(client()), 1))))
        .responses(answers.build())
}

fn refusals(requests: &TokenRequests, denied: &RefOr<Schema>) -> Answers {
    let flaw = FieldError::new(
        "body",
        FieldErrorCode::Malformed,
        "the request is not valid",
    );
    let denials = [
        TokenError::invalid(flaw),
        TokenError::Ambiguous,
        TokenError::Unauthenticated,
        TokenError::Chaining,
        TokenError::PayloadTooLarge,
        too_many(),
        TokenError::Unavailable(1),
        TokenError::Failed,
    ];
    denials
        .into_iter()
        .fold(Answers::default(), |answers, denial| {
            let text = denial.message().to_owned();
            let response = requests.answer(Err(denial.into()), &requests.own_request_id());
            answers.like(&response, text, denied)
        })
}
