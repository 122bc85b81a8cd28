use countersign::mint::IssuanceSettings;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Schema, Type};

use super::{DescribeWire, Schemas, Shape, json, scope};
use crate::Scoped;
use crate::scoped::{Denied, Issued};

impl DescribeWire for Scoped {
    fn describe(&self, terms: &IssuanceSettings) -> Shape {
        let mut schemas = Schemas::default();
        let request = ObjectBuilder::new()
            .property("scope", Schema::Array(asked(terms)))
            .required("scope");
        Shape {
            id: "scoped_token",
            summary: "An API key for a token of the scopes that are named",
            request: json(Schema::Object(request.build())),
            issued: schemas.add::<Issued<'_>>(),
            denied: schemas.add::<Denied<'_>>(),
            schemas,
        }
    }
}

/// Those of the catalogue, where it names them one by one.
fn asked(terms: &IssuanceSettings) -> Array {
    let mut one = scope();
    let names: Vec<_> = terms.catalogue.iter().collect();
    if !names.is_empty() && names.iter().all(|name| !name.contains('*')) {
        one = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names))
            .build();
    }
    ArrayBuilder::new()
        .items(one)
        .min_items(Some(1))
        .description(Some("The scopes asked for. Each must be held by the key."))
        .build()
}
