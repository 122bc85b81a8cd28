use http::header::{CACHE_CONTROL, ETAG};
use http::{HeaderMap, Method, StatusCode};
use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{HttpMethod, RefOr};

use super::{Answers, Description, Schemas};
use crate::oauth::Metadata;
use crate::{AuthorizationServer, Document};

impl Document {
    /// What the document says of itself, under this name and summary; `schema` is that of its contents.
    #[must_use]
    pub fn describe(&self, id: &str, summary: &str, schema: &RefOr<Schema>) -> Description {
        let response = self.respond(&Method::GET, &HeaderMap::new());
        let answers = Answers::default()
            .like(&response, "the document", schema)
            .empty(
                StatusCode::NOT_MODIFIED,
                "`If-None-Match` names what it is known by",
                &[CACHE_CONTROL, ETAG],
            );
        let operation = OperationBuilder::new()
            .operation_id(Some(id))
            .summary(Some(summary))
            .securities(Some([]))
            .responses(answers.build());
        Description::default().with("", HttpMethod::Get, operation)
    }
}

impl AuthorizationServer {
    /// What the JWK set says of itself.
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
        let summary = "The keys that tokens are verified with (RFC 7517)";
        self.jwks().describe("oauth_keys", summary, &set)
    }

    /// What the metadata say of themselves, under this name: they may be at two paths.
    #[must_use]
    pub fn describe_metadata(&self, id: &str) -> Description {
        let mut schemas = Schemas::default();
        let metadata = schemas.add::<Metadata<'_>>();
        let summary = "What a client has to know of the issuer (RFC 8414)";
        let description = self.metadata();
        let description = description.describe(id, summary, &metadata);
        description.schemas(schemas)
    }
}
