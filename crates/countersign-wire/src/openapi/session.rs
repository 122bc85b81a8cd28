use countersign::mint::IssuanceSettings;
use http::StatusCode;
use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{HttpMethod, Required};

use super::endpoint::{answered, too_many};
use super::{
    Answers, Describe, DescribeWire, Description, Schemas, Security, Shape, in_path, in_query,
    json, object, optional, text,
};
use crate::session::{Denied, Issued};
use crate::session_resource::Listed;
use crate::{FieldError, FieldErrorCode, Session, SessionResource, TokenError};

impl DescribeWire for Session {
    fn describe(&self, _: &IssuanceSettings) -> Shape {
        let mut schemas = Schemas::default();
        let pair = |[id, secret]: [(&'static str, &str); 2]| {
            let session = ("session_id", optional(session_name()));
            object([(id.0, text(id.1)), (secret.0, text(secret.1)), session], 2)
        };
        let key = [
            ("api_key", text("A whole key.")),
            ("session_id", optional(session_name())),
        ];
        let any = OneOfBuilder::new()
            .item(object(key, 1))
            .item(pair([
                ("username", "A user's name."),
                ("password", "Its password."),
            ]))
            .item(pair([
                ("client_id", "The id of a key."),
                ("client_secret", "Its secret."),
            ]));
        Shape {
            id: "session_token",
            summary: "Any primary credential, in the body, for the token of a session",
            request: json(Schema::OneOf(any.build())),
            issued: schemas.add::<Issued<'_>>(),
            denied: schemas.add::<Denied<'_>>(),
            schemas,
        }
    }
}

impl Describe for SessionResource {
    fn describe(&self) -> Description {
        let mut schemas = Schemas::default();
        let listed = schemas.add::<Listed>();
        let denied = schemas.add::<Denied<'_>>();
        let operation = |id: &str, summary: &str, denials: &[TokenError]| {
            let id_of_request = self.own_request_id();
            let common = [
                TokenError::Ambiguous,
                TokenError::Unauthenticated,
                TokenError::Chaining,
                too_many(),
                TokenError::Unavailable(1),
                TokenError::Failed,
            ];
            let all = common.iter().chain(denials);
            let answers = all.fold(Answers::default(), |answers, denial| {
                let response = self.refusal(denial);
                answers.like(&response, denial.message(), &denied)
            });
            let answers = match denials {
                [] => {
                    let response = answered(&id_of_request, StatusCode::OK);
                    answers.like(&response, "the sessions that live, oldest first", &listed)
                }
                _ => {
                    let mut response = answered(&id_of_request, StatusCode::NO_CONTENT);
                    response.headers_mut().remove(http::header::CONTENT_TYPE);
                    answers.like(&response, "what was named has ended", &denied)
                }
            };
            OperationBuilder::new()
                .operation_id(Some(id))
                .summary(Some(summary))
                .securities(Some(Security::any_of(&[Security::ApiKey, Security::Basic])))
                .responses(answers.build())
        };
        let flaw = FieldError::new("session_id", FieldErrorCode::Missing, "no session is named");
        let end = |id, summary| {
            let flaw = TokenError::invalid(flaw.clone());
            operation(id, summary, &[flaw, TokenError::NotFound])
        };
        let mut name = in_query("session_id", session_name());
        name.required = Required::True;
        let id = in_path("id", text("The session's id, which is its token's `sid`."));
        let list = operation("session_list", "The caller's sessions", &[]);
        let end_named = end(
            "session_end_named",
            "Ends a session by its client's name for it",
        );
        let end_one = end("session_end", "Ends a session by its id");
        Description::default()
            .with("", HttpMethod::Get, list)
            .with("", HttpMethod::Delete, end_named.parameter(name))
            .with("/{id}", HttpMethod::Delete, end_one.parameter(id))
            .schemas(schemas)
    }
}

/// What a client calls a session.
fn session_name() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(
            "A name of the client's own: visible ASCII characters.",
        ))
        .pattern(Some("^[!-~]{1,128}$"))
        .build()
}
