//! The resource of managed tokens.

use utoipa::openapi::path::Parameter;
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{
    AnyOfBuilder, ArrayBuilder, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat,
    SchemaType, Type,
};
use utoipa::openapi::{HttpMethod, RefOr, Required};

use super::schemas::{number, one_of};
use super::{
    Describe, Description, ResponsesBuilder, Schemas, Security, authentication_errors, body_errors,
    describe_error, id, in_path, in_query, json, json_response, object, optional, scope, sent,
    text,
};
use crate::error::TokenError;
use crate::managed::{
    ErrorResponse, MAX_PAGE_SIZE, ManagedTokenError, ManagedTokenResource, READ_SCOPE_MISSING,
    TokenListResponse, TokenResponse, ValidationErrors, WRITE_SCOPE_MISSING,
};

impl Describe for ManagedTokenResource {
    fn describe(&self) -> Description {
        let mut schemas = Schemas::default();
        let token = schemas.add::<TokenResponse<'_>>();
        let list = schemas.add::<TokenListResponse>();
        let error = schemas.add::<ErrorResponse<'_>>();
        let primary = [Security::ApiKey, Security::Basic];
        let any = [Security::Bearer, Security::ApiKey, Security::Basic];
        let operation = |name, summary, security: &[Security], success, scope_missing, errors| {
            let responses = self.responses(success, &error, errors, scope_missing);
            let security = Security::any_of(security);
            super::operation(format!("managed_{name}"), summary, security, responses)
        };
        let write = |name, summary, security, errors| {
            operation(name, summary, security, &token, WRITE_SCOPE_MISSING, errors)
        };
        let read = |name, summary, success, error| {
            operation(
                name,
                summary,
                &any,
                success,
                READ_SCOPE_MISSING,
                vec![error],
            )
        };
        let invalid = || ManagedTokenError::Validation(ValidationErrors::new());
        let not_found = || ManagedTokenError::from(TokenError::NotFound);
        let of_body = || {
            let mut errors: Vec<_> = body_errors().map(ManagedTokenError::from).into();
            errors.extend([invalid(), ManagedTokenError::IdempotencyConflict]);
            errors
        };
        let summary = "Create a token. No later response contains it";
        let create = write("create", summary, &primary, of_body())
            .request_body(Some(json(create_request())));
        let summary = "List the account's tokens, oldest first";
        let page_size = number(1, MAX_PAGE_SIZE.into());
        let listing = read("list", summary, &list, invalid())
            .parameter(in_query("pagination[offset]", number(0, u32::MAX.into())))
            .parameter(in_query("pagination[page_size]", page_size));
        let show = read("show", "Show the record of a token", &token, not_found());
        let change = |name, summary| {
            let message = "the token's status does not allow it".to_owned();
            let mut errors = of_body();
            errors.extend([not_found(), ManagedTokenError::InvalidAction(message)]);
            write(name, summary, &any, errors)
                .parameter(token_id())
                .request_body(Some(change_request()))
        };
        let delete = change("delete", "Delete the record of a revoked token");
        let suspend = change("suspend", "Suspend a token until it is activated");
        let activate = change("activate", "Activate a suspended token");
        let revoke = change("revoke", "Revoke a token permanently");
        Description::default()
            .with("", HttpMethod::Post, create)
            .with("", HttpMethod::Get, listing)
            .with("/{id}", HttpMethod::Get, show.parameter(token_id()))
            .with("/{id}", HttpMethod::Delete, delete)
            .with("/{id}/suspend", HttpMethod::Post, suspend)
            .with("/{id}/activate", HttpMethod::Post, activate)
            .with("/{id}/revoke", HttpMethod::Post, revoke)
            .schemas(schemas)
    }
}

impl ManagedTokenResource {
    fn responses(
        &self,
        success: &RefOr<Schema>,
        error: &RefOr<Schema>,
        errors: Vec<ManagedTokenError>,
        scope_missing: &'static str,
    ) -> ResponsesBuilder {
        let responses = ResponsesBuilder::default().add(&json_response(), "success", success);
        let common = authentication_errors().map(ManagedTokenError::from);
        let forbidden = ManagedTokenError::NotPermitted(scope_missing, None);
        let errors = errors.into_iter().chain(common).chain([forbidden]);
        errors.fold(responses, |responses, one| {
            let message = match &one {
                ManagedTokenError::Request(error) => describe_error(&error.error, one.to_string()),
                one => one.to_string(),
            };
            responses.add(&sent(self.error_response(one, "")), message, error)
        })
    }
}

/// Returns the body of a creation, bare or wrapped in `details`.
fn create_request() -> Schema {
    let wrapped = ObjectBuilder::new()
        .property("details", Schema::from(bare_request()))
        .property("idempotency_key", optional(idempotency_key()))
        .required("details");
    let any = AnyOfBuilder::new()
        .item(wrapped.build())
        .item(bare_request());
    Schema::AnyOf(any.build())
}

/// Returns the bare body: of a token of the account, or of one of its environments.
fn bare_request() -> AnyOfBuilder {
    let mut moment = text("The default is the current time plus the configured lifetime.");
    moment.format = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
    let list_or_null: SchemaType = [Type::Array, Type::Null].into_iter().collect();
    let scopes = ArrayBuilder::new()
        .schema_type(list_or_null)
        .items(scope())
        .min_items(Some(1))
        .description(Some(
            "Each must be held by the creator. The default is all scopes of the creator.",
        ))
        .build();
    let of = |token_scope: &str| {
        ObjectBuilder::new()
            .property("token_scope", one_of([token_scope]))
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

fn change_request() -> RequestBody {
    let members = [("idempotency_key", optional(idempotency_key()))];
    let mut body = json(object(members, 0));
    body.required = Some(Required::False);
    body
}

fn idempotency_key() -> Object {
    let mut key = text(
        "A name for the request, chosen by the client: a repetition within 24 hours gets the first response again.",
    );
    key.pattern = Some("^[!-~]{1,255}$".to_owned());
    key
}

fn null() -> Object {
    ObjectBuilder::new().schema_type(Type::Null).build()
}

fn token_id() -> Parameter {
    in_path("id", text("The id of the token."))
}
