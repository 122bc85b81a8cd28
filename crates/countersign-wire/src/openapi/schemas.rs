//! Schemas, bodies and parameters that many operations have.

use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Content, RefOr, Required};

/// Returns a required JSON body.
#[must_use]
pub fn json(schema: impl Into<RefOr<Schema>>) -> RequestBody {
    body("application/json", schema)
}

/// Returns a required form.
#[must_use]
pub fn form(schema: impl Into<RefOr<Schema>>) -> RequestBody {
    body("application/x-www-form-urlencoded", schema)
}

fn body(media_type: &str, schema: impl Into<RefOr<Schema>>) -> RequestBody {
    RequestBodyBuilder::new()
        .content(media_type, Content::new(Some(schema)))
        .required(Some(Required::True))
        .build()
}

/// Returns an object with these members, of which the first `required` are required. Other members are ignored.
#[must_use]
pub fn object(
    members: impl IntoIterator<Item = (&'static str, Object)>,
    required: usize,
) -> Object {
    let mut object = ObjectBuilder::new().schema_type(Type::Object);
    for (at, (name, schema)) in members.into_iter().enumerate() {
        object = object.property(name, schema);
        if at < required {
            object = object.required(name);
        }
    }
    object.build()
}

/// Returns a string with this description.
#[must_use]
pub fn text(description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .build()
}

/// Lets a schema be `null` too.
#[must_use]
pub fn optional(mut schema: Object) -> Object {
    if let SchemaType::Type(one) = schema.schema_type {
        schema.schema_type = [one, Type::Null].into_iter().collect();
    }
    schema
}

/// Returns the schema of an id.
#[must_use]
pub fn id(description: &str) -> Object {
    let mut id = text(description);
    id.pattern = Some("^[0-9a-hjkmnp-tv-z]{32}$".to_owned());
    id
}

/// Returns a parameter of the path.
#[must_use]
pub fn in_path(name: &str, schema: Object) -> Parameter {
    parameter(name, schema)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .build()
}

/// Returns an optional parameter of the query.
#[must_use]
pub fn in_query(name: &str, schema: Object) -> Parameter {
    parameter(name, schema)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .build()
}

fn parameter(name: &str, schema: Object) -> ParameterBuilder {
    ParameterBuilder::new().name(name).schema(Some(schema))
}

/// Returns the schema of a scope.
#[must_use]
pub fn scope() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("Segments joined by `:`. Each may be `*`."))
        .pattern(Some(format!("^{SCOPE}$")))
        .max_length(Some(128))
        .build()
}

/// Returns the schema of scopes joined by spaces.
pub(super) fn scopes(description: &str) -> Object {
    let mut scopes = text(description);
    scopes.pattern = Some(format!("^({SCOPE}( {SCOPE})*)?$"));
    scopes
}

/// Rejects an empty string.
pub(super) fn non_empty(mut schema: Object) -> Object {
    schema.min_length = Some(1);
    schema
}

/// One to eight segments.
const SCOPE: &str = r"(\*|[A-Za-z0-9_.\-]+)(:(\*|[A-Za-z0-9_.\-]+)){0,7}";
