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
    parameter(name, schema, ParameterIn::Path, Required::True)
}

/// Returns an optional parameter of the query.
#[must_use]
pub fn in_query(name: &str, schema: Object) -> Parameter {
    parameter(name, schema, ParameterIn::Query, Required::False)
}

fn parameter(name: &str, schema: Object, place: ParameterIn, required: Required) -> Parameter {
    let parameter = ParameterBuilder::new().name(name).schema(Some(schema));
    parameter.parameter_in(place).required(required).build()
}

/// Returns the schema of a scope.
#[must_use]
pub fn scope() -> Object {
    let mut scope = text("Segments joined by `:`. Each may be `*`.");
    scope.pattern = Some(format!("^{SCOPE}$"));
    scope.max_length = Some(128);
    scope
}

/// Returns the schema of a string that has one of these values.
pub(super) fn one_of<'a>(values: impl IntoIterator<Item = &'a str>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(values))
        .build()
}

/// Returns the schema of an integer within these bounds.
pub(super) fn number(min: u64, max: u64) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(min))
        .maximum(Some(max))
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
