//! The OpenAPI document of all routes.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::StatusCode;
use countersign_cli::error::CommandError;
use countersign_wire::openapi::{Security, text};
use countersign_wire::{Document, RequestId};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    HeaderBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Paths, RefOr, ResponseBuilder,
};

use super::{Mounted, Routes};
use crate::http::shortcuts::Shortcut;

/// The path of the document.
const PATH: &str = "/openapi.json";
const JSON: &str = "application/json";

impl Routes {
    /// Returns the router of all routes and of the document that describes them, and the shortcuts.
    pub(in crate::http) fn finish(mut self) -> Result<(Router, Vec<Shortcut>), CommandError> {
        let schema = ObjectBuilder::new().schema_type(Type::Object);
        let schema = RefOr::T(Schema::Object(schema.build()));
        let empty = Document::new(JSON, String::new());
        let mut own = empty.describe("openapi", "Get this document", &schema);
        for described in &mut own.operations {
            described.operation.tags = Some(vec!["server".to_owned()]);
        }
        self.describe(PATH, own);
        let router = std::mem::take(&mut self.router);
        let shortcuts = std::mem::take(&mut self.shortcuts);
        let json = serde_json::to_string(&self.document()?);
        let json = json.map_err(|error| {
            CommandError::new(format!("{PATH} cannot be written as JSON: {error}"))
        })?;
        let router = router.route_service(PATH, Document::new(JSON, json));
        Ok((router, shortcuts))
    }

    fn document(self) -> Result<OpenApi, CommandError> {
        let info = InfoBuilder::new()
            .title("countersign")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(env!("CARGO_PKG_DESCRIPTION")));
        let mut paths = Paths::new();
        for Mounted {
            path,
            method,
            mut operation,
        } in self.operations
        {
            add_common(&mut operation);
            let item = PathItem::new(method, operation);
            match paths.paths.get_mut(&path) {
                Some(present) => present.merge_operations(item),
                None => {
                    paths.paths.insert(path, item);
                }
            }
        }
        let mut schemas = BTreeMap::new();
        for (name, schema) in self.schemas {
            let present = schemas.entry(name.clone()).or_insert(schema.clone());
            // One schema would replace the other.
            if *present != schema {
                let text = format!("{PATH}: two schemas have the name {name}");
                return Err(CommandError::new(text));
            }
        }
        let components = ComponentsBuilder::new()
            .schemas_from_iter(schemas)
            .security_scheme(Security::Bearer.as_str(), bearer())
            .security_scheme(Security::ApiKey.as_str(), api_key())
            .security_scheme(Security::Basic.as_str(), basic());
        Ok(OpenApiBuilder::new()
            .info(info.build())
            .paths(paths)
            .components(Some(components.build()))
            .build())
    }
}

/// Adds the responses and headers that every route has.
fn add_common(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let timeout = ResponseBuilder::new().description("The request took too long.");
    let timeout = RefOr::T(timeout.build());
    responses.insert(StatusCode::REQUEST_TIMEOUT.as_str().to_owned(), timeout);
    let id =
        HeaderBuilder::new().schema(Some(text("The id of the request, as in the server's log.")));
    let id = RefOr::T(id.build());
    for response in responses.values_mut() {
        if let RefOr::T(response) = response {
            let name = RequestId::HEADER.as_str().to_owned();
            response.headers.entry(name).or_insert_with(|| id.clone());
        }
    }
}

fn bearer() -> SecurityScheme {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("A token that this server issued."));
    SecurityScheme::Http(bearer.build())
}

fn api_key() -> SecurityScheme {
    let key = ApiKeyValue::with_description(
        "x-api-key",
        "An API key. `Authorization: ApiKey <key>` is accepted too.",
    );
    SecurityScheme::ApiKey(ApiKey::Header(key))
}

fn basic() -> SecurityScheme {
    let basic = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some(
            "The name and password of a user, or the id and secret of a key (RFC 7617).",
        ));
    SecurityScheme::Http(basic.build())
}
