use countersign::Id;
use countersign_cli::ops::{AccountListResponse, AccountResponse};
use countersign_cli::schema;
use serde::Deserialize;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::{EmptyBody, OptionalJson};
use super::error::Result;
use super::path::{PageQuery, Path, Query};
use super::{PATH, fields};
use crate::http::json::{Created, Json};
use crate::http::openapi::{Routes, get, post};

pub(super) fn routes() -> Routes {
    Routes::of([
        get("/accounts", "accounts_list", list)
            .summary("List the accounts that the caller can access, oldest first"),
        post("/accounts", "accounts_create", create).summary("Create an account"),
        get("/accounts/{id}", "accounts_show", show).summary("Show an account"),
        post("/accounts/{id}/revoke", "accounts_revoke", revoke)
            .summary("Revoke an account and all of its credentials, permanently"),
    ])
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateAccountRequest {
    #[schema(value_type = schema::Name)]
    name: String,
}

async fn list(
    Administrator(operations): Administrator,
    Query(query): Query<PageQuery>,
) -> Result<Json<AccountListResponse>> {
    Ok(Json(operations.list_accounts(query.page()).await?))
}

async fn show(
    Administrator(operations): Administrator,
    Path(id): Path<Id>,
) -> Result<Json<AccountResponse>> {
    Ok(Json(operations.show_account(id).await?))
}

async fn create(
    Administrator(operations): Administrator,
    Json(new): Json<CreateAccountRequest>,
) -> Result<Created<AccountResponse>> {
    let account = operations.create_account(fields::name(&new.name)?).await?;
    Ok(Created(format!("{PATH}/accounts/{}", account.id), account))
}

async fn revoke(
    Administrator(operations): Administrator,
    Path(id): Path<Id>,
    _: OptionalJson<EmptyBody>,
) -> Result<Json<AccountResponse>> {
    Ok(Json(operations.revoke_account(id).await?))
}
