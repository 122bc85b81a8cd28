//! The resources beside the token endpoints, and the public documents.

use http::header::IF_NONE_MATCH;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{HttpMethod, RefOr, Required};

use super::schemas::non_empty;
use super::wires::{client, session_name};
use super::{
    Describe, Description, ResponsesBuilder, Schemas, add_errors, authentication_errors,
    body_errors, empty_response, form, in_path, in_query, json_response, object, security, text,
};
use crate::document::Document;
use crate::error::{FieldErrorCode, TokenError};
use crate::oauth::{
    AuthorizationServer, Introspection, IntrospectionResponse, Metadata, OAuthErrorResponse,
    Revocation, TokenFormEndpoint,
};
use crate::protected_resource::ProtectedResource;
use crate::sessions::{self, SessionResource, SessionsResponse};
use crate::wire::CredentialSource;

impl Describe for SessionResource {
    fn describe(&self) -> Description {
        let mut schemas = Schemas::default();
        let list = schemas.add::<SessionsResponse>();
        let error = schemas.add::<OAuthErrorResponse>();
        let operation = |name: &str, summary: &str, success, errors: &[TokenError]| {
            let common = authentication_errors()
                .into_iter()
                .chain([TokenError::Chaining]);
            let errors = common.chain(errors.iter().cloned());
            let respond = |one| self.error_response(one, "");
            let responses = add_errors(success, errors, sessions::message, &error, respond);
            super::operation(
                name,
                summary,
                security(CredentialSource::Headers),
                responses,
            )
        };
        let responses = ResponsesBuilder::default;
        let success = responses().add(&json_response(), "the live sessions, oldest first", &list);
        let listing = operation("session_list", "List the caller's sessions", success, &[]);
        let end = |name, summary| {
            let message = "no session is named";
            let unnamed = TokenError::field("session_id", FieldErrorCode::Missing, message);
            let response = empty_response(StatusCode::NO_CONTENT);
            let success = responses().add(&response, "the session has ended", None);
            operation(
                name,
                summary,
                success,
                &[unnamed, TokenError::NotFound, TokenError::CrossSite],
            )
        };
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
        let message = "whether the token is valid, and its claims if the client may see them";
        let success = ResponsesBuilder::default().add(&json_response(), message, &active);
        let summary = "Introspect a token (RFC 7662)";
        token_operation(
            &self.endpoint,
            "oauth_introspection",
            summary,
            success,
            schemas,
        )
    }
}

impl Describe for Revocation {
    fn describe(&self) -> Description {
        let (success, schemas) = (ResponsesBuilder::default(), Schemas::default());
        let success = success.add(
            &empty_response(StatusCode::OK),
            "the token is revoked",
            None,
        );
        let summary = "Revoke a token (RFC 7009)";
        token_operation(
            &self.endpoint,
            "oauth_revocation",
            summary,
            success,
            schemas,
        )
    }
}

fn token_operation(
    endpoint: &TokenFormEndpoint,
    id: &str,
    summary: &str,
    success: ResponsesBuilder,
    mut schemas: Schemas,
) -> Description {
    let error = schemas.add::<OAuthErrorResponse>();
    let errors = body_errors().into_iter().chain(authentication_errors());
    let errors = errors.chain([TokenError::Chaining]);
    let respond = |one| endpoint.error_response(one);
    let responses = add_errors(success, errors, TokenError::to_string, &error, respond);
    let members = [
        ("token", non_empty(text("The token."))),
        ("token_type_hint", text("Ignored.")),
    ];
    let request = form(object(members.into_iter().chain(client()), 1));
    let security = security(CredentialSource::HeadersOrBody);
    let operation = super::operation(id, summary, security, responses);
    Description::default()
        .with("", HttpMethod::Post, operation.request_body(Some(request)))
        .schemas(schemas)
}

impl Document {
    /// Describes the document, with this operation id and summary. `schema` is that of its contents.
    #[must_use]
    pub fn describe(&self, id: &str, summary: &str, schema: &RefOr<Schema>) -> Description {
        let any_version = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static("*"))]);
        let known = "the version in `If-None-Match` is the current one";
        let responses = ResponsesBuilder::default()
            .add(
                &self.respond(&Method::GET, &HeaderMap::new()),
                "the document",
                schema,
            )
            .add(&self.respond(&Method::GET, &any_version), known, None);
        let operation = super::operation(id, summary, Vec::new(), responses);
        Description::default().with("", HttpMethod::Get, operation)
    }
}

impl ProtectedResource {
    /// Describes the metadata, with this operation id.
    #[must_use]
    pub fn describe(&self, id: &str) -> Description {
        let mut schemas = Schemas::default();
        let metadata = schemas.add::<Self>();
        let summary = "Get the metadata of a protected resource (RFC 9728)";
        let description = self.metadata().describe(id, summary, &metadata);
        description.schemas(schemas)
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
        let metadata = schemas.add::<Metadata>();
        let summary = "Get the metadata of the issuer (RFC 8414)";
        let description = self.metadata().describe(id, summary, &metadata);
        description.schemas(schemas)
    }
}
