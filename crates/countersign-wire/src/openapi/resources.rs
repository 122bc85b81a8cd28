//! The resources beside the token endpoints, and the public documents.

use http::header::{CACHE_CONTROL, ETAG};
use http::{HeaderMap, Method, StatusCode};
use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{HttpMethod, RefOr, Required};

use super::schemas::non_empty;
use super::wires::{client, session_name};
use super::{
    Describe, Description, ResponsesBuilder, Schemas, authentication_errors, body_errors,
    describe_error, empty_response, form, in_path, in_query, json_response, object, security, text,
};
use crate::document::Document;
use crate::error::{FieldErrorCode, TokenError};
use crate::oauth::{
    AuthorizationServer, Introspection, IntrospectionResponse, MetadataResponse,
    OAuthErrorResponse, Revocation, TokenFormEndpoint,
};
use crate::session::SessionErrorResponse;
use crate::sessions::{self, SessionResource, SessionsResponse};
use crate::wire::CredentialSource;

impl Describe for SessionResource {
    fn describe(&self) -> Description {
        let mut schemas = Schemas::default();
        let list = schemas.add::<SessionsResponse>();
        let error = schemas.add::<SessionErrorResponse<'_>>();
        let id = self.new_request_id();
        let operation = |name: &str, summary: &str, errors: &[TokenError]| {
            let common = authentication_errors()
                .into_iter()
                .chain([TokenError::Chaining]);
            let errors = common.chain(errors.iter().cloned());
            let responses = errors.fold(ResponsesBuilder::default(), |responses, one| {
                let message = describe_error(&one, sessions::message(&one));
                let response = self.finish(Err(one.into()), &id, "");
                responses.add(&response, message, &error)
            });
            let operation = OperationBuilder::new()
                .operation_id(Some(name))
                .summary(Some(summary))
                .securities(Some(security(CredentialSource::Headers)));
            (operation, responses)
        };
        let unnamed =
            TokenError::field("session_id", FieldErrorCode::Missing, "no session is named");
        let end = |name, summary| {
            let errors = [unnamed.clone(), TokenError::NotFound];
            let (operation, responses) = operation(name, summary, &errors);
            let response = empty_response(StatusCode::NO_CONTENT, &id);
            let responses = responses.add(&response, "the session has ended", &error);
            operation.responses(responses.build())
        };
        let (listing, responses) = operation("session_list", "List the caller's sessions", &[]);
        let response = json_response(&id);
        let responses = responses.add(&response, "the live sessions, oldest first", &list);
        let listing = listing.responses(responses.build());
        let mut name = in_query("session_id", session_name());
        name.required = Required::True;
        let end_named = end("session_end_named", "End the sessions with this name");
        let session = in_path("id", text("The session's id, the `sid` of its token."));
        let end_one = end("session_end", "End a session by its id");
        Description::default()
            .with("", HttpMethod::Get, listing)
            .with("", HttpMethod::Delete, end_named.parameter(name))
            .with("/{id}", HttpMethod::Delete, end_one.parameter(session))
            .schemas(schemas)
    }
}

impl Describe for Introspection {
    fn describe(&self) -> Description {
        let mut schemas = Schemas::default();
        let active = schemas.add::<IntrospectionResponse<'_>>();
        let error = schemas.add::<OAuthErrorResponse<'_>>();
        let response = json_response(&self.endpoint.new_request_id());
        let responses = ResponsesBuilder::default().add(
            &response,
            "whether the token is valid, and its claims if the client may see them",
            &active,
        );
        let operation = token_operation(&self.endpoint, responses, &error)
            .operation_id(Some("oauth_introspection"))
            .summary(Some("Introspect a token (RFC 7662)"));
        Description::default()
            .with("", HttpMethod::Post, operation)
            .schemas(schemas)
    }
}

impl Describe for Revocation {
    fn describe(&self) -> Description {
        let mut schemas = Schemas::default();
        let error = schemas.add::<OAuthErrorResponse<'_>>();
        let response = empty_response(StatusCode::OK, &self.endpoint.new_request_id());
        let responses = ResponsesBuilder::default().add(&response, "the token is revoked", &error);
        let operation = token_operation(&self.endpoint, responses, &error)
            .operation_id(Some("oauth_revocation"))
            .summary(Some("Revoke a token (RFC 7009)"));
        Description::default()
            .with("", HttpMethod::Post, operation)
            .schemas(schemas)
    }
}

fn token_operation(
    endpoint: &TokenFormEndpoint,
    responses: ResponsesBuilder,
    error: &RefOr<Schema>,
) -> OperationBuilder {
    let id = endpoint.new_request_id();
    let errors = body_errors().into_iter().chain(authentication_errors());
    let errors = errors.chain([TokenError::Chaining]);
    let responses = errors.fold(responses, |responses, one| {
        let message = describe_error(&one, one.message());
        responses.add(&endpoint.finish(Err(one.into()), &id), message, error)
    });
    let members = [
        ("token", non_empty(text("The token."))),
        ("token_type_hint", text("Ignored.")),
    ];
    OperationBuilder::new()
        .securities(Some(security(endpoint.credential_source())))
        .request_body(Some(form(object(members.into_iter().chain(client()), 1))))
        .responses(responses.build())
}

impl Document {
    /// Describes the document, with this operation id and summary. `schema` is that of its contents.
    #[must_use]
    pub fn describe(&self, id: &str, summary: &str, schema: &RefOr<Schema>) -> Description {
        let response = self.respond(&Method::GET, &HeaderMap::new());
        let responses = ResponsesBuilder::default()
            .add(&response, "the document", schema)
            .add_empty(
                StatusCode::NOT_MODIFIED,
                "the version in `If-None-Match` is the current one",
                &[CACHE_CONTROL, ETAG],
            );
        let operation = OperationBuilder::new()
            .operation_id(Some(id))
            .summary(Some(summary))
            .securities(Some([]))
            .responses(responses.build());
        Description::default().with("", HttpMethod::Get, operation)
    }
}

impl AuthorizationServer {
    /// Describes the JWK set.
    #[must_use]
    pub fn describe_jwks(&self) -> Description {
        let key = ObjectBuilder::new()
            .schema_type(Type::Object)
            .property("kty", ObjectBuilder::new().schema_type(Type::String))
            .required("kty");
        let keys = ArrayBuilder::new().items(key.build());
        let set = ObjectBuilder::new()
            .property("keys", Schema::Array(keys.build()))
            .required("keys");
        let set = RefOr::T(Schema::Object(set.build()));
        let summary = "Get the keys that verify tokens (RFC 7517)";
        self.jwks().describe("oauth_keys", summary, &set)
    }

    /// Describes the metadata, with this operation id, since they may be mounted at two paths.
    #[must_use]
    pub fn describe_metadata(&self, id: &str) -> Description {
        let mut schemas = Schemas::default();
        let metadata = schemas.add::<MetadataResponse<'_>>();
        let summary = "Get the metadata of the issuer (RFC 8414)";
        let description = self.metadata().describe(id, summary, &metadata);
        description.schemas(schemas)
    }
}
