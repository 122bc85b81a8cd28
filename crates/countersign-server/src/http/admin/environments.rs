use countersign::directory::EnvironmentKind;
use countersign::registry::NewEnvironment;
use countersign_cli::ops::{EnvironmentListResponse, EnvironmentResponse};
use countersign_cli::schema;
use serde::Deserialize;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::error::Result;
use super::path::{PageQuery, Query};
use super::{PATH, fields};
use crate::http::json::{Created, Json};
use crate::http::openapi::{Routes, get, post};

pub(super) fn routes() -> Routes {
    Routes::of([
        get("/environments", "environments_list", list)
            .summary("List the environments that the caller can access, oldest first"),
        post("/environments", "environments_create", create)
            .summary("Create an environment of an account"),
    ])
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

async fn list(
    Administrator(operations): Administrator,
    Query(query): Query<PageQuery>,
) -> Result<Json<EnvironmentListResponse>> {
    let environments = operations.list_environments(None, query.page());
    Ok(Json(environments.await?))
}

async fn create(
    Administrator(operations): Administrator,
    Json(new): Json<CreateEnvironmentRequest>,
) -> Result<Created<EnvironmentResponse>> {
    let kind = match new.kind {
        Kind::Sandbox => EnvironmentKind::Sandbox,
        Kind::Production => EnvironmentKind::Production,
    };
    let mut environment = NewEnvironment::new(fields::name(&new.name)?, kind);
    environment.account = new.account_id.as_deref().map(fields::id).transpose()?;
    let environment = operations.create_environment(environment).await?;
    // Environments have no path of their own: the list shows them.
    Ok(Created(format!("{PATH}/environments"), environment))
}
