use axum::http::StatusCode;
use countersign::directory::EnvironmentKind;
use countersign::registry::NewEnvironment;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::Json;
use super::fields;
use super::response::{self, HandlerResult};
use crate::http::openapi::{Routes, get, post};
use crate::ops::{EnvironmentListResponse, EnvironmentResponse, Operations};
use crate::schema;

pub(super) fn routes() -> Routes {
    let list = get(
        "environments_list",
        "List the environments that the caller can access",
        list,
    )
    .answers::<EnvironmentListResponse>("the environments");
    let create = post(
        "environments_create",
        "Create an environment of an account",
        create,
    )
    .creates::<EnvironmentResponse>("the new environment")
    .may(StatusCode::NOT_FOUND, "the account was not found")
    .may(
        StatusCode::CONFLICT,
        "another environment of the account has this name",
    );
    Routes::new().at("/environments", [list, create])
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateEnvironmentRequest {
    #[schema(value_type = schema::Name)]
    name: String,
    kind: Kind,
    #[schema(value_type = Option<schema::Id>)]
    account_id: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = EnvironmentKind)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Sandbox,
    Production,
}

async fn list(operations: Operations) -> HandlerResult {
    response::json(&operations.list_environments(None).await?)
}

async fn create(
    operations: Operations,
    Json(new): Json<CreateEnvironmentRequest>,
) -> HandlerResult {
    let account = new.account_id.as_deref().map(fields::id).transpose()?;
    let kind = match new.kind {
        Kind::Sandbox => EnvironmentKind::Sandbox,
        Kind::Production => EnvironmentKind::Production,
    };
    let mut environment = NewEnvironment::new(fields::name(&new.name)?, kind);
    environment.account = account;
    let created = operations.create_environment(environment).await?;
    // Environments have no path of their own: the list shows them.
    response::created("/environments", &created)
}
