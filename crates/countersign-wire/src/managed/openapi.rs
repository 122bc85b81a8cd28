use http::{Response, StatusCode};
use utoipa::openapi::path::{OperationBuilder, Parameter};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{
    AnyOfBuilder, ArrayBuilder, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat,
    SchemaType, Type,
};
use utoipa::openapi::{HttpMethod, RefOr, Required, Responses};

use super::ManagedTokenResource;
use super::problem::{Errors, Problem, What, Written};
use super::shown::{List, Success};
use crate::finish::finish;
use crate::openapi::{
    Answers, Describe, Description, Schemas, Security, id, in_path, in_query, json, object,
    optional, scope, text, too_many,
};
use crate::{FieldError, FieldErrorCode, RequestId, ResponseBody, TokenError, respond};

impl Describe for ManagedTokenResource {
    fn describe(&self) -> Description {
        let mut schemas = Schemas::default();
        let shapes = Shapes {
            done: schemas.add::<Success<'_>>(),
            list: schemas.add::<List>(),
            denied: schemas.add::<Written<'_>>(),
        };
        let described = |name: &str, summary: &str| {
            OperationBuilder::new()
                .operation_id(Some(format!("managed_{name}")))
                .summary(Some(summary))
                .securities(Some(Security::any_of(&[
                    Security::Bearer,
                    Security::ApiKey,
                    Security::Basic,
                ])))
        };
        let of_body = || {
            let flaw = FieldError::new(
                "body",
                FieldErrorCode::Malformed,
                "the request is not valid",
            );
            let denials = [TokenError::invalid(flaw), TokenError::PayloadTooLarge];
            let denials = denials.map(What::Denied).into_iter();
            denials.chain([What::Invalid(Errors::new()), What::IdempotencyConflict])
        };
        let unknown = || What::Denied(TokenError::NotFound);
        let create = described("create", "Makes a token, and answers with it this once")
            .securities(Some(Security::any_of(&[Security::ApiKey, Security::Basic])))
            .request_body(Some(json(creation())))
            .responses(self.answers(&shapes, &shapes.done, of_body()));
        let list = described("list", "The account's tokens, oldest first")
            .parameter(in_query("pagination[offset]", number(0, u32::MAX)))
            .parameter(in_query(
                "pagination[page_size]",
                number(1, self.options.max_page_size),
            ))
            .responses(self.answers(&shapes, &shapes.list, [What::Invalid(Errors::new())]));
        let show = described("show", "A token's record")
            .parameter(token())
            .responses(self.answers(&shapes, &shapes.done, [unknown()]));
        let change = |name, summary| {
            let conflict = What::InvalidAction("the token's status does not allow it".to_owned());
            let problems = of_body().chain([unknown(), conflict]);
            described(name, summary)
                .parameter(token())
                .request_body(Some(transition()))
                .responses(self.answers(&shapes, &shapes.done, problems))
        };
        Description::default()
            .with("", HttpMethod::Post, create)
            .with("", HttpMethod::Get, list)
            .with("/{id}", HttpMethod::Get, show)
            .with(
                "/{id}",
                HttpMethod::Delete,
                change("delete", "Forgets a token that is revoked"),
            )
            .with(
                "/{id}/suspend",
                HttpMethod::Post,
                change("suspend", "Refuses a token until it is activated"),
            )
            .with(
                "/{id}/activate",
                HttpMethod::Post,
                change("activate", "Accepts a suspended token again"),
            )
            .with(
                "/{id}/revoke",
                HttpMethod::Post,
                change("revoke", "Refuses a token for good"),
            )
            .schemas(schemas)
    }
}

struct Shapes {
    done: RefOr<Schema>,
    list: RefOr<Schema>,
    denied: RefOr<Schema>,
}

impl ManagedTokenResource {
    fn answers(
        &self,
        shapes: &Shapes,
        done: &RefOr<Schema>,
        problems: impl IntoIterator<Item = What>,
    ) -> Responses {
        let mut response = respond::json(StatusCode::OK, &());
        finish(&mut response, &self.own_request_id());
        let answers = Answers::default().like(&response, "it was done", done);
        let lacking = What::NotPermitted("the credentials lack the scope that this requires");
        let common = [
            TokenError::Ambiguous,
            TokenError::Unauthenticated,
            too_many(),
            TokenError::Unavailable(1),
            TokenError::Failed,
        ];
        let common = common.map(What::Denied).into_iter().chain([lacking]);
        let all = problems.into_iter().chain(common).map(Problem::from);
        let answers = all.fold(answers, |answers, problem| {
            let text = problem.message().to_owned();
            answers.like(&self.refusal(problem), text, &shapes.denied)
        });
        answers.build()
    }

    /// A refusal as it goes out.
    fn refusal(&self, problem: Problem) -> Response<ResponseBody> {
        let mut response = self.refuse(problem, "");
        finish(&mut response, &self.own_request_id());
        response
    }

    /// The id of a request that nobody sent.
    fn own_request_id(&self) -> RequestId {
        RequestId::new(self.mint.clock().now(), self.mint.random())
    }
}

/// Bare, or wrapped as `details`.
fn creation() -> Schema {
    let wrapped = ObjectBuilder::new()
        .property("details", Schema::from(bare()))
        .property("idempotency_key", optional(idempotency_key()))
        .required("details");
    let any = AnyOfBuilder::new().item(wrapped.build()).item(bare());
    Schema::AnyOf(any.build())
}

/// Of the account, or of one of its environments.
fn bare() -> AnyOfBuilder {
    let moment = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("By default the configured lifetime from now."))
        .build();
    let scopes = ArrayBuilder::new()
        .schema_type(
            [Type::Array, Type::Null]
                .into_iter()
                .collect::<SchemaType>(),
        )
        .items(scope())
        .min_items(Some(1))
        .description(Some(
            "Within what the creator holds; by default all of that.",
        ))
        .build();
    let of = |token_scope: &str| {
        let kind = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some([token_scope]));
        ObjectBuilder::new()
            .property("token_scope", kind)
            .required("token_scope")
            .property("account_id", optional(id("The creator's own account.")))
            .property("expires_at", optional(moment.clone()))
            .property("scopes", Schema::Array(scopes.clone()))
            .property("idempotency_key", optional(idempotency_key()))
            .property("details", null())
    };
    let account = of("account").property("environment_id", null());
    let environment = of("environment")
        .property("environment_id", id("An environment of the account."))
        .required("environment_id");
    AnyOfBuilder::new()
        .item(account.build())
        .item(environment.build())
}

fn transition() -> RequestBody {
    let mut body = json(object(
        [("idempotency_key", optional(idempotency_key()))],
        0,
    ));
    body.required = Some(Required::False);
    body
}

fn idempotency_key() -> Object {
    let mut key = text("What the client calls the request, so that it is done once.");
    key.pattern = Some("^[!-~]{1,255}$".to_owned());
    key
}

fn null() -> Object {
    ObjectBuilder::new().schema_type(Type::Null).build()
}

fn number(least: u32, most: u32) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(least))
        .maximum(Some(most))
        .build()
}

fn token() -> Parameter {
    in_path("id", text("The token's id."))
}
